//! Runs on a ground that is not there.

mod mock;

use std::io;
use std::path::Path;
use std::time::Duration;

use ::ground::Injection;
use experiment::{Experiment, Plan, PlannedFault, plan};
use measure::{FaultKind, Phase};

use self::mock::{MockGround, Script, Silence, Trouble};
use super::failed_warm_up::FailedWarmUp;
use super::interrupted::is_interruption;
use super::*;

/// What came of a run, and what its ground was asked for.
struct Ran {
    plan: Plan,
    outcome: Outcome<anyhow::Error>,
    calls: Vec<String>,
    folder: tempfile::TempDir,
}

/// The experiment in `text`, which names bundled files only.
pub(crate) fn parse(name: &str, text: String) -> Experiment {
    let read = |_: &Path| Err(io::ErrorKind::NotFound.into());
    Experiment::parse(Path::new(name), text, &read).expect("the experiment is valid")
}

/// Arms `none` and `ebpf`, of which the second is watched, with these further keys of an experiment.
fn experiment(keys: &str) -> Experiment {
    let text = format!(
        "name: mock\ntopology: pair\narms:\n  none: {{plane: none}}\n  ebpf: {{plane: none, watch: on}}\n\
         load: {{sequential: {{target: 'http://front:8080/', requests: 60}}}}\n{keys}"
    );
    let mut experiment = parse("mock.yaml", text);
    experiment.idle = (1, Duration::ZERO);
    experiment
}

/// A fault that begins at once.
fn with_fault(mut experiment: Experiment) -> Experiment {
    experiment.faults.push(PlannedFault {
        kind: FaultKind::Loss,
        from: "front".to_owned(),
        to: "back".to_owned(),
        share: None,
        at: Duration::from_millis(1),
        lasting: Duration::from_millis(1),
        injection: Injection::Name("back".to_owned()),
    });
    experiment
}

fn run(experiment: &Experiment, trouble: Option<Trouble>) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(experiment);
    let script = Script { trouble, ..Script::default() };
    let is_stopped = || script.is_stopped.get();
    let outcome = perform(
        &Assignment {
            experiment,
            plan: &plan,
            folder: &RunFolder::create(&folder.path().join("run")).unwrap(),
            unlimited: &[],
            is_stopped: &is_stopped,
        },
        &mut MockGround(script.clone()),
        &mut Silence,
    );
    let calls = script.calls.borrow().clone();
    Ran { plan, outcome, calls, folder }
}

impl Ran {
    /// Arms and rounds of the blocks that were seen.
    fn blocks(&self) -> Vec<(u32, &str)> {
        self.outcome.seen.observations.load.iter().map(|block| (block.round, &*block.arm)).collect()
    }

    /// Arms and rounds of the blocks that were planned.
    fn planned(&self) -> Vec<(u32, &str)> {
        let rounds = (0..).zip(&self.plan.rounds);
        rounds.flat_map(|(number, round)| round.order.iter().map(move |arm| (number, &**arm))).collect()
    }

    fn count(&self, call: &str) -> usize {
        self.calls.iter().filter(|known| *known == call).count()
    }

    fn place(&self, call: &str) -> usize {
        self.calls.iter().position(|known| known == call).unwrap_or_else(|| panic!("no {call} in {:?}", self.calls))
    }

    /// Names of the files of the run, in order.
    fn files(&self) -> String {
        let files = std::fs::read_dir(self.folder.path().join("run")).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.join(" ")
    }
}

