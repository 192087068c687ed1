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

/// Headers of `a: b|c: d`.
fn split(headers: &str) -> Vec<(&str, &str)> {
    headers.split('|').filter_map(|header| header.split_once(": ")).collect()
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

/// Servers differ in where they look for a field and in which of two counts.
#[test]
fn what_servers_read_differently_is_no_read_and_is_denied() {
    let form = r#"[{"methods":["POST"],"path":"/","form":{"Action":"Describe*"}}]"#;
    let query = r#"[{"methods":["POST"],"path":"/","query":{"Action":"Describe*"}}]"#;
    let header = r#"[{"methods":["POST"],"path":"/","headers":{"X-Action":"Describe*"}}]"#;
    let json = r#"[{"methods":["POST"],"path":"/","json":{"/Action":"Describe*"}}]"#;
    let good = "Action=DescribeA";
    // The rule; the target, headers and body; whether they are clear.
    for ((rule, target, headers, body), clear) in [
        ((form, "/", "content-type: application/x-www-form-urlencoded", good), true),
        ((form, "/", "content-type: application/x-www-form-urlencoded; charset=UTF-8", good), true),
        ((form, "/", "", good), true),
        ((form, "/", "content-type: application/x-www-form-urlencoded; charset=utf-7", good), false),
        ((form, "/", "content-type: application/x-www-form-urlencoded|content-type: multipart/form-data", good), false),
        ((form, "/", "content-type: multipart/form-data; boundary=x", good), false),
        ((form, "/", "content-type: multipart/mixed; boundary=x", good), false),
        ((form, "/", "content-type: application/json", good), false),
        ((form, "/", "content-type: text/plain", good), false),
        ((form, "/", "content-type: application/x-www-form-urlencoded|content-encoding: deflate", good), false),
        ((form, "/?Action=DeleteA", "", good), false),
        ((form, "/?action=DeleteA", "", good), false),
        ((form, "/?Other=DeleteA", "", good), true),
        ((form, "/", "", "Action=DescribeA&action=DeleteA"), false),
        ((form, "/", "", "Action=DescribeA&Action[]=DeleteA"), false),
        ((form, "/", "", "Action=DescribeA&+Action=DeleteA"), false),
        ((form, "/", "", "Action=DescribeA&Action%00x=DeleteA"), false),
        ((form, "/", "", "action=DescribeA"), false),
        ((query, "/?Action=DescribeA", "", ""), true),
        ((query, "/?Action=DescribeA", "content-type: application/json", "{}"), true),
        ((query, "/?Action=DescribeA", "", "Action=DeleteA"), false),
        ((query, "/?Action=DescribeA", "content-type: application/json", "\"&Action=DeleteA&\""), false),
        ((query, "/?Action=DescribeA", "content-type: multipart/form-data; boundary=x", "--x"), false),
        ((query, "/?Action=DescribeA&ACTION=DeleteA", "", ""), false),
        ((header, "/", "x-action: DescribeA", ""), true),
        ((header, "/", "x-action: DescribeA|x_action: DeleteA", ""), false),
        ((header, "/", "x_action: DescribeA", ""), false),
        ((json, "/", "content-type: application/json", r#"{"Action":"DescribeA"}"#), true),
        ((json, "/", "content-type: application/x-amz-json-1.1", r#"{"Action":"DescribeA"}"#), true),
        ((json, "/", "", r#"{"Action":"DescribeA"}"#), true),
        ((json, "/", "content-type: application/x-www-form-urlencoded", r#"{"Action":"DescribeA"}"#), false),
        ((json, "/", "content-type: application/json; charset=utf-16", r#"{"Action":"DescribeA"}"#), false),
        ((json, "/", "content-encoding: gzip", r#"{"Action":"DescribeA"}"#), false),
        ((json, "/", "", r#"{"Action":"DescribeA","action":"DeleteA"}"#), false),
        ((json, "/", "", r#"[{"Action":"DescribeA"}]"#), false),
        ((json, "/", "", r#"{"action":"DescribeA"}"#), false),
    ] {
        let allowing = rules(rule, "[]", "[]");
        let found = class(&allowing, "POST", target, &split(headers), body).is_ok();
        assert_eq!(found, clear, "{rule} {target} {headers:?} {body}");
        // Whoever denies it denies it in either case.
        let denying = rules("[]", r#"[{"path":"/**"}]"#, rule);
        let found = class(&denying, "POST", target, &split(headers), body);
        assert_eq!(found, Err("REQUEST_DENIED".to_owned()), "{rule} {target} {headers:?} {body}");
    }
}

#[test]
fn a_rule_that_denies_one_thing_lets_the_others_through() {
    for (deny, target, headers, body) in [
        (r#"{"path":"/","form":{"Action":"Delete*"}}"#, "/", "", ""),
        (r#"{"path":"/","form":{"Action":"Delete*"}}"#, "/", "content-type: application/json", "{}"),
        (r#"{"path":"/","form":{"Action":"Delete*"}}"#, "/?x=y", "", "Action=ListA"),
        (r#"{"path":"/","query":{"force":"*"}}"#, "/?dry=1", "", "a=b"),
        (r#"{"path":"/","json":{"/force":"true"}}"#, "/", "", ""),
        (r#"{"path":"/","json":{"/force":"true"}}"#, "/", "", r#"{"force":false}"#),
        (r#"{"path":"/","json":{"/o/force":"true"}}"#, "/", "", r#"{"o":null}"#),
        (r#"{"path":"/","json":{"/n":"1"}}"#, "/", "", r#"{"n":1.5}"#),
        (r#"{"path":"/","headers":{"X-Force":"*"}}"#, "/", "x-dry: 1", ""),
    ] {
        let rules = rules("[]", r#"[{"path":"/**"}]"#, &format!("[{deny}]"));
        assert_eq!(class(&rules, "POST", target, &split(headers), body), Ok(Kind::Write), "{deny} {target} {body}");
    }
    for (deny, body) in [
        (r#"{"path":"/","json":{"/n":"1"}}"#, r#"{"n":1.0}"#),
        (r#"{"path":"/","json":{"/force":"true"}}"#, "{"),
        (r#"{"path":"/","json":{"/force":"true"}}"#, r#"[{"force":true}]"#),
    ] {
        let rules = rules("[]", r#"[{"path":"/**"}]"#, &format!("[{deny}]"));
        assert_eq!(class(&rules, "POST", "/", &[], body), Err("REQUEST_DENIED".to_owned()), "{deny} {body}");
    }
}

/// A rule that denies and can never fit would be worse than none.
#[test]
fn a_rule_that_fits_nothing_is_told() {
    for (rule, expected) in [
        (r#"{"path":"/zones/*/caf%C3%A9/**"}"#, None),
        (r#"{"path":"/zones","methods":["GET","PURGE"]}"#, None),
        (r#"{"path":"/caf%c3%a9"}"#, Some("write `/caf%C3%A9`")),
        (r#"{"path":"/%61"}"#, Some("write `/a`")),
        (r#"{"path":"zones"}"#, Some("begin with a slash")),
        (r#"{"path":"/a//b"}"#, Some("empty part")),
        (r#"{"path":"/a/../b"}"#, Some("dots")),
        (r#"{"path":"/a","methods":["get"]}"#, Some("capital")),
    ] {
        let found = rules("[]", "[]", &format!("[{rule}]")).check();
        match expected {
            None => assert_eq!(found, Ok(()), "{rule}"),
            Some(why) => assert!(found.clone().is_err_and(|found| found.contains(why)), "{rule}: {found:?}"),
        }
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
