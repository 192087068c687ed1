//! Backends that are broken, slow or hostile: what their answers come to, what they cost, and that the next request is served all the same.

mod silence;
mod floods;
mod framing;
mod redirects;
mod encodings;
mod captures;
mod echoes;
mod doubts;
mod time;
mod certificates;
mod issuers;
mod spellings;
mod logs;

use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{StreamExt as _, stream};
use vend::domain::limits::Limits;
use vend::wit::vend::driver::http_types::{Request, Response};
use vend::wit::vend::driver::types::Semantics;

use crate::http::world::{Terms, get, request};
use crate::support::report::Report;
use crate::support::web::{Act, Web, answer};

/// How an attempt came back: a status, an error's code, or how it ended.
type Came = Result<u16, &'static str>;

const UNAVAILABLE: Came = Err("BACKEND_UNAVAILABLE");
const IN_DOUBT: Came = Err("IN_DOUBT");

/// One thing a backend does in answer to `/bad`, and what it must come to.
struct Case {
    what: &'static str,
    acts: Vec<Act>,
    read: Came,
    write: Came,
    /// What the journal says of the write.
    journal: &'static str,
    /// Instead of GET and POST.
    method: Option<&'static str>,
}

/// No answer: a read fails, a write is in doubt.
fn none(what: &'static str, acts: Vec<Act>) -> Case {
    Case { what, acts, read: UNAVAILABLE, write: IN_DOUBT, journal: "open", method: None }
}

/// A status that holds, and a body that is withheld; where the rest was lost on the way, nobody knows what the write came to.
fn cut(what: &'static str, acts: Vec<Act>, code: &'static str) -> Case {
    let (write, journal) = match code {
        "ANSWER_BROKEN" | "ANSWER_TOO_SLOW" => (IN_DOUBT, "open"),
        _ => (Ok(200), "applied"),
    };
    Case { what, acts, read: Err(code), write, journal, method: None }
}

/// An answer like any other.
fn fine(what: &'static str, acts: Vec<Act>) -> Case {
    Case { what, acts, read: Ok(200), write: Ok(200), journal: "applied", method: None }
}

/// How long a backend is waited for that is not going to answer.
const PATIENCE_MS: u32 = 1_000;

/// Bodies of up to 64,000 bytes, and all the time in the world.
fn terms(endpoint: &str) -> Terms {
    let mut terms = Terms::open(endpoint);
    terms.settings.timeout_ms = 60_000;
    terms.limits = Limits { body_bytes: 64_000, ..Limits::default() };
    terms
}

/// Does to a read and to a write what each case says, some cases at once. Each reaches the backend once, and behind each the same connection
/// serves a request that is answered well.
async fn judge(report: &mut Report, at_once: usize, cases: Vec<Case>) {
    let mut judged = stream::iter(cases.into_iter().map(judge_one)).buffered(at_once);
    while let Some([case, outcome, cost]) = judged.next().await {
        report.row(case, outcome, cost);
    }
}

async fn judge_one(case: Case) -> [String; 3] {
    let Case { what, acts, read, write, journal, method } = case;
    let waits = acts.iter().any(|act| matches!(act, Act::Hold | Act::Drip(..)));
    let asked =
        |usual: &str| Request { timeout_ms: waits.then_some(PATIENCE_MS), ..request(method.unwrap_or(usual), "/bad") };
    let web = Web::start(move |request| match request.target.as_str() {
        "/bad" => acts.clone(),
        _ => answer("200 OK", &[], "fine"),
    })
    .await;
    let terms = terms(&web.url());
    let backend = terms.backend();
    let begun = Instant::now();

    let found = terms.attempt(&backend).fetch(asked("GET")).await;
    assert_eq!(status(&found), came(read), "{what}: read");
    assert_eq!(reached(&web), 1, "{what}: read once");
    let good = terms.attempt(&backend).fetch(get("/good")).await.expect(what);
    assert_eq!((good.status, good.body.as_slice()), (200, b"fine".as_slice()), "{what}: the next one is served");

    let mut world = terms.attempt(&backend);
    let sent = world.send(asked("POST"), Semantics::Unsafe).await;
    assert_eq!((status(&sent), world.last_write().as_str()), (came(write), journal), "{what}: write");
    assert_eq!(reached(&web), 2, "{what}: written once");
    let whole = match &sent {
        Ok(response) if write == Ok(200) && read != Ok(200) => {
            assert!(response.body.is_empty() && withheld(response).is_some(), "{what}: {response:?}");
            ", body withheld"
        }
        _ => "",
    };
    let cost =
        format!("{} bytes sent to us, {} connections, {} ms", web.sent(), web.accepted(), begun.elapsed().as_millis());
    let good = terms.attempt(&backend).send(request("POST", "/good"), Semantics::Unsafe).await.expect(what);
    assert_eq!((good.status, good.body.as_slice()), (200, b"fine".as_slice()), "{what}: the next one is served");
    [what.to_owned(), format!("read: {}; write: {}{whole}", shown(&found), shown(&sent)), cost]
}

fn status(found: &Result<Response, String>) -> Result<u16, String> {
    found.as_ref().map(|response| response.status).map_err(String::clone)
}

fn came(came: Came) -> Result<u16, String> {
    came.map_err(str::to_owned)
}

fn shown(found: &Result<Response, String>) -> String {
    match found {
        Ok(response) => response.status.to_string(),
        Err(code) => code.clone(),
    }
}

fn withheld(response: &Response) -> Option<&str> {
    response.headers.iter().find(|header| header.name == "vend-withheld").map(|header| header.value.as_str())
}

/// All that a driver sees of an answer.
fn told(response: &Response) -> String {
    let headers: Vec<String> = response.headers.iter().map(|it| format!("{}: {}", it.name, it.value)).collect();
    format!("{}\n\n{}", headers.join("\n"), String::from_utf8_lossy(&response.body))
}

/// Requests for `/bad` that arrived.
fn reached(web: &Web) -> usize {
    web.seen().iter().filter(|request| request.target == "/bad").count()
}

/// Waits for what is on its way; the bound is there for what never comes.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn with_body(method: &str, path: &str, body: impl Into<Vec<u8>>) -> Request {
    Request { body: body.into(), ..request(method, path) }
}
