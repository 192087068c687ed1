//! Pausing and resuming from outside: through the API, over restarts, and by the command line.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use vend::domain::principal::Role;
use vend::pb;
use vend::pb::operation::State;

use super::life::{apply, stocked, wait};
use crate::support::core::{Caller, Core, reason, source};
use crate::support::program::{Ran, ran};

async fn child(caller: &Caller, parent: &str) -> pb::Operation {
    let request = pb::ListOperationsRequest { project: "default".into(), parent: parent.into(), ..Default::default() };
    caller.operations().list_operations(request).await.expect("listed").into_inner().operations.remove(0)
}

async fn held(caller: &Caller, parent: &str) -> pb::Operation {
    for _ in 0..500 {
        let child = child(caller, parent).await;
        if child.reason == "PAUSED" {
            return child;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not held: {:?}", child(caller, parent).await);
}

async fn holds(core: &Core) -> Vec<String> {
    let status = core.admin().system().get_status(pb::GetStatusRequest {}).await.expect("told").into_inner();
    status.holds.into_iter().map(|it| it.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_that_starts_paused_answers_and_attempts_nothing_until_it_is_resumed() {
    let core = stocked().await.restart_with(|settings| settings.paused = true).await;
    assert_eq!(holds(&core).await, ["core"]);
    let operation = apply(&core.admin(), false).await.operation.expect("accepted");
    let waiting = held(&core.admin(), &operation.id).await;
    assert_eq!((waiting.state(), waiting.attempts, waiting.due_time), (State::Waiting, 0, None));
    assert!(waiting.message.contains("`vend resume core`"), "{}", waiting.message);
    let order = pb::GetOrderRequest { name: operation.order.clone() };
    let order = core.admin().orders().get_order(order).await.expect("there").into_inner().order.expect("an order");
    assert_eq!((order.conditions[0].r#type.as_str(), order.conditions[0].status), ("Paused", true));

    let core = core.restart().await;
    assert_eq!(holds(&core).await, ["core"], "no restart resumes");
    assert_eq!(held(&core.admin(), &operation.id).await.attempts, 0);
    assert_eq!(std::fs::read_dir(core.data().join("databases")).expect("there").count(), 0);
    let developer = core.caller(&[Role::Developer]).await;
    let refused = developer.system().resume_core(pb::ResumeCoreRequest {}).await.expect_err("not theirs");
    assert_eq!(reason(&refused), "POLICY_DENIED");
    let infra = core.caller(&[Role::Infra]).await;
    assert!(!infra.system().resume_core(pb::ResumeCoreRequest {}).await.expect("resumed").into_inner().unchanged);
    assert!(infra.system().resume_core(pb::ResumeCoreRequest {}).await.expect("nothing").into_inner().unchanged);
    assert_eq!(wait(&core.admin(), &operation.id).await.state(), State::Succeeded);
    core.stop().await;
}

/// Six resources over a connection whose directory cannot be made once `away` is gone.
const AWAY: &str = r#"
apiVersion: vend/v1
kind: Connection
name: files
type: sqlite
endpoint: away/databases
allow: { databases: ["*"] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_that_is_open_outlives_the_process_and_so_do_those_who_wait_for_it() {
    let core = stocked().await;
    core.admin().apply(AWAY).await.expect("applied");
    std::fs::create_dir(core.data().join("away")).expect("a directory");
    core.admin().system().pause_core(pb::PauseCoreRequest::default()).await.expect("paused");
    let resources: Vec<_> =
        (0..6).map(|n| format!("r{n}: {{ type: sqlite-database, params: {{ name: db{n} }} }}")).collect();
    let order = format!("{{ apiVersion: vend/v1, kind: Order, name: six, resources: {{ {} }} }}", resources.join(", "));
    let request = pb::ApplyOrderRequest {
        source: Some(source("six.yaml", &order)),
        project: "default".into(),
        environment: "dev".into(),
        ..Default::default()
    };
    let accepted = core.admin().orders().apply_order(request).await.expect("accepted").into_inner();
    let operation = accepted.operation.expect("work");
    std::fs::remove_dir_all(core.data().join("away")).expect("somebody removes it");
    core.admin().system().resume_core(pb::ResumeCoreRequest {}).await.expect("resumed");
    let mut left = 1_000;
    while holds(&core).await != ["connections/files"] {
        tokio::time::sleep(Duration::from_millis(20)).await;
        left -= 1;
        assert!(left > 0, "it does not open: {:?}", child(&core.admin(), &operation.id).await);
    }
    let core = core.restart().await;
    assert_eq!(holds(&core).await, ["connections/files"]);
    std::fs::create_dir(core.data().join("away")).expect("a directory");
    assert_eq!(wait(&core.admin(), &operation.id).await.state(), State::Succeeded);
    assert_eq!(holds(&core).await, Vec::<String>::new());
    core.stop().await;
}

#[tokio::test]
async fn what_cannot_be_paused_is_refused() {
    let core = Core::start().await;
    let admin = core.admin();
    let message = String::new;
    for name in ["projects/default", "resourceTypes/x", "connections/", "core", ""] {
        let request = pb::PauseDocumentRequest { name: name.into(), message: message() };
        let refused = admin.documents().pause_document(request).await.expect_err(name);
        assert_eq!(reason(&refused), "REQUEST_INVALID", "{name}");
    }
    let request = pb::PauseDriverRequest { name: "drivers/x@1.0.0".into(), message: message() };
    let refused = admin.drivers().pause_driver(request).await.expect_err("a version");
    assert!(refused.message().contains("all of its versions"), "{refused}");
    let request = pb::PauseDocumentRequest { name: "recipes/none".into(), message: message() };
    assert_eq!(reason(&admin.documents().pause_document(request).await.expect_err("none")), "NOT_FOUND");
    for message in ["x".repeat(201), "a\nb".into()] {
        let refused = admin.system().pause_core(pb::PauseCoreRequest { message }).await.expect_err("too long");
        assert_eq!(reason(&refused), "REQUEST_INVALID");
    }
    core.stop().await;
}

fn vend(core: &Core, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vend"));
    command.args(arguments).env("VEND_CONFIG_DIR", core.data().join("config"));
    command.env("VEND_SERVER", format!("http://{}", core.running.address));
    command.env("VEND_TOKEN_FILE", &core.running.token_file);
    command.envs([("VEND_PROJECT", "default"), ("VEND_ENVIRONMENT", "dev")]);
    ran(command.output().expect("ended"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_pauses_and_resumes() {
    let core = stocked().await;
    let run = |arguments: &[&str]| {
        let ran = vend(&core, arguments);
        assert_eq!(ran.status, 0, "{arguments:?}: {ran:?}");
        ran.stdout
    };
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&run(arguments)).expect("JSON") };
    assert_eq!(run(&["pause", "conn", "files", "--reason", "new disks"]), "connection/files paused\n");
    assert_eq!(run(&["pause", "connection", "files"]), "connection/files was paused before\n");
    let shown = json(&["get", "connection", "files", "-o", "json"]);
    let conditions = shown["status"]["conditions"].as_array().expect("some");
    let paused = conditions.iter().find(|it| it["type"] == "Paused").expect("paused");
    assert!(paused["message"].as_str().is_some_and(|it| it.contains("new disks")), "{paused}");
    assert!(run(&["describe", "connection", "files"]).contains("vend resume connection files"));
    assert!(run(&["status"]).contains("connections/files (PAUSED)"));
    assert_eq!(json(&["status", "-o", "json"])["holds"][0]["message"], "new disks");
    assert_eq!(json(&["pause", "driver", "sqlite", "-o", "json"])["name"], "drivers/sqlite");
    assert!(run(&["driver", "describe", "sqlite"]).contains("Paused"));
    let operation = apply(&core.admin(), false).await.operation.expect("accepted");
    held(&core.admin(), &operation.id).await;
    assert!(run(&["get", "operations"]).contains("PAUSED"));
    assert!(run(&["get", "resource", "notes/db", "-o", "yaml"]).contains("type: Paused"));
    assert_eq!(run(&["resume", "driver", "sqlite"]), "driver/sqlite resumed\n");
    assert_eq!(json(&["resume", "connection", "files", "-o", "json"])["unchanged"], false);
    assert_eq!(run(&["resume", "connection", "files"]), "connection/files was not paused\n");
    run(&["wait", &format!("operation/{}", operation.id)]);
    assert_eq!(run(&["pause", "order", "notes"]), "order/notes paused\n");
    assert!(run(&["get", "order", "notes", "-o", "yaml"]).contains("vend resume order notes -p default -e dev"));
    assert_eq!(run(&["resume", "order", "notes"]), "order/notes resumed\n");
    assert_eq!(run(&["pause", "core"]), "core paused\n");
    assert_eq!(run(&["resume", "core"]), "core resumed\n");
    for (arguments, status, said) in [
        (&["pause", "core", "x"][..], 2, "there is one core"),
        (&["pause", "connection"], 2, "its name is missing"),
        (&["pause", "project", "x"], 2, "possible values"),
        (&["pause", "recipe", "none"], 1, "NOT_FOUND"),
        (&["resume", "order", "none"], 1, "NOT_FOUND"),
    ] {
        let ran = vend(&core, arguments);
        assert_eq!(ran.status, status, "{arguments:?}: {ran:?}");
        assert!(ran.stderr.to_lowercase().contains(&said.to_lowercase()), "{arguments:?}: {ran:?}");
    }
    let completion = run(&["completion", "bash"]);
    assert!(completion.contains("core connection driver recipe order"), "the kinds are offered");
    core.stop().await;
}
