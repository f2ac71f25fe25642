use ground::Injection;
use measure::{FaultKind, WitnessKind};

use super::*;

/// Looks a second apart, the fault between the third and the fourth: what becomes of these counts of retransmits.
fn check(counts: [u64; 6], before: u64, during: u64, seen_after_s: Option<f64>) {
    let look = |(second, count): (usize, u64)| Look {
        at: Duration::from_secs(second as u64),
        seen: BTreeMap::from([(Sign::Retransmits, count)]),
    };
    let looks: Vec<Look> = counts.into_iter().enumerate().map(look).collect();
    let planned = PlannedFault {
        kind: FaultKind::Loss,
        from: "front".to_owned(),
        to: "back".to_owned(),
        share: None,
        at: Duration::from_secs(2),
        lasting: Duration::from_secs(3),
        injection: Injection::Name("back".to_owned()),
    };
    let clues = clues(&planned, &looks, Duration::from_millis(2_500));
    if before + during == 0 {
        return assert_eq!(clues, []);
    }
    let [clue] = &clues[..] else { panic!("{clues:?}") };
    assert!(clue.names_cause && clue.witness == WitnessKind::Kernel);
    assert_eq!((clue.before, clue.during, clue.seen_after_s), (before, during, seen_after_s));
}

#[test]
fn a_fault_is_seen_once_there_is_more_than_in_the_calm() {
    check([7, 7, 7, 7, 8, 9], 0, 2, Some(1.5));
    check([5, 6, 7, 8, 9, 10], 2, 3, Some(2.5));
    check([5, 6, 7, 8, 9, 9], 2, 2, None);
    check([3, 3, 3, 3, 3, 3], 0, 0, None);
}
