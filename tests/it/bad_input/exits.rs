//! How the program ends: what a script sees of all this.

use super::stock::ORDER;
use super::table::{Table, order};

pub fn rows(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    };
    let same = file("same.yaml", order("standing", ORDER));
    let kept = ORDER.lines().nth(1).expect("the database");
    let less = file("less.yaml", order("standing", &format!("\n{kept}")));
    let bad = file("bad.yaml", order("bad", "{ db: { type: sqlite-database, params: { colour: red } } }"));
    let moved = file("moved.yaml", order("standing", &ORDER.replace("name: kept", "name: moved")));
    let cases: [(&str, &[&str], i32, &[&str]); 17] = [
        ("vend plan: nothing to do", &["plan", "-f", &same, "--detailed-exitcode"], 0, &[]),
        ("vend plan: changes", &["plan", "-f", &less, "--detailed-exitcode"], 2, &[]),
        (
            "vend plan: an error",
            &["plan", "-f", &bad, "--detailed-exitcode"],
            1,
            &["(PARAMS_INVALID)", "/resources/db/params/colour"],
        ),
        ("vend apply: params", &["apply", "-f", &bad], 1, &["(PARAMS_INVALID)", "hint: "]),
        ("vend apply: destroys", &["apply", "-f", &less], 3, &["(PLAN_REQUIRED)", "--allow-destroy"]),
        ("vend apply: a stale plan", &["apply", "-f", &less, "--plan", "abc"], 3, &["(PLAN_STALE)"]),
        ("vend apply: holds data", &["apply", "-f", &moved], 3, &["(REPLACEMENT_REFUSED)"]),
        ("vend delete: in use", &["delete", "connection", "files"], 3, &["(IN_USE)"]),
        ("vend delete: not asked for", &["delete", "order", "standing"], 3, &["(PLAN_REQUIRED)"]),
        (
            "vend driver install: no driver",
            &["driver", "install", &same],
            1,
            &["same.yaml`: this is no WebAssembly (DRIVER_INVALID)"],
        ),
        ("vend get: no such kind", &["get", "nonsense"], 2, &["there is no kind `nonsense`"]),
        ("vend resolve: undecided", &["resolve", "op_x"], 2, &["--adopt", "--retry", "--abandon"]),
        ("vend resolve: two decisions", &["resolve", "op_x", "--retry", "--adopt", "x"], 2, &["cannot be used with"]),
        ("vend retry: nothing named", &["retry"], 2, &["OP", "--all"]),
        ("vend retry: no such reason", &["retry", "--all", "--reason", "down"], 2, &["BACKEND_UNAVAILABLE"]),
        (
            "vend get: no core there",
            &["get", "orders", "--server", "http://127.0.0.1:1"],
            1,
            &["cannot reach the core", "vend serve"],
        ),
        ("vend order: no such param", &["order", "sqlite-database", "x", "--set", "nam=x"], 2, &["`nam`"]),
    ];
    for (case, arguments, status, words) in cases {
        table.exits(case, arguments, status, words, false);
    }
    let slow = r#"on-create=[{"pending":{"times":3,"poll-after-ms":1000}}]"#;
    let slow = ["order", "probe", "slow", "--set", "name=slow", "--set-json", slow, "--wait", "--timeout", "1s"];
    table.exits("vend order: the time to wait is up", &slow, 5, &["the time to wait is up"], true);
    // Its session ends before an answer comes.
    let doubt = r#"on-create=[{"execute":"SELECT pg_terminate_backend(pg_backend_pid())"}]"#;
    let doubt = [
        "order",
        "probe",
        "doubt",
        "--class",
        "pg",
        "--set",
        "name=doubt",
        "--set-json",
        "bare=true",
        "--set-json",
        doubt,
        // And whether anything came of it cannot be found out.
        "--set-json",
        r#"on-find=[{"fail":{"kind":"unsupported"}}]"#,
        "--wait",
        "--timeout",
        "20s",
    ];
    table.exits("vend order: a person has to decide", &doubt, 4, &["(CREATE_OUTCOME_UNKNOWN)"], true);
    let failing =
        ["order", "probe", "odd", "--set", "name=odd", "--set-json", r#"after-create=["rubbish-outputs"]"#, "--wait"];
    table.exits("vend order: the work fails", &failing, 1, &["(DRIVER_UNFIT)", "vend journal op_"], true);
}
