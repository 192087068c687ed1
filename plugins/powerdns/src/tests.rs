//! What can be said of the driver without a host: its description and its rules for params.

use serde_json::json;
use vend_sdk::Error;

use super::content::Kind;
use super::{driver, name, record, zone};

#[test]
fn the_description_is_one() {
    let schema = serde_json::from_str(include_str!("../../../wit/describe.schema.json")).expect("the schema is JSON");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema is one");
    let document = driver().document();
    let faults: Vec<String> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let asked = &document["slots"]["server"]["requests"];
    assert_eq!(asked[0], json!({ "methods": ["GET", "POST"], "path": "/servers/localhost/zones" }));
    let types = document["types"]["dns-record"]["params"]["properties"]["type"]["enum"].clone();
    assert!(types.as_array().is_some_and(|types| types.contains(&json!("AAAA")) && !types.contains(&json!("LUA"))));
}

#[test]
fn names_have_one_spelling() {
    let check = |text: &str, expected: &str| assert_eq!(name::normal(text).as_deref(), Ok(expected), "{text}");
    check("Shop.Example", "shop.example.");
    check("shop.example.", "shop.example.");
    check("*.shop.example", "*.shop.example.");
    check("_sip._tcp.x", "_sip._tcp.x.");
    check("0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa.");
    for wrong in ["", ".", "..", "a..b", ".a", "a b", "ü.example", "a*.b", "a.*.b", "a\\.b", &"x".repeat(64)] {
        assert!(name::normal(wrong).is_err(), "{wrong}");
    }
    assert!(name::normal(&format!("{}.x", ["x".repeat(63).as_str(); 4].join("."))).is_err(), "more than 253");
    assert!(name::plain("*.a").is_err());
    assert!(name::is_within("a.b.", "b.") && name::is_within("b.", "b.") && !name::is_within("ab.", "b."));
}

#[test]
fn contents_have_one_spelling() {
    let check = |kind: Kind, text: &str, expected: &str| {
        assert_eq!(kind.normal(text).as_deref(), Ok(expected), "{text}");
        assert_eq!(kind.normal(expected).as_deref(), Ok(expected), "{expected} once more");
    };
    check(Kind::A, " 192.0.2.1 ", "192.0.2.1");
    check(Kind::Aaaa, "2001:DB8:0::1", "2001:db8::1");
    check(Kind::Cname, "WWW.Example", "www.example.");
    check(Kind::Ns, "ns1.example.", "ns1.example.");
    check(Kind::Ptr, "a.example", "a.example.");
    check(Kind::Mx, "010   Mail.example", "10 mail.example.");
    check(Kind::Mx, "0 .", "0 .");
    check(Kind::Srv, "0 5 443 www.example", "0 5 443 www.example.");
    check(Kind::Caa, "0 Issue letsencrypt.org", "0 issue \"letsencrypt.org\"");
    check(Kind::Caa, "128 iodef  \"mailto:a@b\"", "128 iodef \"mailto:a@b\"");
    check(Kind::Tlsa, "3 1 1 AA BB", "3 1 1 aabb");
    check(Kind::Sshfp, "4 2 AABB", "4 2 aabb");
    check(Kind::Ds, "2371 13 2 1F98", "2371 13 2 1f98");
    check(Kind::Https, " 1 . alpn=h2 ", "1 . alpn=h2");
    check(Kind::Txt, "v=spf1 -all", "\"v=spf1 -all\"");
    check(Kind::Txt, "", "\"\"");
    check(Kind::Txt, "say \"hi\" \\o/", "\"say \\\"hi\\\" \\\\o/\"");
    check(Kind::Txt, "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\"");
    check(Kind::Txt, "\"a\"   \"b;c\"", "\"a\" \"b;c\"");
    check(Kind::Txt, "ü\t", "\"\\195\\188\\009\"");
    check(Kind::Txt, "\"\\097\\b\"", "\"ab\"");
    let long = "x".repeat(300);
    check(Kind::Txt, &long, &format!("\"{}\" \"{}\"", "x".repeat(255), "x".repeat(45)));
}

