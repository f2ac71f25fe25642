/// The dip of a sample: the largest distance between its distribution function and the nearest unimodal one, from 0 to
/// 1/4. `sorted` is in ascending order. The dip is 0 for too few or equal values.
///
/// Hartigan and Hartigan, "The dip test of unimodality", Annals of Statistics 13 (1985); the algorithm is Hartigan's,
/// "Computation of the dip statistic to test for unimodality", Applied Statistics 34 (1985), AS 217, with the corrections
/// of Maechler's R package `diptest`.
pub(super) fn dip(sorted: &[f64]) -> f64 {
    let count = sorted.len();
    if count < 4 || sorted[0] == sorted[count - 1] {
        return 0.0;
    }
    let (minorant, majorant) = (minorant(sorted), majorant(sorted));
    let (mut low, mut high) = (0, count - 1);
    // The dip is in units of half a step of the distribution function.
    let mut dip: f64 = 0.0;
    loop {
        let convex = chain(high, low, &minorant);
        let concave = chain(low, high, &majorant);
        let Some(gap) = widest_gap(sorted, &convex, &concave) else { break };
        if gap.width < dip {
            break;
        }
        let below = convex[gap.convex..].windows(2).map(|ends| above_chord(sorted, ends[1], ends[0]));
        let above = concave[gap.concave..].windows(2).map(|ends| below_chord(sorted, ends[0], ends[1]));
        dip = below.chain(above).fold(dip, f64::max);
        let narrower = (convex[gap.convex], concave[gap.concave]);
        if narrower == (low, high) {
            break;
        }
        (low, high) = narrower;
    }
    dip / (2.0 * count as f64)
}

/// For each value, the previous knot on the greatest convex minorant of the distribution function up to it.
fn minorant(sorted: &[f64]) -> Vec<usize> {
    let mut before = vec![0; sorted.len()];
    for end in 1..sorted.len() {
        let mut knot = end - 1;
        while knot != 0 && !is_steeper(sorted, end, knot, before[knot]) {
            knot = before[knot];
        }
        before[end] = knot;
    }
    before
}

/// For each value, the next knot on the least concave majorant of the distribution function from it on.
fn majorant(sorted: &[f64]) -> Vec<usize> {
    let last = sorted.len() - 1;
    let mut after = vec![last; sorted.len()];
    for start in (0..last).rev() {
        let mut knot = start + 1;
        while knot != last && !is_steeper(sorted, start, knot, after[knot]) {
            knot = after[knot];
        }
        after[start] = knot;
    }
    after
}

/// Whether the function rises more steeply between `end` and `knot` than between `knot` and `far`. Written without a
/// division, because values may be equal.
fn is_steeper(sorted: &[f64], end: usize, knot: usize, far: usize) -> bool {
    let steps = |left: usize, right: usize| left as f64 - right as f64;
    (sorted[end] - sorted[knot]) * steps(knot, far) < (sorted[knot] - sorted[far]) * steps(end, knot)
}

/// Knots from one value to another.
fn chain(from: usize, to: usize, next: &[usize]) -> Vec<usize> {
    let mut knots = vec![from];
    while let Some(last) = knots.last().filter(|last| **last != to) {
        knots.push(next[*last]);
    }
    knots
}

/// The place where the concave majorant is farthest above the convex minorant.
struct WidestGap {
    width: f64,
    /// Indices of the knots at the gap.
    convex: usize,
    concave: usize,
}

/// Walks both chains upwards together. Returns `None` if both are the same straight line. The convex chain is in
/// descending order.
fn widest_gap(sorted: &[f64], convex: &[usize], concave: &[usize]) -> Option<WidestGap> {
    if convex.len() == 2 && concave.len() == 2 {
        return None;
    }
    let (mut down, mut up) = (convex.len() - 2, 1);
    let mut widest = WidestGap { width: 0.0, convex: convex.len() - 1, concave: concave.len() - 1 };
    loop {
        let (lower, upper) = (convex[down], concave[up]);
        let gap = if lower > upper {
            let from = convex[down + 1];
            let chord = (sorted[upper] - sorted[from]) * (lower - from) as f64 / (sorted[lower] - sorted[from]);
            up += 1;
            WidestGap { width: upper as f64 - from as f64 + 1.0 - chord, convex: down + 1, concave: up - 1 }
        } else {
            let from = concave[up - 1];
            let chord = (sorted[lower] - sorted[from]) * (upper - from) as f64 / (sorted[upper] - sorted[from]);
            let gap = WidestGap { width: chord - (lower as f64 - from as f64 - 1.0), convex: down, concave: up };
            down = down.saturating_sub(1);
            gap
        };
        if gap.width >= widest.width {
            widest = gap;
        }
        up = up.min(concave.len() - 1);
        if convex[down] == concave[up] {
            return Some(widest);
        }
    }
}

/// How far the distribution function rises above the chord between two values, in steps.
fn above_chord(sorted: &[f64], from: usize, to: usize) -> f64 {
    off_chord(sorted, from, to, |steps, chord| steps + 1.0 - chord)
}

/// How far the distribution function, just before its steps, falls below the chord between two values, in steps.
fn below_chord(sorted: &[f64], from: usize, to: usize) -> f64 {
    off_chord(sorted, from, to, |steps, chord| chord - (steps - 1.0))
}

fn off_chord(sorted: &[f64], from: usize, to: usize, distance: impl Fn(f64, f64) -> f64) -> f64 {
    if to - from <= 1 || sorted[to] == sorted[from] {
        return 1.0;
    }
    let slope = (to - from) as f64 / (sorted[to] - sorted[from]);
    let at = |value: usize| distance((value - from) as f64, (sorted[value] - sorted[from]) * slope);
    (from..=to).map(at).fold(1.0, f64::max)
}

#[cfg(test)]
mod tests;
