//! What placeholders name: outputs of resources, in orders and composites; in composites also their params, where they are ordered, and
//! secrets that operators set.

use super::json::pointer_push;
use super::name::{Key, Name};
use super::placeholder::Reference;

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

    /// Of the part `name` of a composite at `key`: what that part is called in the order. `None`: it is too deep.
    pub fn below(&self, key: &Key) -> Option<Self> {
        let name = Name::new(self.key.as_str()).ok()?;
        Some(Self { key: key.part(&name)?, path: self.path.clone() })
    }

    /// As a placeholder.
    pub fn reference(&self) -> Reference {
        let start = ["resources", self.key.as_str(), "outputs"];
        Reference::new(start.into_iter().chain(self.path.iter().map(String::as_str)))
    }

    /// JSON Pointer into the outputs.
    pub fn pointer(&self) -> String {
        self.path.iter().fold(String::new(), |pointer, token| pointer_push(&pointer, token))
    }
}

/// What a placeholder of a composite names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// Of a part.
    Output(Output),
    /// Members on the way into the composite's own params.
    Params(Vec<String>),
    Context(Context),
    /// One that an operator set by name.
    Secret(Name),
}

/// Where a composite is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    Project,
    Environment,
    EnvironmentType,
    Order,
    /// The key of the composite in its order.
    Name,
    Class,
}

impl Context {
    const ALL: [(&str, Context); 6] = [
        ("project", Context::Project),
        ("environment", Context::Environment),
        ("environment-type", Context::EnvironmentType),
        ("order", Context::Order),
        ("name", Context::Name),
        ("class", Context::Class),
    ];
}

impl Named {
    /// The secret that a placeholder in the outputs of a composite names.
    pub fn secret(reference: &Reference) -> Option<Name> {
        match Self::parse(reference) {
            Ok(Named::Secret(name)) => Some(name),
            _ => None,
        }
    }

    /// The error says what is wrong with the reference in itself.
    pub fn parse(reference: &Reference) -> Result<Self, String> {
        let segments = reference.segments();
        match segments.as_slice() {
            ["params", path @ ..] if !path.is_empty() => {
                Ok(Named::Params(path.iter().map(|it| (*it).to_owned()).collect()))
            }
            ["context", name] => match Context::ALL.iter().find(|(known, _)| known == name) {
                Some((_, context)) => Ok(Named::Context(*context)),
                None => {
                    let known: Vec<_> = Context::ALL.iter().map(|(name, _)| *name).collect();
                    Err(format!("`{reference}`: a context has {}", known.join(", ")))
                }
            },
            ["secrets", name] => Name::new(*name).map(Named::Secret).map_err(|error| format!("`{reference}`: {error}")),
            ["params" | "context", ..] => {
                Err(format!("`{reference}`: write `${{params.NAME}}` or `${{context.NAME}}`"))
            }
            _ => Output::parse(reference).map(Named::Output),
        }
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
