//! Whether an answer may leave the host: it keeps the contract, the described schemas, and every secret in its place.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::capability::book::Book;
use crate::capability::convert::shorten;
use crate::domain::contract::{Answer, Call, Finding, Object, Observation, Observed, Verb};
use crate::domain::description::TypeDescription;
use crate::domain::json::strings;
use crate::domain::marker;
use crate::domain::secret::Handle;

/// Of one resource type, compiled once.
pub struct Schemas {
    pub params: Validator,
    pub outputs: Validator,
}

pub type Described<'a> = Option<(&'a TypeDescription, &'a Schemas)>;

const LONGEST_ID: usize = 1024;
const MOST_FOUND: usize = 1000;
const MOST_CHANGES: usize = 10_000;

/// The error says what is unfit, and where.
pub fn check(answer: &Answer, call: &Call, of: Described<'_>, book: &Book) -> Result<(), String> {
    let may = May { book, given: call.input().map(given).unwrap_or_default() };
    match answer {
        Answer::Described(_) | Answer::Gone | Answer::Pending(_) | Answer::Observed(Observation::Absent) => Ok(()),
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
            claim.external_id.as_deref().map_or(Ok(()), check_id)?;
            nowhere("state", &claim.state)
        }
        Answer::Found(Finding::Many(ids)) if ids.len() > MOST_FOUND => {
            Err(format!("find names {MOST_FOUND} objects at most"))
        }
        Answer::Found(Finding::Many(ids)) => ids.iter().try_for_each(|id| check_id(id)),
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
    check_id(&object.external_id)?;
    nowhere("state", &object.state)?;
    valid("outputs", &object.outputs, of.map(|(_, schemas)| &schemas.outputs), need)?;
    may.in_outputs(&object.outputs, of)
}

/// What is not finished need not have all outputs, nor an id.
fn unfinished(observed: &Observed, of: Described<'_>, may: &May<'_>) -> Result<(), String> {
    let id = &observed.object.external_id;
    if !id.is_empty() {
        check_id(id)?;
    }
    nowhere("state", &observed.object.state)?;
    may.in_outputs(&observed.object.outputs, of)?;
    may.in_params(&observed.params, of)
}

fn valid(what: &str, value: &Value, schema: Option<&Validator>, need: Need) -> Result<(), String> {
    let counts = |error: &ValidationError<'_>| {
        need == Need::All || !matches!(error.kind(), ValidationErrorKind::Required { .. })
    };
    let Some(error) = schema.and_then(|schema| schema.iter_errors(value).find(counts)) else { return Ok(()) };
    let place = error.instance_path().as_str();
    Err(shorten(format!("{what}{place} does not fit the described schema: {error}"), 500))
}

fn check_id(id: &str) -> Result<(), String> {
    if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(char::is_control) {
        return Err(format!("an external id has 1 to {LONGEST_ID} bytes and no control characters"));
    }
    Ok(())
}

fn check_pointer(pointer: &str) -> Result<(), String> {
    let escaped = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if pointer.len() > LONGEST_ID || !escaped || !(pointer.is_empty() || pointer.starts_with('/')) {
        return Err(format!("`{}` is no JSON pointer", shorten(pointer.to_owned(), 100)));
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
    /// Those that the input holds.
    given: Vec<Handle>,
}

fn given(input: &crate::domain::contract::Input) -> Vec<Handle> {
    let text = serde_json::to_string(input).unwrap_or_default();
    Handle::scan(&text).into_iter().map(|(_, handle)| handle).collect()
}

impl May<'_> {
    fn in_params(&self, params: &Value, of: Described<'_>) -> Result<(), String> {
        self.stand("params", params, of.map(|(described, _)| &described.params))
    }

    fn in_outputs(&self, outputs: &Value, of: Described<'_>) -> Result<(), String> {
        self.stand("outputs", outputs, of.map(|(described, _)| &described.outputs))
    }

    /// At every marked place a handle that is granted, and none anywhere else.
    fn stand(&self, what: &str, value: &Value, schema: Option<&Value>) -> Result<(), String> {
        let marks = schema.map(|schema| marker::pointers(schema, value)).unwrap_or_default();
        let mut in_place = 0;
        for pointer in &marks {
            match value.pointer(pointer) {
                None | Some(Value::Null) => continue,
                Some(Value::String(text)) => match Handle::parse(text) {
                    Some(handle) if self.book.knows(&handle) || self.given.contains(&handle) => in_place += 1,
                    Some(_) => return Err(format!("{what}{pointer} holds a handle that is not of this resource")),
                    None => return Err(format!("{what}{pointer} is secret and holds no handle")),
                },
                Some(_) => return Err(format!("{what}{pointer} is secret and no string")),
            }
        }
        if Handle::scan(&value.to_string()).len() == in_place {
            return Ok(());
        }
        let stray = strings(value)
            .into_iter()
            .find(|(pointer, text)| !marks.contains(pointer) && !Handle::scan(text).is_empty());
        let place = stray.map(|(pointer, _)| pointer).unwrap_or_default();
        Err(format!("a secret's handle stands in {what}{place}, which the schema does not mark as secret"))
    }
}

/// How long a pending step may ask to wait: no busy loop, and not for ever.
pub fn poll_after_ms(asked: u32) -> u32 {
    asked.clamp(100, 24 * 3600 * 1000)
}
