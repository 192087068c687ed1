//! JSON that means the same to every reader: an object with a name twice is none, and one with a name twice but for its capitals is none
//! to whoever asks for that name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Brackets and commas of a document, about as many as it has values: what is more is not read. A value takes up to fifty times the
/// memory that its text does.
const MOST_PARTS: usize = 1 << 18;

/// The value; nothing if it is not JSON, deeper than 128, of very many values, or open to interpretation.
pub fn json(bytes: &[u8]) -> Option<Value> {
    if bytes.iter().filter(|b| matches!(b, b'[' | b'{' | b',')).count() > MOST_PARTS {
        return None;
    }
    serde_json::from_slice::<Strict>(bytes).ok().map(|strict| strict.0)
}

/// What a JSON Pointer leads to.
#[derive(Debug, PartialEq)]
pub enum Found<'a> {
    Value(&'a Value),
    Nothing,
    /// It depends on who reads it.
    Open,
}

/// As `Value::pointer`, but for names that some readers take for each other.
pub fn at<'a>(value: &'a Value, pointer: &str) -> Found<'a> {
    let mut value = value;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        value = match value {
            Value::Object(members) => {
                let alike = members.keys().filter(|name| is_alike(name, &token)).count();
                match (members.get(&token), alike) {
                    (Some(member), 1) => member,
                    (None, 0) => return Found::Nothing,
                    _ => return Found::Open,
                }
            }
            Value::Array(items) => match token.parse::<usize>() {
                Ok(index) => match items.get(index) {
                    Some(item) => item,
                    None => return Found::Nothing,
                },
                // A list of what should stand here alone: some take each of it.
                Err(_) => return Found::Open,
            },
            Value::Null => return Found::Nothing,
            _ => return Found::Open,
        };
    }
    Found::Value(value)
}

/// Whether two names differ in capitals alone (Go takes one for the other), the long s and the Kelvin sign included.
fn is_alike(one: &str, other: &str) -> bool {
    let folded = |text: &str| text.to_uppercase().to_lowercase();
    one == other || folded(one) == folded(other)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Strict)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            found.push(item);
        }
        Ok(found.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut found = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if found.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(found.into())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_stands_once() {
        for text in [r#"{"a":1,"b":[{"c":-2.5},null,true,"x"]}"#, "7", "[]"] {
            assert_eq!(super::json(text.as_bytes()), serde_json::from_str(text).ok(), "{text}");
        }
        for text in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, "{", "", "1 2"] {
            assert_eq!(super::json(text.as_bytes()), None, "{text}");
        }
        assert_eq!(super::json("[".repeat(10_000).as_bytes()), None);
    }

    #[test]
    fn a_document_of_very_many_values_is_not_read() {
        let zeros = |count: usize| format!("[{}0]", "0,".repeat(count));
        assert!(super::json(zeros(super::MOST_PARTS - 1).as_bytes()).is_some());
        assert!(super::json(zeros(super::MOST_PARTS).as_bytes()).is_none());
    }

    #[test]
    fn a_pointer_leads_to_what_every_reader_finds() {
        use super::Found;
        let json = super::json(
            r#"{"a":{"b/c":1,"x":2,"X":3},"Only":4,"list":[{"a":5}],"null":null,"text":"t","\u212a":6,"\u017f":7}"#
                .as_bytes(),
        )
        .expect("JSON");
        for (pointer, expected) in [
            ("/a/b~1c", Some(Some(1))),
            ("/list/0/a", Some(Some(5))),
            ("/list/1/a", Some(None)),
            ("/none/a", Some(None)),
            ("/null/a", Some(None)),
            ("/a/x", None),
            ("/only", None),
            ("/list/a", None),
            ("/text/a", None),
            ("/k", None),
            ("/s", None),
        ] {
            let found = match super::at(&json, pointer) {
                Found::Value(value) => Some(value.as_u64()),
                Found::Nothing => Some(None),
                Found::Open => None,
            };
            assert_eq!(found, expected, "{pointer}");
        }
    }
}
