//! Documents as calls bring them: parsed here, so that every frontend gets the same file, line and column.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;
use std::num::NonZero;
use std::sync::{Arc, LazyLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use crate::document::refusal::words;
use crate::document::{self, File, Parsed, Problem};
use crate::domain::contract::Violation;
use crate::domain::document::{Kind, Manifest, OrderManifest};
use crate::domain::name::Name;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::engine;
use crate::pb;

use super::{names, status};

/// How many files one call may bring.
const MOST_SOURCES: usize = 1_000;

/// What is no larger is read in less time than it takes to hand it to another thread.
const SMALL_BYTES: usize = 4 << 10;

/// How many calls read files at once.
static TURNS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, NonZero::get)));

/// What all documents at once may be made of, in thousands of keys and values: three of the largest files.
const ROOM: usize = 3_000;

static LOADED: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(ROOM)));

/// What documents take of the room there is for all; given back when it is dropped.
pub type Load = OwnedSemaphorePermit;

/// One document, and which of the call's sources it stands in.
pub struct Sourced {
    pub source: usize,
    pub file: String,
    pub parsed: Parsed,
}

/// An order ready to be planned: with the project and environment it goes to.
pub struct Ordered {
    pub manifest: OrderManifest,
    pub project: Name,
    pub environment: Name,
    pub written: Written,
}

/// Documents as read, and what they take while they are worked on.
pub struct Read {
    pub documents: Vec<Sourced>,
    pub load: Load,
}

/// Where an order was written, for messages about it.
pub struct Written {
    file: String,
    parsed: Parsed,
}

impl Written {
    /// The engine's refusal with each violation at its file, line and column.
    pub fn place(&self, error: engine::Error) -> Status {
        let engine::Error::Refused(mut refusal) = error else { return error.into() };
        for violation in &mut refusal.violations {
            violation.message = self.parsed.problem(&self.file, violation).to_string();
        }
        refusal.into()
    }
}

/// Every document of every source, or every problem of all of them. Off the async threads: a large file takes a while.
pub async fn read(sources: Vec<pb::Source>) -> Result<Read, Status> {
    if sources.is_empty() {
        return Err(names::field("sources", "is required"));
    }
    if sources.len() > MOST_SOURCES {
        return Err(names::field(
            "sources",
            format!("has {} files: at most {MOST_SOURCES} go into one call", sources.len()),
        ));
    }
    let documents = if sources.iter().map(|it| it.content.len() + it.file_name.len()).sum::<usize>() <= SMALL_BYTES {
        read_all(&sources)?
    } else {
        // It is work for a processor, and takes room: as many at once as there are processors, and the others wait.
        let Ok(_turn) = TURNS.acquire().await else { return Err(status::unavailable("the core is stopping")) };
        let parsed = tokio::task::spawn_blocking(move || read_all(&sources)).await;
        parsed.unwrap_or_else(|panic| Err(status::internal(&panic)))?
    };
    let thousands = documents.iter().map(|it| it.parsed.nodes).sum::<usize>().div_ceil(1_000);
    let load = Arc::clone(&LOADED).try_acquire_many_owned(u32::try_from(thousands).unwrap_or(u32::MAX));
    let load = load.map_err(|_| {
        let refusal = Refusal::new(Reason::RateLimited, "the core works on as many documents at once as it takes");
        Status::from(refusal.hint("try again in a moment"))
    })?;
    Ok(Read { documents, load })
}

fn read_all(sources: &[pb::Source]) -> Result<Vec<Sourced>, Status> {
    let mut documents = Vec::new();
    let mut problems = Vec::new();
    let mut left_out = 0;
    for (source, it) in sources.iter().enumerate() {
        let file = shown(&it.file_name);
        match document::parse(&File { name: &file, content: &it.content }) {
            Ok(parsed) => {
                documents.extend(parsed.into_iter().map(|parsed| Sourced { source, file: file.clone(), parsed }))
            }
            Err(errors) => {
                left_out += errors.left_out;
                problems.extend(errors.problems);
            }
        }
    }
    if problems.is_empty() {
        problems = twice(&documents);
    }
    if problems.is_empty() { Ok(documents) } else { Err(refused(&problems, left_out)) }
}

/// Documents that an earlier one of the same call is as well: which of the two counts would be a guess.
fn twice(documents: &[Sourced]) -> Vec<Problem> {
    let mut first: HashMap<String, &Sourced> = HashMap::new();
    let mut problems = Vec::new();
    for it in documents {
        let name = match &it.parsed.manifest {
            Manifest::Order(order) => format!("order {:?} {:?} {}", order.project, order.environment, order.meta.name),
            other => other.resource_name(),
        };
        match first.entry(name) {
            Entry::Vacant(free) => drop(free.insert(it)),
            Entry::Occupied(taken) => {
                let manifest = &it.parsed.manifest;
                let former = taken.get().parsed.problem(&taken.get().file, &at_name(""));
                let message = format!(
                    "{} `{}` stands twice: first at {}:{}",
                    words(manifest.kind()),
                    manifest.name(),
                    former.file,
                    former.line
                );
                problems.push(it.parsed.problem(&it.file, &at_name(&message)));
            }
        }
    }
    problems
}

