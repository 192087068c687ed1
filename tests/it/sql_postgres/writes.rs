//! Writes: all or nothing, outside of a transaction where asked, and refused before anything is sent where they meddle.

use super::*;

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    let place = Place::new("atomic").await;
    let postgres = place.open();
    let rows = postgres
        .transact(
            Some("atomic"),
            &[
                with("insert into t values ($1, $2)", &[Value::Integer(2), text("two")]),
                plain("update t set note = upper(note) returning note"),
                plain("create table made (id int)"),
            ],
        )
        .await
        .expect("committed");
    assert_eq!(rows.iter().map(|rows| rows.affected).collect::<Vec<_>>(), [1, 2, 0]);
    assert_eq!(rows[1].rows, [[text("ONE")], [text("TWO")]]);
    assert_eq!(postgres.transact(Some("atomic"), &[]).await, Ok(Vec::new()));
    let before = place.fingerprint().await;
    for (second, kind, code) in [
        ("insert into t values (1, 'again')", ErrorKind::AlreadyExists, "23505"),
        ("create table made (id int)", ErrorKind::AlreadyExists, "42P07"),
        ("create database atomic_x", ErrorKind::InvalidInput, "25001"),
        ("select 1; select 2", ErrorKind::InvalidInput, "42601"),
        ("call p()", ErrorKind::InvalidInput, "42883"),
        ("do $$ begin commit; end $$", ErrorKind::Other, "2D000"),
        ("select interval '1 day'", ErrorKind::Unsupported, "TYPE_UNSUPPORTED"),
        ("select $1", ErrorKind::InvalidInput, "PARAMETER_INVALID"),
        ("alter role postgres nologin", ErrorKind::Denied, "42501"),
    ] {
        let error = refused(
            postgres.transact(Some("atomic"), &[plain("insert into t values (3, 'three')"), plain(second)]).await,
        );
        assert_error(&error, kind, code);
        assert_eq!(place.fingerprint().await, before, "{second}");
    }
}

#[tokio::test]
async fn a_constraint_that_waits_for_the_commit_is_a_refusal() {
    let place = Place::new("deferring").await;
    place
        .admin
        .batch_execute(
            "create table d (id int unique deferrable initially deferred); alter table d owner to deferring_write",
        )
        .await
        .expect("a table");
    let twice = plain("insert into d values (1)");
    let error = refused(place.open().transact(Some("deferring"), &[twice.clone(), twice]).await);
    assert_error(&error, ErrorKind::AlreadyExists, "23505");
    assert_eq!(place.sees("select count(*)::text from d").await, "0");
}

#[tokio::test]
async fn transaction_control_is_refused_before_anything_is_sent() {
    let place = Place::new("controlling").await;
    let postgres = place.open();
    let before = place.fingerprint().await;
    for sql in [
        "begin",
        "commit",
        "end",
        "rollback",
        "abort",
        "savepoint a",
        "release a",
        "start transaction",
        "prepare transaction 'x'",
        "commit prepared 'x'",
        "rollback prepared 'x'",
        "set transaction read only",
        "/* */ ; -- \n commit",
        "set session characteristics as transaction read only",
    ] {
        let statements =
            [plain("insert into t values (2, 'two')"), plain(sql), plain("insert into t values (1, 'one')")];
        assert_error(
            &refused(postgres.transact(Some("controlling"), &statements).await),
            ErrorKind::Denied,
            "TRANSACTION_CONTROL",
        );
        assert_error(
            &refused(postgres.execute(Some("controlling"), &plain(sql)).await),
            ErrorKind::Denied,
            "TRANSACTION_CONTROL",
        );
    }
    let copy = plain("copy t from stdin");
    assert_error(
        &refused(postgres.transact(Some("controlling"), &[copy]).await),
        ErrorKind::Unsupported,
        "COPY_UNSUPPORTED",
    );
    assert_eq!(place.fingerprint().await, before);
}

