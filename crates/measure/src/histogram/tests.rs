use proptest::prelude::*;

use super::*;

fn of(values: &[u64]) -> Histogram {
    let mut histogram = Histogram::new();
    values.iter().for_each(|&value| histogram.record(value));
    histogram
}

#[test]
fn a_quantile_needs_ten_samples_beyond_it() {
    for (q, needed) in [(0.5, 20), (0.9, 100), (0.95, 200), (0.99, 1_000), (0.999, 10_000)] {
        assert_eq!(samples_needed(q), needed, "for {q}");
        assert_eq!(of(&vec![7; needed as usize - 1]).quantile_ns(q), None);
        assert_eq!(of(&vec![7; needed as usize]).quantile_ns(q), Some(7.0));
    }
}

#[test]
fn what_is_longer_than_an_hour_counts_as_an_hour() {
    let histogram = of(&[5, TOP_NS + 1, u64::MAX]);
    assert_eq!((histogram.count(), histogram.clamped()), (3, 2));
    assert_eq!(Histogram::decode(&histogram.encode()).unwrap().clamped(), 2);
}

#[test]
fn what_is_shorter_than_an_hour_is_not_clamped() {
    for values in [&[][..], &[1], &[TOP_NS / 2]] {
        assert_eq!(of(values).clamped(), 0, "{values:?}");
    }
}

#[test]
fn a_later_state_less_an_earlier_one_is_what_came_between() {
    let earlier = of(&[7, 900]);
    let mut later = earlier.clone();
    later.merge(&of(&[3, 5_000_000]));
    assert_eq!(later.since(&earlier), of(&[3, 5_000_000]));
    assert_eq!(later.since(&later).count(), 0);
    assert_eq!(later.since(&of(&[5_000_000])), of(&[3, 7, 900]));
}

#[test]
fn a_block_of_ten_milliseconds_a_request_takes_sixty_kibibytes() {
    let bytes = |histogram: &Histogram| histogram.0.distinct_values() * size_of::<u32>();
    let histogram = of(&[10_000_000]);
    assert!(bytes(&histogram) <= 60 * 1024, "{}", bytes(&histogram));
    assert_eq!(bytes(&Histogram::decode(&histogram.encode()).unwrap()), bytes(&histogram));
}

#[test]
fn nothing_has_no_mean() {
    assert_eq!(Histogram::new().mean_ns(), None);
    assert_eq!(Histogram::new().block_quantile_ns(0.5), None);
}

#[test]
fn other_text_is_refused() {
    assert!(matches!(Histogram::decode("?"), Err(HistogramError::Base64(_))));
    assert!(matches!(Histogram::decode("aGVsbG8="), Err(HistogramError::Format(_))));
    let mut bytes = Vec::new();
    let other = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 1_000, 2).unwrap();
    V2DeflateSerializer::new().serialize(&other, &mut bytes).unwrap();
    assert!(matches!(Histogram::decode(&STANDARD.encode(bytes)), Err(HistogramError::Bounds)));
}

fn times_ns() -> impl Strategy<Value = Vec<u64>> {
    // From nanoseconds to the top, with as many samples in each decade.
    prop::collection::vec((0.0..12.5_f64).prop_map(|exponent| 10_f64.powf(exponent) as u64), 20..300)
}

proptest! {
    #[test]
    fn merging_is_recording_all(left in times_ns(), right in times_ns()) {
        let mut merged = of(&left);
        merged.merge(&of(&right));
        prop_assert_eq!(merged, of(&[left, right].concat()));
    }

    #[test]
    fn text_keeps_every_sample(values in times_ns()) {
        let histogram = of(&values);
        let text = histogram.encode();
        let read = Histogram::decode(&text).unwrap();
        prop_assert_eq!(read.encode(), text);
        prop_assert_eq!(read, histogram);
    }

    #[test]
    fn quantiles_and_mean_are_near_the_exact_ones(mut values in times_ns(), q in 0.0..0.5_f64) {
        let histogram = of(&values);
        values.sort_unstable();
        let rank = (q * values.len() as f64).ceil().max(1.0) as usize;
        let exact = values[rank - 1] as f64;
        let told = histogram.quantile_ns(q).unwrap();
        prop_assert!(told >= exact && told <= exact * 1.001 + 1.0, "{} instead of {}", told, exact);

        let mean = values.iter().map(|&value| value as f64).sum::<f64>() / values.len() as f64;
        prop_assert!((histogram.mean_ns().unwrap() / mean - 1.0).abs() < 0.000_5 || mean < 1.0);
    }
}