fn at_name(message: &str) -> Violation {
    Violation { pointer: "/name".to_owned(), message: message.to_owned() }
}

/// A file name is repeated in messages, so it is one short line.
fn shown(file_name: &str) -> String {
    let name: String = file_name.chars().filter(|c| !c.is_control() && !turns(*c)).take(200).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

/// What turns the direction of the text around it (Unicode, UAX 9), so that it reads as something else.
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// DOCUMENT_INVALID with one field violation per problem: `file:line:column`, and what is wrong there.
pub fn refused(problems: &[Problem], left_out: usize) -> Status {
    let violations = problems.iter().map(|problem| Violation {
        pointer: format!("{}:{}:{}", problem.file, problem.line, problem.column),
        message: if problem.hint.is_empty() {
            problem.message.clone()
        } else {
            format!("{}: {}", problem.message, problem.hint)
        },
    });
    let mut message = problems.first().map_or_else(|| "the documents are not valid".to_owned(), Problem::to_string);
    let more = problems.len().saturating_sub(1) + left_out;
    if more > 0 {
        let _ = write!(message, " (and {more} more)");
    }
    Refusal::new(Reason::DocumentInvalid, message).violations(violations.collect()).into()
}

/// The one order that a call is about: the one called `which`, or the only one.
pub async fn order(source: Option<pb::Source>, which: &str) -> Result<(Sourced, Load), Status> {
    let source = source.ok_or_else(|| names::field("source", "is required"))?;
    let which = names::optional("order", which)?;
    let Read { documents, load } = read(vec![source]).await?;
    let orders: Vec<Sourced> = documents.into_iter().filter(|it| it.parsed.manifest.kind() == Kind::Order).collect();
    let known: Vec<String> = orders.iter().map(|it| format!("`{}`", it.parsed.manifest.name())).collect();
    let mut fitting =
        orders.into_iter().filter(|it| which.as_ref().is_none_or(|name| it.parsed.manifest.name() == name));
    match (fitting.next(), fitting.next(), which) {
        (Some(one), None, _) => Ok((one, load)),
        (Some(_), Some(_), Some(which)) => Err(invalid(format!("the source has order `{which}` more than once"))),
        (Some(_), Some(_), None) => {
            Err(names::field("order", format!("the source has several orders, say which: {}", known.join(", "))))
        }
        (None, _, Some(which)) if !known.is_empty() => {
            Err(names::field("order", format!("the source has no order `{which}`, only {}", known.join(", "))))
        }
        (None, ..) => Err(invalid("the source has no document of kind Order".to_owned())),
    }
}

fn invalid(message: String) -> Status {
    Refusal::new(Reason::DocumentInvalid, message).into()
}

/// Takes project and environment from the document or from the call. If both say and disagree, that is refused: a file
/// for one place is never applied to another.
pub fn fill(it: Sourced, project: &str, environment: &str) -> Result<Ordered, Status> {
    let given_project = names::optional("project", project)?;
    let given_environment = names::optional("environment", environment)?;
    let Sourced { file, parsed, .. } = it;
    let Manifest::Order(manifest) = &parsed.manifest else {
        return Err(invalid(format!("{} `{}` is no order", parsed.manifest.kind(), parsed.manifest.name())));
    };
    let mut manifest = manifest.clone();
    let mut problems = Vec::new();
    for (key, written, given) in
        [("project", &manifest.project, &given_project), ("environment", &manifest.environment, &given_environment)]
    {
        if let (Some(written), Some(given)) = (written, given)
            && written != given
        {
            let message = format!("the document says {key} `{written}`, but the call says `{given}`");
            problems.push(parsed.problem(&file, &Violation { pointer: format!("/{key}"), message }));
        }
    }
    if !problems.is_empty() {
        return Err(refused(&problems, 0));
    }
    let missing = |key: &str| {
        names::field(key, format!("order `{}` says none: name it in the document or the call", manifest.meta.name))
    };
    let project = manifest.project.clone().or(given_project).ok_or_else(|| missing("project"))?;
    let environment = manifest.environment.clone().or(given_environment).ok_or_else(|| missing("environment"))?;
    manifest.project = Some(project.clone());
    manifest.environment = Some(environment.clone());
    Ok(Ordered { manifest, project, environment, written: Written { file, parsed } })
}
