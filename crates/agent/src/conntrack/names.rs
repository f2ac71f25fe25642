//! Closing of tables. An open table keeps its network namespace alive, and with it the namespace's links. So a table is
//! closed when its namespace loses its name.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::table::Table;
use crate::folders::NAMED;

/// The open tables: of this process's own network namespace, and of others that have names.
pub(super) type Tables = Arc<Mutex<Vec<Table>>>;

/// Starts to watch the folders that name network namespaces. Names that are removed from now on are not missed.
pub(super) fn watch(root: &Path) -> io::Result<Inotify> {
    let folders = Inotify::init(InitFlags::IN_CLOEXEC)?;
    let gone = AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVED_FROM | AddWatchFlags::IN_UNMOUNT;
    for folder in NAMED {
        // A folder that does not exist holds no names.
        folders.add_watch(&root.join(folder), gone).ok();
    }
    Ok(folders)
}

/// Closes the tables whose names are gone, and later ones as their names go, until this process ends.
pub(super) fn close_with_names(folders: io::Result<Inotify>, tables: &Tables) {
    let tables = Arc::clone(tables);
    let retain = move |keep: fn(&Table) -> bool| {
        tables.lock().unwrap_or_else(PoisonError::into_inner).retain(keep);
    };
    // Without a watch, only the own namespace's table may stay open.
    let Ok(folders) = folders else { return retain(Table::is_own) };
    thread::spawn(move || {
        retain(Table::has_name);
        while folders.read_events().is_ok() {
            retain(Table::has_name);
        }
    });
}
