use std::time::{Duration, Instant};

use super::wait;

fn check(asked: Duration) {
    let start = Instant::now();
    let waited = wait(asked);
    assert!(waited >= asked, "{waited:?} of {asked:?}");
    assert!(start.elapsed() >= waited, "said {waited:?}, more than passed");
}

#[test]
fn never_waits_less_than_asked_and_says_the_truth() {
    for asked_us in [0, 1, 59, 60, 61, 500, 5_000] {
        check(Duration::from_micros(asked_us));
    }
}
