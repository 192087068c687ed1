//! How a resource is to be treated, besides what it shall be: as its order has said last.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::document::ResourceEntry;
use super::name::{Invalid, Key, Name};

/// Kept with the resource: what protects it must hold when its order says nothing of it any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Care {
    /// No plan that deletes, replaces or releases it is carried out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    #[serde(skip_serializing_if = "OnRemove::is_delete")]
    pub on_remove: OnRemove,
    /// Nothing is ever written to its object.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub observe_only: bool,
    /// The object that was there before, as its order named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopted: Option<String>,
}

/// What becomes of the external object when the resource leaves its order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnRemove {
    #[default]
    Delete,
    Retain,
}

impl OnRemove {
    pub fn as_str(self) -> &'static str {
        match self {
            OnRemove::Delete => "delete",
            OnRemove::Retain => "retain",
        }
    }

    fn is_delete(&self) -> bool {
        *self == OnRemove::Delete
    }
}

impl Care {
    /// As `entry` says; protection that it does not speak of stays as it was.
    pub fn of(entry: &ResourceEntry, before: Option<&Care>) -> Self {
        Self {
            protect: entry.protect.unwrap_or_else(|| before.is_some_and(|it| it.protect)),
            on_remove: entry.on_remove.unwrap_or_default(),
            observe_only: entry.observe_only,
            adopted: entry.adopt.clone().or_else(|| before.and_then(|it| it.adopted.clone())),
        }
    }

    /// Its object stays when it leaves its order.
    pub fn retains(&self) -> bool {
        self.observe_only || self.on_remove == OnRemove::Retain
    }
}

/// Where a resource was before: `[ORDER/]NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// Another order of the same environment.
    pub order: Option<Name>,
    pub key: Key,
}

impl Former {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = |_| Invalid(text.to_owned());
        let (order, name) = match text.split_once('/') {
            Some((order, name)) => (Some(Name::new(order).map_err(invalid)?), name),
            None => (None, text),
        };
        Ok(Self { order, key: Key::from(Name::new(name).map_err(invalid)?) })
    }
}

impl fmt::Display for Former {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.order {
            Some(order) => write!(f, "{order}/{}", self.key),
            None => write!(f, "{}", self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_said_stays_or_is_as_usual() {
        let entry = |more: serde_json::Value| -> ResourceEntry {
            let mut value = json!({ "type": "thing" });
            value.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            serde_json::from_value(value).expect("an entry")
        };
        let before = Care { protect: true, on_remove: OnRemove::Retain, observe_only: true, adopted: Some("x".into()) };
        let kept = Care::of(&entry(json!({})), Some(&before));
        assert_eq!(kept, Care { protect: true, adopted: Some("x".into()), ..Care::default() });
        assert!(!Care::of(&entry(json!({ "protect": false })), Some(&before)).protect);
        assert!(Care::of(&entry(json!({ "on-remove": "retain" })), None).retains());
        assert!(!Care::of(&entry(json!({})), None).retains());
        assert_eq!(serde_json::to_value(Care::default()).expect("JSON"), json!({}));
    }

    #[test]
    fn a_former_place_is_a_name_in_this_order_or_another() {
        for (text, order, key) in [("db", None, "db"), ("shop/db", Some("shop"), "db")] {
            let former = Former::parse(text).expect(text);
            assert_eq!((former.order.as_ref().map(Name::as_str), former.key.as_str()), (order, key));
            assert_eq!(former.to_string(), text);
        }
        for text in ["", "/db", "shop/", "a/b/c", "DB"] {
            assert!(Former::parse(text).is_err(), "{text}");
        }
    }
}
