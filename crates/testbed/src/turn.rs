//! Turns of tests: some need the machine to themselves.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Panics unless this test runs as root, and holds the machine, shared with other tests. Root tests run or fail; they
/// never pass by not running.
pub fn insist_on_root() {
    assert!(nix::unistd::geteuid().is_root(), "this test makes namespaces: run it as root, as `make test` says");
    TURN.with_borrow_mut(|turn| {
        turn.get_or_insert_with(|| Turn::Shared { _held: MACHINE.read().unwrap_or_else(PoisonError::into_inner) });
    });
}

/// Holds the machine alone until this test ends. Every witness sees the whole machine, and this test would disturb
/// others or be disturbed by them. It panics like [`insist_on_root`].
pub fn insist_on_being_alone() {
    TURN.set(Some(Turn::Alone { _held: MACHINE.write().unwrap_or_else(PoisonError::into_inner) }));
    insist_on_root();
}

/// Held by every test that insists on something.
static MACHINE: RwLock<()> = RwLock::new(());

thread_local! {
    /// The lock that this thread's test holds until its thread ends.
    static TURN: RefCell<Option<Turn>> = const { RefCell::new(None) };
}

enum Turn {
    Shared { _held: RwLockReadGuard<'static, ()> },
    Alone { _held: RwLockWriteGuard<'static, ()> },
}
