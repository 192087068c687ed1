//! Reads are reads: what is refused, and that nothing gets past READ ONLY.

use super::*;

#[tokio::test]
async fn what_answers_with_rows_is_read() {
    let place = Place::new("reading").await;
    let postgres = place.open();
    for (sql, expected) in [
        ("select note from t", text("one")),
        ("with x as (select 2 as n) select n from x", Value::Integer(2)),
        ("values (true)", Value::Boolean(true)),
        ("(select 3)", Value::Integer(3)),
        ("/* why */ show standard_conforming_strings;", text("on")),
        ("show application_name", text("vend")),
    ] {
        assert_eq!(only(postgres.query(Some("reading"), &plain(sql)).await.expect(sql)), expected, "{sql}");
    }
    let table = postgres.query(Some("reading"), &plain("table t")).await.expect("a table");
    assert_eq!(
        (table.columns, table.rows),
        (vec!["id".into(), "note".into()], vec![vec![Value::Integer(1), text("one")]])
    );
    assert!(!postgres.query(Some("reading"), &plain("explain select * from t")).await.expect("a plan").rows.is_empty());
}

#[tokio::test]
async fn what_is_no_read_is_refused_and_changes_nothing() {
    let place = Place::new("refusing").await;
    place
        .admin
        .batch_execute(
            "create procedure p() language sql as $$ insert into t values (2, 'two') $$;
             grant all on t to refusing_read; grant all on procedure p() to refusing_read",
        )
        .await
        .expect("a procedure");
    let before = place.fingerprint().await;
    let mut same = place.settings();
    (same.credential, same.read_credential) = (Some(superuser()), ReadCredential::Same);
    for postgres in [place.open(), open(same)] {
        for sql in [
            "insert into t values (2, 'two') returning id",
            "copy t to program 'cat > /dev/null'",
            "copy t from program 'echo 2'",
            "copy (select 1) to '/tmp/vend-was-here'",
            "do $$ begin insert into t values (2, 'two'); end $$",
            "set transaction read write",
            "set session authorization default",
            "commit",
            "rollback",
            "begin",
            "call p()",
            "prepare x as select 1",
            "execute x",
            "create table u ()",
            "vacuum",
            "lock table t",
            "select 1 into u",
            "/* select */ truncate t",
        ] {
            let error = postgres.query(Some("refusing"), &plain(sql)).await.expect_err(sql);
            assert_error(&error, ErrorKind::Denied, "NOT_A_READ");
        }
        for sql in ["select 1; select 2", "select 1; commit; insert into t values (2, 'two')", "select 1; drop table t"]
        {
            let error = postgres.query(Some("refusing"), &plain(sql)).await.expect_err(sql);
            assert_error(&error, ErrorKind::InvalidInput, "42601");
            assert!(error.message.contains("more than one statement"), "{error}");
        }
        assert_eq!(place.fingerprint().await, before);
    }
}

/// Every one of these would write if it ran in a transaction that may. Rolled back or refused: nothing of it stays.
#[tokio::test]
async fn nothing_gets_past_read_only() {
    let place = Place::new("escaping").await;
    place
        .admin
        .batch_execute(
            "create function w() returns int language plpgsql as $$ begin insert into t values (2, 'two'); return 1; end $$;
             create function r() returns int language plpgsql as $$ begin set transaction read write; insert into t values (2, 'two'); return 1; end $$;
             create function c() returns int language plpgsql as $$ begin commit; insert into t values (2, 'two'); return 1; end $$;
             create function i() returns int immutable language plpgsql as $$ begin perform set_config('transaction_read_only', 'off', false); return 1; end $$;
             create table u (id int); create rule \"_RETURN\" as on select to u do instead select w() as id;
             grant all on all tables in schema public to escaping_read",
        )
        .await
        .expect("functions");
    let before = place.fingerprint().await;
    let mut same = place.settings();
    (same.credential, same.read_credential) = (Some(superuser()), ReadCredential::Same);
    for postgres in [place.open(), open(same)] {
        for sql in [
            "with x as (insert into t values (2, 'two') returning id) select id from x",
            "with x as (select 2 as id) insert into t select id from x returning id",
            "explain analyze insert into t values (2, 'two')",
            "select w()",
            "select r()",
            "select c()",
            "select * from u",
            "select nextval('s')",
            "select setval('s', 7)",
            "select * from t for update",
            "select set_config('transaction_read_only', 'off', true), w()",
            "select set_config('transaction_read_only', 'off', false)",
            "select set_config('transaction_isolation', 'serializable', true), w()",
            "select 1 where i() = 1",
            "select query_to_xml('insert into t values (2)', false, false, '')::text",
            "select query_to_xml('commit', false, false, '')::text",
            "select query_to_xml('set transaction read write', false, false, '')::text",
            "select query_to_xml('copy t to program ''cat''', false, false, '')::text",
        ] {
            let result = postgres.query(Some("escaping"), &plain(sql)).await;
            assert!(result.is_err(), "{sql}: {result:?}");
            assert_eq!(place.fingerprint().await, before, "{sql}");
        }
        for sql in [
            "explain analyze create table v as select 1",
            "select lo_create(0)",
            "select lo_from_bytea(0, 'x')",
            "select set_config('default_transaction_read_only', 'off', false)",
            "select set_config('role', session_user::text, false)",
            "select pg_notify('x', 'y')",
        ] {
            // The server may allow it within the transaction; what counts is that nothing stays.
            let _ = postgres.query(Some("escaping"), &plain(sql)).await;
            assert_eq!(place.fingerprint().await, before, "{sql}");
        }
        let again = postgres.query(Some("escaping"), &plain("select w()")).await.expect_err("still READ ONLY");
        assert_error(&again, ErrorKind::Denied, "25006");
    }
}