#[test]
fn contents_of_another_shape_are_refused() {
    for (kind, text) in [
        (Kind::A, "2001:db8::1"),
        (Kind::A, "192.0.2"),
        (Kind::A, "192.0.02.1"),
        (Kind::Aaaa, "192.0.2.1"),
        (Kind::Aaaa, "::ffff:192.0.2.1"),
        (Kind::Cname, "*.example."),
        (Kind::Cname, "."),
        (Kind::Ns, "ns 1"),
        (Kind::Mx, "mail.example."),
        (Kind::Mx, "70000 mail.example."),
        (Kind::Mx, "+1 mail.example."),
        (Kind::Srv, "0 5 www.example."),
        (Kind::Srv, "0 5 443 www..example."),
        (Kind::Caa, "issue x"),
        (Kind::Caa, "256 issue x"),
        (Kind::Caa, "0 is-sue x"),
        (Kind::Caa, "0 issue \"a\" \"b\""),
        (Kind::Tlsa, "3 1 1"),
        (Kind::Tlsa, "3 1 1 abc"),
        (Kind::Tlsa, "3 1"),
        (Kind::Sshfp, "4 x aabb"),
        (Kind::Https, "1 .\n2 ."),
        (Kind::Naptr, " "),
        (Kind::Txt, "\"open"),
        (Kind::Txt, "\"open\\"),
        (Kind::Txt, "\"a\"b"),
        (Kind::Txt, "\"a\"\"b\""),
        (Kind::Txt, "\"a\" b"),
        (Kind::Txt, "\"\\256\""),
        (Kind::Txt, &"x".repeat(66_000)),
    ] {
        assert!(kind.normal(text).is_err(), "{kind:?} {text}");
    }
}

fn pointers(error: Error) -> Vec<String> {
    error.violations.into_iter().map(|violation| violation.pointer).collect()
}

#[test]
fn a_record_set_has_one_normal_form() {
    let params = |zone: &str, name: &str, kind: Kind, records: &[&str]| record::Params {
        zone: zone.into(),
        name: name.into(),
        kind,
        ttl: 300,
        records: records.iter().map(|it| it.to_string()).collect(),
    };
    let once = params("Shop.Example", "WWW.shop.example", Kind::A, &["192.0.2.9", "192.0.2.1", "192.0.2.9"]);
    let once = once.normal().unwrap();
    assert_eq!((once.zone.as_str(), once.name.as_str()), ("shop.example.", "www.shop.example."));
    assert_eq!(once.records, ["192.0.2.1", "192.0.2.9"]);
    assert_eq!(json!(once.clone().normal().unwrap()), json!(once));

    let refused = |params: record::Params| pointers(params.normal().unwrap_err());
    assert_eq!(refused(params("a b", "www.a", Kind::A, &["x", "192.0.2.1"])), ["/params/zone", "/params/records/0"]);
    assert_eq!(refused(params("shop.example", "www", Kind::A, &["192.0.2.1"])), ["/params/name", "/params/zone"]);
    assert_eq!(refused(params("a", "www.a", Kind::A, &[])), ["/params/records"]);
    assert_eq!(refused(params("a", "www.a", Kind::Cname, &["b.a", "c.a"])), ["/params/records"]);
    let late = record::Params { ttl: u32::MAX, ..params("a", "www.a", Kind::Cname, &["b.a", "B.a."]) };
    assert_eq!(refused(late), ["/params/ttl"]);
}

#[test]
fn a_zone_has_one_normal_form() {
    let params = |name: &str, servers: &[&str]| zone::Params {
        name: name.into(),
        nameservers: servers.iter().map(|it| it.to_string()).collect(),
        kind: zone::Kind::Native,
    };
    let once = params("Shop.Example", &["NS2.example", "ns1.example.", "ns2.example."]).normal().unwrap();
    assert_eq!(
        json!(once),
        json!({ "name": "shop.example.", "nameservers": ["ns1.example.", "ns2.example."], "kind": "native" })
    );
    assert_eq!(json!(once.clone().normal().unwrap()), json!(once));
    let refused = |params: zone::Params| pointers(params.normal().unwrap_err());
    assert_eq!(refused(params("*.a", &[])), ["/params/name", "/params/nameservers"]);
    assert_eq!(refused(params("a", &["ns1.a", "192.0.2.1 x"])), ["/params/nameservers/1"]);
}
