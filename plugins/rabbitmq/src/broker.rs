//! A vhost and its user on the broker: what stands under the name, whose it is, and the requests that change it.
//!
//! Ownership labels lie in the vhost's description and, as `label=value`, among the user's tags, which mean nothing to the
//! broker. Both are made with them, in one request each.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use vend_sdk::{Error, ErrorKind, Found, Http, Labels, Request, Secret, Semantics, segment};

use crate::documents::{Permissions, Tag};

const BROKER: Http = Http::slot("server");

/// One name on the broker.
pub struct Place<'a> {
    pub name: &'a str,
    labels: &'a Labels,
}

/// What stands there.
pub struct Sight {
    pub vhost: Found<()>,
    /// Its tags, the labels left out.
    pub user: Found<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub max_connections: i64,
    pub max_queues: i64,
}

#[derive(Deserialize)]
struct Vhost {
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    tags: Vec<String>,
}

impl Sight {
    /// Nothing here is a stranger's.
    pub fn refuse_foreign(&self) -> Result<(), Error> {
        match (&self.vhost, &self.user) {
            (Found::Foreign(what), _) | (_, Found::Foreign(what)) => Err(Error::foreign(what)),
            _ => Ok(()),
        }
    }

    pub fn any_ours(&self) -> bool {
        matches!(self.vhost, Found::Ours(_)) || matches!(self.user, Found::Ours(_))
    }
}

impl<'a> Place<'a> {
    pub fn new(name: &'a str, labels: &'a Labels) -> Self {
        Self { name, labels }
    }

    pub fn look(&self) -> Result<Sight, Error> {
        Ok(Sight { vhost: self.vhost()?, user: self.user()? })
    }

    pub fn vhost(&self) -> Result<Found<()>, Error> {
        let Some(vhost) = known::<Vhost>(BROKER.get(self.vhost_path()))? else { return Ok(Found::Absent) };
        let labels = Labels::from_json(&vhost.description);
        let ours = labels.is_some_and(|found| self.labels.own(&found));
        Ok(if ours { Found::Ours(()) } else { Found::Foreign(format!("vhost `{}`", self.name)) })
    }

    pub fn user(&self) -> Result<Found<Vec<String>>, Error> {
        let Some(user) = known::<User>(BROKER.get(self.user_path()))? else { return Ok(Found::Absent) };
        let (labels, tags) = labels_among(user.tags);
        let ours = self.labels.own(&labels);
        Ok(if ours { Found::Ours(tags) } else { Found::Foreign(format!("user `{}`", self.name)) })
    }

    /// What the user may do in the vhost; nothing if it may not even enter.
    pub fn permissions(&self) -> Result<Option<Permissions>, Error> {
        // With the names of user and vhost beside them.
        #[derive(Deserialize)]
        struct Of {
            configure: String,
            write: String,
            read: String,
        }
        let found = known::<Of>(BROKER.get(self.permissions_path()))?;
        Ok(found.map(|Of { configure, write, read }| Permissions { configure, write, read }))
    }

    pub fn limits(&self) -> Result<Limits, Error> {
        #[derive(Deserialize)]
        struct Of {
            value: BTreeMap<String, i64>,
        }
        let of: Vec<Of> = BROKER.get(self.limits_path()).fetch()?.success()?.json()?;
        let limit =
            |name: &str| of.iter().find_map(|it| it.value.get(name).copied()).filter(|it| *it >= 0).unwrap_or(-1);
        Ok(Limits { max_connections: limit("max-connections"), max_queues: limit("max-queues") })
    }

    pub fn make_vhost(&self) -> Result<(), Error> {
        let vhost = json!({ "description": self.labels.to_json() });
        BROKER.put(self.vhost_path()).json(&vhost)?.send(Semantics::Idempotent)?.success()?;
        Ok(())
    }

    /// Makes it, or changes it: always as a whole, for a user that is put without a password has none.
    pub fn put_user(&self, password: &Secret, tags: &[Tag]) -> Result<(), Error> {
        let tags = tags_with(self.labels, tags).join(",");
        let user = json!({ "password": password.handle(), "tags": tags });
        let request = BROKER.put(self.user_path()).json(&user)?.secret(password.json());
        request.send(Semantics::Idempotent)?.success()?;
        Ok(())
    }