#[test]
fn phases_come_one_after_the_other() {
    let ran = run(&with_fault(experiment("rounds: 1\nstands: 1\nwarmup: 2\nseed: 3\n")), None);
    ran.outcome.ended.as_ref().unwrap();
    insta::assert_snapshot!(ran.calls.join("\n"), @r"
    stand up 0
    open meters
    load witness
    snapshot none
    snapshot ebpf
    snapshot none
    snapshot ebpf
    ask ebpf
    ask none
    snapshot none
    snapshot ebpf
    snapshot none
    snapshot ebpf
    attach
    ask ebpf
    snapshot ebpf
    ask ebpf
    snapshot ebpf
    detach
    ask none
    snapshot none
    ask none
    snapshot none
    scrape none
    scrape ebpf
    attach timed
    ask ebpf
    ask ebpf
    detach timed
    begin load none
    inject none
    mend none
    end load none
    begin load ebpf
    inject ebpf
    mend ebpf
    end load ebpf
    may stand on
    ");
    assert_eq!(
        ran.files(),
        "environment.json experiment.yaml facts.json faults.jsonl load.jsonl meters.jsonl probe.jsonl"
    );
}

#[test]
fn every_arm_gets_its_blocks_in_the_order_of_the_plan() {
    let ran = run(&experiment("rounds: 12\nstands: 3\n"), None);
    assert_eq!((ran.blocks(), ran.blocks().len()), (ran.planned(), 24));
    let requests: u64 = ran.outcome.seen.observations.load.iter().map(|block| block.samples.requests).sum();
    assert_eq!(requests, 2 * 60, "each arm gets all requests");
    let watched = ran.outcome.seen.watched.iter().map(|(arm, watched)| (&**arm, watched.tcp.opened));
    assert_eq!(watched.collect::<Vec<_>>(), [("ebpf", 12)]);
    assert_eq!((ran.count("stand up 2"), ran.count("take down"), ran.count("may stand on")), (1, 2, 1));
    assert_eq!(ran.outcome.timings.len(), 3);
}

#[test]
fn idle_windows_are_taken_on_all_arms_at_once() {
    let mut experiment = experiment("rounds: 1\nstands: 1\nwarmup: 2\n");
    experiment.idle = (2, Duration::ZERO);
    let ran = run(&experiment, None);
    let (none, ebpf) = ("snapshot none", "snapshot ebpf");
    let edges = [none, ebpf, none, ebpf].repeat(2);
    let begin = ran.place(none);
    assert_eq!(ran.calls[begin..begin + edges.len()], edges);
    let seen = &ran.outcome.seen.observations.meters;
    let windows = |phase| seen.iter().filter(|reading| reading.phase == phase).count();
    assert_eq!([Phase::Idle, Phase::IdleWarm, Phase::Load].map(windows), [4, 4, 2]);
}

#[test]
fn an_end_by_the_user_keeps_what_was_seen() {
    // Each block of `none` asks twice: once to settle.
    let ran = run(&with_fault(experiment("rounds: 6\nstands: 1\nwarmup: 0\n")), Some(Trouble::Stop("ask none", 6)));
    assert!(is_interruption(ran.outcome.ended.as_ref().unwrap_err()));
    let blocks = ran.blocks();
    assert!((4..=5).contains(&blocks.len()) && ran.planned().starts_with(&blocks), "{blocks:?}");
    assert!(ran.outcome.environment.is_some());
    // Services are still asked what they counted, and proxies what they say of themselves.
    assert_eq!(
        (ran.outcome.seen.asked.of("none"), ran.count("scrape none"), ran.count("inject none")),
        (Some(6), 1, 0)
    );
    assert_eq!((ran.count("take down"), ran.count("may stand on")), (1, 0));
}

#[test]
fn a_failure_keeps_what_was_seen() {
    let ran = run(&experiment("rounds: 6\nstands: 1\nwarmup: 0\n"), Some(Trouble::Failure("ask none", 6)));
    assert_eq!(ran.outcome.ended.as_ref().unwrap_err().to_string(), "ask none failed");
    let blocks = ran.blocks();
    assert!((4..=5).contains(&blocks.len()) && ran.planned().starts_with(&blocks), "{blocks:?}");
    assert_eq!((ran.count("scrape none"), ran.count("take down")), (0, 1));
}

#[test]
fn a_warm_up_without_an_answer_ends_a_run_before_its_rounds() {
    let keys = "rounds: 2\nstands: 1\nwarmup: 3\n";
    let ran = run(&experiment(keys), Some(Trouble::Refusal("ebpf")));
    let error = ran.outcome.ended.as_ref().unwrap_err();
    assert!(error.is::<FailedWarmUp>());
    assert_eq!(error.to_string(), "no request of the warm-up succeeded in arm `ebpf` (3 connect)");
    assert_eq!((ran.blocks().len(), ran.count("ask none"), ran.count("take down")), (0, 1, 1));
    // Without a warm-up nobody knows before the rounds.
    let ran = run(&experiment("rounds: 2\nstands: 1\nwarmup: 0\n"), Some(Trouble::Refusal("ebpf")));
    assert_eq!((ran.blocks().len(), ran.outcome.ended.is_ok()), (4, true));
}

#[test]
fn a_run_goes_on_until_its_intervals_are_narrow() {
    let until = "rounds: 2\nstands: 1\nuntil: 'latency_ms_p50<50%'\nmax_rounds: 40\n";
    let ran = run(&experiment(until), None);
    assert_eq!((ran.plan.rounds.len(), ran.blocks().len()), (40, 20), "ten rounds are enough, and the least");
    assert_eq!(ran.count("may stand on"), 1);
    let ran = run(&experiment(&until.replace("50%", "0.0001%")), None);
    assert_eq!(ran.blocks().len(), 80);
}

#[test]
fn faults_are_made_after_the_rounds_of_the_first_stand_up_only() {
    let ran = run(&with_fault(experiment("rounds: 4\nstands: 2\n")), None);
    assert!(ran.place("scrape ebpf") < ran.place("inject none") && ran.place("mend ebpf") < ran.place("stand up 1"));
    assert_eq!((ran.count("inject none"), ran.count("mend none"), ran.count("inject ebpf")), (1, 1, 1));
    let faults = &ran.outcome.seen.faults;
    let named: Vec<(&str, bool)> =
        faults.iter().map(|trial| (&*trial.arm, trial.clues.iter().any(|clue| clue.names_cause))).collect();
    assert_eq!(named, [("none", false), ("ebpf", true)]);
}

#[test]
fn a_fault_is_mended_whatever_happens() {
    let ran = run(&with_fault(experiment("rounds: 1\nstands: 1\n")), Some(Trouble::Stop("inject none", 1)));
    assert!(is_interruption(ran.outcome.ended.as_ref().unwrap_err()));
    assert_eq!((ran.count("mend none"), ran.count("end load none"), ran.count("inject ebpf")), (1, 1, 0));
}

#[test]
fn whatever_stands_is_taken_down() {
    let experiment = with_fault(experiment("rounds: 2\nstands: 1\nwarmup: 1\n"));
    for call in [
        "open meters",
        "load witness",
        "snapshot none",
        "ask ebpf",
        "attach",
        "detach",
        "scrape none",
        "attach timed",
        "begin load none",
        "inject ebpf",
        "mend ebpf",
    ] {
        for trouble in [Trouble::Failure(call, 1), Trouble::Stop(call, 1)] {
            let ran = run(&experiment, Some(trouble));
            assert!(ran.outcome.ended.is_err(), "{trouble:?}");
            assert_eq!(ran.calls.last().map(String::as_str), Some("take down"), "{trouble:?}");
        }
    }
    let ran = run(&experiment, Some(Trouble::Failure("stand up 0", 1)));
    assert_eq!(ran.calls, ["stand up 0"]);
    assert!(ran.outcome.environment.is_none() && ran.outcome.timings.is_empty());
}
