use proptest::prelude::*;

use super::*;

proptest! {
    /// The first is due at the start, each other one pause after the end before it but not sooner than one pace after
    /// the start before it, and there are as many as asked.
    #[test]
    fn a_pause_and_a_pace_are_kept(
        start_ns in 0..1u64 << 60,
        think_ns in 0..10_000_000_000u64,
        pace_ns in 0..60_000_000_000u64,
        durations_ns in prop::collection::vec(0..60_000_000_000u64, 0..100),
    ) {
        let mut schedule = Schedule::sequential(
            start_ns,
            durations_ns.len() as u64,
            Duration::from_nanos(think_ns),
            Duration::from_nanos(pace_ns),
        );
        let mut expected_ns = start_ns;
        for duration_ns in durations_ns {
            prop_assert_eq!(schedule.due_ns(), Some(expected_ns));
            let end_ns = expected_ns + duration_ns;
            schedule.ended(end_ns);
            expected_ns = (end_ns + think_ns).max(expected_ns + pace_ns);
        }
        prop_assert_eq!(schedule.due_ns(), None);
    }
}
