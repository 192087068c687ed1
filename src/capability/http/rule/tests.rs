//! Rules over requests.

use super::*;

fn rules(reads: &str, writes: &str, deny: &str) -> Rules {
    let read = |json: &str| serde_json::from_str(json).expect("rules of the test");
    Rules { reads: read(reads), writes: read(writes), deny: read(deny) }
}

fn class(rules: &Rules, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Result<Kind, String> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let headers: Vec<(String, String)> = headers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
    let facts = Facts { method, path, query, headers: &headers, body: body.as_bytes() };
    rules.classify(&facts).map_err(|error| error.code)
}

#[test]
fn methods_and_paths() {
    let rules = rules(
        r#"[{"path":"/zones/**"}]"#,
        r#"[{"path":"/zones/**"},{"methods":["GET"],"path":"/actions/*"}]"#,
        r#"[{"path":"/zones/secret."},{"methods":["DELETE"],"path":"/zones/kept."}]"#,
    );
    for (method, path, expected) in [
        ("GET", "/zones", Ok(Kind::Read)),
        ("HEAD", "/zones/a.", Ok(Kind::Read)),
        ("POST", "/zones", Ok(Kind::Write)),
        ("DELETE", "/zones/a.", Ok(Kind::Write)),
        ("OPTIONS", "/zones", Err("REQUEST_NOT_ALLOWED")),
        ("GET", "/config", Err("REQUEST_NOT_ALLOWED")),
        ("GET", "/zones/secret.", Err("REQUEST_DENIED")),
        ("GET", "/zones/kept.", Ok(Kind::Read)),
        ("DELETE", "/zones/kept.", Err("REQUEST_DENIED")),
        ("GET", "/actions/reboot", Ok(Kind::Write)),
        ("get", "/zones", Err("REQUEST_NOT_ALLOWED")),
    ] {
        assert_eq!(class(&rules, method, path, &[], ""), expected.map_err(str::to_owned), "{method} {path}");
    }
    assert_eq!(class(&Rules::default(), "GET", "/", &[], ""), Err("REQUEST_NOT_ALLOWED".to_owned()));
}

#[test]
fn a_form_tells_reads_from_writes() {
    let rules = rules(
        r#"[{"methods":["POST"],"path":"/","form":{"Action":"Describe*"}}]"#,
        r#"[{"path":"/"}]"#,
        r#"[{"path":"/","form":{"Action":"Terminate*"}}]"#,
    );
    for (body, expected) in [
        ("Action=DescribeInstances&Version=1", Ok(Kind::Read)),
        ("Action=%44escribeInstances", Ok(Kind::Read)),
        ("Action=RunInstances", Ok(Kind::Write)),
        ("", Ok(Kind::Write)),
        ("Action=TerminateInstances", Err("REQUEST_DENIED")),
        // Which of the two counts is anybody's guess.
        ("Action=DescribeInstances&Action=TerminateInstances", Err("REQUEST_DENIED")),
        ("Action=DescribeInstances;Action=RunInstances", Err("REQUEST_DENIED")),
        ("Action=%ff", Err("REQUEST_DENIED")),
    ] {
        assert_eq!(class(&rules, "POST", "/", &[], body), expected.map_err(str::to_owned), "{body}");
    }
    let lenient = Rules { deny: Vec::new(), ..rules };
    for body in ["Action=DescribeA&Action=DescribeB", "Action=%ff"] {
        assert_eq!(class(&lenient, "POST", "/", &[], body), Ok(Kind::Write), "{body}");
    }
}

#[test]
fn a_query_a_header_and_a_pointer_do_so_as_well() {
    let rules = rules(
        r#"[{"path":"/","query":{"Action":"List*"}},
            {"methods":["POST"],"path":"/","headers":{"X-Amz-Target":"*.Describe*"}},
            {"methods":["POST"],"path":"/rpc","json":{"/method":"get_*","/params/dry":"true"}}]"#,
        "[]",
        "[]",
    );
    let none = Err("REQUEST_NOT_ALLOWED".to_owned());
    assert_eq!(class(&rules, "GET", "/?Action=ListUsers", &[], ""), Ok(Kind::Read));
    assert_eq!(class(&rules, "GET", "/?Action=CreateUser", &[], ""), none);
    assert_eq!(class(&rules, "GET", "/?Action=ListUsers&Action=CreateUser", &[], ""), none);
    assert_eq!(class(&rules, "GET", "/", &[], ""), none);
    let header = ("x-amz-target", "DynamoDB.DescribeTable");
    assert_eq!(class(&rules, "POST", "/", &[header], ""), Ok(Kind::Read));
    assert_eq!(class(&rules, "POST", "/", &[header, ("x-amz-target", "DynamoDB.DeleteTable")], ""), none);
    for (body, expected) in [
        (r#"{"method":"get_zone","params":{"dry":true}}"#, Ok(Kind::Read)),
        (r#"{"method":"set_zone","params":{"dry":true}}"#, none.clone()),
        (r#"{"method":"get_zone"}"#, none.clone()),
        (r#"{"method":"get_zone","method":"set_zone","params":{"dry":true}}"#, none.clone()),
        (r#"{"method":["get_zone"],"params":{"dry":true}}"#, none.clone()),
        ("{", none.clone()),
    ] {
        assert_eq!(class(&rules, "POST", "/rpc", &[], body), expected, "{body}");
    }
}

#[test]
fn a_driver_gets_what_it_asks_for() {
    let asked: Vec<RequestRule> = serde_json::from_str(r#"[{"methods":["GET"],"path":"/zones/**"}]"#).expect("asked");
    let facts = |method, path| Facts { method, path, query: None, headers: &[], body: &[] };
    assert!(is_asked(&asked, &facts("GET", "/zones/a.")).is_ok());
    assert!(is_asked(&[], &facts("DELETE", "/")).is_ok());
    for (method, path) in [("GET", "/config"), ("DELETE", "/zones/a.")] {
        assert_eq!(is_asked(&asked, &facts(method, path)).expect_err(path).code, "REQUEST_NOT_ASKED");
    }
}
