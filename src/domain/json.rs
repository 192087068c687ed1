//! JSON as vend compares, hashes and points into it.

use serde::Serialize;
use serde_json::Value;

/// One text for one value: members sorted by name, no white space (after RFC 8785, numbers as serde writes them).
pub fn canonical(value: &Value) -> String {
    let mut text = Vec::new();
    write_canonical(value, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push(b'{');
            for (i, (name, member)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_plain(name, out);
                out.push(b':');
                write_canonical(member, out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        other => write_plain(other, out),
    }
}

/// Of a text, a number or the like there is always JSON, and always room in memory to write it to.
fn write_plain(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

/// `base` with one more reference token, escaped (RFC 6901).
pub fn pointer_push(base: &str, token: &str) -> String {
    format!("{base}/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// Every string in `value` with the JSON Pointer to it.
pub fn strings(value: &Value) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), value)];
    while let Some((pointer, value)) = open.pop() {
        match value {
            Value::String(text) => found.push((pointer, text.as_str())),
            Value::Array(items) => {
                open.extend(items.iter().enumerate().map(|(i, item)| (pointer_push(&pointer, &i.to_string()), item)))
            }
            Value::Object(map) => open.extend(map.iter().map(|(name, item)| (pointer_push(&pointer, name), item))),
            _ => {}
        }
    }
    found
}

/// Whether `value` takes at most so many bytes as JSON text. Nothing is written down for it.
pub fn is_within(value: &Value, bytes: usize) -> bool {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(more.len()).ok_or(std::io::ErrorKind::WriteZero)?;
            Ok(more.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Count(bytes), value).is_ok()
}

/// How deep arrays and objects nest; a scalar is 0.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_measured_as_it_is_written() {
        for value in [json!(null), json!({ "a": [1, "é\n"], "b": {} }), json!("\u{1}".repeat(100))] {
            let bytes = value.to_string().len();
            assert!(is_within(&value, bytes) && !is_within(&value, bytes - 1), "{value}");
        }
    }
}
