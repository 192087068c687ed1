//! Statements on a real PostgreSQL that would be more than they may: sent by a driver, through the host, with what the server itself says
//! of the outcome. What single statements meet inside the dialect is `sql_postgres/`; here each has its twin.

use serde_json::{Value, json};

use vend::capability::backend::Backend;
use vend::capability::settings::{Credential, Login, ReadCredential, Settings};
use vend::domain::contract::{Answer, Call};
use vend::domain::description::Access;
use vend::domain::secret::{Handle, Plain};
use vend::driver::Driver;

use super::cases::{Cases, outcome};
use super::rig::{Rig, Step, input};
use crate::support::drivers::component;
use crate::support::postgres::Server;

/// Found nowhere but at the server and in the host's hands: letters that no driver brings along.
const WRITER: &str = "kz7-wr1ter-Qw9x";
const READER: &str = "kz8-rea2er-Qw8y";

struct Place {
    rig: Rig,
    probe: Driver,
    admin: tokio_postgres::Client,
    backend: Backend,
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_do_no_more_than_they_may_on_postgres() {
    let place = Place::new().await;
    let mut cases = Cases::new("sql");
    reads(&place, &mut cases).await;
    writes(&place, &mut cases).await;
    sessions(&place, &mut cases).await;
    answers(&place, &mut cases).await;
    memory(&place, &mut cases).await;
    cases.end();
}

impl Place {
    async fn new() -> Self {
        let server = Server::shared();
        let admin = server.admin("postgres").await;
        let roles = format!(
            "create role hostile_write login createdb createrole password '{WRITER}'; \
             create role hostile_read login password '{READER}'"
        );
        admin.batch_execute(&roles).await.expect("roles");
        admin.batch_execute("create database hostile owner hostile_write").await.expect("a database");
        let admin = server.admin("hostile").await;
        let schema = "create table t (id int primary key, note text); insert into t values (1, 'one'); \
             create table dump (bytes bytea); create sequence s; \
             alter table t owner to hostile_write; alter table dump owner to hostile_write; alter sequence s owner to hostile_write; \
             create function w() returns int language plpgsql as $$ begin insert into t values (2, 'two'); return 1; end $$; \
             create function rw() returns int language plpgsql as $$ begin set transaction read write; insert into t values (2, 'two'); return 1; end $$; \
             create procedure p() language sql as $$ insert into t values (2, 'two') $$; \
             grant all on schema public to hostile_write; grant all on t to hostile_read; grant usage on sequence s to hostile_read; \
             grant all on procedure p() to hostile_read; grant hostile_read to hostile_write";
        admin.batch_execute(schema).await.expect("a table");
        let login = |username: &str, password: &str| {
            Credential::Login(Login { username: username.into(), password: Plain::new(password) })
        };
        let settings = Settings {
            name: "pg".into(),
            kind: "postgres".into(),
            endpoint: format!("postgres://127.0.0.1:{}/hostile", server.port),
            credential: Some(login("hostile_write", WRITER)),
            read_credential: ReadCredential::Own(login("hostile_read", READER)),
            databases: vec!["hostile*".into()],
            networks: vec!["127.0.0.0/8".into()],
            // One to write, one to read: each is used again and again.
            concurrency: 2,
            timeout_ms: 4_000,
            ..Settings::default()
        };
        let rig = Rig::new();
        let probe = rig.load_component(component("probe")).await.expect("a driver");
        Self { rig, probe, admin, backend: Backend::open(settings).expect("a connection") }
    }

    fn step(&self) -> Step {
        self.rig.step().granted("server", self.backend.clone(), Access::ReadWrite)
    }

    fn call(&self, when: &str, acts: &[Value]) -> Call {
        let mut input = input(json!({ "name": "p", "bare": true, when: acts }));
        input.resource_type = "probe".into();
        match when {
            "on-plan" => Call::Plan(input),
            _ => Call::Create(input),
        }
    }

    /// What must not be changed, as the superuser sees it.
    async fn fingerprint(&self) -> String {
        let sql = "select (select string_agg(t::text, ' ' order by id) from t) || ' ' || (select last_value || is_called::text from s) \
                   || ' ' || (select count(*) from pg_class where relnamespace = 'public'::regnamespace) \
                   || ' ' || (select count(*) from pg_largeobject_metadata) || ' ' || (select count(*) from pg_prepared_xacts)";
        self.admin.query_one(sql, &[]).await.expect("the superuser reads").get(0)
    }

