use std::time::Duration;

use topology::Span;

/// Below it, looking again is all that a core does.
const LEAST: Duration = Duration::from_millis(1);

/// A length of time within which something can happen.
pub fn some(text: &str) -> Result<Span, String> {
    let span: Span = text.parse().map_err(|error: topology::UnitError| format!("{}: {}", error.what, error.hint))?;
    if span.0 < LEAST { Err("it is too short: write `1ms` or more".to_owned()) } else { Ok(span) }
}
