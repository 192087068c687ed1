//! Rows are tried one after the other against one core; what is wrong with them is told together, at the end.

use std::fmt::Write as _;
use std::process::Command;

use tonic::{Code, Status};
use tonic_types::StatusExt;
use vend::pb;
use vend::pb::operation::{Effect, State};

use super::dump::Dump;
use crate::support::core::{Caller, Core, reason, source};

pub struct Table {
    pub core: Core,
    pub admin: Caller,
    told: Vec<[String; 4]>,
    wrong: Vec<String>,
}

/// What an operation is expected to have come to.
pub struct Ending {
    pub reason: &'static str,
    pub effect: Effect,
    pub words: &'static [&'static str],
}

impl Table {
    pub fn new(core: Core) -> Self {
        let admin = core.admin();
        Self { core, admin, told: Vec::new(), wrong: Vec::new() }
    }

    pub fn dump(&self) -> Dump {
        Dump::of(&self.core.data())
    }

    /// One row: `call` is refused with this code and reason, says all these words, and leaves everything as it was.
    pub async fn refuses<T>(
        &mut self,
        case: &str,
        code: Code,
        expected: &str,
        words: &[&str],
        call: impl Future<Output = Result<T, Status>>,
    ) {
        let before = self.dump();
        let answer = call.await;
        let after = self.dump();
        let status = match answer {
            Ok(_) => return self.wrong.push(format!("{case}: was not refused")),
            Err(status) => status,
        };
        let said = said(&status);
        self.hold(case, (code, expected), (status.code(), &reason(&status)), words, &said);
        self.unchanged(case, &before, &after, &[]);
        self.told.push([case.into(), format!("{:?}", status.code()), reason(&status), said]);
    }

    /// One row: both planning and applying this order are refused in the same way.
    pub async fn refuses_order(&mut self, case: &str, code: Code, expected: &str, words: &[&str], resources: &str) {
        let text = order("bad", resources);
        let admin = self.admin.clone();
        self.refuses(case, code, expected, words, plan(&admin, &text)).await;
        self.refuses(&format!("{case}, applied"), code, expected, words, apply(&admin, ask(&text))).await;
        self.told.pop();
    }

    pub async fn refuses_documents(&mut self, case: &str, code: Code, expected: &str, words: &[&str], text: &str) {
        let admin = self.admin.clone();
        self.refuses(case, code, expected, words, admin.apply(text)).await;
    }

    /// One row: this program or part of it does not begin.
    pub fn refuses_to_start(&mut self, case: &str, before: &Dump, how: &str, said: &str, words: &[&str]) {
        let after = self.dump();
        self.unchanged(case, before, &after, &[]);
        for word in words.iter().filter(|word| !said.contains(**word)) {
            self.wrong.push(format!("{case}: does not say `{word}`: {said}"));
        }
        self.told.push([case.into(), how.into(), "—".into(), said.trim().replace('\n', " ⏎ ")]);
    }