#[tokio::test]
async fn databases_come_and_go_outside_of_transactions() {
    let place = Place::new("making").await;
    let postgres = place.open();
    for _ in 0..3 {
        postgres.execute(None, &plain("create database making_one")).await.expect("created");
        let error = refused(postgres.execute(None, &plain("create database making_one")).await);
        assert_error(&error, ErrorKind::AlreadyExists, "42P04");
        // Sessions to it have been used and are not in the way.
        postgres.transact(Some("making_one"), &[plain("create table t ()")]).await.expect("a table");
        postgres.query(Some("making_one"), &plain("select 1")).await.expect("a read");
        postgres.execute(None, &plain("drop database making_one")).await.expect("dropped");
        let error = postgres.query(Some("making_one"), &plain("select 1")).await.expect_err("gone");
        assert_error(&error, ErrorKind::NotFound, "3D000");
    }
    postgres.execute(None, &plain("create database making_two")).await.expect("created");
    let _guest = place.server.session("making_write", "w", "making_two").await;
    let error = refused(postgres.execute(None, &plain("drop database making_two")).await);
    assert_error(&error, ErrorKind::Conflict, "55006");
    postgres.execute(None, &plain("drop database making_two with (force)")).await.expect("dropped by force");
}

#[tokio::test]
async fn literals_mean_what_they_say() {
    let place = Place::new("inlining").await;
    let postgres = place.open();
    for value in [
        "",
        "plain",
        "it's",
        r"back\slash",
        r"\'; drop table t; --",
        "'; drop table t; --",
        "$1 $$ $x$",
        "line\nbreak\ttab",
        "é 💥 ‘’",
        "/* -- */",
    ] {
        postgres.execute(None, &inline("comment on database inlining is $1", &[text(value)])).await.expect("a comment");
        let seen = place.sees("select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database where datname = 'inlining'").await;
        assert_eq!(seen, value);
        // Also where a session reads backslashes the old way.
        postgres
            .transact(
                Some("inlining"),
                &[
                    plain("set local standard_conforming_strings = off"),
                    inline("update t set note = $1 /* $2 */ where '$3' <> ''", &[text(value)]),
                ],
            )
            .await
            .expect("an update");
        assert_eq!(place.sees("select note from t").await, value);
    }
    let rows = postgres
        .transact(
            None,
            &[inline(
                "select $1, $2, $3::float8, $4, -$1, $5::bytea, $6::float8",
                &[
                    Value::Integer(-1),
                    Value::Boolean(true),
                    Value::Double(0.1),
                    Value::Null,
                    Value::Bytes(vec![0, 39, 92, 255]),
                    Value::Double(f64::NAN),
                ],
            )],
        )
        .await
        .expect("values");
    let [one, yes, tenth, null, plus, bytes, nan] = rows[0].rows[0].as_slice() else { panic!("{rows:?}") };
    assert_eq!(
        (one, yes, tenth, null),
        (&Value::Integer(-1), &Value::Boolean(true), &Value::Double(0.1), &Value::Null)
    );
    assert_eq!((plus, bytes), (&Value::Integer(1), &Value::Bytes(vec![0, 39, 92, 255])));
    assert!(matches!(nan, Value::Double(nan) if nan.is_nan()));
    for (sql, params) in
        [("select $2", vec![text("x")]), ("select 1", vec![text("x")]), ("select $1", vec![text("a\0b")])]
    {
        assert_error(
            &refused(postgres.execute(None, &inline(sql, &params)).await),
            ErrorKind::InvalidInput,
            "PARAMETER_INVALID",
        );
    }
}

#[tokio::test]
async fn a_connection_without_a_writing_credential_only_reads() {
    let place = Place::new("unwritable").await;
    let mut settings = place.settings();
    settings.credential = None;
    let postgres = open(settings);
    assert_error(
        &refused(postgres.execute(None, &plain("create table x ()")).await),
        ErrorKind::Denied,
        "CREDENTIAL_MISSING",
    );
    assert_eq!(only(postgres.query(None, &plain("select 1")).await.expect("a read")), Value::Integer(1));
    assert_eq!(postgres.check().await.expect("it works").len(), 1);
}

#[tokio::test]
async fn an_answer_that_is_too_large_leaves_doubt_outside_of_a_transaction() {
    let place = Place::new("doubting").await;
    let big = plain("insert into t values (2, repeat('x', 9 * 1024 * 1024)) returning note");
    let result = place.open().execute(Some("doubting"), &big).await;
    assert!(matches!(result, Err(Failure::Lost(_))), "{result:?}");
}
