use std::iter;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The order of the arms in each round, without end. Rounds form squares of as many rounds as there are arms. Within a
/// square, every arm comes once at each place. With an even number of arms, each follows each other equally often; with
/// an odd number, it does so in two squares together (E. J. Williams, "Experimental designs balanced for the estimation
/// of residual effects of treatments", Australian Journal of Scientific Research A 2, 1949). The roles of the arms and
/// the order of rounds in a square are random.
pub fn orders<'a>(arms: &'a [String], rng: &'a mut ChaCha8Rng) -> impl Iterator<Item = Vec<String>> + 'a {
    iter::repeat_with(|| design(arms, rng)).flatten()
}

/// One square or, for an odd number of arms, two.
fn design(arms: &[String], rng: &mut ChaCha8Rng) -> Vec<Vec<String>> {
    let mut cast = arms.to_vec();
    cast.shuffle(rng);
    let mut square: Vec<Vec<String>> = (0..cast.len()).map(|shift| row(&cast, shift)).collect();
    square.shuffle(rng);
    if arms.len().is_multiple_of(2) {
        return square;
    }
    let mut mirrored: Vec<Vec<String>> = square.iter().map(|row| row.iter().rev().cloned().collect()).collect();
    mirrored.shuffle(rng);
    square.extend(mirrored);
    square
}

/// One row of Williams' square: 0, 1, n - 1, 2, n - 2 …, all shifted.
fn row(cast: &[String], shift: usize) -> Vec<String> {
    let count = cast.len();
    let zigzag = |place: usize| if place.is_multiple_of(2) { count - place / 2 } else { place.div_ceil(2) };
    (0..count).map(|place| cast[(zigzag(place) + shift) % count].clone()).collect()
}

#[cfg(test)]
mod tests;
