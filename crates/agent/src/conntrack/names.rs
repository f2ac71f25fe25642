//! An open table keeps its network namespace, and with it its links. So a table is closed when its namespace's name goes.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::table::Table;
use crate::folders::NAMED;

/// The table of this process's own network namespace, and those of others that have names.
pub(super) type Tables = Arc<Mutex<Vec<Table>>>;

/// Watches the folders in which network namespaces have names: what happens from now on is not missed.
pub(super) fn watch(root: &Path) -> io::Result<Inotify> {
    let folders = Inotify::init(InitFlags::IN_CLOEXEC)?;
    let gone = AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVED_FROM | AddWatchFlags::IN_UNMOUNT;
    for folder in NAMED {
        // One that is not there has no names.
        folders.add_watch(&root.join(folder), gone).ok();
    }
    Ok(folders)
}

/// Closes tables whose names have gone, and others as theirs go, for as long as this process lives.
pub(super) fn close_with_names(folders: io::Result<Inotify>, tables: &Tables) {
    let tables = Arc::clone(tables);
    let retain = move |keep: fn(&Table) -> bool| {
        tables.lock().unwrap_or_else(PoisonError::into_inner).retain(keep);
    };
    // What cannot be watched is not kept.
    let Ok(folders) = folders else { return retain(Table::is_own) };
    thread::spawn(move || {
        retain(Table::has_name);
        while folders.read_events().is_ok() {
            retain(Table::has_name);
        }
    });
}
