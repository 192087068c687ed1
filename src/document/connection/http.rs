//! What a connection that speaks HTTP must say.

use super::super::refusal::Refusal;
use super::{credentials, endpoint, refuse_keys};
use crate::domain::connection::{Connection, Form, RequestRule};
use crate::domain::json::pointer_push;

pub(super) fn check(it: &Connection, found: &mut Vec<Refusal>) {
    if it.filled_from.is_none()
        && let Err(message) = endpoint::http(&it.endpoint)
    {
        found.push(Refusal::new("/endpoint", message).hint("write it as in `https://api.example.com/v1`"));
    }
    let name = &it.meta.name;
    if it.credential.is_some() && it.read_credential.is_none() {
        let refusal = Refusal::new("", format!("missing key `read-credential` in connection `{name}`"));
        found.push(
            refusal.hint("name somebody who can only read, or write `read-credential: same` to read with the first"),
        );
    }
    for (pointer, credential) in credentials(it) {
        if let Ok(Form::ClientCredentials(oauth2)) = credential.form()
            && let Err(message) = endpoint::http(&oauth2.token_endpoint)
        {
            found.push(Refusal::new(format!("{pointer}/oauth2/token-endpoint"), message));
        }
        if let Ok(Form::Login { username, .. }) = credential.form()
            && username.contains(':')
        {
            let message = "over HTTP a user's name holds no colon (RFC 7617)";
            found.push(Refusal::new(format!("{pointer}/username"), message));
        }
    }
    let databases = it.allow.as_ref().is_some_and(|allow| !allow.databases.is_empty());
    refuse_keys("an http", "it has no databases", &[("databases", "/allow/databases", databases)], found);
    let allow = it.allow.clone().unwrap_or_default();
    for (pointer, rules) in [("/allow/reads", &allow.reads), ("/allow/writes", &allow.writes), ("/deny", &it.deny)] {
        for (i, rule) in rules.iter().enumerate() {
            check_rule(&format!("{pointer}/{i}"), rule, found);
        }
    }
    if let Some(check) = &it.check
        && (check.contains(['#', '\\']) || !check.bytes().all(|b| b.is_ascii_graphic()))
    {
        found.push(Refusal::new("/check", "a path is written in ASCII, with everything else percent-encoded"));
    }
    tls(it, found);
}

fn check_rule(pointer: &str, rule: &RequestRule, found: &mut Vec<Refusal>) {
    if rule.path.contains(['?', '#', '\\']) || !rule.path.bytes().all(|b| b.is_ascii_graphic()) {
        let refusal = Refusal::new(format!("{pointer}/path"), "a rule's path holds no query and nothing but ASCII");
        found.push(refusal.hint("what the query says goes into `query`"));
    }
    for key in rule.json.keys().filter(|key| !key.is_empty() && !key.starts_with('/')) {
        let place = pointer_push(&format!("{pointer}/json"), key);
        let refusal = Refusal::new(place, format!("`{key}` is no JSON Pointer"));
        found.push(Refusal { at_key: true, ..refusal.hint("it begins with `/`, as in `/action`") });
    }
}

fn tls(it: &Connection, found: &mut Vec<Refusal>) {
    let Some(tls) = &it.tls else { return };
    if it.endpoint.starts_with("http://") {
        let refusal = Refusal::new("/tls", "the endpoint begins with `http://`: nothing is encrypted there");
        found.push(Refusal { at_key: true, ..refusal.hint("write `https://`, or leave `tls` out") });
    }
    if tls.certificate.is_some() != tls.key.is_some() {
        found.push(Refusal::new("/tls", "a certificate is shown together with its key").hint("give both, or neither"));
    }
}
