use super::*;

#[test]
fn histograms_are_drawn_by_powers_of_two() {
    assert_eq!(
        histogram("usecs", [1, 2, 3, 3]),
        "               usecs : count    distribution\n         1 -> 1          : 1        |*************                           |\n         2 -> 3          : 3        |****************************************|\n"
    );
}

#[test]
fn nothing_makes_a_histogram_without_rows() {
    assert_eq!(histogram("usecs", []).lines().count(), 1);
}
