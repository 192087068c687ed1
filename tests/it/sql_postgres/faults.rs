//! What is said of a write when the network or the server fails in the middle of it.

use super::*;
use crate::support::proxy::{Fault, Proxy};

async fn through(place: &Place, trigger: &'static str, fault: Fault) -> (Postgres, Proxy) {
    let proxy = Proxy::start(place.server.port, trigger, fault).await;
    let mut settings = place.settings();
    settings.endpoint = format!("postgres://127.0.0.1:{}", proxy.port);
    settings.timeout_ms = 2_000;
    (open(settings), proxy)
}

#[track_caller]
fn assert_lost<T: std::fmt::Debug>(result: Result<T, Failure>) {
    assert!(matches!(result, Err(Failure::Lost(_))), "{result:?}");
}

#[tokio::test]
async fn a_commit_without_an_answer_is_lost_and_may_have_happened() {
    let place = Place::new("losing").await;
    for (id, fault) in [(2, Fault::Drop), (3, Fault::Hold)] {
        let (postgres, _proxy) = through(&place, "COMMIT", fault).await;
        assert_lost(postgres.transact(Some("losing"), &[plain(&format!("insert into t values ({id}, 'kept')"))]).await);
        let kept = format!("select count(*)::text from t where id = {id}");
        assert_eq!(place.sees(&kept).await, "1", "{fault:?}");
    }
}

#[tokio::test]
async fn a_statement_without_an_answer_is_lost_unless_its_commit_never_came() {
    let place = Place::new("breaking").await;
    for fault in [Fault::Drop, Fault::Hold] {
        let (postgres, _proxy) = through(&place, "insert into t", fault).await;
        let secret = Statement { confidential: true, ..plain("insert into t values (2, 'gone')") };
        for statement in [plain("insert into t values (2, 'gone')"), secret] {
            let error = refused(postgres.transact(Some("breaking"), &[statement]).await);
            assert_error(&error, ErrorKind::Unavailable, "BACKEND_UNAVAILABLE");
        }
    }
    assert_eq!(place.sees("select count(*)::text from t").await, "1");
    let (postgres, _proxy) = through(&place, "create database", Fault::Drop).await;
    assert_lost(postgres.execute(None, &plain("create database breaking_x")).await);
}

#[tokio::test]
async fn before_a_write_is_sent_nothing_is_in_doubt() {
    let place = Place::new("starting").await;
    for fault in [Fault::Drop, Fault::Hold] {
        let (postgres, _proxy) = through(&place, "BEGIN", fault).await;
        let error = refused(postgres.transact(Some("starting"), &[plain("insert into t values (2, 'never')")]).await);
        assert_error(&error, ErrorKind::Unavailable, "BACKEND_UNAVAILABLE");
        // The start-up message; the proxy lets nothing back.
        let (postgres, _proxy) = through(&place, "application_name", fault).await;
        let error = refused(postgres.execute(None, &plain("create database starting_x")).await);
        assert_error(&error, ErrorKind::Unavailable, "BACKEND_UNAVAILABLE");
    }
    assert_eq!(place.sees("select count(*)::text from t").await, "1");
}

#[tokio::test]
async fn a_read_that_breaks_is_unavailable() {
    let place = Place::new("glancing").await;
    for fault in [Fault::Drop, Fault::Hold] {
        let (postgres, _proxy) = through(&place, "from t", fault).await;
        let error = postgres.query(Some("glancing"), &plain("select * from t")).await.expect_err("broken");
        assert_error(&error, ErrorKind::Unavailable, "BACKEND_UNAVAILABLE");
    }
}

#[tokio::test]
async fn the_server_gives_up_before_the_host_does() {
    let place = Place::new("waiting").await;
    let mut settings = place.settings();
    settings.timeout_ms = 1_000;
    let postgres = open(settings);
    let error = postgres.query(None, &plain("select pg_sleep(5)")).await.expect_err("too slow");
    assert_error(&error, ErrorKind::Unavailable, "57014");
    let slow = [plain("insert into t values (2, 'two')"), plain("select pg_sleep(5)")];
    assert_error(&refused(postgres.transact(Some("waiting"), &slow).await), ErrorKind::Unavailable, "57014");
    place.admin.batch_execute("begin; lock table t").await.expect("a lock");
    let error = refused(postgres.transact(Some("waiting"), &[plain("update t set note = ''")]).await);
    assert_error(&error, ErrorKind::Conflict, "55P03");
    // A driver that lifts the server's limits meets the host's.
    let endless = [plain("set local statement_timeout = 0"), plain("select pg_sleep(3)")];
    let error = refused(postgres.transact(None, &endless).await);
    assert_error(&error, ErrorKind::Unavailable, "BACKEND_UNAVAILABLE");
    place.admin.batch_execute("rollback").await.expect("unlocked");
    assert_eq!(place.sees("select count(*)::text from t").await, "1");
}

#[tokio::test]
async fn a_session_that_is_ended_in_the_middle_is_lost() {
    let place = Place::new("ending").await;
    let mut settings = place.settings();
    settings.credential = Some(superuser());
    let postgres = open(settings);
    assert_lost(postgres.execute(None, &plain("select pg_terminate_backend(pg_backend_pid())")).await);
}