    pub fn permit(&self, permissions: &Permissions) -> Result<(), Error> {
        let answer = BROKER.put(self.permissions_path()).json(permissions)?.send(Semantics::Idempotent)?;
        if answer.status == 400 {
            let why = answer.said().unwrap_or_else(|| "it does not say why".to_owned());
            return Err(Error::invalid("/params/permissions", format!("the broker refuses these patterns: {why}")));
        }
        answer.success()?;
        Ok(())
    }

    pub fn limit(&self, name: &str, value: i64) -> Result<(), Error> {
        let path = format!("{}/{name}", self.limits_path());
        if value < 0 {
            BROKER.delete(path).send(Semantics::Idempotent)?.unless_missing()?;
        } else {
            BROKER.put(path).json(&json!({ "value": value }))?.send(Semantics::Idempotent)?.success()?;
        }
        Ok(())
    }

    /// With queues, messages, permissions and limits; whoever is connected is thrown out. That it is gone already is success.
    pub fn delete_vhost(&self) -> Result<(), Error> {
        BROKER.delete(self.vhost_path()).send(Semantics::Idempotent)?.unless_missing()?;
        Ok(())
    }

    pub fn delete_user(&self) -> Result<(), Error> {
        BROKER.delete(self.user_path()).send(Semantics::Idempotent)?.unless_missing()?;
        Ok(())
    }

    fn vhost_path(&self) -> String {
        format!("/vhosts/{}", segment(self.name))
    }

    fn user_path(&self) -> String {
        format!("/users/{}", segment(self.name))
    }

    fn permissions_path(&self) -> String {
        format!("/permissions/{0}/{0}", segment(self.name))
    }

    fn limits_path(&self) -> String {
        format!("/vhost-limits/{}", segment(self.name))
    }
}

/// Nothing if it is not there. The broker answers any wrong path with the same 404, so it must also know who is asking.
fn known<T: serde::de::DeserializeOwned>(request: Request) -> Result<Option<T>, Error> {
    #[derive(Deserialize)]
    struct Who {
        #[serde(rename = "name")]
        _name: String,
    }
    match request.fetch()?.unless_missing()? {
        Some(answer) => answer.json().map(Some),
        None => match BROKER.get("/whoami").fetch()?.unless_missing()? {
            Some(answer) => answer.json::<Who>().map(|_| None),
            None => {
                let message = "the connection does not lead to the management API: its endpoint ends in `/api`";
                Err(Error::new(ErrorKind::Unavailable, "NO_MANAGEMENT_API", message))
            }
        },
    }
}

fn tags_with(labels: &Labels, tags: &[Tag]) -> Vec<String> {
    let labels = labels.iter().map(|(label, value)| format!("{label}={value}"));
    tags.iter().map(|tag| tag.as_str().to_owned()).chain(labels).collect()
}

/// What carries labels, and the rest, sorted.
fn labels_among(tags: Vec<String>) -> (Labels, Vec<String>) {
    let (labels, mut rest): (Vec<_>, Vec<_>) = tags.into_iter().partition(|tag| tag.contains('='));
    let pair = |tag: &String| tag.split_once('=').map(|(label, value)| (label.to_owned(), value.to_owned()));
    rest.sort();
    (Labels::new(labels.iter().filter_map(pair)), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_among_the_tags() {
        let labels =
            Labels::new([("vend-core", "core_1"), ("vend-resource", "res_1")].map(|(l, v)| (l.into(), v.into())));
        let tags = tags_with(&labels, &[Tag::Policymaker, Tag::Management]);
        assert_eq!(tags, ["policymaker", "management", "vend-core=core_1", "vend-resource=res_1"]);
        assert_eq!(labels_among(tags), (labels.clone(), vec!["management".to_owned(), "policymaker".to_owned()]));
        let (found, rest) =
            labels_among(vec!["administrator".into(), "vend-core=core_2".into(), "vend-resource=res_1".into()]);
        assert!(!labels.own(&found));
        assert_eq!(rest, ["administrator"]);
    }

    #[test]
    fn a_name_is_one_part_of_a_path() {
        let labels = Labels::default();
        let place = Place::new("shop ü", &labels);
        assert_eq!(place.permissions_path(), "/permissions/shop%20%C3%BC/shop%20%C3%BC");
    }
}
