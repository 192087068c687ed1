//! Ownership labels: what is put on every external object, and how an object shows that it is ours.

use std::collections::BTreeMap;

/// Names core, resource and incarnation. Ordered, so that one set has one spelling.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(label, value)| (label.as_str(), value.as_str()))
    }

    /// Whether an object that carries `found` is ours: all of our labels are among them. No labels prove nothing.
    pub fn own(&self, found: &Labels) -> bool {
        !self.0.is_empty() && self.0.iter().all(|(label, value)| found.0.get(label) == Some(value))
    }

    /// The id of the resource that an object belongs to.
    pub fn resource(&self) -> Option<&str> {
        self.0.get("vend-resource").map(String::as_str)
    }

    /// Which of that resource's objects it is.
    pub fn incarnation(&self) -> Option<&str> {
        self.0.get("vend-incarnation").map(String::as_str)
    }

    /// As one line of JSON, for backends that have a comment and no labels.
    pub fn to_json(&self) -> String {
        serde_json::Value::from_iter(self.0.clone()).to_string()
    }

    /// What [`Labels::to_json`] wrote; nothing if the text is something else.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::Labels;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::new(pairs.iter().map(|(l, v)| (l.to_string(), v.to_string())))
    }

    #[test]
    fn an_object_is_ours_if_it_carries_all_of_our_labels() {
        let ours = labels(&[("core", "c1"), ("resource", "res_1")]);
        assert!(ours.own(&ours));
        assert!(ours.own(&labels(&[("core", "c1"), ("resource", "res_1"), ("team", "x")])));
        assert!(!ours.own(&labels(&[("core", "c1")])));
        assert!(!ours.own(&labels(&[("core", "c2"), ("resource", "res_1")])));
        assert!(!labels(&[]).own(&ours));
    }

    #[test]
    fn a_comment_holds_labels_or_something_else() {
        let ours = labels(&[("resource", "res_1"), ("core", "c1")]);
        assert_eq!(ours.to_json(), r#"{"core":"c1","resource":"res_1"}"#);
        assert_eq!(Labels::from_json(&ours.to_json()), Some(ours));
        assert_eq!(Labels::from_json("the billing database"), None);
        assert_eq!(Labels::from_json(r#"["core"]"#), None);
    }
}
