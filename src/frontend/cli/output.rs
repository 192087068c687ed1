//! Results on stdout, in the format that was asked for.

use std::io::Write;

use clap::ValueEnum;
use serde_json::Value;
use serde_yaml_ng as yaml;

use super::columns;
use super::kind::Kind;
use super::paint::is_obeyed;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Table,
    /// More columns
    Wide,
    Json,
    Yaml,
    /// KIND/NAME only
    Name,
}

/// What commands take that show a value rather than records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Plain {
    #[default]
    Table,
    Json,
    Yaml,
}

/// Writes to stdout; a reader that has gone shows as an error, not as a panic.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Records of one kind. `single`: one was asked for by name, which JSON shows bare instead of in a list.
pub fn records(kind: Kind, records: &[Value], format: Format, single: bool) -> anyhow::Result<String> {
    Ok(match format {
        Format::Table | Format::Wide => {
            columns::table(kind, records, format == Format::Wide, jiff::Timestamp::now()).render()
        }
        Format::Name => records.iter().map(|record| format!("{}\n", reference(kind, record))).collect(),
        Format::Yaml => yaml(records)?,
        Format::Json => match records {
            [record] if single => json(&ordered(record))?,
            _ => json(&records.iter().map(ordered).collect::<Vec<_>>())?,
        },
    })
}

/// `order/checkout`, as `vend wait` takes it.
pub fn reference(kind: Kind, record: &Value) -> String {
    let name = record.get("name").filter(|_| kind != Kind::Audit).or_else(|| record.get("id"));
    format!("{}/{}", kind.word(), name.map(columns::text).unwrap_or_default())
}

/// A value as indented JSON, with a line end. Letters that a terminal would obey are written as escapes, which mean the same.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(escaped(&serde_json::to_string_pretty(value)?) + "\n")
}

/// JSON of one meaning and another spelling: nothing in it that a terminal would obey, or that `apply -f` would not take back. Outside
/// of strings there are no such letters but line ends.
pub fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '\n' => text.push(letter),
            '\u{fffe}' | '\u{ffff}' => text.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ if is_obeyed(letter) => text.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => text.push(letter),
        }
    }
    text
}

/// Values as YAML documents, `---` between them.
pub fn yaml(values: &[Value]) -> anyhow::Result<String> {
    let texts: Result<Vec<String>, _> = values.iter().map(|value| yaml::to_string(&ordered(value))).collect();
    Ok(texts?.join("---\n"))
}

/// One value for scripts, if one of their formats is asked for.
pub fn plain(value: &Value, format: Plain) -> anyhow::Result<Option<String>> {
    Ok(match format {
        Plain::Table => None,
        Plain::Json => Some(json(&ordered(value))?),
        Plain::Yaml => Some(yaml(std::slice::from_ref(value))?),
    })
}

/// Keys in the order in which people write documents; the others by the alphabet, `status` last.
const FIRST: [&str; 14] = [
    "apiVersion",
    "kind",
    "name",
    "full-name",
    "id",
    "title",
    "description",
    "labels",
    "owners",
    "project",
    "environment",
    "type",
    "class",
    "state",
];

/// The keys of an object in that order.
pub fn keys(map: &serde_json::Map<String, Value>) -> Vec<&String> {
    let rank = |key: &str, value: &Value| match FIRST.iter().position(|first| *first == key) {
        Some(position) => position,
        None if key == "status" && value.is_object() => FIRST.len() + 1,
        None => FIRST.len(),
    };
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, value)| rank(key, value));
    entries.into_iter().map(|(key, _)| key).collect()
}

fn ordered(value: &Value) -> yaml::Value {
    let mut value = sorted(value);
    if let yaml::Value::Mapping(map) = &mut value
        && let Some(yaml::Value::Mapping(resources)) = map.get_mut("resources")
    {
        for (_, entry) in resources.iter_mut() {
            if let yaml::Value::Mapping(entry) = entry {
                *entry = arranged(std::mem::take(entry));
            }
        }
    }
    match value {
        yaml::Value::Mapping(map) => yaml::Value::Mapping(arranged(map)),
        other => other,
    }
}

