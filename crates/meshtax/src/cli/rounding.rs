use std::time::Duration;

use clap::Args;
use topology::Span;

/// Options for showing latencies as other tools would report them.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct RoundingOptions {
    /// Also show latencies as a client reports them that cuts each to whole milliseconds, as in the study of 2021: `1`,
    /// `ms`, or another step such as `10ms`
    #[arg(long, help_heading = "Output", value_name = "MS", value_parser = step)]
    pub round_latency: Option<Duration>,
}

/// Reads a step: a number of milliseconds, a unit alone, or a length of time.
fn step(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let whole = match text.parse::<f64>() {
        Ok(_) => format!("{text}ms"),
        Err(_) if text.starts_with(|letter: char| letter.is_ascii_alphabetic()) => format!("1{text}"),
        Err(_) => text.to_owned(),
    };
    let Span(step) = whole.parse().map_err(|error: topology::UnitError| format!("{}: {}", error.what, error.hint))?;
    if step.is_zero() { Err("the step must be greater than 0".to_owned()) } else { Ok(step) }
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn steps() {
        for (text, us) in [("1", 1_000), ("ms", 1_000), ("10ms", 10_000), ("0.5", 500), ("us", 1)] {
            assert_eq!(step(text).unwrap().as_micros(), us, "{text}");
        }
        for text in ["0", "-1", "", "1 fortnight", "inf", "nan"] {
            assert!(step(text).is_err(), "{text}");
        }
    }
}
