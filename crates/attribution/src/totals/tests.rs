use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::label::Labels;

fn pod(name: &str) -> Labels {
    vec![("reporter", "source".into()), ("workload", name.into())]
}

fn sums(totals: &Totals<u8, Labels, u64>) -> Vec<(&str, u64)> {
    totals.sums().map(|(labels, sum)| (&*labels[1].1, *sum)).collect()
}

#[test]
fn what_was_counted_under_a_name_stays_there() {
    let at = Duration::ZERO;
    let mut totals = Totals::new(10);
    totals.count(&1, &100, || pod("unknown"), at);
    totals.count(&1, &130, || pod("web"), at);
    totals.count(&1, &130, || pod("nobody asks"), at);
    assert_eq!(sums(&totals), [("unknown", 100), ("web", 30)]);
}

#[test]
fn a_counter_that_falls_back_is_told_once() {
    let at = Duration::ZERO;
    let mut totals = Totals::new(10);
    for now in [100, 99, 100, 101] {
        totals.count(&1, &now, || pod("web"), at);
    }
    assert_eq!(sums(&totals), [("web", 101)]);
}

#[test]
fn what_finds_no_room_is_summed_and_counted_and_stays_where_it_is() {
    let at = Duration::ZERO;
    let mut totals = Totals::new(1);
    totals.count(&1, &10, || pod("a"), at);
    totals.count(&2, &20, || pod("b"), at);
    totals.count(&3, &30, || pod("c"), at);
    assert_eq!((sums(&totals), totals.overflows()), (vec![("a", 10), ("other", 50)], 2));
    // Room comes free, and what is new of `b` finds it.
    totals.retain(|key| *key != 1);
    totals.expire(at);
    totals.count(&2, &21, || pod("b"), at);
    assert_eq!(sums(&totals), [("b", 1), ("other", 50)]);
}

#[test]
fn sums_go_when_nobody_adds_to_them_any_more_and_some_time_has_passed() {
    let (begin, later) = (Duration::ZERO, Duration::ZERO + Duration::from_secs(300));
    let mut totals = Totals::new(10);
    totals.count(&1, &10, || pod("gone"), begin);
    totals.count(&2, &20, || pod("shared"), begin);
    totals.count(&3, &30, || pod("shared"), begin);
    totals.count(&4, &40, || pod("recent"), later);
    let (mut quiet, mut lively) = (HashSet::new(), HashSet::new());
    totals.heard(begin, |key| Some((u32::from(*key), 0)), &mut quiet, &mut lively);
    assert_eq!((quiet, lively), (HashSet::from([1, 2, 3].map(|netns| (netns, 0))), HashSet::from([(4, 0)])));
    totals.retain(|key| *key == 3);
    totals.expire(begin);
    // A key that lives keeps the sum of an equal group whose other key is gone: the counter does not fall.
    assert_eq!(sums(&totals), [("recent", 40), ("shared", 50)]);
}

proptest! {
    #[test]
    fn sums_equal_what_was_counted_whatever_the_bound(most in 0_usize..5, news in proptest::collection::vec((0_u8..8, 0_u64..100), 0..50)) {
        let at = Duration::ZERO;
        let mut totals = Totals::new(most);
        let mut truth = [0_u64; 8];
        for (key, more) in news {
            truth[usize::from(key)] += more;
            totals.count(&key, &truth[usize::from(key)], || pod(&format!("pod{key}")), at);
        }
        prop_assert_eq!(totals.sums().map(|(_, sum)| sum).sum::<u64>(), truth.iter().sum::<u64>());
        prop_assert!(totals.sums().count() <= most + 1);
    }
}
