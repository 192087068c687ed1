//! Whether an answer may leave the host: it keeps the contract, the described schemas, and every secret in its place.

use std::collections::HashSet;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::capability::book::Book;
use crate::capability::convert::{check_external_id, is_obeyed, line};
use crate::document::json_schema::Compiled;
use crate::domain::contract::{Answer, Call, Change, Finding, Object, Observation, Observed, Verb};
use crate::domain::description::TypeDescription;
use crate::domain::json::strings;
use crate::domain::marker;
use crate::domain::secret::Handle;

/// Of one resource type, compiled once.
pub struct Schemas {
    pub params: Compiled,
    pub outputs: Compiled,
}

pub type Described<'a> = Option<(&'a TypeDescription, &'a Schemas)>;

const LONGEST_POINTER: usize = 1024;
const LONGEST_KEY: usize = 1024;
const MOST_FOUND: usize = 1000;
const LONGEST_TOKEN: usize = 1024;
const MOST_CHANGES: usize = 10_000;

/// The error says what is unfit, and where.
pub fn check(answer: &Answer, call: &Call, of: Described<'_>, book: &Book) -> Result<(), String> {
    let may = May { book, given: call.input().map(given).unwrap_or_default() };
    match answer {
        Answer::Described(_) | Answer::Gone | Answer::Observed(Observation::Absent) => Ok(()),
        Answer::Pending(pending) => nowhere("the continuation", &pending.continuation),
        Answer::Validated(params) => {
            may.in_params(params, of)?;
            let known = call.input().is_some_and(|input| input.unknown.is_empty());
            if known { valid("params", params, of.map(|(_, schemas)| &schemas.params), Need::All) } else { Ok(()) }
        }
        Answer::Planned(planned) => {
            if planned.changes.len() > MOST_CHANGES {
                return Err(format!("a plan has {MOST_CHANGES} changes at most"));
            }
            let pointers = planned.changes.iter().map(|change| &change.pointer).chain(&planned.unknown);
            for pointer in pointers {
                check_pointer(pointer)?;
            }
            for change in &planned.changes {
                may.in_change(change)?;
            }
            may.in_outputs(&planned.outputs, of)
        }
        Answer::Done(object) => {
            let need = if call.verb() == Verb::Create { Need::All } else { Need::Some };
            finished(object, of, &may, need)
        }
        Answer::Observed(Observation::Ready(observed)) | Answer::Adopted(observed) => {
            finished(&observed.object, of, &may, Need::Some)?;
            may.in_params(&observed.params, of)
        }
        Answer::Observed(Observation::Unready(observed)) => unfinished(observed, of, &may),
        Answer::Found(Finding::None) => Ok(()),
        Answer::Found(Finding::One(claim)) => {
            claim.external_id.as_deref().map_or(Ok(()), check_external_id)?;
            nowhere("state", &claim.state)
        }
        Answer::Found(Finding::Many(ids)) if ids.len() > MOST_FOUND => {
            Err(format!("find names {MOST_FOUND} objects at most"))
        }
        Answer::Found(Finding::Many(ids)) => ids.iter().try_for_each(|id| check_external_id(id)),
        Answer::Discovered(page) if page.candidates.len() > MOST_FOUND => {
            Err(format!("a page of discover has {MOST_FOUND} objects at most"))
        }
        Answer::Discovered(page) => {
            if page.next_page_token.as_ref().is_some_and(|token| token.len() > LONGEST_TOKEN) {
                return Err(format!("a page token of discover has {LONGEST_TOKEN} bytes at most"));
            }
            page.candidates.iter().try_for_each(|it| check_external_id(&it.external_id))
        }
        Answer::Migrated(state) => nowhere("state", state),
    }
}

/// Whether members may be missing. Who makes an object knows all outputs; of one that was adopted a password cannot be known, neither
/// then nor when it is read or updated.
#[derive(Clone, Copy, PartialEq)]
enum Need {
    All,
    Some,
}

fn finished(object: &Object, of: Described<'_>, may: &May<'_>, need: Need) -> Result<(), String> {
    check_external_id(&object.external_id)?;
    nowhere("state", &object.state)?;
    valid("outputs", &object.outputs, of.map(|(_, schemas)| &schemas.outputs), need)?;
    may.in_outputs(&object.outputs, of)
}

/// What is not finished need not have all outputs, nor an id.
fn unfinished(observed: &Observed, of: Described<'_>, may: &May<'_>) -> Result<(), String> {
    let id = &observed.object.external_id;
    if !id.is_empty() {
        check_external_id(id)?;
    }
    nowhere("state", &observed.object.state)?;
    may.in_outputs(&observed.object.outputs, of)?;
    may.in_params(&observed.params, of)
}

fn valid(what: &str, value: &Value, schema: Option<&Compiled>, need: Need) -> Result<(), String> {
    if let Some(why) = schema.and_then(|schema| schema.too_much(value)) {
        return Err(format!("{what}: {why}"));
    }
    let counts = |error: &ValidationError<'_>| {
        need == Need::All || !matches!(error.kind(), ValidationErrorKind::Required { .. })
    };
    let Some(error) = schema.and_then(|schema| schema.validator().iter_errors(value).find(counts)) else {
        return Ok(());
    };
    let place = error.instance_path().as_str();
    Err(line(format!("{what}{place} does not fit the described schema: {}", said(&error)), 500))
}

