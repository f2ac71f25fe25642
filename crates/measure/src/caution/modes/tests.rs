use super::*;

#[test]
fn quantiles_stand_for_a_histogram() {
    let mut latency = Histogram::new();
    (0..100_000).for_each(|n| latency.record(1_000_000 + n * 10));
    let values = values(&latency);
    assert_eq!(values.len(), 4096);
    assert!(values.is_sorted());
    let furthest = values.iter().zip(0..).map(|(value, n)| (value - (1e6 + (n as f64 + 0.5) * 1e6 / 4096.0)).abs());
    assert!(furthest.fold(0.0, f64::max) < 2000.0, "resolution is a thousandth");
}

#[test]
fn few_latencies_stand_for_themselves() {
    let mut latency = Histogram::new();
    [5, 7, 7, 9].into_iter().for_each(|value| latency.record(value));
    assert_eq!(values(&latency).len(), 4);
    assert_eq!(values(&Histogram::new()), [0.0; 0]);
}
