//! PostgreSQL as a SQL backend, against a real server.

mod connecting;
mod confidential;
mod faults;
mod reads;
mod sessions;
mod values;
mod writes;

use vend::capability::settings::{Credential, Login, ReadCredential, Settings};
use vend::capability::sql::postgres::Postgres;
use vend::capability::sql::{Failure, Rows, Sql, Statement, Value};
use vend::domain::contract::{Error, ErrorKind};
use vend::domain::secret::Plain;

use crate::support::postgres::{PASSWORD, SUPERUSER, Server};

/// A database of its own with a role that owns it and one that may only read it; both are named after the database.
struct Place {
    server: &'static Server,
    name: &'static str,
    admin: tokio_postgres::Client,
}

impl Place {
    async fn new(name: &'static str) -> Place {
        let server = Server::shared();
        let admin = server.admin("postgres").await;
        admin
            .batch_execute(&format!(
                "create role {name}_write login createdb createrole password 'w'; create role {name}_read login password 'r'"
            ))
            .await
            .expect("roles");
        admin.batch_execute(&format!("create database {name} owner {name}_write")).await.expect("a database");
        let admin = server.admin(name).await;
        admin
            .batch_execute(&format!(
                "create table t (id int primary key, note text); insert into t values (1, 'one');
                 create sequence s; alter table t owner to {name}_write; alter sequence s owner to {name}_write;
                 grant select on all tables in schema public to {name}_read;
                 grant usage on sequence s to {name}_read; grant all on schema public to {name}_write"
            ))
            .await
            .expect("a table");
        Place { server, name, admin }
    }

    fn settings(&self) -> Settings {
        Settings {
            name: self.name.to_owned(),
            kind: "postgres".to_owned(),
            endpoint: format!("postgres://127.0.0.1:{}", self.server.port),
            credential: Some(login(&format!("{}_write", self.name), "w")),
            read_credential: ReadCredential::Own(login(&format!("{}_read", self.name), "r")),
            databases: vec![format!("{}*", self.name)],
            networks: vec!["127.0.0.0/8".to_owned(), "::1".to_owned()],
            concurrency: 3,
            timeout_ms: 10_000,
            ..Settings::default()
        }
    }

    fn open(&self) -> Postgres {
        open(self.settings())
    }

    /// One row of one text, as the superuser sees it.
    async fn sees(&self, sql: &str) -> String {
        self.admin.query_one(sql, &[]).await.expect("the superuser reads").get(0)
    }

    /// What the statements under test must not have changed.
    async fn fingerprint(&self) -> String {
        self.sees(
            "select (select string_agg(t::text, ' ' order by id) from t) || ' seq ' || (select last_value || is_called::text from s)
                || ' tables ' || (select count(*) from pg_class where relnamespace = 'public'::regnamespace)
                || ' objects ' || (select count(*) from pg_largeobject_metadata)",
        )
        .await
    }
}

fn superuser() -> Credential {
    login(SUPERUSER, PASSWORD)
}

fn login(username: &str, password: &str) -> Credential {
    Credential::Login(Login { username: username.to_owned(), password: Plain::new(password) })
}

fn open(settings: Settings) -> Postgres {
    Postgres::new(settings).expect("settings that work")
}

fn plain(sql: &str) -> Statement {
    with(sql, &[])
}

fn with(sql: &str, params: &[Value]) -> Statement {
    Statement { sql: sql.to_owned(), params: params.to_vec(), inline: false, confidential: false }
}

fn inline(sql: &str, params: &[Value]) -> Statement {
    Statement { inline: true, ..with(sql, params) }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// The single value of a result.
fn only(rows: Rows) -> Value {
    assert_eq!((rows.rows.len(), rows.columns.len()), (1, 1), "{rows:?}");
    rows.rows[0][0].clone()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Failure>) -> Error {
    match result {
        Err(Failure::Refused(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
fn assert_error(error: &Error, kind: ErrorKind, code: &str) {
    assert_eq!((error.kind, error.code.as_str()), (kind, code), "{error}");
}
