//! Databases are files that appear and go as told; statements stay inside them.

use super::*;
use crate::capability::sql::Value;

struct Place {
    _keep: tempfile::TempDir,
    path: PathBuf,
    sql: Directory,
}

fn settings(databases: &[&str]) -> Settings {
    Settings {
        name: "files".to_owned(),
        kind: "sqlite".to_owned(),
        databases: databases.iter().map(|name| (*name).to_owned()).collect(),
        concurrency: 2,
        timeout_ms: 500,
        ..Settings::default()
    }
}

fn place(databases: &[&str]) -> Place {
    let keep = tempfile::tempdir().expect("a directory");
    let path = keep.path().join("files");
    let sql = Directory::new(path.clone(), settings(databases)).expect("an absolute path");
    Place { _keep: keep, path, sql }
}

fn plain(sql: &str) -> Statement {
    Statement { sql: sql.to_owned(), params: Vec::new(), inline: false, confidential: false }
}

fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    match result {
        Err(Failure::Refused(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

impl Place {
    async fn execute(&self, database: Option<&str>, sql: &str) -> Result<Rows, Failure> {
        self.sql.execute(database, &plain(sql)).await
    }

    async fn query(&self, database: Option<&str>, sql: &str) -> Result<Rows, Failure> {
        self.sql.query(database, &plain(sql)).await.map_err(Failure::Refused)
    }
}

#[tokio::test]
async fn a_database_comes_and_goes() {
    let place = place(&["*"]);
    assert_eq!(code(place.query(Some("shop"), "SELECT 1").await), "DATABASE_ABSENT");
    assert_eq!(code(place.execute(Some("shop"), "CREATE TABLE t (a)").await), "DATABASE_ABSENT");
    assert!(!place.path.join("shop.db").exists(), "opening never creates");
    place.execute(None, "CREATE DATABASE shop").await.expect("made");
    assert_eq!(code(place.execute(None, "CREATE DATABASE shop").await), "DATABASE_EXISTS");

    let names = place.query(None, "SELECT name FROM databases ORDER BY name").await.expect("listed");
    assert_eq!(names.rows, [[Value::Text("shop".to_owned())]]);
    assert!(place.query(Some("shop"), "SELECT name FROM sqlite_master").await.expect("empty").rows.is_empty());

    place.execute(Some("shop"), "CREATE TABLE t (a PRIMARY KEY, b)").await.expect("made");
    let insert = |a: i64| Statement {
        params: vec![Value::Integer(a), Value::Text("é".to_owned())],
        ..plain("INSERT INTO t VALUES (?1, ?2)")
    };
    let rows = place.sql.transact(Some("shop"), &[insert(1), insert(2)]).await.expect("written");
    assert_eq!(rows.iter().map(|rows| rows.affected).sum::<u64>(), 2);
    let failed = place.sql.transact(Some("shop"), &[insert(3), insert(1)]).await;
    assert_eq!(code(failed), "SQLITE_CONSTRAINT");
    let all = place.query(Some("shop"), "SELECT a, b, NULL, 0.5, x'00' FROM t WHERE a > 1").await.expect("read");
    let expected =
        [Value::Integer(2), Value::Text("é".to_owned()), Value::Null, Value::Double(0.5), Value::Bytes(vec![0])];
    assert_eq!(all.rows, [expected], "all or nothing");

    place.execute(None, "DROP DATABASE shop").await.expect("removed");
    assert_eq!(code(place.execute(None, "DROP DATABASE shop").await), "DATABASE_ABSENT");
    assert_eq!(std::fs::read_dir(&place.path).expect("there").count(), 0);
}

#[tokio::test]
async fn names_and_patterns_are_held() {
    let place = place(&["team-*"]);
    for name in ["a/b", "..", "A", "", "x y", "é"] {
        let made = place.sql.query(Some(name), &plain("SELECT 1")).await.map_err(Failure::Refused);
        assert_eq!(code(made), "DATABASE_NAME_INVALID", "{name}");
    }
    assert_eq!(code(place.execute(None, "CREATE DATABASE other").await), "DATABASE_NOT_ALLOWED");
    place.execute(None, "CREATE DATABASE team-a").await.expect("made");
    std::fs::write(place.path.join("other.db"), "").expect("writable");
    let names = place.query(None, "SELECT name FROM databases").await.expect("listed");
    assert_eq!(names.rows.len(), 1, "what may not be used is not shown");
    std::os::unix::fs::symlink("/etc/passwd", place.path.join("team-link.db")).expect("linked");
    assert_eq!(code(place.query(Some("team-link"), "SELECT 1").await), "DATABASE_ABSENT");
}

#[tokio::test]
async fn statements_do_not_leave_their_place() {
    let place = place(&["*"]);
    place.execute(None, "CREATE DATABASE a").await.expect("made");
    place.execute(None, "CREATE DATABASE b").await.expect("made");
    place.execute(Some("a"), "CREATE TABLE t (a)").await.expect("made");
    let other = place.path.join("b.db");
    for (sql, expected) in [
        (format!("ATTACH '{}' AS b", other.display()), "STATEMENT_DENIED"),
        (format!("VACUUM INTO '{}'", place.path.join("c.db").display()), "STATEMENT_DENIED"),
        ("PRAGMA journal_mode = WAL".to_owned(), "STATEMENT_DENIED"),
        ("PRAGMA writable_schema = 1".to_owned(), "STATEMENT_DENIED"),
        ("PRAGMA database_list".to_owned(), "STATEMENT_DENIED"),
        ("SELECT load_extension('x')".to_owned(), "SQLITE_ERROR"),
        ("BEGIN".to_owned(), "STATEMENT_DENIED"),
        ("COMMIT".to_owned(), "STATEMENT_DENIED"),
        ("SAVEPOINT s".to_owned(), "STATEMENT_DENIED"),
        ("DELETE FROM t; DROP TABLE t".to_owned(), "MANY_STATEMENTS"),
        ("DELETE FROM t; nonsense".to_owned(), "MANY_STATEMENTS"),
        ("-- nothing".to_owned(), "NO_STATEMENT"),
        ("SELEC 1".to_owned(), "SQLITE_ERROR"),
        ("SELECT ?1".to_owned(), "PARAMETERS"),
    ] {
        assert_eq!(code(place.execute(Some("a"), &sql).await), expected, "execute {sql}");
        let together = code(place.sql.transact(Some("a"), &[plain(&sql)]).await);
        assert!(together == expected || sql.starts_with("VACUUM"), "transact {sql}: {together}");
        let queried = code(place.query(Some("a"), &sql).await);
        assert!(queried == expected || queried == "STATEMENT_WRITES", "query {sql}: {queried}");
    }
    for sql in ["INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (a)", "PRAGMA user_version = 3"] {
        let queried = code(place.query(Some("a"), sql).await);
        assert!(["STATEMENT_WRITES", "STATEMENT_DENIED"].contains(&queried.as_str()), "{sql}: {queried}");
    }
    assert_eq!(code(place.query(None, "DELETE FROM databases").await), "STATEMENT_WRITES");
    assert_eq!(code(place.execute(None, "CREATE TABLE t (a)").await), "DATABASE_STATEMENT");
    assert_eq!(code(place.sql.transact(None, &[plain("SELECT 1")]).await), "DATABASE_MISSING");
    place.query(Some("a"), "SELECT 1; -- a comment may follow").await.expect("one statement");
    place.query(Some("a"), "PRAGMA table_info(t)").await.expect("telling");
    assert_eq!(std::fs::read_dir(&place.path).expect("there").count(), 2);
}

#[tokio::test]
async fn statements_end() {
    let place = place(&["*"]);
    place.execute(None, "CREATE DATABASE a").await.expect("made");
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    assert_eq!(code(place.query(Some("a"), endless).await), "STATEMENT_TIMEOUT");
    let large =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100) SELECT randomblob(100000) FROM n";
    assert_eq!(code(place.query(Some("a"), large).await), "ANSWER_TOO_LARGE");
}

#[tokio::test]
async fn secrets_are_written_and_not_read_back() {
    let place = place(&["*"]);
    place.execute(None, "CREATE DATABASE a").await.expect("made");
    place.execute(Some("a"), "CREATE TABLE t (a)").await.expect("made");
    let secret = Statement {
        sql: "INSERT INTO t VALUES (?1) RETURNING a".to_owned(),
        params: vec![Value::Text("it's".to_owned())],
        inline: true,
        confidential: true,
    };
    let rows = place.sql.execute(Some("a"), &secret).await.expect("written");
    assert_eq!((rows.rows.len(), rows.columns.len(), rows.affected), (0, 0, 1));
    assert_eq!(place.query(Some("a"), "SELECT a FROM t").await.expect("read").rows, [[Value::Text("it's".to_owned())]]);
}

#[tokio::test]
async fn the_directory_is_made_only_beside_others() {
    assert!(Directory::new(PathBuf::from("relative"), settings(&["*"])).is_err());
    let place = place(&["*"]);
    assert!(place.sql.check().await.expect("usable").is_empty());
    assert!(place.sql.identity().await.expect("known").starts_with("sqlite:/"));
    let deep = Directory::new(place.path.join("no/such"), settings(&["*"])).expect("absolute");
    let error = deep.check().await.expect_err("its parent is missing");
    assert_eq!(error.code, "DIRECTORY_UNUSABLE");
    assert!(!error.message.contains("/no"), "paths stay here: {}", error.message);
}
