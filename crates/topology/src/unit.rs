use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, de};

/// A duration, written with its unit: `300us`, `1.5ms`, `2s`. At most one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes, written alone or with its unit: `178`, `12 kB`, `40 MiB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A share between 0 and 1, written as a number or a percentage: `0.01`, `1%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(pub f64);

/// The longest [`Span`]: far more than a topology or an experiment needs, far less than what overflows a clock.
const SPAN_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a text is not a valid value: what is wrong and, after a line feed, what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}\n{hint}")]
pub struct UnitError {
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub hint: String,
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Span, UnitError> {
        let text = text.trim();
        if text.parse::<f64>().is_ok_and(|number| number >= 0.0) {
            return Err(wrong(text, "has no unit", format!("write `{text}us`, `{text}ms` or `{text}s`")));
        }
        if text.starts_with('-') {
            return Err(wrong(text, "is negative", "write a length of time from `0s` up".into()));
        }
        let span = humantime::parse_duration(text).map_err(|_| {
            wrong(text, "is not a length of time", "write a number and a unit: `300us`, `1.5ms`, `2s`, `1min`".into())
        })?;
        if span > SPAN_MAX {
            return Err(wrong(text, "is longer than a day", "write at most `24h`".into()));
        }
        Ok(Span(span))
    }
}

impl FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Bytes, UnitError> {
        let text = text.trim();
        if text.starts_with('-') {
            return Err(wrong(text, "is negative", "write a number of bytes from `0` up".into()));
        }
        let size: ByteSize = text.parse().map_err(|_| {
            wrong(
                text,
                "is not a number of bytes",
                "write a number, alone or with a unit: `178`, `12 kB`, `40 MiB`".into(),
            )
        })?;
        Ok(Bytes(size.as_u64()))
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Share, UnitError> {
        let text = text.trim();
        let hint = || "write a number from 0 to 1, or a percentage: `0.01`, `1%`".to_string();
        let (digits, scale) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent.trim_end(), 100.0));
        let number: f64 = digits.parse().map_err(|_| wrong(text, "is not a share", hint()))?;
        let share = number / scale;
        if !(0.0..=1.0).contains(&share) {
            return Err(wrong(text, "is outside 0 to 1", hint()));
        }
        Ok(Share(share))
    }
}

fn wrong(text: &str, what: &str, hint: String) -> UnitError {
    UnitError { what: format!("`{}` {what}", text.escape_debug()), hint }
}

impl fmt::Display for Span {
    /// Writes the largest unit with a number of at least 1, with as many decimals as needed to lose nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u128, &str); 4] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
        let ns = self.0.as_nanos();
        let (scale, unit) = UNITS.into_iter().find(|(scale, _)| ns >= *scale).unwrap_or(UNITS[0]);
        let digits = scale.ilog10() as usize;
        let decimals = format!("{:0digits$}", ns % scale);
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{}{unit}", ns / scale),
            decimals => write!(f, "{}.{decimals}{unit}", ns / scale),
        }
    }
}

impl fmt::Display for Bytes {
    /// Writes the largest unit with a whole number. Sizes are figures of a study, so nothing is rounded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match UNITS.into_iter().find(|(scale, _)| self.0 > 0 && self.0.is_multiple_of(*scale)) {
            Some((scale, unit)) => write!(f, "{} {unit}", self.0 / scale),
            None => write!(f, "{} B", self.0),
        }
    }
}

impl fmt::Display for Share {
    /// Writes a percentage, to a hundredth.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 * 1e4).round() / 1e2;
        write!(f, "{hundredths} %")
    }
}

/// Reads the text of a scalar as written. To YAML, `5` is a number, but here it lacks its unit.
fn parse<'de, D: Deserializer<'de>, T: FromStr<Err = UnitError>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        parse(deserializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        parse(deserializer)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
        parse(deserializer)
    }
}

#[cfg(test)]
mod tests;
