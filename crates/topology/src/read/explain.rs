use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

use crate::Mistake;

/// Translates the parser's error into our own words, with its place.
pub(super) fn fault(error: &Error) -> Mistake {
    let (what, hint) = explain(error.without_snippet());
    let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
    Mistake { line, column, what, hint: (!hint.is_empty()).then_some(hint) }
}

fn explain(error: &Error) -> (String, String) {
    match error {
        Error::AliasError { error, .. } => explain(error.without_snippet()),
        Error::Message { msg, .. } | Error::SerdeVariantId { msg, .. } => own_words(msg),
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown key `{}`", field.escape_debug()), one_of(field, expected, "the keys here are"))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("`{}` is not possible here", variant.escape_debug()), one_of(variant, expected, "write one of"))
        }
        Error::SerdeMissingField { field, .. } => {
            (format!("`{field}` is missing"), format!("add a line `{field}: ...` here"))
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            (format!("duplicate key `{}`", key.escape_debug()), "keep one of the two".into())
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            (format!("{unexpected} does not fit here"), format!("write {expected}"))
        }
        Error::Unexpected { expected, .. } => {
            ("this value has the wrong shape".into(), format!("write {}", shape(expected)))
        }
        Error::NullIntoString { .. } => {
            ("the value is missing".into(), "write a value after the colon, or remove the key".into())
        }
        Error::InvalidBooleanStrict { .. } | Error::InvalidScalar { ty: "boolean", .. } => {
            ("this is neither true nor false".into(), "write `true` or `false`".into())
        }
        Error::InvalidScalar { ty, .. } => ("this is not a valid number".into(), format!("write a {}", number(ty))),
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            ("there is more than one key here".into(), "write each on a line of its own that starts with `- `".into())
        }
        Error::UnknownAnchor { .. } => (
            "this alias has no anchor".into(),
            "write the anchor `&name` above, or quote text that starts with `*`".into(),
        ),
        Error::Eof { .. } => ("the file is empty or ends too early".into(), "write `key: value` lines".into()),
        Error::MultipleDocuments { .. } => {
            ("a second document starts here".into(), "keep one document: remove `---` and what follows".into())
        }
        Error::Budget { .. } => {
            ("the file is too large or too deeply nested".into(), "split it, or write it with fewer levels".into())
        }
        other => (
            format!("not YAML: {}", UserMessageFormatter.format_message(other)),
            "indent with spaces, and quote text that contains `: `, ` #`, `{` or `[`".into(),
        ),
    }
}

/// Splits the message of one of our own `Deserialize` impls at its line feed, into what is wrong and the hint.
fn own_words(message: &str) -> (String, String) {
    let (what, hint) = message.split_once('\n').unwrap_or((message, ""));
    (what.to_owned(), hint.to_owned())
}

fn number(ty: &str) -> String {
    match ty.split_at_checked(1) {
        Some(("u", bits)) => format!("whole number from 0 up, of {bits} bits at most"),
        Some(("i", bits)) => format!("whole number of {bits} bits at most"),
        Some(("f", _)) => "number".to_owned(),
        _ => ty.to_owned(),
    }
}

fn shape(expected: &str) -> &str {
    match expected {
        "mapping start" | "mapping" => "`key: value` pairs, or `{}` for none",
        "sequence start" | "sequence" => "a list: `[a, b]`, or lines that start with `- `",
        "string scalar" | "scalar" => "a single value",
        other => other,
    }
}

/// A hint: "did you mean" if a similar name exists, and all possible names after `intro`.
pub fn one_of(written: &str, known: &[&str], intro: &str) -> String {
    let all = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match nearest(written, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {intro} {all}"),
        None => format!("{intro} {all}"),
    }
}

/// The name that was probably meant: the most similar one, if it is similar enough for a typing error.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let similarity = |name: &str| strsim::normalized_damerau_levenshtein(written, name);
    known
        .into_iter()
        .map(|name| (name, similarity(name)))
        .filter(|(_, similarity)| *similarity >= 0.6)
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(name, _)| name)
}