/// What is wrong, with the value if it is short enough to be read.
pub fn said(error: &ValidationError<'_>) -> String {
    let value = error.instance().to_string();
    if value.len() <= 60 { error.to_string() } else { error.masked().to_string() }
}

fn check_pointer(pointer: &str) -> Result<(), String> {
    let escaped = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    let shown = !pointer.chars().any(is_obeyed) && Handle::scan(pointer).is_empty();
    if pointer.len() > LONGEST_POINTER || !escaped || !shown || !(pointer.is_empty() || pointer.starts_with('/')) {
        return Err(format!("`{}` is no JSON pointer", line(pointer.to_owned(), 100)));
    }
    Ok(())
}

/// Names of members are shown to people, and become names of variables.
fn check_keys(what: &str, value: &Value) -> Result<(), String> {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(map) => {
                if let Some(key) = map.keys().find(|key| key.len() > LONGEST_KEY || key.chars().any(is_obeyed)) {
                    let key = line(key.clone(), 100);
                    return Err(format!(
                        "the name `{key}` in {what} has control characters, or over {LONGEST_KEY} bytes"
                    ));
                }
                open.extend(map.values());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Documents without a schema have no place for a secret.
fn nowhere(what: &str, value: &Value) -> Result<(), String> {
    if Handle::scan(&value.to_string()).is_empty() {
        Ok(())
    } else {
        Err(format!("a secret's handle stands in {what}"))
    }
}

/// Which handles may stand in an answer.
struct May<'a> {
    book: &'a Book,
    given: HashSet<Handle>,
}

/// The handles that the core itself put into the input: what was ordered, and what was made. Not all that the input holds: whatever the
/// driver left for itself (a continuation, a state) would come back as if it had been given.
fn given(input: &crate::domain::contract::Input) -> HashSet<Handle> {
    let prior = input.prior.as_ref().map(|prior| [&prior.params, &prior.outputs]);
    let documents = std::iter::once(&input.params).chain(prior.into_iter().flatten());
    let texts = documents.flat_map(strings);
    texts.filter_map(|(_, text)| Handle::parse(text)).collect()
}

impl May<'_> {
    fn in_params(&self, params: &Value, of: Described<'_>) -> Result<(), String> {
        self.stand("params", params, of.map(|(described, _)| &described.params))
    }

    fn in_outputs(&self, outputs: &Value, of: Described<'_>) -> Result<(), String> {
        self.stand("outputs", outputs, of.map(|(described, _)| &described.outputs))
    }

    /// Values before and after have no schema: a handle is one whole text, and one of this resource.
    fn in_change(&self, change: &Change) -> Result<(), String> {
        for value in [&change.before, &change.after].into_iter().flatten() {
            check_keys("a change", value)?;
            let whole = strings(value).into_iter().filter_map(|(_, text)| Handle::parse(text));
            let in_place = whole.filter(|handle| self.is_of_resource(handle)).count();
            if Handle::scan(&value.to_string()).len() != in_place {
                return Err(format!("a secret's handle stands in the change of {}", change.pointer));
            }
        }
        Ok(())
    }

    fn is_of_resource(&self, handle: &Handle) -> bool {
        self.book.knows(handle) || self.given.contains(handle)
    }

    /// At every marked place a handle that is granted, and none anywhere else.
    fn stand(&self, what: &str, value: &Value, schema: Option<&Value>) -> Result<(), String> {
        check_keys(what, value)?;
        let marks = schema.map(|schema| marker::pointers(schema, value)).unwrap_or_default();
        let mut in_place = 0;
        for pointer in &marks {
            match value.pointer(pointer) {
                None | Some(Value::Null) => continue,
                Some(Value::String(text)) => match Handle::parse(text) {
                    Some(handle) if self.is_of_resource(&handle) => in_place += 1,
                    Some(_) => return Err(format!("{what}{pointer} holds a handle that is not of this resource")),
                    None => return Err(format!("{what}{pointer} is secret and holds no handle")),
                },
                Some(_) => return Err(format!("{what}{pointer} is secret and no string")),
            }
        }
        if Handle::scan(&value.to_string()).len() == in_place {
            return Ok(());
        }
        let marks: HashSet<&String> = marks.iter().collect();
        let stray = strings(value)
            .into_iter()
            .find(|(pointer, text)| !Handle::scan(text).is_empty() && !marks.contains(pointer));
        let place = stray.map(|(pointer, _)| pointer).unwrap_or_default();
        Err(format!("a secret's handle stands in {what}{place}, which the schema does not mark as secret"))
    }
}

/// How long a pending step may ask to wait: no busy loop, and not for ever.
pub fn poll_after_ms(asked: u32) -> u32 {
    asked.clamp(100, 24 * 3600 * 1000)
}
