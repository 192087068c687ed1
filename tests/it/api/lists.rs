//! Pages of lists.

use std::fmt::Write as _;

use tonic::Status;
use vend::pb;

use crate::support::core::{Caller, Core, reason};

async fn page(caller: &Caller, size: i32, token: &str) -> Result<(Vec<String>, String), Status> {
    let request = pb::ListDocumentsRequest {
        kind: "Project".into(),
        project: String::new(),
        page_size: size,
        page_token: token.into(),
    };
    let answer = caller.documents().list_documents(request).await?.into_inner();
    Ok((answer.documents.into_iter().map(|it| it.name).collect(), answer.next_page_token))
}

async fn with_projects(count: usize) -> Core {
    let core = Core::start().await;
    let mut text = String::new();
    for i in 0..count {
        let _ = write!(text, "---\napiVersion: vend/v1\nkind: Project\nname: p{i:03}\n");
    }
    core.admin().apply(&text).await.expect("applied");
    core
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repeat() {
    let core = with_projects(9).await;
    let (mut names, mut token) = page(&core.admin(), 4, "").await.expect("a page");
    let mut pages = 1;
    while !token.is_empty() {
        let (more, next) = page(&core.admin(), 4, &token).await.expect("a page");
        assert!(more.len() <= 4);
        names.extend(more);
        token = next;
        pages += 1;
    }
    let mut expected: Vec<_> = (0..9).map(|i| format!("projects/p{i:03}")).collect();
    expected.insert(0, "projects/default".into());
    assert_eq!((names, pages), (expected, 3));
    core.stop().await;
}

#[tokio::test]
async fn a_token_of_another_list_or_none_of_ours_is_refused() {
    let core = with_projects(3).await;
    let admin = core.admin();
    let (_, token) = page(&admin, 2, "").await.expect("a page");
    for bad in ["x", "AAAA", "!!", &token[1..], &format!("{token}AAAA"), &"A".repeat(100_000)] {
        assert_eq!(reason(&page(&admin, 2, bad).await.expect_err(bad)), "REQUEST_INVALID");
    }
    let request = pb::ListDocumentsRequest {
        kind: "Recipe".into(),
        project: String::new(),
        page_size: 2,
        page_token: token.clone(),
    };
    let status = admin.documents().list_documents(request).await.expect_err("of another list");
    assert_eq!(reason(&status), "REQUEST_INVALID");
    assert_eq!(reason(&page(&admin, -1, "").await.expect_err("negative")), "REQUEST_INVALID");
    assert_eq!(page(&admin, i32::MAX, "").await.expect("as many as there are").0.len(), 4);

    let other = with_projects(3).await;
    assert_eq!(reason(&page(&other.admin(), 2, &token).await.expect_err("of another store")), "REQUEST_INVALID");
    other.stop().await;
    let core = core.restart().await;
    page(&core.admin(), 2, &token).await.expect("a token survives a restart");
    core.stop().await;
}

#[tokio::test]
async fn lists_of_what_is_not_there_say_so() {
    let core = Core::start().await;
    let request = pb::ListOrdersRequest { project: "nonesuch".into(), ..Default::default() };
    assert_eq!(reason(&core.admin().orders().list_orders(request).await.expect_err("no project")), "NOT_FOUND");
    let request =
        pb::ListOrdersRequest { project: "default".into(), environment: "nonesuch".into(), ..Default::default() };
    assert_eq!(reason(&core.admin().orders().list_orders(request).await.expect_err("no environment")), "NOT_FOUND");
    let request = pb::ListResourcesRequest::default();
    assert_eq!(reason(&core.admin().resources().list_resources(request).await.expect_err("none")), "REQUEST_INVALID");
    let request = pb::ListDocumentsRequest { kind: "Order".into(), ..Default::default() };
    assert_eq!(reason(&core.admin().documents().list_documents(request).await.expect_err("kind")), "REQUEST_INVALID");
    core.stop().await;
}
