use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Metadata of a workload as the header `x-envoy-peer-metadata` carries it: `fields` (an object) as a
/// `google.protobuf.Struct`, its keys sorted, in base64.
///
/// Field numbers: `google/protobuf/struct.proto`.
pub(crate) fn encode(fields: &Value) -> String {
    STANDARD.encode(structure(fields))
}

/// A `Struct`: one map entry for each key.
fn structure(fields: &Value) -> Vec<u8> {
    let mut fields: Vec<_> = fields.as_object().into_iter().flatten().collect();
    fields.sort_by_key(|(key, _)| *key);
    let entry =
        |(key, field): (&String, &Value)| nested(1, &[nested(1, key.as_bytes()), nested(2, &value(field))].concat());
    fields.into_iter().flat_map(entry).collect()
}

/// A `Value`.
fn value(field: &Value) -> Vec<u8> {
    match field {
        Value::Null => vec![1 << 3, 0],
        Value::Number(number) => {
            let double = number.as_f64().unwrap_or(f64::NAN);
            [vec![2 << 3 | 1], double.to_le_bytes().to_vec()].concat()
        }
        Value::String(text) => nested(3, text.as_bytes()),
        Value::Bool(flag) => vec![4 << 3, u8::from(*flag)],
        Value::Object(_) => nested(5, &structure(field)),
        Value::Array(list) => nested(6, &list.iter().flat_map(|item| nested(1, &value(item))).collect::<Vec<u8>>()),
    }
}

/// A field whose content has a length: text or a message.
fn nested(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 0x7f {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
    bytes
}

#[cfg(test)]
mod tests;
