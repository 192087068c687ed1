//! Sessions: as good as new when reused, never in the way, never too many.

use std::time::Duration;

use super::*;

async fn write(postgres: &Postgres, sql: &str) -> Rows {
    postgres.transact(None, &[plain(sql)]).await.unwrap_or_else(|failure| panic!("{sql}: {failure:?}")).remove(0)
}

#[tokio::test]
async fn a_session_is_reset_before_it_is_used_again() {
    let place = Place::new("resetting").await;
    let mut settings = place.settings();
    (settings.concurrency, settings.credential) = (1, Some(superuser()));
    let postgres = open(settings);
    let first = only(write(&postgres, "select pg_backend_pid()").await);
    for (change, probe, expected) in [
        ("set search_path = nowhere", "show search_path", text("\"$user\", public")),
        ("set statement_timeout = 0", "show statement_timeout", text("8s")),
        ("set standard_conforming_strings = off", "show standard_conforming_strings", text("on")),
        ("set TimeZone = 'Asia/Tokyo'", "show TimeZone", text("UTC")),
        ("set role resetting_read", "select current_user::text", text("postgres")),
        ("set session authorization resetting_read", "select session_user::text", text("postgres")),
        ("create temp table left_over (id int)", "select to_regclass('pg_temp.left_over')::text", Value::Null),
        (
            "select pg_advisory_lock(4711)::text",
            "select count(*) from pg_locks where locktype = 'advisory' and objid = 4711",
            Value::Integer(0),
        ),
        (
            "prepare left_over as select 1",
            "select count(*) from pg_prepared_statements where name = 'left_over'",
            Value::Integer(0),
        ),
        (
            "declare c cursor with hold for select 1",
            "select count(*) from pg_cursors where name = 'c'",
            Value::Integer(0),
        ),
        ("listen left_over", "select count(*) from pg_listening_channels()", Value::Integer(0)),
    ] {
        write(&postgres, change).await;
        assert_eq!(only(write(&postgres, probe).await), expected, "{change}");
        assert_eq!(only(write(&postgres, "select pg_backend_pid()").await), first, "the same session after {change}");
    }
}

#[tokio::test]
async fn a_session_that_met_a_type_of_the_database_is_not_confused_later() {
    let place = Place::new("meeting").await;
    let mut settings = place.settings();
    settings.endpoint = format!("{}/meeting", settings.endpoint);
    settings.concurrency = 1;
    place.admin.batch_execute("create type a as enum ('x'); create type b as enum ('y')").await.expect("types");
    let postgres = open(settings);
    for sql in ["select 'x'::a", "select 'y'::b", "select 'x'::a"] {
        postgres.query(None, &plain(sql)).await.expect(sql);
    }
}

#[tokio::test]
async fn a_session_is_closed_after_an_error_and_the_next_one_is_new() {
    let place = Place::new("closing").await;
    let mut settings = place.settings();
    settings.concurrency = 1;
    let postgres = open(settings);
    let first = only(write(&postgres, "select pg_backend_pid()").await);
    refused(postgres.transact(None, &[plain("select 1 / 0")]).await);
    assert_ne!(only(write(&postgres, "select pg_backend_pid()").await), first);
    // A session that the server ended while it was idle is replaced without anybody noticing.
    let ended = only(write(&postgres, "select pg_backend_pid()").await);
    let Value::Integer(pid) = ended else { panic!("{ended:?}") };
    place.admin.query_one(&format!("select pg_terminate_backend({pid}, 5000)"), &[]).await.expect("terminated");
    assert_ne!(only(write(&postgres, "select pg_backend_pid()").await), ended);
}

#[tokio::test]
async fn observing_and_applying_never_share_a_session() {
    let place = Place::new("separating").await;
    let postgres = place.open();
    let who = "select pg_backend_pid() || ' ' || session_user";
    let (mut readers, mut writers) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        readers.push(only(postgres.query(None, &plain(who)).await.expect("a read")));
        writers.push(only(write(&postgres, who).await));
    }
    assert!(readers.iter().all(|reader| *reader == readers[0]) && writers.iter().all(|writer| *writer == writers[0]));
    assert!(format!("{readers:?}").contains("separating_read") && format!("{writers:?}").contains("separating_write"));
}

#[tokio::test]
async fn sessions_are_bounded_and_waiting_ends() {
    let place = Place::new("crowding").await;
    let mut settings = place.settings();
    (settings.concurrency, settings.timeout_ms) = (2, 1_500);
    let postgres = open(settings);
    let sleep = plain("select pg_sleep(1.1)::text");
    let calls = (0..6).map(|_| postgres.query(None, &sleep));
    let watch = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        place.sees("select count(*)::text from pg_stat_activity where usename like 'crowding%'").await
    };
    let (results, at_once) = tokio::join!(futures::future::join_all(calls), watch);
    assert_eq!(at_once, "2");
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 4, "{results:?}");
    for error in results.into_iter().filter_map(Result::err) {
        assert_error(&error, ErrorKind::Throttled, "CONNECTION_BUSY");
    }
    // Idle sessions of one purpose make way for the other.
    write(&postgres, "select 1").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let sessions = place.sees("select count(*)::text from pg_stat_activity where usename like 'crowding%'").await;
    assert!(sessions.parse::<u32>().expect("a count") <= 2, "{sessions}");
}

#[tokio::test]
async fn the_rate_is_held() {
    let place = Place::new("pacing").await;
    let mut settings = place.settings();
    (settings.rate_per_second, settings.timeout_ms, settings.concurrency) = (Some(2), 1_000, 10);
    let postgres = open(settings);
    let one = plain("select 1");
    let results = futures::future::join_all((0..8).map(|_| postgres.query(None, &one))).await;
    assert_eq!(
        results.iter().filter(|result| result.is_ok()).count(),
        4,
        "two at once, two within the second: {results:?}"
    );
    for error in results.into_iter().filter_map(Result::err) {
        assert_error(&error, ErrorKind::Throttled, "RATE_LIMITED");
        assert!(error.retry_after_ms.is_some());
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_no_session_behind() {
    let place = Place::new("dropping").await;
    let mut settings = place.settings();
    settings.concurrency = 1;
    let postgres = open(settings);
    let insert = plain("insert into t select 2, pg_sleep(1)::text");
    let statements = [insert];
    let call = postgres.transact(Some("dropping"), &statements);
    assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
    write(&postgres, "select 1").await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(place.sees("select count(*)::text from t").await, "1");
}
