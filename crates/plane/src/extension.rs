use serde_json::{Value, json};

/// A named Envoy extension. `kind` is the protobuf type of its configuration, and `fields` (an object) that message's
/// fields.
pub(crate) fn extension(name: &str, kind: &str, fields: Value) -> Value {
    json!({"name": name, "typed_config": typed(kind, fields)})
}

/// `fields` (an object) as a `google.protobuf.Any`.
pub(crate) fn typed(kind: &str, mut fields: Value) -> Value {
    fields["@type"] = format!("type.googleapis.com/{kind}").into();
    fields
}
