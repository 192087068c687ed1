//! What a driver says is shown to people at terminals. Whatever it says, no terminal obeys it, no line is forged, and nothing is shown in
//! an order in which it was not written.

use std::process::Command;

use vend::pb::operation::State;

use super::cases::Cases;
use super::stocked::{accepted, order, rests, start, until};
use crate::support::core::Core;

/// Clears the screen, sets the title, forges a line, rings, turns writing round; in YAML.
const EVIL: &str = r"a\e[2J\e]0;owned\a\x9b31mb\r\nerror: forged\u202ec";

fn vend(core: &Core, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_vend"))
        .args(arguments)
        .env("VEND_CONFIG_DIR", core.data().join("config"))
        .env("VEND_SERVER", format!("http://{}", core.running.address))
        .env("VEND_TOKEN_FILE", &core.running.token_file)
        .envs([("VEND_PROJECT", "default"), ("VEND_ENVIRONMENT", "dev"), ("COLUMNS", "200")])
        .output()
        .expect("ended");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn is_obeyed(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[tokio::test(flavor = "multi_thread")]
async fn no_terminal_obeys_what_a_driver_says() {
    let mut cases = Cases::new("shown");
    let core = start(|_| {}).await;
    let admin = core.admin();
    let saying = format!(
        "after-create: [{{ log: \"{EVIL}\" }}, {{ status: \"{EVIL}\" }}, {{ pending: {{ times: 1, poll-after-ms: 100 }} }}, {{ note: \"{EVIL}\" }}]"
    );
    let said = accepted(&admin, &order("saying", &saying)).await;
    let said = until(&admin, &said, rests).await;
    assert_eq!(said.state(), State::Succeeded, "{said:?}");
    let failing =
        format!("bare: true, on-create: [{{ fail: {{ kind: other, code: \"{EVIL}\", message: \"{EVIL}\" }} }}]");
    let failed = accepted(&admin, &order("failing", &failing)).await;
    let failed = until(&admin, &failed, rests).await;
    assert_eq!(failed.state(), State::Failed, "{failed:?}");
    let crash =
        accepted(&admin, &order("crashing", &format!("bare: true, on-create: [{{ log: \"{EVIL}\" }}, trap]"))).await;
    until(&admin, &crash, |it| it.attempts > 0 || rests(it)).await;

    let planning = format!("on-plan: [{{ fail: {{ kind: other, message: \"{EVIL}\" }} }}]");
    let path = core.data().join("planning.yaml");
    std::fs::write(&path, order("planning", &planning)).expect("written");
    let planning = path.to_string_lossy().into_owned();
    let shown = format!("on-create: [{{ note: \"{EVIL}\" }}]");
    let path = core.data().join("shown.yaml");
    std::fs::write(&path, order("shown", &shown)).expect("written");
    let shown = path.to_string_lossy().into_owned();
    let commands: Vec<Vec<&str>> = vec![
        vec!["logs", &said.id],
        vec!["journal", &said.id],
        vec!["journal", &said.id, "-o", "json"],
        vec!["journal", &said.id, "-o", "yaml"],
        vec!["outputs", "saying"],
        vec!["outputs", "saying", "-o", "env"],
        vec!["outputs", "saying", "-o", "json"],
        vec!["outputs", "saying", "-o", "yaml"],
        vec!["outputs", "saying/it", "--reveal"],
        vec!["describe", "resource", "saying/it"],
        vec!["get", "resource", "saying/it", "-o", "yaml"],
        vec!["get", "resource", "saying/it", "-o", "json"],
        vec!["describe", "order", "saying"],
        vec!["get", "order", "saying", "-o", "yaml"],
        vec!["describe", "operation", &failed.id],
        vec!["get", "operations", "-o", "wide"],
        vec!["get", "operations", "-o", "json"],
        vec!["get", "resources", "-o", "wide"],
        vec!["tree", "failing"],
        vec!["wait", "order/failing", "--for", "ready", "--timeout", "1s"],
        vec!["journal", &failed.id],
        vec!["plan", "-f", &planning],
        vec!["apply", "-f", &planning],
        vec!["plan", "-f", &shown],
        vec!["plan", "-f", &shown, "-o", "wide"],
        vec!["apply", "-f", &shown, "--wait", "--timeout", "60s"],
    ];
    let mut reached = 0;
    for arguments in &commands {
        let (status, text) = vend(&core, arguments);
        let words: Vec<&str> =
            arguments.iter().map(|it| if it.starts_with(['/', 'o']) && it.len() > 20 { "…" } else { it }).collect();
        let case = format!("escapes in `vend {}`", words.join(" "));
        // YAML is for scripts; what turns writing round is a letter there like any other.
        let yaml = arguments.ends_with(&["-o", "yaml"]);
        let obeyed: Vec<char> = text.chars().filter(|c| is_obeyed(*c) && (!yaml || c.is_control())).collect();
        let forged = text.lines().any(|line| line == "error: forged" || line.starts_with("error: forged"));
        let outcome =
            format!("{} lines, exit status {}, none of it obeyed", text.lines().count(), status.unwrap_or(-1));
        cases.row(&case, &["none of it obeyed"], obeyed.is_empty() && !forged, &outcome, "—");
        cases.check(&case, obeyed.is_empty() && !forged, format!("{obeyed:?} {text}"));
        reached += usize::from(text.contains("owned"));
        cases.check(&case, !text.contains("unexpected argument") && !text.contains("USAGE"), &text);
    }
    cases.check("escapes", reached >= 20, format!("what was said was shown by {reached} commands"));
    core.stop().await;
    cases.end();
}
