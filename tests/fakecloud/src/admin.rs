//! The other API, for whoever runs the test: faults, virtual time, what there is.

use hyper::http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::Plan;
use crate::object::parse;
use crate::reply::Reply;
use crate::serve::Server;

const LONGEST_ADVANCE_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Clock {
    advance_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reads {
    status: Option<u16>,
}

/// Answers what is below `/admin`.
pub async fn answer(server: &Server, parts: &Parts, body: &[u8]) -> Reply {
    match (parts.method.as_str(), parts.uri.path()) {
        ("GET", "/admin/faults") => faults(server),
        ("POST", "/admin/faults") => plan(server, body).unwrap_or_else(Reply::invalid),
        ("GET", "/admin/clock") => Reply::new(200, json!({ "now-ms": server.now_ms() })),
        ("POST", "/admin/clock") => match clock(body) {
            Ok(advance_ms) => server.advance(advance_ms).await,
            Err(why) => Reply::invalid(why),
        },
        ("GET", "/admin/objects") => server.objects().await,
        ("POST", "/admin/reads") => reads(server, body).unwrap_or_else(Reply::invalid),
        (method, path @ ("/admin/faults" | "/admin/clock" | "/admin/objects" | "/admin/reads")) => {
            let allow = match path {
                "/admin/objects" => "GET",
                "/admin/reads" => "POST",
                _ => "GET, POST",
            };
            let message = format!("{path} takes {allow}, and not {method}");
            Reply { allow: Some(allow), ..Reply::refusal(405, "NO_SUCH_METHOD", message) }
        }
        (_, path) => Reply::refusal(404, "NO_SUCH_PATH", format!("there is nothing at {path}")),
    }
}

fn faults(server: &Server) -> Reply {
    let faults = server.faults();
    Reply::new(200, json!({ "plan": faults.plan, "done": faults.done }))
}

fn plan(server: &Server, body: &[u8]) -> Result<Reply, String> {
    let plan: Plan = parse(body)?;
    plan.check()?;
    server.faults().replace(plan);
    Ok(faults(server))
}

fn clock(body: &[u8]) -> Result<u64, String> {
    let Clock { advance_ms } = parse(body)?;
    if advance_ms > LONGEST_ADVANCE_MS {
        return Err(format!("advance-ms is at most {LONGEST_ADVANCE_MS}"));
    }
    Ok(advance_ms)
}

fn reads(server: &Server, body: &[u8]) -> Result<Reply, String> {
    let Reads { status } = parse(body)?;
    if !matches!(status, None | Some(403 | 500)) {
        return Err("status is 403, 500 or null".to_owned());
    }
    server.fail_reads(status);
    Ok(Reply::new(200, json!({ "status": status.map_or(Value::Null, Value::from) })))
}
