//! How small a change a minute of load resolves on this machine: with blocks from a tenth of a second to five seconds,
//! and with one arm after the other. It runs bookinfo-lean against a copy of itself, where every effect is an error,
//! and against sidecars. It takes about twenty minutes; run it on a quiet machine, as root, with `make bench`. A number
//! among the arguments is the seconds of load for each arm. Lengths of which fewer than six blocks fit have no
//! interval.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "precision/limit.rs"]
mod limit;
#[path = "precision/run.rs"]
mod run;
#[path = "precision/table.rs"]
mod table;

use measure::{Effect, Metric, NULL_ARM};
use run::{Amount, Run};

const LOAD_S: f64 = 60.0;
/// Lengths of blocks in seconds, the shortest first.
const BLOCKS_S: [f64; 4] = [0.1, 0.25, 1.0, 5.0];
/// The index of the length into which the load is cut if one arm comes after the other.
const CUT: usize = 1;
const METRICS: [Metric; 3] = [Metric::LatencyMsP50, Metric::LatencyMsMean, Metric::CpuMsPerRequest];
/// The half-widths that the shortest blocks should reach, in percent.
const GOALS: [(Metric, f64); 2] = [(Metric::LatencyMsP50, 1.0), (Metric::CpuMsPerRequest, 0.5)];
const PILOT: Amount = Amount { requests: 400, rounds: 8 };
const BASE: &str = "none";
const MESH: &str = "sidecar";

/// The effects of a comparison, one for each of [`METRICS`].
type Effects = Vec<Effect>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let load_s = arguments.find_map(|argument| argument.parse().ok()).unwrap_or(LOAD_S);
    let pilot = Run::of(&[BASE, MESH], PILOT);
    let [base_s, mesh_s] = [BASE, MESH].map(|arm| pilot.page_s(arm));
    println!(
        "bookinfo-lean, a page in {:.2} ms, behind sidecars in {:.2} ms; {load_s} s of load in each arm of a run.\n\
         Effects against `none` in %, ± half of their 95 % intervals.\n",
        base_s * 1e3,
        mesh_s * 1e3
    );
    let copies = compare("a copy of it (truth: 0)", NULL_ARM, BASE, base_s, load_s);
    goals(&copies[0]);
    limit::tell(&copies);
    compare("sidecars", MESH, MESH, f64::midpoint(base_s, mesh_s), load_s);
}

/// Prints the effects of an arm against the baseline: with the load alternating between them, and with `after`, the
/// same arm alone, after the baseline. Returns the runs in which the load alternated.
fn compare(what: &str, arm: &str, after: &str, page_s: f64, load_s: f64) -> [Run; BLOCKS_S.len()] {
    table::head(&["", "rounds", "p50", "mean", "CPU per request"]);
    let runs = alternating(what, arm, |block_s| Amount::of(load_s, block_s, page_s));
    let [base, other] = [BASE, after].map(|arm| Run::of(&[arm], Amount::of(load_s, BLOCKS_S[CUT], page_s)));
    let effects = run::apart((&base, base.last_arm()), (&other, other.last_arm()));
    let told = format!("{what}, one arm after the other, cut into {} s", BLOCKS_S[CUT]);
    table::effects(&told, base.rounds(), &effects);
    ratios(&runs, &effects, what);
    println!();
    runs
}

/// Runs an arm beside the baseline, with load alternating between them, for each length of blocks.
fn alternating(what: &str, arm: &str, amount: impl Fn(f64) -> Amount) -> [Run; BLOCKS_S.len()] {
    BLOCKS_S.map(|block_s| {
        let run = Run::of(&[BASE, arm], amount(block_s));
        table::effects(&format!("{what}, blocks of {block_s} s"), run.rounds(), &run.paired());
        run
    })
}

/// Prints how much wider intervals are without the methods that narrow them. The interval for one arm after the other
/// assumes independent blocks, so it ignores how the machine changed between the arms; the table shows how far its
/// effect was off.
fn ratios(runs: &[Run; BLOCKS_S.len()], after: &Effects, what: &str) {
    println!();
    table::head(&[&format!("half-widths as ratios, {what}"), "p50", "mean", "CPU per request"]);
    let paired = runs.each_ref().map(Run::paired);
    let block_s = BLOCKS_S[CUT];
    let cut = &runs[CUT];
    table::ratios(&format!("one arm after the other / alternating, blocks of {block_s} s"), after, &paired[CUT]);
    let unpaired = run::apart((cut, BASE), (cut, cut.last_arm()));
    table::ratios(&format!("the same blocks not paired / paired, {block_s} s"), &unpaired, &paired[CUT]);
    for (block_s, long) in BLOCKS_S.iter().zip(&paired).skip(1) {
        table::ratios(&format!("blocks of {block_s} s / {} s", BLOCKS_S[0]), long, &paired[0]);
    }
}

fn goals(shortest: &Run) {
    println!();
    let effects = shortest.paired();
    for (metric, goal) in GOALS {
        let effect = effects.iter().find(|effect| effect.metric == metric.name());
        let Some((effect, half)) = effect.and_then(|effect| Some((effect, table::half_width(effect)?))) else {
            println!("{}, {goal} %: too few rounds to tell", metric.name());
            continue;
        };
        let word = if half <= goal { "reached" } else { "missed" };
        let resolvable = effect.smallest_resolvable.unwrap_or(f64::NAN) * 100.0;
        println!(
            "{}, {goal} %: {word}; half-width {half:.2} % with blocks of {} s, smallest change found in four runs of five {resolvable:.2} %",
            metric.name(),
            BLOCKS_S[0]
        );
    }
}
