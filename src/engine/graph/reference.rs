//! What the placeholders of an order name: outputs of its resources, and nothing else.

use crate::domain::name::Key;
use crate::domain::placeholder::Reference;

/// An output of a resource: `${resources.db.outputs.host}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Output {
    pub key: Key,
    /// Members on the way to it; at least one.
    pub path: Vec<String>,
}

const SHAPE: &str = "${resources.NAME.outputs.OUTPUT}";

impl Output {
    /// The error says what is wrong with the reference in itself.
    pub fn parse(reference: &Reference) -> Result<Self, String> {
        let segments = reference.segments();
        match segments.as_slice() {
            ["resources", key, "outputs", path @ ..] if !path.is_empty() => {
                let key = Key::parse(key).map_err(|error| error.to_string())?;
                Ok(Self { key, path: path.iter().map(|it| (*it).to_owned()).collect() })
            }
            ["resources", key] => Err(format!(
                "`{reference}` says which resource, and not what of it: `${{resources.{key}.outputs.OUTPUT}}`"
            )),
            ["resources", key, other, ..] if *other != "outputs" => Err(format!(
                "`{reference}`: only the outputs of a resource can be referred to: `${{resources.{key}.outputs.{other}}}`?"
            )),
            _ => Err(format!(
                "`{reference}` refers to nothing that an order has: write `{SHAPE}`, or `$${{` for the characters `${{`"
            )),
        }
    }

    /// JSON Pointer into the outputs.
    pub fn pointer(&self) -> String {
        self.path.iter().fold(String::new(), |pointer, token| crate::domain::json::pointer_push(&pointer, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_an_output_of_a_resource() {
        for (text, expected) in [
            ("resources.db.outputs.host", Ok(("db", "/host"))),
            ("resources.db/server.outputs.a.0", Ok(("db/server", "/a/0"))),
            (r"resources.db.outputs.a\.b/c", Ok(("db", "/a.b~1c"))),
            ("resources.db", Err("not what of it")),
            ("resources.db.outputs", Err("refers to nothing")),
            ("resources.db.host", Err("only the outputs")),
            ("resources.DB.outputs.host", Err("is no name")),
            ("params.name", Err("refers to nothing")),
        ] {
            let parsed = Output::parse(&Reference::parse(text).expect(text));
            match (parsed, expected) {
                (Ok(output), Ok((key, pointer))) => {
                    assert_eq!((output.key.as_str(), output.pointer().as_str()), (key, pointer), "{text}");
                }
                (Err(error), Err(words)) => assert!(error.contains(words), "{text}: {error}"),
                (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
            }
        }
    }
}
