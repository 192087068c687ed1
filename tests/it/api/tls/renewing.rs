//! SIGHUP: another certificate without another process.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::Place;
use crate::support::certificates::{LOCAL, Pair};
use crate::support::program::Program;

/// Whose certificate a new connection is shown.
fn shown(core: &Program) -> String {
    let address = format!("127.0.0.1:{}", core.port);
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &address]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = client.output().expect("openssl");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find_map(|line| line.strip_prefix("subject=")).unwrap_or_else(|| panic!("{said}"));
    line.replace("CN = ", "").trim().to_owned()
}

/// Sends SIGHUP, and waits until the log has one more line about it; gives the line.
fn renew(core: &Program) -> String {
    let lines = || core.said().lines().filter(|line| line.contains("SIGHUP")).map(str::to_owned).collect::<Vec<_>>();
    let before = lines().len();
    core.signal("HUP");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(line) = lines().get(before) {
            return line.clone();
        }
        assert!(Instant::now() < deadline, "nothing is said: {}", core.said());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn put(pair: &Pair, at: &Pair) {
    std::fs::copy(&pair.certificate, &at.certificate).expect("copied");
    std::fs::copy(&pair.key, &at.key).expect("copied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_and_a_wrong_one_is_not() {
    let place = Place::new();
    let used = Pair { certificate: place.path("used.pem"), key: place.path("used.key") };
    let (first, second) = (place.authority.sign("first", LOCAL), place.authority.sign("second", LOCAL));
    put(&first, &used);
    let core = super::serve(&used, &[]);
    assert_eq!(shown(&core), "first");
    let mut health = HealthClient::new(place.connect(&core).await.expect("connected"));
    let mut ask =
        async || health.check(HealthCheckRequest { service: String::new() }).await.expect("open").into_inner();
    ask().await;

    put(&second, &used);
    assert_eq!(shown(&core), "first", "nobody has asked for another one");
    let line = renew(&core);
    assert!(line.contains("INFO"), "{line}");
    assert_eq!(shown(&core), "second");
    ask().await;

    std::fs::copy(&first.certificate, &used.certificate).expect("copied");
    let line = renew(&core);
    assert!(line.contains("ERROR") && line.contains("the former certificate stays"), "{line}");
    assert!(line.contains("used.key` does not belong to the certificate"), "{line}");
    assert_eq!(shown(&core), "second");
    std::fs::remove_file(&used.key).expect("removed");
    let line = renew(&core);
    assert!(line.contains("the former certificate stays") && line.contains("No such file"), "{line}");
    assert_eq!(shown(&core), "second");

    put(&first, &used);
    renew(&core);
    assert_eq!(shown(&core), "first");
    ask().await;
}
