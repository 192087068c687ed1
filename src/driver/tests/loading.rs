//! What is no driver is refused when it is loaded, with the reason.

use super::*;

async fn refusal(bytes: Vec<u8>) -> LoadError {
    match RUNTIME.load(bytes).await {
        Ok(_) => panic!("this was loaded"),
        Err(error) => error,
    }
}

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("component text")
}

#[tokio::test]
async fn what_is_no_component_is_refused() {
    assert!(matches!(refusal(b"hello".to_vec()).await, LoadError::NotWasm));
    assert!(matches!(refusal(b"(component)".to_vec()).await, LoadError::NotWasm), "text is not for loading");
    assert!(matches!(refusal(component("(module)")).await, LoadError::CoreModule));
    let mut broken = component("(component)");
    broken.extend([1, 2, 3]);
    assert!(matches!(refusal(broken).await, LoadError::Invalid(_)));
    assert!(matches!(refusal(vec![0; (64 << 20) + 1]).await, LoadError::TooLarge { .. }));
}

#[tokio::test]
async fn foreign_imports_are_named() {
    for (import, hint) in [
        ("wasi:http/outgoing-handler@0.2.3", "-d http"),
        ("wasi:sockets/tcp@0.2.0", "sql-read"),
        ("wasi:cli/environment@0.3.0", "0.2"),
        ("wasi:config/store@0.2.0", "nothing real"),
        ("vend:driver/files@0.1.0", "no such interface"),
        ("acme:tools/hammer", "compose"),
    ] {
        let error = refusal(component(&format!(r#"(component (import "{import}" (instance)))"#))).await;
        let LoadError::ForeignImport { import: named, hint: said } = &error else { panic!("{import}: {error}") };
        assert_eq!(named, import);
        assert!(said.contains(hint), "{import}: {said}");
    }
    let error = refusal(component(r#"(component (import "f" (func)))"#)).await;
    assert!(matches!(error, LoadError::ForeignImport { .. }), "{error}");
}

#[tokio::test]
async fn other_worlds_and_versions_are_told_apart() {
    let error = refusal(component(r#"(component (import "vend:driver/context@0.2.0" (instance)))"#)).await;
    assert!(matches!(&error, LoadError::OtherVersion { found } if found == "vend:driver/context@0.2.0"), "{error}");
    let error =
        refusal(component(r#"(component (instance $i) (export "vend:driver/lifecycle@0.9.0" (instance $i)))"#)).await;
    assert!(matches!(&error, LoadError::OtherVersion { .. }), "{error}");
    let error = refusal(component(r#"(component (instance $i) (export "wasi:cli/run@0.2.0" (instance $i)))"#)).await;
    assert!(matches!(&error, LoadError::NoLifecycle { exports } if exports == "`wasi:cli/run@0.2.0`"), "{error}");
    let error =
        refusal(component(r#"(component (instance $i) (export "vend:driver/lifecycle@0.1.0" (instance $i)))"#)).await;
    assert!(matches!(&error, LoadError::Contract(_)), "{error}");
}

#[tokio::test]
async fn a_describe_that_fails_or_talks_rubbish_is_refused() {
    let trapping = Fixture::new().verb("describe", |_| "unreachable".to_owned());
    assert!(matches!(load(&trapping).await, Err(LoadError::Describe(crate::driver::Failure::Trapped(_)))));
    let garbage = Fixture::new().verb("describe", |f| format!("(call $answer_text {})", f.text("{")));
    assert!(matches!(load(&garbage).await, Err(LoadError::Describe(crate::driver::Failure::Unfit(_)))));

    let with = |pointer: &str, value| {
        let mut document = description();
        *document.pointer_mut(pointer).expect("it is there") = value;
        document
    };
    let mut deep = json!({});
    for _ in 0..60 {
        deep = json!({ "not": deep });
    }
    let mut slotless = description();
    slotless["types"]["thing"]["natural-key"] = json!({ "slot": "nowhere", "family": "x", "pointers": ["/name"] });
    for (document, pointer) in [
        (json!([]), ""),
        (with("/name", json!("Not A Name")), "/name"),
        (with("/types", json!({})), "/types"),
        (with("/types/thing/identity", json!("lost")), "/types/thing/identity"),
        (with("/types/thing/outputs", json!({ "type": "nothing" })), "/types/thing/outputs/type"),
        (with("/types/thing/outputs", deep), ""),
        (slotless, "/types/thing/natural-key/slot"),
        (with("/version", json!(format!("1.0.0-{}", "a".repeat(100)))), "/version"),
        (with("/name", json!("a\u{1b}[2J")), "/name"),
        (with("/types/thing/outputs", json!({ "$ref": "#" })), "/types/thing/outputs"),
        (with("/types/thing/outputs", json!({ "$ref": "https://example.com" })), "/types/thing/outputs/$ref"),
        (with("/types/thing/outputs", json!({ "pattern": "(?=a)" })), "/types/thing/outputs/pattern"),
    ] {
        let Err(LoadError::Description { violations }) = load(&Fixture::new().describe(&document)).await else {
            panic!("{document} passed")
        };
        assert!(violations.iter().any(|violation| violation.pointer == pointer), "{pointer}: {violations:?}");
    }
}

/// Pointers into params lead through references and branches, and to what the schema names.
#[tokio::test]
async fn a_natural_key_names_params() {
    for (pointer, params, leads) in [
        ("/name", json!({ "properties": { "name": {} } }), true),
        ("/a~1b", json!({ "properties": { "a/b": {} } }), true),
        (
            "/at/0/name",
            json!({ "properties": { "at": { "items": { "$ref": "#/$defs/x" } } }, "$defs": { "x": { "properties": { "name": {} } } } }),
            true,
        ),
        ("/name", json!({ "allOf": [{}, { "properties": { "name": {} } }] }), true),
        ("/name", json!({ "properties": { "other": {} } }), false),
        ("/name/first", json!({ "properties": { "name": { "type": "string" } } }), false),
        ("/name", json!({ "type": "object" }), false),
    ] {
        let mut document = description();
        document["types"]["thing"]["params"] = params.clone();
        document["types"]["thing"]["natural-key"] = json!({ "slot": "db", "family": "x", "pointers": [pointer] });
        let loaded = load(&Fixture::new().describe(&document)).await;
        assert_eq!(loaded.is_ok(), leads, "{pointer} {params}: {:?}", loaded.err());
    }
}

#[tokio::test]
async fn what_is_asked_for_is_imported() {
    let asking = |access: &str| {
        let mut document = description();
        document["slots"]["db"]["access"] = json!(access);
        Fixture::new().describe(&document).without_sql()
    };
    let reading = asking("read").verb("read", |f| f.query("db", "look") + "(call $absent)");
    assert!(load(&reading).await.is_ok());
    for fixture in [asking("read"), asking("read-write").verb("read", |f| f.query("db", "look") + "(call $absent)")] {
        let Err(LoadError::Description { violations }) = load(&fixture).await else { panic!("it passed") };
        assert_eq!(violations[0].pointer, "/slots/db");
    }
}

#[tokio::test]
async fn a_driver_says_what_it_is() {
    let fixture = creating(|f| f.query("db", "look") + &f.done("{}"));
    let driver = load(&fixture).await.expect("a driver");
    assert_eq!(driver.description().name, "fixture");
    assert!(driver.digest().starts_with("sha256:") && driver.digest().len() == 71);
    assert!(driver.imports().iter().any(|import| import == "vend:driver/sql-read@0.1.0"), "{:?}", driver.imports());
}

#[tokio::test]
async fn compiled_code_is_kept_and_only_ours_is_loaded() {
    let directory = tempfile::tempdir().expect("a directory");
    let cache = directory.path().join("cache");
    let start = || {
        Runtime::new(RuntimeConfig { cache_dir: Some(cache.clone()), max_instances: 1, ..config() }).expect("an engine")
    };
    let bytes = Fixture::new().describe(&description()).build();
    let files = || -> Vec<_> {
        let all = std::fs::read_dir(&cache).expect("there").map(|entry| entry.expect("readable").path());
        all.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect()
    };

    start().load(bytes.clone()).await.expect("a driver");
    assert_eq!(files().len(), 1);
    let kept = std::fs::read(&files()[0]).expect("readable");
    start().load(bytes.clone()).await.expect("a driver, from the cache");

    // Somebody else's code under the same name is not loaded, but compiled anew and replaced.
    let mut foreign = kept.clone();
    let last = foreign.len() - 1;
    foreign[last] ^= 1;
    std::fs::write(&files()[0], &foreign).expect("writable");
    start().load(bytes).await.expect("a driver, compiled again");
    assert_ne!(std::fs::read(&files()[0]).expect("readable"), foreign);
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&cache), mode(&cache.join("key"))), (0o700, 0o600));
}
