//! Starting and stopping.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use vend::pb;

use crate::support::core::{Core, settings};

async fn refused(data: &Path) -> String {
    match vend::app::start(settings(data)).await {
        Ok(_) => panic!("it starts"),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test]
async fn a_data_directory_is_served_by_one_process() {
    let core = Core::start().await;
    let message = refused(&core.data()).await;
    assert!(message.contains("in use by another process"), "{message}");
    core.admin().system().get_status(pb::GetStatusRequest {}).await.expect("the first one goes on");
    let core = core.restart().await;
    core.stop().await;
}

#[tokio::test]
async fn a_key_that_others_can_read_is_not_used() {
    let folder = Core::start().await.stop().await;
    let data = folder.path().join("data");
    for file in ["sealing.key", "admin.token"] {
        let path = data.join(file);
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600, "{file}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("set");
        let message = refused(&data).await;
        assert!(message.contains("can be read by others") && message.contains(file), "{message}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
    }
}

#[tokio::test]
async fn the_first_start_makes_a_place_to_order_in_and_the_next_leaves_it_alone() {
    let core = Core::start().await;
    let get = async |core: &Core, name: &str| {
        let request = pb::GetDocumentRequest { name: name.into() };
        core.admin().documents().get_document(request).await.map(|it| it.into_inner().document.expect("a document"))
    };
    let dev = get(&core, "projects/default/environments/dev").await.expect("made");
    assert!(dev.manifest_json.contains("\"type\":\"development\""), "{}", dev.manifest_json);
    let request = pb::DeleteDocumentRequest { name: dev.name.clone(), etag: dev.etag };
    core.admin().documents().delete_document(request).await.expect("deleted");
    let core = core.restart().await;
    get(&core, "projects/default").await.expect("still there");
    get(&core, &dev.name).await.expect_err("what was deleted does not come back");
    core.stop().await;
}

#[tokio::test]
async fn the_program_says_once_that_it_is_ready_and_stops_when_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut child = Command::new(env!("CARGO_BIN_EXE_vend"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .env("VEND_CONFIG_DIR", folder.path().join("config"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let mut out = BufReader::new(child.stdout.take().expect("stdout"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    let expected = format!(" (data {}, token {})\n", data.display(), data.join("admin.token").display());
    assert!(line.starts_with("vend ready at http://127.0.0.1:") && line.ends_with(&expected), "{line}");
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
    assert!(told.success());
    assert!(child.wait().expect("ended").success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the rest");
    assert_eq!(rest, "", "one line is all");
    let context = std::fs::read_to_string(folder.path().join("config/contexts.yaml")).expect("the local context");
    assert!(context.contains("admin.token"), "{context}");
}

#[test]
fn the_program_does_not_listen_beyond_loopback() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_vend"))
        .args(["serve", "--listen", "0.0.0.0:0", "--data"])
        .arg(folder.path())
        .output()
        .expect("ended");
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    for word in ["listening beyond loopback needs TLS", "--tls-cert", "docs/operations.md"] {
        assert!(message.contains(word), "{message}");
    }
}
