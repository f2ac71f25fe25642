use super::*;
use crate::{ContainerUse, MachineUse, Samples};

/// A second of load per block on two cores; the arm's own containers use half a core.
fn run() -> Observations {
    let mut seen = Observations { arms: vec!["none".into(), "sidecar".into()], ..Observations::default() };
    for (round, arm) in (0..8).flat_map(|round| [(round, "none"), (round, "sidecar")]) {
        seen.load.push(LoadBlock { arm: arm.into(), round, samples: Samples { wall_s: 1.0, ..Samples::default() } });
        let own = ContainerUse { cpu_s: 0.5, ..ContainerUse::default() };
        seen.meters.push(Reading {
            phase: Phase::Load,
            arm: arm.into(),
            round,
            started_s: 0.0,
            wall_s: 1.1,
            suspended_s: 0.0,
            containers: vec![own],
            links: Vec::new(),
            machine: MachineUse { busy_s: 0.6, capacity_s: 2.2, ..MachineUse::default() },
        });
    }
    seen
}

/// Checks what is left out of a run after `spoil` has changed it, as rounds, arms and reasons.
fn check(spoil: impl Fn(&mut Observations), drop_foreign: Option<f64>, expected: &[(u32, &str, Reason)]) {
    let mut seen = run();
    spoil(&mut seen);
    seen.leave_out(drop_foreign);
    let found: Vec<_> = seen.left_out.iter().map(|left| (left.round, &*left.arm, left.reason)).collect();
    assert_eq!(found, expected);
    let rounds: BTreeSet<u32> = expected.iter().map(|(round, ..)| *round).collect();
    assert_eq!(seen.load.len(), 16 - 2 * rounds.len(), "rounds are left out whole");
    assert_eq!(seen.meters.len(), seen.load.len());
}

#[test]
fn what_stood_still_is_left_out_whole() {
    check(|_| (), None, &[]);
    // The reader of the meters was stopped, and came late to the end of the load.
    check(|seen| seen.meters[7].wall_s = 21.1, None, &[(3, "sidecar", Reason::StoppedS(20.0))]);
    check(|seen| seen.load[4].samples.stopped_s = 20.0, None, &[(2, "none", Reason::StoppedS(20.0))]);
    check(|seen| seen.meters[0].suspended_s = 3.0, None, &[(0, "none", Reason::StoppedS(3.0))]);
    // A slow request does not count as standing still, nor does background work after every block.
    check(|seen| (seen.load[4].samples.wall_s, seen.meters[4].wall_s) = (21.0, 21.1), None, &[]);
    check(|seen| seen.meters.iter_mut().for_each(|reading| reading.wall_s = 9.0), None, &[]);
}

#[test]
fn what_others_used_is_left_out_where_that_was_said() {
    let burst = |seen: &mut Observations| seen.meters[5].machine.busy_s = 2.15;
    check(burst, None, &[]);
    check(burst, Some(0.8), &[]);
    check(burst, Some(0.2), &[(2, "sidecar", Reason::ForeignShare(1.65 / 2.2))]);
}
