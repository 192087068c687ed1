//! The server's HTTP API: what stands there under a name, and the requests that change it.
//!
//! Names are in their normal form everywhere here. A zone that is not there is never concluded from a 404, which a wrong
//! address answers as well, but from the list of zones that does not have it.

use serde::{Deserialize, Serialize};
use serde_json::json;
use vend_sdk::{Error, ErrorKind, Http, Response, Semantics};

const SERVER: Http = Http::slot("server");
/// The server calls itself so, whatever its address.
const ZONES: &str = "/servers/localhost/zones";

/// Of a write to a zone that is not there.
pub const ZONE_MISSING: &str = "ZONE_MISSING";

/// A zone by its name.
#[derive(Debug, Clone, Copy)]
pub struct Zone<'a>(pub &'a str);

/// What the server says of a zone, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Facts {
    pub name: String,
    pub kind: String,
    #[serde(default)]
    pub account: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordSet {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub ttl: u32,
    pub records: Vec<Record>,
    #[serde(default)]
    pub comments: Vec<Comment>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub content: String,
    #[serde(default)]
    pub disabled: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    pub content: String,
    #[serde(default)]
    pub account: String,
}

impl RecordSet {
    pub fn is_named(&self, name: &str, kind: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) && self.kind == kind
    }

    /// Those that the server answers with.
    pub fn contents(&self) -> impl Iterator<Item = &str> {
        self.records.iter().filter(|record| !record.disabled).map(|record| record.content.as_str())
    }
}

impl Zone<'_> {
    /// Letters, digits, dots and hyphens stay as they are; PowerDNS writes everything else as `=2F`.
    fn path(&self) -> String {
        self.0.bytes().fold(format!("{ZONES}/"), |path, byte| match byte {
            b'-' | b'.' => path + char::from(byte).encode_utf8(&mut [0; 4]),
            _ if byte.is_ascii_alphanumeric() => path + char::from(byte).encode_utf8(&mut [0; 4]),
            _ => path + &format!("={byte:02X}"),
        })
    }

    pub fn look(&self) -> Result<Option<Facts>, Error> {
        let zones: Vec<Facts> = SERVER.get(ZONES).query("zone", self.0).fetch()?.success()?.json()?;
        Ok(zones.into_iter().find(|zone| zone.name.eq_ignore_ascii_case(self.0)))
    }

    /// Nothing if the zone is not there; a set without records if the set is not.
    pub fn record_set(&self, name: &str, kind: &str) -> Result<Option<RecordSet>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            rrsets: Vec<RecordSet>,
        }
        let request = SERVER.get(self.path()).query("rrset_name", name).query("rrset_type", kind);
        let Some(answer) = request.fetch()?.unless_missing()? else {
            return match self.look()? {
                None => Ok(None),
                Some(_) => Err(Error::new(
                    ErrorKind::Unavailable,
                    "ZONE_UNREADABLE",
                    "the server lists the zone and does not show it",
                )),
            };
        };
        // The server may send more than was asked for: comments of other sets, or all there is.
        let Answer { rrsets } = answer.json()?;
        let found = rrsets.into_iter().find(|set| set.is_named(name, kind));
        let none = || RecordSet { name: name.into(), kind: kind.into(), ttl: 0, records: vec![], comments: vec![] };
        Ok(Some(found.unwrap_or_else(none)))
    }

    /// A name that is taken is an error of the kind `already-exists`.
    pub fn make(&self, kind: &str, nameservers: &[String], account: &str) -> Result<(), Error> {
        let zone = json!({ "name": self.0, "kind": kind, "nameservers": nameservers, "account": account });
        let answer = SERVER.post(ZONES).json(&zone)?.send(Semantics::Idempotent)?;
        if answer.status == 409 {
            let message = format!("zone `{}` exists", self.0);
            return Err(Error::new(ErrorKind::AlreadyExists, "HTTP_409", message));
        }
        answer.success()?;
        Ok(())
    }

    pub fn set_kind(&self, kind: &str) -> Result<(), Error> {
        let request = SERVER.put(self.path()).json(&json!({ "kind": kind }))?;
        self.done(request.send(Semantics::Idempotent)?)
    }

    /// Puts the set in the place of what is there under its name and type. Without comments, those that are there stay.
    pub fn put(&self, set: &RecordSet) -> Result<(), Error> {
        let mut change = json!({ "name": set.name, "type": set.kind, "ttl": set.ttl, "changetype": "REPLACE", "records": set.records });
        if !set.comments.is_empty() {
            change["comments"] = json!(set.comments);
        }
        self.change(change)
    }

    /// With its comments. That it is not there is success.
    pub fn remove(&self, name: &str, kind: &str) -> Result<(), Error> {
        match self.change(json!({ "name": name, "type": kind, "changetype": "DELETE" })) {
            Err(error) if error.code == ZONE_MISSING => Ok(()),
            result => result,
        }
    }

    fn change(&self, change: serde_json::Value) -> Result<(), Error> {
        let request = SERVER.patch(self.path()).json(&json!({ "rrsets": [change] }))?;
        self.done(request.send(Semantics::Idempotent)?)
    }

    /// With everything in it. That it is gone already is success.
    pub fn delete(&self) -> Result<(), Error> {
        SERVER.delete(self.path()).send(Semantics::Idempotent)?.unless_missing()?;
        Ok(())
    }

    fn done(&self, answer: Response) -> Result<(), Error> {
        answer.unless_missing()?.map(|_| ()).ok_or_else(|| self.missing())
    }

    pub fn missing(&self) -> Error {
        Error::new(ErrorKind::NotFound, ZONE_MISSING, format!("the server has no zone `{}`", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_the_path_that_the_server_gives_it() {
        assert_eq!(Zone("shop-1.example.").path(), "/servers/localhost/zones/shop-1.example.");
        assert_eq!(Zone("0/25.2.0.192.in-addr.arpa.").path(), "/servers/localhost/zones/0=2F25.2.0.192.in-addr.arpa.");
        assert_eq!(Zone("_msdcs.corp.").path(), "/servers/localhost/zones/=5Fmsdcs.corp.");
    }

    #[test]
    fn what_the_server_says_is_read() {
        let answer = json!({ "name": "WWW.a.", "type": "A", "ttl": 60, "records": [{ "content": "192.0.2.1", "disabled": false },
            { "content": "192.0.2.2", "disabled": true }], "comments": [{ "content": "c", "account": "", "modified_at": 1 }] });
        let set: RecordSet = serde_json::from_value(answer).unwrap();
        assert!(set.is_named("www.a.", "A") && !set.is_named("www.a.", "AAAA") && !set.is_named("w.a.", "A"));
        assert_eq!(set.contents().collect::<Vec<_>>(), ["192.0.2.1"]);
        let comments_only = json!({ "name": "x.a.", "type": "A", "records": [], "comments": [] });
        assert!(serde_json::from_value::<RecordSet>(comments_only).is_ok());
    }
}
