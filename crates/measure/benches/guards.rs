//! How often guards warn if nothing is wrong, and how often if there is a fault: thousands of simulated runs at the
//! sizes of the bundled experiments. Each line is a claim that is asserted; `make bench` prints them all.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "coverage/claims.rs"]
mod claims;
#[path = "guards/faults.rs"]
mod faults;
#[path = "coverage/seeds.rs"]
mod seeds;
#[path = "guards/simulated.rs"]
mod simulated;

use std::collections::BTreeMap;

use claims::Claims;
use faults::{FAULTS, Fault};
use measure::CautionKind;
use simulated::{SIZES, Simulated, Size};

/// Number of runs without a fault, for each size.
const CLEAN: u64 = 2_000;
/// Number of runs with each fault, for each size.
const FAULTY: u64 = 200;
/// The largest share of clean runs in which a guard may warn; below, the smallest share of faulty runs in which it
/// must.
const ALARMS_MAX: f64 = 0.01;
const CAUGHT_MIN: f64 = 0.9;

fn main() {
    let mut claims = Claims::default();
    for size in SIZES {
        println!(
            "{}: {} rounds of {} requests, false alarms in {CLEAN} clean runs, faults caught in {FAULTY} each",
            size.name, size.rounds, size.requests
        );
        alarms(&mut claims, size);
        FAULTS.iter().for_each(|fault| caught(&mut claims, size, fault));
    }
    claims.assert();
}

fn alarms(claims: &mut Claims, size: Size) {
    let kinds = |seed| {
        let told = Simulated::clean(seed, size).cautions();
        told.into_iter().map(|caution| caution.kind).collect::<std::collections::BTreeSet<String>>()
    };
    let mut counts: BTreeMap<String, u64> =
        CautionKind::ALL.into_iter().map(|kind| (kind.name().to_owned(), 0)).collect();
    let mut with_any = 0;
    for kinds in seeds::each(CLEAN, kinds) {
        with_any += u64::from(!kinds.is_empty());
        kinds.into_iter().for_each(|kind| *counts.entry(kind).or_default() += 1);
    }
    for (kind, count) in counts {
        let share = count as f64 / CLEAN as f64;
        claims.hold(format!("  {kind:<24} {:>5.2} % false alarms", share * 100.0), share <= ALARMS_MAX);
    }
    println!("  any of them              {:>5.2} %", with_any as f64 / CLEAN as f64 * 100.0);
}

fn caught(claims: &mut Claims, size: Size, fault: &Fault) {
    let is_caught = |seed| {
        let mut run = Simulated::clean(seed, size);
        (fault.spoil)(&mut run);
        run.cautions().iter().any(|caution| caution.kind == fault.kind)
    };
    let caught = seeds::each(FAULTY, is_caught).into_iter().filter(|caught| *caught).count();
    let share = caught as f64 / FAULTY as f64;
    let line = format!("  {:<24} {:>5.1} % caught: {}", fault.kind, share * 100.0, fault.what);
    claims.hold(line, share >= CAUGHT_MIN);
}
