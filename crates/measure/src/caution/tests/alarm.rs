//! A short version of the benchmark `guards`: a few runs of each kind instead of thousands.

use super::faults::FAULTS;
use super::simulated::{SIZES, Simulated};

const CLEAN: u64 = 6;
const FAULTY: u64 = 1;

#[test]
fn clean_runs_raise_no_alarm() {
    for size in &SIZES[..2] {
        for seed in 0..CLEAN {
            let told = Simulated::clean(seed, *size).cautions();
            assert!(told.is_empty(), "{}, seed {seed}: {told:#?}", size.name);
        }
    }
}

#[test]
fn faults_are_caught() {
    for fault in &FAULTS {
        for seed in 0..FAULTY {
            let mut run = Simulated::clean(seed, SIZES[1]);
            (fault.spoil)(&mut run);
            let told = run.cautions();
            let is_named = told.iter().any(|caution| caution.kind == fault.kind);
            assert!(is_named, "{}: {}, seed {seed}: {told:#?}", fault.kind, fault.what);
        }
    }
}
