/// A wait that ends this much too late is not due to a busy machine: the process, or the whole machine, was stopped.
const STOPPED_NS_MIN: u64 = 500_000_000;

/// For how long this process did not run although it was its turn: stopped by a signal or a debugger, frozen, or on a machine
/// that was suspended.
///
/// The kernel ends every wait at the time asked for, so that one that lasted half a second longer can have no other reason.
/// A peer that answers late ends no wait late.
#[derive(Default)]
pub(crate) struct Standstill {
    ns: u64,
}

impl Standstill {
    /// Takes note of a wait that was to end at `due_ns` at the latest and was over at `now_ns`.
    pub(crate) fn awaited(&mut self, due_ns: u64, now_ns: u64) {
        let late_ns = now_ns.saturating_sub(due_ns);
        if late_ns >= STOPPED_NS_MIN {
            self.ns += late_ns;
        }
    }

    /// All of it so far, in nanoseconds.
    pub(crate) fn ns(&self) -> u64 {
        self.ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_much_too_late_is_a_standstill() {
        let mut stopped = Standstill::default();
        let ms = |ms: u64| ms * 1_000_000;
        stopped.awaited(ms(100), ms(90));
        stopped.awaited(ms(100), ms(599));
        assert_eq!(stopped.ns(), 0);
        stopped.awaited(ms(100), ms(20_100));
        stopped.awaited(ms(30_000), ms(30_500));
        assert_eq!(stopped.ns(), ms(20_500));
    }
}