    /// `hostile` is refused and changes nothing; `twin` is done.
    async fn row(&self, cases: &mut Cases, case: &str, words: &[&str], when: &str, hostile: Value, twin: Value) {
        let before = self.fingerprint().await;
        let (first, second) = (self.step(), self.step());
        let (hostile, twin) = (self.call(when, &[hostile]), self.call(when, &[twin]));
        let refused = async {
            let report = first.run(&self.probe, hostile).await;
            assert_eq!(self.fingerprint().await, before, "{case}: nothing is changed");
            report
        };
        cases.attempt(case, words, refused, second.run(&self.probe, twin)).await;
    }
}

fn query(sql: &str) -> Value {
    json!({ "query": sql })
}

fn transact(statements: &[&str]) -> Value {
    json!({ "transact": statements })
}

async fn reads(place: &Place, cases: &mut Cases) {
    let good = || query("select note from t where id = 1");
    for (case, code, sql) in [
        ("a write in a query", "NOT_A_READ", "insert into t values (2, 'two') returning id"),
        ("several statements in a query", "more than one statement", "select 1; insert into t values (2, 'two')"),
        ("a COMMIT behind a query", "more than one statement", "select 1; commit; insert into t values (2, 'two')"),
        ("COMMIT as a query", "NOT_A_READ", "commit"),
        ("SET TRANSACTION READ WRITE as a query", "NOT_A_READ", "set transaction read write"),
        ("a DO block as a query", "NOT_A_READ", "do $$ begin insert into t values (2, 'two'); end $$"),
        ("CALL as a query", "NOT_A_READ", "call p()"),
        ("COPY TO PROGRAM as a query", "NOT_A_READ", "copy t to program 'cat > /tmp/hostile'"),
        ("a write within WITH", "25006", "with x as (insert into t values (2, 'two') returning id) select id from x"),
        ("a write within EXPLAIN ANALYZE", "25006", "explain analyze insert into t values (2, 'two')"),
        ("a function that writes", "25006", "select w()"),
        ("a function that makes the transaction writable", "25001", "select rw()"),
        (
            "a setting that makes the transaction writable",
            "25001",
            "select set_config('transaction_read_only', 'off', true), w()",
        ),
        ("the next number of a sequence", "25006", "select nextval('s')"),
        ("a lock on rows", "25006", "select * from t for update"),
        ("a file of the server", "42501", "select pg_read_file('/etc/passwd')"),
    ] {
        place.row(cases, case, &[code], "on-plan", query(sql), good()).await;
    }
    let case = "a write in plan";
    let hostile = transact(&["insert into t values (3, 'three')"]);
    place.row(cases, case, &["DENIED_IN_OBSERVE"], "on-plan", hostile, good()).await;
}

async fn writes(place: &Place, cases: &mut Cases) {
    let good = |id: u32| transact(&[&format!("insert into t values ({id}, 'twin')")]);
    let rows = [
        ("several statements in one", "more than one statement", transact(&["select 1; drop table t"])),
        ("a COMMIT in a transaction", "TRANSACTION_CONTROL", transact(&["insert into t values (9, 'x')", "commit"])),
        (
            "a ROLLBACK in a transaction",
            "TRANSACTION_CONTROL",
            transact(&["insert into t values (9, 'x')", "rollback"]),
        ),
        ("a SAVEPOINT in a transaction", "TRANSACTION_CONTROL", transact(&["savepoint a"])),
        ("a COMMIT behind a comment", "TRANSACTION_CONTROL", transact(&["/* harmless */ commit"])),
        (
            "PREPARE TRANSACTION",
            "TRANSACTION_CONTROL",
            transact(&["insert into t values (9, 'x')", "prepare transaction 'left'"]),
        ),
        (
            "a COMMIT from within a DO block",
            "2D000",
            transact(&["insert into t values (9, 'x')", "do $$ begin commit; end $$"]),
        ),
        (
            "a failing statement behind a good one",
            "22012",
            transact(&["insert into t values (9, 'x')", "select 1 / 0"]),
        ),
        ("COPY from a program", "42501", transact(&["copy t from program 'echo 9'"])),
        ("somebody else's database", "42501", json!({ "execute": "drop database postgres" })),
    ];
    for (id, (case, code, hostile)) in (100..).zip(rows) {
        place.row(cases, case, &[code], "on-create", hostile, good(id)).await;
    }
    let elsewhere = |database: &str| {
        let acts = [query("select 1")];
        let mut call = place.call("on-create", &acts);
        if let Call::Create(input) = &mut call {
            input.params["database"] = json!(database);
        }
        call
    };
    let (first, second) = (place.step(), place.step());
    let case = "a database that the connection does not allow";
    let (hostile, twin) =
        (first.run(&place.probe, elsewhere("postgres")), second.run(&place.probe, elsewhere("hostile")));
    cases.attempt(case, &["DATABASE_NOT_ALLOWED"], hostile, twin).await;
}

/// One session, which the next attempt gets as if it were new: each row leaves something behind, and looks for it again.
async fn sessions(place: &Place, cases: &mut Cases) {
    let note = async |sql: &str| {
        // Through `sql-write` there is no answer to look at: it is written down, and read.
        let keep = format!(
            "insert into t select 50, coalesce(({sql})::text, 'nothing') on conflict (id) do update set note = excluded.note"
        );
        let acts = [transact(&[&keep]), query("select note from t where id = 50")];
        let report = place.step().run(&place.probe, place.call("on-create", &acts)).await;
        match &report.result {
            Ok(Answer::Done(object)) => {
                let shown = object.outputs["note"].as_str().unwrap_or_default();
                let text = shown.trim_start_matches("Value::Text(").trim_end_matches(')');
                serde_json::from_str(text).unwrap_or_else(|_| shown.to_owned())
            }
            _ => outcome(&report.result),
        }
    };
    let pid = note("select pg_backend_pid()").await;
    for (left, leave, look, clean) in [
        ("a setting", "set search_path = nowhere", "select current_setting('search_path')", "\"$user\", public"),
        (
            "a time limit switched off",
            "set statement_timeout = 0",
            "select current_setting('statement_timeout')",
            "3200ms",
        ),
        ("another role", "set role hostile_read", "select current_user", "hostile_write"),
        (
            "a temporary table",
            "create temp table left_over (id int)",
            "select to_regclass('pg_temp.left_over')",
            "nothing",
        ),
        (
            "an advisory lock",
            "select pg_advisory_lock(815)",
            "select count(*) from pg_locks where locktype = 'advisory' and objid = 815",
            "0",
        ),
        ("a channel listened to", "listen left_over", "select count(*) from pg_listening_channels()", "0"),
        (
            "a prepared statement",
            "prepare left_over as select 1",
            "select count(*) from pg_prepared_statements where name = 'left_over'",
            "0",
        ),
        (
            "a cursor",
            "declare left_over cursor with hold for select 1",
            "select count(*) from pg_cursors where name = 'left_over'",
            "0",
        ),
    ] {
        let case = format!("left behind in a session: {left}");
        let report = place.step().run(&place.probe, place.call("on-create", &[transact(&[leave])])).await;
        cases.check(&case, report.result.is_ok(), outcome(&report.result));
        let found = note(look).await;
        let is_clean = found == clean && note("select pg_backend_pid()").await == pid;
        let cost = format!("{} ms, {} MiB", report.usage.cpu_ms, report.usage.memory_bytes.div_ceil(1 << 20));
        cases.row(&case, &[clean], is_clean, &format!("gone: the next user of the session finds {found}"), &cost);
    }
}

async fn answers(place: &Place, cases: &mut Cases) {
    let words = ["ROWS_TOO_LARGE"];
    let few = query("select repeat('x', 1000)");
    place
        .row(cases, "an answer of 100 MB", &words, "on-plan", query("select repeat('x', 100000000)"), few.clone())
        .await;
    let many = query("select 1 from generate_series(1, 10000000)");
    place.row(cases, "ten million rows", &words, "on-plan", many, few.clone()).await;
    let long = query("select pg_sleep(60)");
    place.row(cases, "a query that sleeps for a minute", &["57014"], "on-plan", long, few).await;
}

/// What a guest's memory holds after it has used a connection and a secret: the handle, and neither value nor credential. The driver copies
/// its memory to the backend, turned, since the host would not send a handle as mere bytes.
async fn memory(place: &Place, cases: &mut Cases) {
    let acts = [
        json!("generate"),
        json!({ "execute": "create role hostile_made login" }),
        query("select note from t where id = 1"),
        transact(&["insert into t values (60, 'marker-of-the-statement')"]),
        json!("compose"),
        json!("dump-memory"),
    ];
    let step = place.step();
    let report = step.run(&place.probe, place.call("on-create", &acts)).await;
    let case = "a guest that reads all of its own memory";
    cases.check(case, report.result.is_ok(), outcome(&report.result));
    let dump: Vec<u8> = place.admin.query_one("select bytes from dump", &[]).await.expect("one dump").get(0);
    let dump: Vec<u8> = dump.into_iter().map(|byte| byte ^ 0x5a).collect();
    let holds = |text: &str| dump.windows(text.len()).any(|window| window == text.as_bytes());
    let made = step.journal.record().secrets;
    let password = made.iter().find(|fresh| fresh.name == "password").expect("it was made");
    cases.check(case, holds(password.handle.as_str()), "the handle is found: this is its memory");
    cases.check(case, holds("marker-of-the-statement"), "what it asked is found");
    let mut searched = vec![WRITER.to_owned(), READER.to_owned(), "hostile_write".into(), "127.0.0.1".into()];
    for fresh in &made {
        let value = fresh.value.reveal();
        searched.push(value.to_owned());
        searched.push(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, value));
    }
    let found: Vec<&String> = searched.iter().filter(|text| holds(text)).collect();
    let none = found.is_empty() && dump.len() > 1 << 20 && Handle::parse(password.handle.as_str()).is_some();
    let outcome = format!(
        "{} kB searched for {} values: {} found; its handle is",
        dump.len() / 1000,
        searched.len(),
        found.len()
    );
    let cost = format!("{} ms, {} MiB", report.usage.cpu_ms, report.usage.memory_bytes.div_ceil(1 << 20));
    cases.row(case, &["0 found"], none, &outcome, &cost);
}
