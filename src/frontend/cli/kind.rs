//! The kinds of record, by all the words people use for them.

use std::str::FromStr;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Project,
    Environment,
    ResourceType,
    Connection,
    Recipe,
    Order,
    Resource,
    Operation,
    Driver,
    Secret,
    Audit,
}

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::Project,
        Kind::Environment,
        Kind::ResourceType,
        Kind::Connection,
        Kind::Recipe,
        Kind::Order,
        Kind::Resource,
        Kind::Operation,
        Kind::Driver,
        Kind::Secret,
        Kind::Audit,
    ];

    /// Singular, as in `order/checkout`.
    pub fn word(self) -> &'static str {
        self.words()[0]
    }

    /// Singular, plural, then short names.
    fn words(self) -> &'static [&'static str] {
        match self {
            Kind::Project => &["project", "projects", "proj"],
            Kind::Environment => &["environment", "environments", "env", "envs"],
            Kind::ResourceType => &["resource-type", "resource-types", "rt", "rts", "type", "types", "resourcetype"],
            Kind::Connection => &["connection", "connections", "conn", "conns"],
            Kind::Recipe => &["recipe", "recipes"],
            Kind::Order => &["order", "orders", "ord"],
            Kind::Resource => &["resource", "resources", "res"],
            Kind::Operation => &["operation", "operations", "op", "ops"],
            Kind::Driver => &["driver", "drivers"],
            Kind::Secret => &["secret", "secrets"],
            Kind::Audit => &["audit"],
        }
    }

    /// Its `kind:` in a document; orders and the platform team's records only.
    pub fn document(self) -> Option<&'static str> {
        match self {
            Kind::Project => Some("Project"),
            Kind::Environment => Some("Environment"),
            Kind::ResourceType => Some("ResourceType"),
            Kind::Connection => Some("Connection"),
            Kind::Recipe => Some("Recipe"),
            Kind::Order => Some("Order"),
            _ => None,
        }
    }

    /// The kind of a document's `kind:`.
    pub fn of_document(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.document() == Some(kind))
    }

    /// The collection of kinds that stand alone.
    pub fn collection(self) -> Option<&'static str> {
        match self {
            Kind::Project => Some("projects"),
            Kind::ResourceType => Some("resourceTypes"),
            Kind::Connection => Some("connections"),
            Kind::Recipe => Some("recipes"),
            Kind::Driver => Some("drivers"),
            _ => None,
        }
    }

    /// Whether a text is a permanent id that calls for this kind take in place of a name.
    pub fn is_id(self, text: &str) -> bool {
        match self {
            Kind::Resource => text.starts_with("res_"),
            Kind::Operation => true,
            Kind::Driver => text.starts_with("sha256:"),
            _ => false,
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.to_ascii_lowercase().replace('_', "-");
        let found = Self::ALL
            .into_iter()
            .find(|kind| kind.words().iter().any(|word| *word == plain || word.replace('-', "") == plain));
        found.ok_or_else(|| {
            let words: Vec<&str> = Self::ALL.into_iter().map(Kind::word).collect();
            format!("there is no kind `{text}`; there are {}", words.join(", "))
        })
    }
}

/// `KIND/NAME`, as every command prints it; a bare `op_…` is an operation and a bare `res_…` a resource.
pub fn parse_reference(text: &str) -> Result<(Kind, String), String> {
    if text.starts_with("op_") {
        return Ok((Kind::Operation, text.to_owned()));
    }
    if text.starts_with("res_") {
        return Ok((Kind::Resource, text.to_owned()));
    }
    let (kind, name) = text.split_once('/').ok_or_else(|| format!("`{text}` is not of the form KIND/NAME"))?;
    if name.is_empty() {
        return Err(format!("`{text}` names nothing"));
    }
    Ok((kind.parse()?, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (text, expected) in [
            ("rt", Kind::ResourceType),
            ("ResourceTypes", Kind::ResourceType),
            ("resource-type", Kind::ResourceType),
            ("conn", Kind::Connection),
            ("env", Kind::Environment),
            ("res", Kind::Resource),
            ("op", Kind::Operation),
            ("Orders", Kind::Order),
            ("audit", Kind::Audit),
        ] {
            assert_eq!(text.parse::<Kind>(), Ok(expected), "{text}");
        }
        assert!("pod".parse::<Kind>().is_err());
        for kind in Kind::ALL {
            assert_eq!(kind.word().parse::<Kind>(), Ok(kind));
            assert!(kind.document().is_none_or(|word| Kind::of_document(word) == Some(kind)));
        }
    }

    #[test]
    fn no_word_means_two_kinds() {
        let mut words: Vec<&str> = Kind::ALL.iter().flat_map(|kind| kind.words()).copied().collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn references() {
        assert_eq!(parse_reference("order/checkout"), Ok((Kind::Order, "checkout".to_owned())));
        assert_eq!(parse_reference("res/checkout/db"), Ok((Kind::Resource, "checkout/db".to_owned())));
        assert_eq!(parse_reference("op_01"), Ok((Kind::Operation, "op_01".to_owned())));
        assert!(parse_reference("checkout").is_err());
        assert!(parse_reference("order/").is_err());
    }
}
