//! How often a run finds a difference that does not exist: bookinfo-lean without a mesh, its copy as an arm, and
//! another copy as the noise floor, repeatedly. Every second run has a program beside it that uses the machine in
//! bursts. It takes 45 minutes, so it is not part of `make bench`; run it on a quiet machine, as root, with `make
//! bench-null`. A number among the arguments is the number of runs.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "null/burner.rs"]
mod burner;

use std::fs;
use std::path::Path;
use std::process::Command;

use burner::Burner;
use measure::{Caution, Effect, Measurement, Verdict};

const RUNS: u64 = 40;
/// The largest share of the arm's verdicts that may be wrong.
const WRONG_MAX: f64 = 0.05;
/// The smallest share of the quiet runs that must give a verdict to believe.
const TELLING_MIN: f64 = 0.9;
const ARM: &str = "copy";
/// The load of bookinfo-lean. A block takes about 0.75 s: a page takes 3 ms, and the pause after it 5 ms.
const EXPERIMENT: &str = "name: copies
topology: bookinfo-lean
arms: {none: {plane: none}, copy: {plane: none}}
null: true
load: {sequential: {target: 'http://productpage:9080/productpage', requests: 1880, think: 5ms}}
warmup: 50
rounds: 20
idle: {windows: 10, window: 100ms}
margin: 2%
";

/// What runs on the machine beside a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    Bursts,
}

/// What a run says about the arm.
struct Told {
    beside: Beside,
    effects: Vec<Effect>,
    cautions: Vec<Caution>,
}

fn main() {
    if std::env::args().any(|argument| argument == burner::ROLE) {
        burner::burn();
    }
    let runs = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(RUNS);
    println!("{:>4}  {:<7} {:<8} verdicts; cautions", "run", "beside", "wrong");
    let told: Vec<Told> = (1..=runs).map(run).collect();
    println!();
    let quiet = tell("quiet", &told, |told| told.beside == Beside::Nothing);
    tell("bursts", &told, |told| told.beside == Beside::Bursts);
    let all = tell("all", &told, |_| true);
    assert!(all.wrong as f64 <= WRONG_MAX * all.verdicts as f64, "verdicts are wrong too often");
    assert!(quiet.telling as f64 >= TELLING_MIN * quiet.runs as f64, "quiet runs give a verdict too seldom");
}

/// One run with its own seed, every second one beside bursts.
fn run(seed: u64) -> Told {
    let beside = if seed.is_multiple_of(2) { Beside::Bursts } else { Beside::Nothing };
    let burner = (beside == Beside::Bursts).then(Burner::start);
    let home = tempfile::tempdir().expect("there is a folder for temporary files");
    let measurement = measured(home.path(), seed);
    drop(burner);
    let is_judged = |effect: &Effect| effect.arm == ARM && effect.verdict.is_some();
    let effects = measurement.effects.into_iter().filter(is_judged).collect();
    let told = Told { beside, effects, cautions: measurement.cautions };
    let wrong: Vec<String> = told.effects.iter().filter(|effect| is_wrong(effect)).map(change).collect();
    let verdicts: Vec<String> = told.effects.iter().map(verdict).collect();
    let wrong = if wrong.is_empty() { "none".to_owned() } else { wrong.join(", ") };
    let name = if beside == Beside::Bursts { "bursts" } else { "nothing" };
    let cautions: Vec<&str> = told.cautions.iter().map(|caution| caution.kind.as_str()).collect();
    println!("{seed:>4}  {name:<7} {wrong:<8} {}; {}", verdicts.join(", "), cautions.join(", "));
    told
}

fn measured(home: &Path, seed: u64) -> Measurement {
    let file = home.join("null.yaml");
    fs::write(&file, EXPERIMENT).expect("the folder takes files");
    let mut run = Command::new(env!("CARGO_BIN_EXE_meshtax"));
    run.arg("run").arg(&file).args(["--json", "--seed", &seed.to_string(), "--out"]).arg(home.join("run"));
    let output = run.output().expect("the binary was built for this benchmark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a run keeps its contract")
}

/// The sum of several runs.
struct Sum {
    runs: usize,
    /// Runs with a verdict that no guard took away.
    telling: usize,
    /// Verdicts that no guard took away.
    verdicts: usize,
    wrong: usize,
}

/// Adds up runs of a kind, and prints the sum.
fn tell(kind: &str, told: &[Told], is_of_kind: impl Fn(&Told) -> bool) -> Sum {
    let runs: Vec<&Told> = told.iter().filter(|told| is_of_kind(told)).collect();
    let is_telling = |told: &&&Told| told.effects.iter().any(is_given);
    let effects = || runs.iter().flat_map(|told| &told.effects);
    let sum = Sum {
        runs: runs.len(),
        telling: runs.iter().filter(is_telling).count(),
        verdicts: effects().filter(|effect| is_given(effect)).count(),
        wrong: effects().filter(|effect| is_wrong(effect)).count(),
    };
    println!(
        "{kind:<7} {:>3} runs, {:>3} with a verdict, {:>2} of {:>3} verdicts wrong; {} without a caution",
        sum.runs,
        sum.telling,
        sum.wrong,
        sum.verdicts,
        runs.iter().filter(|told| told.cautions.is_empty()).count()
    );
    sum
}

/// Whether the verdict reports a difference, although there is none.
fn is_wrong(effect: &Effect) -> bool {
    matches!(effect.verdict, Some(Verdict::Costs | Verdict::Saves))
}

/// Whether no guard took the verdict away. `not resolvable here` also counts as a verdict.
fn is_given(effect: &Effect) -> bool {
    effect.verdict.is_some_and(|verdict| verdict != Verdict::NotToBeBelieved)
}

fn verdict(effect: &Effect) -> String {
    effect.verdict.map_or_else(String::new, |verdict| format!("{verdict:?}"))
}

fn change(effect: &Effect) -> String {
    let [low, high] = effect.ratio_ci95.expect("what has a verdict has an interval").map(|end| (end - 1.0) * 100.0);
    format!("{} [{low:+.2}, {high:+.2}] %", effect.metric)
}
