//! The official JSON Schema of score.dev/v1b1, and its rules in words.
//!
//! The file beside this one is that of https://github.com/score-spec/spec (`score-v1b1.json`, Apache-2.0), as it is.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::document::json_schema::Compiled;

const TEXT: &str = include_str!("score-v1b1.schema.json");

/// What people are told where a pattern or a choice of the schema refuses.
const WORDS: [(&str, &str); 12] = [
    ("^score\\.dev/v1b1$", "vend reads `score.dev/v1b1`"),
    (
        "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$",
        "it is 2 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit",
    ),
    (
        "^[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]$",
        "it is 2 to 63 letters, digits and -, beginning and ending with a letter or digit",
    ),
    (
        "^[a-z0-9]+(?:-+[a-z0-9]+)*(?:\\.[a-z0-9]+(?:-+[a-z0-9]+)*)*$",
        "it is of a-z, 0-9, - and ., beginning and ending with a letter or digit",
    ),
    (
        "^(([a-z0-9][a-z0-9-]{0,61}[a-z0-9])(\\.[a-z0-9][a-z0-9-]{0,61}[a-z0-9])*/)?[A-Za-z0-9][A-Za-z0-9._-]{0,61}[A-Za-z0-9]$",
        "an annotation is called by letters, digits, -, _ and ., perhaps behind a host name and `/`",
    ),
    ("^[^=]+$", "a variable's name has no `=`"),
    ("^0?[0-7]{3}$", "it is three octal digits, as in \"0644\""),
    ("^(0\\.\\d+|[1-9]\\d*(\\.\\d+)?)(K|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$", "write it as in 128Mi or 1.5G"),
    ("^\\d+(?:m|\\.\\d+)?$", "write it as in \"2\", \"0.5\" or 250m"),
    ("^[A-Za-z0-9_-]+$", "a header is called by letters, digits, - and _"),
    ("httpGet exec", "it takes `httpGet` or `exec`"),
    ("content binaryContent source", "it takes exactly one of `content`, `binaryContent` and `source`"),
];

static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
    let mut schema = serde_json::from_str(TEXT).expect("the schema is JSON, as a test holds");
    say(&mut schema);
    Compiled::new(&schema).expect("the schema is one, as a test holds")
});

pub fn compiled() -> &'static Compiled {
    &COMPILED
}

/// Puts the words where the rules are.
fn say(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let rule = match members.get("oneOf").or_else(|| members.get("anyOf")).and_then(Value::as_array) {
                Some(choices) => {
                    choices.iter().filter_map(|it| it["required"][0].as_str()).collect::<Vec<_>>().join(" ")
                }
                None => members.get("pattern").and_then(Value::as_str).unwrap_or_default().to_owned(),
            };
            members.values_mut().for_each(say);
            if let Some((_, words)) = WORDS.iter().find(|(known, _)| *known == rule) {
                members.insert("x-vend-hint".to_owned(), json!(words));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(say),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_words() {
        let text = compiled().schema().to_string();
        for (rule, words) in WORDS {
            assert!(text.contains(&json!(words).to_string()), "the schema has no rule `{rule}`");
        }
        let mut open = vec![compiled().schema()];
        while let Some(value) = open.pop() {
            assert!(!value["pattern"].is_string() || value["x-vend-hint"].is_string(), "{value} has no words");
            open.extend(value.as_object().into_iter().flat_map(|it| it.values()));
            open.extend(value.as_array().into_iter().flatten());
        }
    }
}
