use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::SeedableRng;

use super::*;

fn drawn(arms: usize, rounds: usize, seed: u64) -> Vec<Vec<String>> {
    let arms: Vec<String> = (0..arms).map(|number| format!("arm-{number}")).collect();
    orders(&arms, &mut ChaCha8Rng::seed_from_u64(seed)).take(rounds).collect()
}

/// The smallest and the largest count among `kinds` possible values.
fn extent<T: Ord>(seen: impl Iterator<Item = T>, kinds: usize) -> (usize, usize) {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    seen.for_each(|one| *counts.entry(one).or_default() += 1);
    let least = if counts.len() < kinds { 0 } else { counts.values().min().copied().unwrap_or(0) };
    (least, counts.values().max().copied().unwrap_or(0))
}

proptest! {
    /// With any number of rounds, an arm's counts at a place differ by one at most.
    #[test]
    fn every_arm_comes_equally_often_at_each_place(arms in 1_usize..7, rounds in 1_usize..60, seed: u64) {
        let drawn = drawn(arms, rounds, seed);
        for place in 0..arms {
            let (least, most) = extent(drawn.iter().map(|order| &order[place]), arms);
            prop_assert!(most - least <= 1, "{drawn:?}");
        }
        for order in &drawn {
            prop_assert_eq!(extent(order.iter(), arms), (1, 1));
        }
    }

    /// In two squares, each arm directly follows each other one equally often within rounds.
    #[test]
    fn every_arm_follows_every_other_equally_often(arms in 2_usize..7, seed: u64) {
        let drawn = drawn(arms, 2 * arms, seed);
        let follows = drawn.iter().flat_map(|order| order.windows(2).map(|pair| (&pair[0], &pair[1])));
        prop_assert_eq!(extent(follows, arms * (arms - 1)), (2, 2));
    }
}

#[test]
fn seeds_draw_different_orders() {
    let firsts = extent((0..100).map(|seed| drawn(2, 1, seed)), 2);
    assert!(firsts.0 > 30, "either arm comes first in many runs: {firsts:?}");
    assert_eq!(drawn(4, 30, 7), drawn(4, 30, 7));
    assert_ne!(drawn(4, 30, 7), drawn(4, 30, 8));
}
