//! Score's placeholders (score.dev/v1b1, "Placeholder References"): `${metadata.name}`, `${resources.db.host}`, `${resources.data}`.
//!
//! `$${…}` stands for `${…}` and `$$` for `$`, as the reference implementation has it; a lone `$` is a `$`. Knows how
//! they are written, and of what they name the workload's own metadata.

use serde_json::Value;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// With what was escaped in it.
    Text(String),
    Reference(Reference),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// Path into the workload's metadata.
    Metadata(Vec<String>),
    /// A resource as such: what is meant is its id.
    Resource(String),
    Output {
        resource: String,
        path: Vec<String>,
    },
}

/// What is wrong with a placeholder, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    pub message: String,
    pub hint: String,
}

impl Invalid {
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Invalid { message: message.into(), hint: hint.into() }
    }
}

impl Reference {
    /// What stands between the braces. A dot that belongs to a key is written `\.`.
    fn parse(inner: &str) -> Result<Self, Invalid> {
        let shown = short(inner);
        let mut keys = split(inner).into_iter();
        let root = keys.next().unwrap_or_default();
        let rest: Vec<String> = keys.collect();
        if rest.iter().any(String::is_empty) {
            return Err(Invalid::new(format!("`${{{shown}}}` has an empty key"), "keys are joined by single dots"));
        }
        match (root.as_str(), rest.as_slice()) {
            ("metadata", [_, ..]) => Ok(Reference::Metadata(rest)),
            ("resources", [name]) => Ok(Reference::Resource(name.clone())),
            ("resources", [name, path @ ..]) if !path.is_empty() => {
                Ok(Reference::Output { resource: name.clone(), path: path.to_vec() })
            }
            ("metadata", _) => Err(Invalid::new(format!("`${{{shown}}}` says no key"), "write `${metadata.KEY}`")),
            ("resources", _) => {
                Err(Invalid::new(format!("`${{{shown}}}` names no resource"), "write `${resources.NAME.OUTPUT}`"))
            }
            _ => Err(Invalid::new(
                format!("`${{{shown}}}` names neither `metadata` nor `resources`"),
                format!("write `$${{{shown}}}` if the text itself is meant"),
            )),
        }
    }

    /// The resource that is needed for it.
    pub fn resource(&self) -> Option<&str> {
        match self {
            Reference::Metadata(_) => None,
            Reference::Resource(name) | Reference::Output { resource: name, .. } => Some(name),
        }
    }
}

/// As it is written, without what would have to be escaped.
impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reference::Metadata(path) => write!(f, "${{metadata.{}}}", path.join(".")),
            Reference::Resource(name) => write!(f, "${{resources.{name}}}"),
            Reference::Output { resource, path } => write!(f, "${{resources.{resource}.{}}}", path.join(".")),
        }
    }
}

fn split(inner: &str) -> Vec<String> {
    let (mut keys, mut key, mut letters) = (Vec::new(), String::new(), inner.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.next_if_eq(&'.').is_some() => key.push('.'),
            '.' => keys.push(std::mem::take(&mut key)),
            other => key.push(other),
        }
    }
    keys.push(key);
    keys
}

/// A text in its parts, with neighbouring texts joined.
pub fn parse(text: &str) -> Result<Vec<Piece>, Invalid> {
    let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find('$') {
        plain.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let braced = |text: &str| text.strip_prefix('{').and_then(|inner| inner.find('}'));
        let escaped = after.strip_prefix('$').and_then(braced);
        rest = if let Some(end) = escaped {
            // `$${` … `}`: all of it but the first `$`.
            plain.push_str(&after[..end + 3]);
            &after[end + 3..]
        } else if let Some(end) = braced(after) {
            let reference = Reference::parse(&after[1..end + 1])?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Reference(reference));
            &after[end + 2..]
        } else {
            plain.push('$');
            after.strip_prefix('$').unwrap_or(after)
        };
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// What a workload's metadata says at a path, as a text.
pub fn metadata(workload: &Value, path: &[String]) -> Result<String, Invalid> {
    let mut value = &workload["metadata"];
    for key in path {
        let known = value.as_object().map(|members| members.keys().map(String::as_str));
        value = value.get(key.as_str()).ok_or_else(|| {
            let reference = Reference::Metadata(path.to_vec());
            let known = known.into_iter().flatten();
            Invalid::new(
                format!("`{reference}`: the metadata have no `{key}`"),
                crate::document::nearest::hint(key, known),
            )
        })?;
    }
    Ok(text(value))
}

/// A value within a text: a text as it is, anything else as JSON.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// As much of what was written as a message shows.
pub fn short(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The parts one after the other, references in `<>`.
    fn check(written: &str, expected: &str) {
        let shown = match parse(written) {
            Ok(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Reference(reference) => format!("<{reference:?}>"),
                })
                .collect(),
            Err(invalid) => format!("refused: {}", invalid.message),
        };
        let expected = expected
            .replace("<DB>", "<Output { resource: \"db\", path: [\"host\"] }>")
            .replace("<NAME>", "<Metadata([\"name\"])>");
        assert_eq!(shown, expected, "{written}");
    }

    #[test]
    fn texts() {
        for (written, expected) in [
            ("", ""),
            ("abc", "abc"),
            ("$abc", "$abc"),
            ("$", "$"),
            ("abc $$ abc", "abc $ abc"),
            ("$${abc}", "${abc}"),
            ("$$${metadata.name}", "$<NAME>"),
            ("$$$${abc}", "$${abc}"),
            ("$${abc", "${abc"),
            ("${abc", "${abc"),
            ("$${abc .4t *(^&(*}", "${abc .4t *(^&(*}"),
            ("${resources.db.host}", "<DB>"),
            ("a ${resources.db.host}:${metadata.name} z", "a <DB>:<NAME> z"),
            ("${resources.db}", "<Resource(\"db\")>"),
            ("${resources.db.a\\.b.c}", "<Output { resource: \"db\", path: [\"a.b\", \"c\"] }>"),
            ("${metadata.annotations.x\\.io/y}", "<Metadata([\"annotations\", \"x.io/y\"])>"),
            ("ü${metadata.name}ü", "ü<NAME>ü"),
            ("${}", "refused: `${}` names neither `metadata` nor `resources`"),
            ("${HOME}", "refused: `${HOME}` names neither `metadata` nor `resources`"),
            ("${metadata}", "refused: `${metadata}` says no key"),
            ("${resources}", "refused: `${resources}` names no resource"),
            ("${resources.}", "refused: `${resources.}` has an empty key"),
            ("${resources.db..host}", "refused: `${resources.db..host}` has an empty key"),
            ("${\n}", "refused: `${\n}` names neither `metadata` nor `resources`"),
        ] {
            check(written, expected);
        }
    }

    #[test]
    fn metadata_are_texts_or_json() {
        let workload = json!({"metadata": {"name": "web", "other": {"key": 1, "list": [true]},
            "annotations": {"x.io/y": "z"}}});
        for (path, expected) in [
            (&["name"][..], Ok("web")),
            (&["other"], Ok(r#"{"key":1,"list":[true]}"#)),
            (&["other", "key"], Ok("1")),
            (&["annotations", "x.io/y"], Ok("z")),
            (&["nam"], Err("`${metadata.nam}`: the metadata have no `nam`")),
            (&["name", "x"], Err("`${metadata.name.x}`: the metadata have no `x`")),
        ] {
            let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
            let found = metadata(&workload, &path);
            assert_eq!(found.as_deref().map_err(|invalid| invalid.message.as_str()), expected);
        }
    }
}
