//! Deleting what is needed.

use tonic::Code::{self, Aborted, FailedPrecondition, InvalidArgument, NotFound};
use vend::pb;

use super::table::Table;

/// What is tried, the document's name, the etag given; the code, the reason and words of the answer.
type Case = (&'static str, &'static str, &'static str, Code, &'static str, &'static [&'static str]);

pub async fn rows(table: &mut Table) {
    let cases: [Case; 9] = [
        (
            "delete: a project with environments",
            "projects/default",
            "",
            FailedPrecondition,
            "NOT_EMPTY",
            &["`dev`", "delete those first"],
        ),
        (
            "delete: an environment with orders",
            "projects/default/environments/dev",
            "",
            FailedPrecondition,
            "NOT_EMPTY",
            &["`standing`"],
        ),
        (
            "delete: a type in use",
            "resourceTypes/sqlite-database",
            "",
            FailedPrecondition,
            "IN_USE",
            &["1 resource needs resource type `sqlite-database`", "standing"],
        ),
        (
            "delete: a connection in use",
            "connections/files",
            "",
            FailedPrecondition,
            "IN_USE",
            &["2 resources need connection `files`"],
        ),
        (
            "delete: a recipe in use",
            "recipes/sqlite-files",
            "",
            FailedPrecondition,
            "IN_USE",
            &["1 resource needs recipe `sqlite-files`"],
        ),
        (
            "delete: a connection that a recipe needs",
            "connections/pg",
            "",
            FailedPrecondition,
            "IN_USE",
            &["recipe `probe-pg`", "delete the recipe first"],
        ),
        ("delete: what is not there", "recipes/nonesuch", "", NotFound, "NOT_FOUND", &["no recipe `nonesuch`"]),
        (
            "delete: an etag of another version",
            "recipes/probe-down",
            "\"7\"",
            Aborted,
            "ETAG_MISMATCH",
            &["revision 1, not 7"],
        ),
        ("delete: a name of no form", "recipe/probe-down", "", InvalidArgument, "REQUEST_INVALID", &["recipes/*"]),
    ];
    let admin = table.admin.clone();
    for (case, name, etag, code, reason, words) in cases {
        let request = pb::DeleteDocumentRequest { name: name.into(), etag: etag.into() };
        let call = async { admin.documents().delete_document(request).await };
        table.refuses(case, code, reason, words, call).await;
    }
    let driver = pb::GetDriverRequest { name: "drivers/sqlite".into() };
    let driver = admin.drivers().get_driver(driver).await.expect("there").into_inner().driver.expect("a driver");
    for (case, digest, code, reason, words) in [
        (
            "delete: a driver in use",
            driver.digest,
            FailedPrecondition,
            "IN_USE",
            "1 resource is pinned to driver `sqlite@0.1.0`",
        ),
        (
            "delete: a driver that is not there",
            format!("sha256:{}", "0".repeat(64)),
            NotFound,
            "NOT_FOUND",
            "no driver",
        ),
        ("delete: a driver by no digest", "sha256:1".to_owned(), InvalidArgument, "REQUEST_INVALID", "64 hex digits"),
    ] {
        let request = pb::UninstallDriverRequest { digest };
        let call = async { admin.drivers().uninstall_driver(request).await };
        table.refuses(case, code, reason, &[words], call).await;
    }
    // A resource's schema narrowed under it, and a connection turned elsewhere, would orphan what stands.
    let narrowed = "apiVersion: vend/v1\nkind: ResourceType\nname: sqlite-database\nparams: { type: object, properties: { name: { type: string, maxLength: 3 } } }\noutputs: { type: object, required: [name], properties: { name: { type: string } } }\n";
    let words = ["narrowed under 1 resource", "standing"];
    table
        .refuses_documents("update: a type narrowed under a resource", FailedPrecondition, "IN_USE", &words, narrowed)
        .await;
    let moved = "apiVersion: vend/v1\nkind: Connection\nname: files\ntype: sqlite\nendpoint: elsewhere\n";
    let words = ["endpoint cannot change", "make a new connection"];
    table.refuses_documents("update: a connection turned elsewhere", FailedPrecondition, "IN_USE", &words, moved).await;
}