fn arranged(mut map: yaml::Mapping) -> yaml::Mapping {
    let mut result = yaml::Mapping::new();
    let last = map.get("status").filter(|status| status.is_mapping()).cloned();
    for key in FIRST {
        if let Some((key, value)) = map.shift_remove_entry(key) {
            result.insert(key, value);
        }
    }
    for (key, value) in map {
        if key.as_str() != Some("status") || last.is_none() {
            result.insert(key, value);
        }
    }
    if let Some(status) = last {
        result.insert("status".into(), status);
    }
    result
}

fn sorted(value: &Value) -> yaml::Value {
    match value {
        Value::Null => yaml::Value::Null,
        Value::Bool(it) => (*it).into(),
        Value::Number(number) => {
            if let Some(it) = number.as_i64() {
                it.into()
            } else if let Some(it) = number.as_u64() {
                it.into()
            } else {
                number.as_f64().unwrap_or(f64::NAN).into()
            }
        }
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => yaml::Value::Sequence(items.iter().map(sorted).collect()),
        Value::Object(map) => {
            yaml::Value::Mapping(map.iter().map(|(key, value)| (key.as_str().into(), sorted(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(name: &str) -> Value {
        json!({"status": {"state": "ready"}, "resources": {"db": {"params": {"version": "16", "on": true, "size": 3},
            "type": "postgres-database"}}, "name": name, "environment": "dev", "project": "shop", "kind": "Order",
            "apiVersion": "vend/v1"})
    }

    #[test]
    fn yaml_in_the_order_of_writing() {
        let text = records(Kind::Order, &[order("a"), order("b")], Format::Yaml, false).expect("writes");
        let one = |name: &str| {
            format!(
                "apiVersion: vend/v1\nkind: Order\nname: {name}\nproject: shop\nenvironment: dev\nresources:\n  db:\n    \
                 type: postgres-database\n    params:\n      on: true\n      size: 3\n      version: '16'\nstatus:\n  \
                 state: ready\n"
            )
        };
        assert_eq!(text, format!("{}---\n{}", one("a"), one("b")));
        let back: Vec<Value> =
            yaml::Deserializer::from_str(&text).map(|it| serde::Deserialize::deserialize(it).expect("reads")).collect();
        assert_eq!(back, [order("a"), order("b")]);
    }

    #[test]
    fn json_shows_no_control_character() {
        let text = "a\u{7f}\u{85}\u{9f}é\u{ffff}";
        let shown = super::json(&json!({ "text": text })).expect("shown");
        assert!(shown.contains("a\\u007f\\u0085\\u009fé\\uffff"), "{shown}");
        assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON")["text"], text);
    }

    #[test]
    fn json_is_bare_for_one_and_a_list_for_many() {
        let single = records(Kind::Order, &[order("a")], Format::Json, true).expect("writes");
        assert!(single.starts_with("{\n  \"apiVersion\": \"vend/v1\",\n  \"kind\": \"Order\""), "{single}");
        let list = records(Kind::Order, &[order("a")], Format::Json, false).expect("writes");
        assert!(list.starts_with("[\n  {"), "{list}");
        assert_eq!(records(Kind::Order, &[], Format::Json, false).expect("writes"), "[]\n");
    }

    #[test]
    fn what_a_terminal_would_obey_is_spelt_out() {
        let value = json!({ "a": "b\u{1b}\u{9b}\u{202e}ö" });
        let text = super::json(&value).expect("writes");
        assert_eq!(text, "{\n  \"a\": \"b\\u001b\\u009b\\u202eö\"\n}\n");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("reads"), value);
    }

    #[test]
    fn names() {
        let operation = json!({"id": "op_01", "subject": "checkout"});
        assert_eq!(records(Kind::Operation, &[operation], Format::Name, false).expect("writes"), "operation/op_01\n");
        assert_eq!(records(Kind::Order, &[order("a")], Format::Name, false).expect("writes"), "order/a\n");
    }
}
