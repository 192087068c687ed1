//! Getting there: settings, addresses, TLS, logins, and what a backend is called.

use super::*;

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    let place = Place::new("setting").await;
    type Change = fn(&mut Settings);
    let cases: [(Change, &str); 9] = [
        (|settings| settings.endpoint = "postgres://user:hunter2@127.0.0.1".into(), "credential"),
        (|settings| settings.endpoint = "mysql://127.0.0.1".into(), "postgres://"),
        (|settings| settings.networks = vec!["10.0.0.1/8".into()], "10.0.0.0/8"),
        (|settings| settings.tls_ca = Some("nothing".into()), "tls.ca"),
        (
            |settings| settings.tls_ca = Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into()),
            "tls.ca",
        ),
        (|settings| settings.concurrency = 0, "at least one"),
        (|settings| settings.timeout_ms = 0, "at least one"),
        (|settings| settings.rate_per_second = Some(0), "at least one"),
        (|settings| (settings.credential, settings.read_credential) = (None, ReadCredential::Same), "no credential"),
    ];
    for (change, part) in cases {
        let mut settings = place.settings();
        change(&mut settings);
        let error = Postgres::new(settings).err().expect(part);
        assert_error(&error, ErrorKind::InvalidInput, "CONNECTION_INVALID");
        assert!(
            error.message.contains(part) && error.message.contains("setting") && !error.message.contains("hunter2"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn only_allowed_addresses_are_reached() {
    let place = Place::new("reaching").await;
    for (host, networks, kind, code) in [
        ("127.0.0.1", vec![], ErrorKind::Denied, "ADDRESS_FORBIDDEN"),
        ("localhost", vec![], ErrorKind::Denied, "ADDRESS_FORBIDDEN"),
        ("2130706433", vec![], ErrorKind::Denied, "ADDRESS_FORBIDDEN"),
        ("127.1", vec![], ErrorKind::Denied, "ADDRESS_FORBIDDEN"),
        ("[::ffff:127.0.0.1]", vec![], ErrorKind::Denied, "ADDRESS_FORBIDDEN"),
        ("127.0.0.1", vec!["10.0.0.0/8"], ErrorKind::Denied, "ADDRESS_FORBIDDEN"),
        ("169.254.169.254", vec!["127.0.0.0/8"], ErrorKind::Denied, "ADDRESS_FORBIDDEN"),
        ("192.0.2.1", vec!["192.0.2.0/24"], ErrorKind::Denied, "TLS_REQUIRED"),
        ("no-such-host.invalid", vec![], ErrorKind::Unavailable, "BACKEND_UNAVAILABLE"),
    ] {
        let mut settings = place.settings();
        settings.endpoint = format!("postgres://{host}:{}", place.server.port);
        settings.networks = networks.into_iter().map(str::to_owned).collect();
        settings.timeout_ms = 3_000;
        let postgres = open(settings);
        assert_error(&postgres.query(None, &plain("select 1")).await.expect_err(host), kind, code);
        let error = refused(postgres.execute(None, &plain("create database reaching_x")).await);
        assert_error(&error, kind, code);
        assert!(!error.message.contains(host), "no address in an error: {error}");
    }
    let mut settings = place.settings();
    settings.endpoint = format!("postgres://localhost:{}", place.server.port);
    assert!(open(settings).query(None, &plain("select 1")).await.is_ok());
}

#[tokio::test]
async fn tls_is_held_to_the_authority() {
    let place = Place::new("securing").await;
    let encrypted = plain("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
    let query = async |change: fn(&mut Settings)| {
        let mut settings = place.settings();
        settings.tls_ca = Some(place.server.authority.clone());
        change(&mut settings);
        open(settings).query(None, &encrypted).await.map(only)
    };
    assert_eq!(query(|_| {}).await, Ok(Value::Boolean(true)));
    assert_eq!(query(|settings| settings.tls_ca = None).await, Ok(Value::Boolean(false)));
    // Reaches the server under a name that its certificate does not have.
    let other_name = query(|settings| settings.endpoint = settings.endpoint.replace("127.0.0.1", "127.0.0.2")).await;
    assert_error(&other_name.expect_err("no such server"), ErrorKind::Unavailable, "BACKEND_UNAVAILABLE");
    let wrong_name = query(|settings| settings.endpoint = settings.endpoint.replace("127.0.0.1", "127.1"))
        .await
        .expect_err("wrong name");
    assert_error(&wrong_name, ErrorKind::Unavailable, "BACKEND_UNAVAILABLE");
    let mut settings = place.settings();
    settings.tls_ca = Some(other_authority());
    let error = open(settings).query(None, &encrypted).await.expect_err("another authority");
    assert_error(&error, ErrorKind::Unavailable, "BACKEND_UNAVAILABLE");
    assert!(error.message.contains("certificate") && !error.message.contains("127.0.0.1"), "{error}");
}

fn other_authority() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = crate::support::certificates::Authority::new(folder.path(), "other");
    std::fs::read_to_string(authority.certificate()).expect("PEM")
}

#[tokio::test]
async fn a_login_that_fails_says_so_and_no_more() {
    let place = Place::new("knocking").await;
    let mut settings = place.settings();
    (settings.credential, settings.read_credential) =
        (Some(login("knocking_write", "wrong-password")), ReadCredential::Own(login("nobody-here", "r")));
    let postgres = open(settings);
    for error in [
        postgres.query(None, &plain("select 1")).await.expect_err("no such role"),
        refused(postgres.execute(None, &plain("create database knocking_x")).await),
        refused(postgres.transact(None, &[plain("select 1")]).await),
        postgres.check().await.expect_err("no such role"),
        postgres.identity().await.expect_err("no such role"),
    ] {
        assert_error(&error, ErrorKind::Unauthenticated, "CREDENTIALS_REJECTED");
        assert!(!error.message.contains("nobody-here") && !error.message.contains("knocking_write"), "{error}");
    }
    let mut settings = place.settings();
    settings.endpoint = "postgres://127.0.0.1:1".to_owned();
    let error = refused(open(settings).execute(None, &plain("create database knocking_x")).await);
    assert_error(&error, ErrorKind::Unavailable, "BACKEND_UNAVAILABLE");
}

#[tokio::test]
async fn only_named_databases_are_used() {
    let place = Place::new("naming").await;
    let postgres = place.open();
    for database in ["template1", "other", "xnaming", "", "naming\0"] {
        let error = postgres.query(Some(database), &plain("select 1")).await.expect_err(database);
        assert_error(&error, ErrorKind::Denied, "DATABASE_NOT_ALLOWED");
        assert_error(
            &refused(postgres.execute(Some(database), &plain("create table x ()")).await),
            ErrorKind::Denied,
            "DATABASE_NOT_ALLOWED",
        );
        assert_error(
            &refused(postgres.transact(Some(database), &[plain("create table x ()")]).await),
            ErrorKind::Denied,
            "DATABASE_NOT_ALLOWED",
        );
    }
    for (database, expected) in [(None, "postgres"), (Some("postgres"), "postgres"), (Some("naming"), "naming")] {
        let current = postgres.query(database, &plain("select current_database()")).await.expect("allowed");
        assert_eq!(only(current), text(expected));
    }
}

#[tokio::test]
async fn a_backend_is_known_by_the_servers_identifier() {
    let place = Place::new("knowing").await;
    let identifier = place.sees("select system_identifier::text from pg_control_system()").await;
    let first = place.open();
    let mut other_spelling = place.settings();
    other_spelling.endpoint = format!("postgresql://localhost:{}/knowing", place.server.port);
    for postgres in [&first, &open(other_spelling), &first] {
        assert_eq!(postgres.identity().await, Ok(format!("postgres:{identifier}")));
    }
    place.admin.batch_execute("revoke execute on function pg_control_system() from public").await.expect("revoked");
    let mut settings = place.settings();
    settings.endpoint = format!("{}/knowing", settings.endpoint);
    assert_eq!(open(settings).identity().await, Ok(format!("postgres://127.0.0.1:{}", place.server.port)));
}

#[tokio::test]
async fn a_check_logs_in_with_both_and_warns() {
    let place = Place::new("checking").await;
    assert_eq!(place.open().check().await, Ok(Vec::new()));
    let mut settings = place.settings();
    settings.read_credential = ReadCredential::Same;
    let warnings = open(settings).check().await.expect("it works");
    assert!(warnings.len() == 1 && warnings[0].starts_with("reads use the writing credential"), "{warnings:?}");
    let mut settings = place.settings();
    settings.credential = Some(superuser());
    let warnings = open(settings).check().await.expect("it works");
    assert!(warnings.len() == 1 && warnings[0].contains("superuser"), "{warnings:?}");
    let mut settings = place.settings();
    settings.credential = Some(login("checking_write", "wrong"));
    assert_error(
        &open(settings).check().await.expect_err("the second login"),
        ErrorKind::Unauthenticated,
        "CREDENTIALS_REJECTED",
    );
}