    /// One row: the program ends with this status and says all these words on stderr; only what it was let do is changed.
    pub fn exits(&mut self, case: &str, arguments: &[&str], status: i32, words: &[&str], may_change: bool) {
        let before = self.dump();
        let output = Command::new(env!("CARGO_BIN_EXE_vend"))
            .args(arguments)
            .env("VEND_CONFIG_DIR", self.core.data().join("config"))
            .env("VEND_SERVER", format!("http://{}", self.core.running.address))
            .env("VEND_TOKEN_FILE", &self.core.running.token_file)
            .envs([("VEND_PROJECT", "default"), ("VEND_ENVIRONMENT", "dev")])
            .output()
            .expect("ended");
        let after = self.dump();
        if !may_change {
            self.unchanged(case, &before, &after, &[]);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() != Some(status) {
            self.wrong.push(format!("{case}: ended with {:?} instead of {status}: {said}", output.status.code()));
        }
        for word in words.iter().filter(|word| !said.contains(**word)) {
            self.wrong.push(format!("{case}: does not say `{word}`: {said}"));
        }
        let told = said.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
        self.told.push([case.into(), format!("exit status {status}"), "—".into(), told.into()]);
    }

    /// One row: the order is accepted, since only the driver at work can show what it does; the operation ends FAILED, says
    /// what has happened at the backend, and beside the records of the order itself nothing is changed.
    pub async fn fails(&mut self, case: &str, order_name: &str, resources: &str, ending: Ending) {
        let before = self.dump();
        let text = order(order_name, resources);
        let accepted = match apply(&self.admin, ask(&text)).await {
            Ok(accepted) => accepted,
            Err(status) => return self.wrong.push(format!("{case}: was not accepted: {}", said(&status))),
        };
        let parent = wait(&self.admin, &accepted.operation.expect("an operation").id).await;
        let child = child(&self.admin, &parent.id).await;
        let after = self.dump();
        if (parent.state(), parent.reason.as_str()) != (State::Failed, "CHILDREN_FAILED") {
            self.wrong.push(format!("{case}: the order's operation is {:?} {}", parent.state(), parent.reason));
        }
        if (child.state(), child.reason.as_str(), child.effect()) != (State::Failed, ending.reason, ending.effect) {
            let found = format!("{:?} {} {:?}: {}", child.state(), child.reason, child.effect(), child.message);
            self.wrong.push(format!("{case}: ended {found}"));
        }
        for word in ending.words.iter().filter(|word| !child.message.contains(**word)) {
            self.wrong.push(format!("{case}: does not say `{word}`: {}", child.message));
        }
        let mut its_own = vec![
            "order_",
            "order_generation",
            "resource",
            "operation",
            "plan",
            "journal",
            "event",
            "audit",
            "shard",
            "natural_key",
        ];
        its_own.push("secret");
        let its_own: Vec<String> = its_own.iter().map(|table| format!("table {table}")).collect();
        let file = format!("file {order_name}.db");
        let mut allowed: Vec<&str> = its_own.iter().map(String::as_str).collect();
        if ending.effect == Effect::Applied {
            allowed.push(&file);
        }
        self.unchanged(case, &before, &after, &allowed);
        let state = format!("FAILED, effect {}", format!("{:?}", child.effect()).to_lowercase());
        self.told.push([case.into(), state, child.reason, child.message]);
    }

    fn hold(&mut self, case: &str, expected: (Code, &str), found: (Code, &str), words: &[&str], said: &str) {
        if expected != found {
            self.wrong.push(format!("{case}: expected {expected:?}, found {found:?}: {said}"));
        }
        for word in words.iter().filter(|word| !said.contains(**word)) {
            self.wrong.push(format!("{case}: does not say `{word}`: {said}"));
        }
    }

    fn unchanged(&mut self, case: &str, before: &Dump, after: &Dump, allowed: &[&str]) {
        let changed = after.since(before);
        let changed: Vec<_> = changed.iter().filter(|it| !allowed.contains(&it.as_str())).collect();
        if !changed.is_empty() {
            self.wrong.push(format!("{case}: has changed {changed:?}"));
        }
    }

    /// Each reason of the first table in `docs/errors.md` has a row; but for those that no input brings about.
    pub fn has_all_that_is_answered_at_once(&mut self) {
        const ELSEWHERE: [&str; 6] =
            ["RATE_LIMITED", "WATCH_EXPIRED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "INTERNAL", "POLICY_DENIED"];
        let text = include_str!("../../../docs/errors.md");
        let first = text.split("\n## ").nth(1).expect("a table");
        let reasons = first.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        for reason in reasons.filter(|it| !ELSEWHERE.contains(it)) {
            if !self.told.iter().any(|[_, _, told, message]| told == reason || message.contains(reason)) {
                self.wrong.push(format!("{reason} has no row"));
            }
        }
    }

    /// Prints all rows, then fails if any was wrong.
    pub async fn end(self) {
        let mut text = String::new();
        for [case, code, reason, message] in &self.told {
            let _ = writeln!(text, "{case:<58} {code:<22} {reason:<24} {message}");
        }
        println!("\n{text}\n{} rows", self.told.len());
        self.core.stop().await;
        assert!(self.wrong.is_empty(), "{} wrong:\n{}", self.wrong.len(), self.wrong.join("\n"));
    }
}

/// Message, violations and hint, as a frontend would show them.
fn said(status: &Status) -> String {
    let details = status.get_error_details();
    let mut said = status.message().to_owned();
    for it in details.bad_request().map(|it| it.field_violations.as_slice()).unwrap_or_default() {
        let _ = write!(said, " ⏎ {}: {}", it.field, it.description);
    }
    if let Some(hint) = details.error_info().and_then(|info| info.metadata.get("hint")) {
        let _ = write!(said, " ⏎ hint: {hint}");
    }
    said
}

pub fn order(name: &str, resources: &str) -> String {
    format!("apiVersion: vend/v1\nkind: Order\nname: {name}\nresources: {resources}\n")
}

pub fn ask(text: &str) -> pb::ApplyOrderRequest {
    pb::ApplyOrderRequest {
        source: Some(source("order.yaml", text)),
        project: "default".into(),
        environment: "dev".into(),
        ..Default::default()
    }
}

pub async fn apply(caller: &Caller, request: pb::ApplyOrderRequest) -> Result<pb::ApplyOrderResponse, Status> {
    Ok(caller.orders().apply_order(request).await?.into_inner())
}

pub async fn plan(caller: &Caller, text: &str) -> Result<pb::Plan, Status> {
    let request = pb::PlanOrderRequest {
        source: Some(source("order.yaml", text)),
        order: String::new(),
        project: "default".into(),
        environment: "dev".into(),
    };
    Ok(caller.orders().plan_order(request).await?.into_inner().plan.expect("a plan"))
}

pub async fn wait(caller: &Caller, id: &str) -> pb::Operation {
    let timeout = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    let request = pb::WaitOperationRequest { id: id.into(), timeout };
    caller.operations().wait_operation(request).await.expect("waited").into_inner().operation.expect("an operation")
}

async fn child(caller: &Caller, parent: &str) -> pb::Operation {
    let request = pb::ListOperationsRequest { project: "default".into(), parent: parent.into(), ..Default::default() };
    let listed = caller.operations().list_operations(request).await.expect("listed").into_inner().operations;
    listed.into_iter().next().expect("a child")
}
