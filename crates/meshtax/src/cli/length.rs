use std::time::Duration;

use topology::Span;

/// The shortest time that is accepted. With a shorter interval, a tool would keep a core busy.
const LEAST: Duration = Duration::from_millis(1);

/// Reads a length of time of at least a millisecond.
pub fn some(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: topology::UnitError| format!("{}: {}", error.what, error.hint))?;
    if span.0 < LEAST { Err("it is too short: write `1ms` or more".to_owned()) } else { Ok(span) }
}
