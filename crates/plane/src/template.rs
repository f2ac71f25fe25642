use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use topology::Mistake;

/// The most steps that a template may take: some hundred times as many as a file for hundreds of services needs.
const FUEL: u64 = 5_000_000;

/// Jinja templates for configuration files: nothing is escaped, a line that only contains `{% .. %}` is removed, and an
/// undefined value is a mistake.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters are valid"));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Only with this setting are the places of mistakes kept.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.add_function("refuse", refuse);
    environment
}

/// A function for templates: reports that they cannot do what was asked.
fn refuse(why: String) -> Result<String, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, why))
}

/// The mistake in the template `text`, with its place.
pub(crate) fn fault_of(error: &Error, text: &str) -> Mistake {
    let before = error.range().and_then(|range| text.get(..range.start));
    let (line, column) = before.map_or((error.line().unwrap_or(0), 1), place_after);
    let what = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("it takes more than {FUEL} steps"),
        (ErrorKind::SyntaxError, Some(detail)) => format!("syntax error: {detail}"),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Mistake { line: count(line), column: count(column), what, hint: Some(hint(error.kind()).to_owned()) }
}

/// Line and column of the position after `text`, from 1.
fn place_after(text: &str) -> (usize, usize) {
    let line = text.rsplit('\n').next().unwrap_or_default();
    (text.matches('\n').count() + 1, line.chars().count() + 1)
}

fn hint(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UndefinedError => "`meshtax show experiments/proxies.yaml` lists the names that a template may use",
        ErrorKind::SyntaxError => {
            "write `{{ value }}`, `{% for x in list %} .. {% endfor %}`, `{% if x %} .. {% endif %}`"
        }
        ErrorKind::OutOfFuel => "use loops over services and endpoints only",
        _ => "templates are written in Jinja's language",
    }
}
