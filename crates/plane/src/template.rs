use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use topology::Mistake;

/// Steps that a template may take: some hundred times as many as a file for hundreds of services takes.
const FUEL: u64 = 5_000_000;

/// Templates in the language of Jinja, for configuration files: nothing is escaped, a line with nothing but `{% .. %}`
/// leaves no line, and what has no value is a fault.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters are valid"));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Places of faults are kept only then.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.add_function("refuse", refuse);
    environment
}

/// For templates: what they are asked for cannot be done.
fn refuse(why: String) -> Result<String, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, why))
}

/// What is wrong with the template `text`, at its place.
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

/// Line and column of what follows `text`, from 1.
fn place_after(text: &str) -> (usize, usize) {
    let line = text.rsplit('\n').next().unwrap_or_default();
    (text.matches('\n').count() + 1, line.chars().count() + 1)
}

fn hint(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::UndefinedError => "`meshtax show experiments/proxies.yaml` lists what a template may name",
        ErrorKind::SyntaxError => {
            "write `{{ value }}`, `{% for x in list %} .. {% endfor %}`, `{% if x %} .. {% endif %}`"
        }
        ErrorKind::OutOfFuel => "let it loop over services and endpoints only",
        _ => "templates are written in the language of Jinja",
    }
}
