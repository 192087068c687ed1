//! Statements that carry a secret: no rows, and no word of the secret in any error.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

const CANARY: &str = "canary-5f1d";

fn secret(sql: &str, inline: bool) -> Statement {
    let params = if sql.contains("$1") { vec![text(CANARY)] } else { Vec::new() };
    Statement { sql: sql.to_owned(), params, inline, confidential: true }
}

#[tokio::test]
async fn no_error_quotes_a_secret() {
    let place = Place::new("whispering").await;
    place
        .admin
        .batch_execute(&format!(
            "create table k (v text unique); insert into k values ('{CANARY}'); alter table k owner to whispering_write;
             create table d (v text, check (length(v) < 3)); alter table d owner to whispering_write;
             create function shout() returns trigger language plpgsql as $$ begin raise exception 'got %', new.v; end $$;
             create table n (v text); create constraint trigger late after insert on n deferrable initially deferred
                for each row execute function shout(); alter table n owner to whispering_write"
        ))
        .await
        .expect("tables that refuse");
    let postgres = place.open();
    for (sql, is_inline, code) in [
        ("select $1::int", false, "22P02"),
        ("select $1::int", true, "22P02"),
        ("insert into k values ($1)", false, "23505"),
        ("insert into k values ($1)", true, "23505"),
        ("insert into d values ($1)", false, "23514"),
        ("insert into n values ($1)", false, "P0001"),
        ("create role whispering_write password $1", true, "42710"),
        ("create role x password $1 nonsense", true, "42601"),
        ("select '$1' $1 $1", true, "42601"),
        ("do $$ begin raise exception 'got canary-5f1d'; end $$", false, "P0001"),
        ("select 1 from \"nowhere_canary-5f1d\"", false, "42P01"),
        ("select $1::text, $2::text", false, "08P01"),
    ] {
        let statement = secret(sql, is_inline);
        for error in [
            refused(postgres.execute(Some("whispering"), &statement).await),
            refused(postgres.transact(Some("whispering"), std::slice::from_ref(&statement)).await),
        ] {
            assert_eq!(error.code, code, "{sql}: {error}");
            let said = format!("{error:?}");
            assert!(!said.contains("canary") && !said.contains("got"), "{sql}: {said}");
            assert!(
                error.message.starts_with(&format!("the server refused a statement that carries a secret: {code}")),
                "{error}"
            );
        }
    }
}

/// A later statement of the same transaction trips over the secret that an earlier one stored.
#[tokio::test]
async fn no_neighbour_quotes_it_either() {
    let place = Place::new("gossiping").await;
    let postgres = place.open();
    let statements = [secret("insert into t values (2, $1)", false), plain("select note::int from t where id = 2")];
    let error = refused(postgres.transact(Some("gossiping"), &statements).await);
    assert_error(&error, ErrorKind::InvalidInput, "22P02");
    assert!(!format!("{error:?}").contains(CANARY), "{error}");
    let open = [with("insert into t values (2, $1)", &[text(CANARY)]), plain("select note::int from t where id = 2")];
    let error = refused(postgres.transact(Some("gossiping"), &open).await);
    assert!(error.message.contains(CANARY), "without a secret the server's own words are passed on: {error}");
}

#[tokio::test]
async fn no_rows_come_back() {
    let place = Place::new("muting").await;
    let postgres = place.open();
    for is_inline in [false, true] {
        let rows = postgres.execute(Some("muting"), &secret("select $1::text", is_inline)).await.expect("it runs");
        assert_eq!((rows.columns, rows.rows), (Vec::new(), Vec::<Vec<Value>>::new()));
    }
    let rows = postgres
        .transact(Some("muting"), &[secret("update t set note = $1 returning note", false)])
        .await
        .expect("it runs");
    assert_eq!(rows, [Rows { affected: 1, ..Rows::default() }]);
    assert_eq!(place.sees("select note from t").await, CANARY);
}

/// A password goes as a verifier, and the role logs in with the password.
#[tokio::test]
async fn a_scram_verifier_is_a_password() {
    let place = Place::new("verifying").await;
    let postgres = place.open();
    let password = "pass'word \\ $1 é";
    let statement = Statement {
        params: vec![text(&verifier(password))],
        confidential: true,
        ..inline("create role verifying_app login password $1", &[])
    };
    postgres.transact(None, &[statement]).await.expect("a role");
    let stored = place.sees("select rolpassword from pg_authid where rolname = 'verifying_app'").await;
    assert_eq!(stored, verifier(password));
    let mut settings = place.settings();
    settings.read_credential = ReadCredential::Own(login("verifying_app", password));
    let who = open(settings).query(None, &plain("select current_user::text")).await.expect("it logs in");
    assert_eq!(only(who), text("verifying_app"));
}

/// RFC 5803, in the form PostgreSQL stores.
fn verifier(password: &str) -> String {
    use aws_lc_rs::{digest, hmac, pbkdf2};
    let (salt, iterations) = (b"0123456789abcdef", std::num::NonZeroU32::new(4096).expect("not zero"));
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password.as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let stored = digest::digest(&digest::SHA256, hmac::sign(&key, b"Client Key").as_ref());
    let server = hmac::sign(&key, b"Server Key");
    let encode = |bytes: &[u8]| STANDARD.encode(bytes);
    format!("SCRAM-SHA-256${iterations}:{}${}:{}", encode(salt), encode(stored.as_ref()), encode(server.as_ref()))
}
