use super::*;
use crate::machine::{Machine, Truth};

fn check(rule: &str, rounds: u32, reached: bool) {
    let seen = Machine::of(7).run(rounds, &Truth::NOTHING);
    assert_eq!(is_reached(&rule.parse().unwrap(), &seen), reached, "{rule} after {rounds} rounds");
}

#[test]
fn a_run_ends_where_its_interval_is_narrow() {
    check("latency_ms_p50<50%", 9, false);
    check("latency_ms_p50<50%", 10, true);
    check("latency_ms_p50<0.01%", 10, false);
    check("cpu_proxy_ms_per_request<50%", 10, false);
}

#[test]
fn stand_ups_are_what_counts_where_there_are_several() {
    let until: Until = "latency_ms_p50<50%".parse().unwrap();
    let check = |rounds: u32, of_stand: u32, reached: bool| {
        let mut seen = Machine::of(7).run(rounds, &Truth::NOTHING);
        seen.stands = Some(Stands { rounds: of_stand, longer: 0, windows: 1 });
        assert_eq!(is_reached(&until, &seen), reached, "{rounds} rounds, {of_stand} in each stand-up");
    };
    check(18, 2, false);
    check(20, 2, true);
    // A run is not checked at 21 stand-ups. As rounds, 63 and 65 would not be checked either, and 60 would be, as 12
    // stand-ups.
    check(60, 5, true);
    check(65, 5, true);
    check(63, 3, false);
    check(10, 5, false);
}

#[test]
fn every_arm_must_be_narrow_but_the_noise_floor() {
    let mut seen = Machine::of(7).run(10, &Truth::NOTHING);
    let until: Until = "latency_ms_p50<50%".parse().unwrap();
    seen.arms.push("null".into());
    seen.load.extend(seen.load.clone().into_iter().filter(|block| block.arm == "none").map(|mut block| {
        block.arm = "null".into();
        block.samples.latency =
            [1, 1_000_000, 1_000_000_000].into_iter().cycle().take(20).fold(Default::default(), recorded);
        block
    }));
    assert!(is_reached(&until, &seen));
    seen.arms[2] = "other".into();
    seen.load.iter_mut().filter(|block| block.arm == "null").for_each(|block| block.arm = "other".into());
    seen.load.retain(|block| block.arm != "other" || block.round % 2 == 0);
    assert!(!is_reached(&until, &seen));
}

fn recorded(mut histogram: crate::Histogram, value_ns: u64) -> crate::Histogram {
    histogram.record(value_ns);
    histogram
}

#[test]
fn looks_are_a_tenth_of_the_run_apart() {
    let looks: Vec<usize> = (0..70).filter(|rounds| is_look(*rounds)).collect();
    let to_twenty: Vec<usize> = (10..20).collect();
    let beyond = [20, 22, 24, 26, 28, 30, 33, 36, 39, 42, 46, 50, 55, 60, 66];
    assert_eq!(looks, [&to_twenty[..], &beyond].concat());
}
