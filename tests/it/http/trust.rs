//! Whom the core trusts where a connection does not say: the machine, and only where something is encrypted.

use std::io::Write as _;

use crate::support::program::Program;
use crate::support::web::{Web, answer};

/// A machine without any authority.
const NOBODY: [&str; 3] = ["env", "SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent"];

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_trusts_nobody_speaks_in_the_clear_and_says_why_not_over_tls() {
    let web = Web::start(|_| answer("200 OK", &[], "")).await;
    let core = Program::try_start(&NOBODY, &[]).expect("the core starts");
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    for (name, scheme) in [("plain", "http"), ("secure", "https")] {
        writeln!(
            file,
            "---\n{{ apiVersion: vend/v1, kind: Connection, name: {name}, type: http, endpoint: '{scheme}://127.0.0.1:{}', check: /, \
             allow: {{ networks: [127.0.0.0/8], reads: [{{ path: /** }}] }} }}",
            web.port
        )
        .expect("written");
    }
    let path = file.path().display().to_string();
    let applied = core.run(&["apply", "-f", &path]);
    assert_eq!(applied.status, 0, "{applied:?}");
    let plain = core.run(&["check", "connection", "plain"]);
    assert!(plain.status == 0 && web.count() == 1, "{plain:?}");
    let secure = core.run(&["check", "connection", "secure"]);
    let told = format!("{}{}", secure.stdout, secure.stderr);
    assert!(secure.status != 0 && told.contains("trusts no authority") && web.count() == 1, "{secure:?}");
}
