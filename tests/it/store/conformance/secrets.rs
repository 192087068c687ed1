//! Secrets: of resources and of operators.

use vend::domain::secret::SecretRecord;
use vend::store::{Paging, Write};

use super::{Home, assert_conflict, pages_of, put, scene, try_put};
use crate::support::records::Records;

fn secret(it: &SecretRecord) -> Write {
    Write::Secret(Box::new(it.clone()))
}

pub async fn reads_what_was_put(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(1));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let of_resource = [
        records.resource_secret(&scene.resources[0], "user"),
        records.resource_secret(&scene.resources[0], "password"),
    ];
    let named = records.named_secret("pg-admin");
    put(&*store, vec![secret(&of_resource[0]), secret(&of_resource[1]), secret(&named)]).await;
    for it in of_resource.iter().chain([&named]) {
        assert_eq!(store.secret(&it.key).await.expect("read").as_ref(), Some(it));
    }
    assert_eq!(store.secret("unknown").await.expect("read"), None);
    let [user, password] = of_resource;
    assert_eq!(store.resource_secrets(&scene.resources[0].id).await.expect("read"), [password, user]);
}

pub async fn lists_those_with_names(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(2));
    let scene = scene(&*store, &records, "checkout", &["db"]).await;
    let all = ["c", "a", "b"].map(|name| records.named_secret(name));
    let mut writes: Vec<Write> = all.iter().map(secret).collect();
    writes.push(secret(&records.resource_secret(&scene.resources[0], "password")));
    put(&*store, writes).await;
    let names = |items: &[SecretRecord]| items.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    let first = store.named_secrets(&pages_of(2)).await.expect("list");
    assert_eq!(names(&first.items), ["a", "b"]);
    let rest = store.named_secrets(&Paging { limit: 2, after: first.next }).await.expect("list");
    assert_eq!((names(&rest.items), rest.next), (vec!["c".to_owned()], None));
}

pub async fn replaces_a_value(home: &impl Home) {
    let (store, records) = (home.open().await, Records::new(3));
    let first = records.named_secret("pg-admin");
    put(&*store, vec![secret(&first)]).await;
    assert_conflict(try_put(&*store, vec![secret(&first)]).await, "pg-admin");
    let value = records.sealed("correct horse");
    let second = SecretRecord { value, version: 2, update_time: records.tick(), ..first };
    put(&*store, vec![secret(&second)]).await;
    assert_eq!(store.secret("pg-admin").await.expect("read"), Some(second));
}
