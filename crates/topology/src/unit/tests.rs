use std::fmt::{Debug, Display};

use proptest::prelude::*;

use super::*;

/// Checks a text against what its value prints as, or against `what | hint`.
fn check<T: FromStr<Err = UnitError> + Display>(text: &str, expect: &str) {
    let actual = match text.parse::<T>() {
        Ok(value) => value.to_string(),
        Err(UnitError { what, hint }) => format!("{what} | {hint}"),
    };
    assert_eq!(actual, expect, "for {text:?}");
}

#[test]
fn spans() {
    for (text, expect) in [
        ("300us", "300us"),
        ("0.3ms", "300us"),
        ("1.5ms", "1.5ms"),
        ("2500 ms", "2.5s"),
        ("1min 30s", "90s"),
        ("0s", "0s"),
        ("24h", "86400s"),
        ("25h", "`25h` is longer than a day | write at most `24h`"),
        ("5", "`5` has no unit | write `5us`, `5ms` or `5s`"),
        ("5zz", "`5zz` is not a length of time | write a number and a unit: `300us`, `1.5ms`, `2s`, `1min`"),
        ("", "`` is not a length of time | write a number and a unit: `300us`, `1.5ms`, `2s`, `1min`"),
        ("-1s", "`-1s` is negative | write a length of time from `0s` up"),
    ] {
        check::<Span>(text, expect);
    }
}

#[test]
fn bytes() {
    for (text, expect) in [
        ("178", "178 B"),
        ("5183 B", "5183 B"),
        ("12 kB", "12000 B"),
        ("40MiB", "40 MiB"),
        ("0", "0 B"),
        ("-5", "`-5` is negative | write a number of bytes from `0` up"),
        (
            "5 apples",
            "`5 apples` is not a number of bytes | write a number, alone or with a unit: `178`, `12 kB`, `40 MiB`",
        ),
    ] {
        check::<Bytes>(text, expect);
    }
}

#[test]
fn shares() {
    let hint = "write a number from 0 to 1, or a percentage: `0.01`, `1%`";
    check::<Share>("0.01", "1 %");
    check::<Share>("1%", "1 %");
    check::<Share>("12.5 %", "12.5 %");
    check::<Share>("1", "100 %");
    check::<Share>("2", &format!("`2` is outside 0 to 1 | {hint}"));
    check::<Share>("-1%", &format!("`-1%` is outside 0 to 1 | {hint}"));
    check::<Share>("NaN", &format!("`NaN` is outside 0 to 1 | {hint}"));
    check::<Share>("many", &format!("`many` is not a share | {hint}"));
}

fn check_round_trip<T: FromStr<Err = UnitError> + Display + PartialEq + Debug>(value: T) {
    assert_eq!(value.to_string().parse(), Ok(value));
}

proptest! {
    #[test]
    fn printed_spans_read_back(ns in 0..=24 * 3_600_000_000_000_u64) {
        check_round_trip(Span(Duration::from_nanos(ns)));
    }

    #[test]
    fn printed_bytes_read_back(bytes: u64) {
        check_round_trip(Bytes(bytes));
    }
}
