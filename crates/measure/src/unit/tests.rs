use super::*;

const TWO_EACH: Units = Units(Some(Stands { rounds: 2, longer: 0, windows: 3 }));

#[test]
fn rounds_of_one_stand_up_are_one_value() {
    let check = |units: Units, metric: Metric, expected: &[f64]| {
        let values = [(0, 1.0), (1, 3.0), (2, 10.0), (4, 7.0)];
        assert_eq!(units.means(metric, &values), expected);
    };
    check(Units(None), Metric::LatencyMsMean, &[1.0, 3.0, 10.0, 7.0]);
    check(TWO_EACH, Metric::LatencyMsMean, &[2.0, 10.0, 7.0]);
    // Three windows each: 0, 1 and 2, then 4.
    check(TWO_EACH, Metric::MemoryIdleMib, &[14.0 / 3.0, 7.0]);
}

#[test]
fn latencies_of_one_stand_up_are_one_histogram() {
    let of = |value| {
        let mut histogram = Histogram::new();
        histogram.record(value);
        histogram
    };
    let (fast, slow) = (of(1_000), of(2_000));
    let rounds = [(0, [&fast, &slow]), (1, [&fast, &slow]), (2, [&fast, &slow])];
    let counts = |units: Units| {
        units.merged(&rounds).iter().map(|pair| [0, 1].map(|side| pair[side].count())).collect::<Vec<_>>()
    };
    assert_eq!(counts(Units(None)), [[1, 1]; 3]);
    assert_eq!(counts(TWO_EACH), [[2, 2], [1, 1]]);
}