#[tokio::test]
async fn a_role_that_can_do_more_than_read_is_refused() {
    let place = Place::new("qualifying").await;
    for (index, (attributes, grant)) in [
        ("superuser", ""),
        ("createrole", ""),
        ("createdb", ""),
        ("replication", ""),
        ("bypassrls", ""),
        ("", "pg_execute_server_program"),
        ("", "pg_write_server_files"),
        ("", "pg_write_all_data"),
        ("", "pg_signal_backend"),
        // A power that SET ROLE would give counts, too.
        ("noinherit", "qualifying_write"),
    ]
    .into_iter()
    .enumerate()
    {
        let role = format!("qualifying_{index}");
        place
            .admin
            .batch_execute(&format!("create role {role} login {attributes} password 'x'"))
            .await
            .expect("a role");
        if !grant.is_empty() {
            place.admin.batch_execute(&format!("grant {grant} to {role}")).await.expect("a grant");
        }
        let mut settings = place.settings();
        settings.read_credential = ReadCredential::Own(login(&role, "x"));
        let postgres = open(settings);
        let error = postgres.query(None, &plain("select 1")).await.expect_err("too powerful");
        assert_error(&error, ErrorKind::Denied, "READ_ROLE_TOO_POWERFUL");
        assert!(error.message.to_lowercase().contains(if grant.starts_with("pg_") {
            grant
        } else {
            attributes.trim_start_matches("noinherit")
        }));
        assert_error(&postgres.check().await.expect_err("too powerful"), ErrorKind::Denied, "READ_ROLE_TOO_POWERFUL");
    }
    let mut settings = place.settings();
    settings.read_credential = ReadCredential::Own(login("qualifying_monitor", "x"));
    place
        .admin
        .batch_execute("create role qualifying_monitor login password 'x'; grant pg_monitor, pg_read_all_data to qualifying_monitor")
        .await
        .expect("a role that only reads");
    assert_eq!(only(open(settings).query(None, &plain("select 1")).await.expect("it may read")), Value::Integer(1));
}

#[tokio::test]
async fn answers_are_bounded() {
    let place = Place::new("bounding").await;
    let postgres = place.open();
    for sql in [
        "select repeat('x', 9 * 1024 * 1024)",
        "select repeat('x', 200 * 1024 * 1024)",
        "select repeat('x', 1024) from generate_series(1, 9 * 1024)",
        "select 1 from generate_series(1, 1000000)",
    ] {
        let error = postgres.query(None, &plain(sql)).await.expect_err(sql);
        assert_error(&error, ErrorKind::Quota, "ROWS_TOO_LARGE");
    }
    // Short on the wire and long as text.
    let long = plain("select array_agg(1e131071) from generate_series(1, 1000)");
    let error = postgres.query(None, &long).await.expect_err("too long");
    assert!(error.message.contains("too much"), "{error}");
    let rows = postgres.query(None, &plain("select repeat('x', 7 * 1024 * 1024)")).await.expect("this fits");
    assert_eq!(rows.rows.len(), 1);
    let error = refused(
        postgres
            .transact(
                Some("bounding"),
                &[plain("insert into t values (2, 'two')"), plain("select repeat('x', 9 * 1024 * 1024)")],
            )
            .await,
    );
    assert_error(&error, ErrorKind::Quota, "ROWS_TOO_LARGE");
    assert_eq!(place.sees("select count(*)::text from t").await, "1");
}

#[tokio::test]
async fn a_secret_has_no_place_in_a_query() {
    let place = Place::new("withholding").await;
    let statement = Statement { confidential: true, ..with("select $1", &[text("canary")]) };
    let error = place.open().query(None, &statement).await.expect_err("refused");
    assert_error(&error, ErrorKind::Denied, "SECRET_IN_QUERY");
}
