//! What rules can say, what they cannot, and that none of them takes long.

use std::time::Duration;

use serde_json::{Value, json};

use super::{BUDGET, Rule, Scope, Undecided};

fn place() -> Value {
    json!({
        "project": "shop", "environment": "live", "environment-type": "production",
        "order": "checkout", "name": "db", "class": null,
    })
}

fn ask(rule: &str, params: &Value) -> Result<bool, Undecided> {
    let rule = Rule::new(rule).unwrap_or_else(|error| panic!("{rule}: {error}"));
    let place = place();
    let scope = Scope::new(params, &place)?;
    rule.holds(&scope, &mut BUDGET.clone())
}

#[test]
fn rules_hold_or_do_not() {
    let params = json!({
        "size-gb": 100, "half": 0.5, "version": "16", "big": 18_446_744_073_709_551_615_u64,
        "disk": { "kind": "ssd", "iops": 3000 }, "users": [{ "name": "a" }, { "name": "b" }], "zones": ["x", "y"], "none": null,
    });
    for (rule, expected) in [
        ("params['size-gb'] <= 100", true),
        (r#"params["size-gb"] < 100 || context["environment-type"] == "production""#, true),
        ("params.`size-gb` == 100", true),
        ("params.`size-gb` * 2 + 1 == 201 && params.`size-gb` % 3 == 1 && -params.`size-gb` < 0", true),
        ("params.half < 1 && double(params.`size-gb`) * params.half == 50.0", true),
        ("params.big > params.`size-gb`", true),
        ("int(params.version) >= 16 && string(params.`size-gb`) == '100'", true),
        ("has(params.disk) && params.disk.kind == 'hdd'", false),
        ("!has(params.cpu) || params.cpu > 4", true),
        ("params.disk.iops > 1000 ? params.disk.kind == 'ssd' : true", true),
        ("context.class == 'ha'", false),
        ("context.class == null && params.none == null", true),
        ("context.project.startsWith('sh') && context.order.endsWith('out') && context.name.contains('d')", true),
        ("params.users.all(u, size(u.name) == 1) && params.users.exists(u, u.name == 'b')", true),
        ("params.users.exists_one(u, u.name == 'c')", false),
        ("params.users.filter(u, u.name != 'a').size() == 1", true),
        ("params.users.map(u, u.name) == ['a', 'b']", true),
        ("params.zones.all(z, z in ['x', 'y', 'z'])", true),
        ("params.zones[0] == 'x' && params.users[1].name == 'b'", true),
        ("'disk' in params", true),
        ("{'ssd': 5000, 'hdd': 500}[params.disk.kind] >= params.disk.iops", true),
        ("params.zones.all(z, params.users.exists(u, u.name != z))", true),
        ("params == params && true", true),
    ] {
        assert_eq!(ask(rule, &params), Ok(expected), "{rule}");
    }
}

#[test]
fn what_cannot_be_decided_is_not_held() {
    let params = json!({ "size": 1, "name": "hunter2", "zones": ["x"] });
    for (rule, expected) in [
        ("params.cpu > 1", Undecided::Missing),
        ("params.zones[7] == 'x'", Undecided::Missing),
        ("params.name > 1", Undecided::Types),
        ("params.name + 1 == 2", Undecided::Types),
        ("params.size / 0 == 1", Undecided::Number),
        ("params.size % 0 == 1", Undecided::Number),
        ("params.size + 9223372036854775807 > 0", Undecided::Number),
        ("params.size", Undecided::NoBoolean),
        ("params.name", Undecided::NoBoolean),
        ("params.size.all(x, true)", Undecided::Types),
        ("int(params.name) == 1", Undecided::Other),
    ] {
        let undecided = ask(rule, &params).expect_err(rule);
        assert_eq!(undecided, expected, "{rule}");
        assert!(!undecided.to_string().contains("hunter2"));
    }
}

#[test]
fn what_is_no_rule_is_refused_when_it_is_written() {
    for (rule, expected) in [
        ("", "it is no CEL expression"),
        ("params.size <", "it is no CEL expression"),
        ("params.size <= 'x", "it is no CEL expression"),
        ("size <= 1", "`size` is not known to rules: they know `params` and `context`"),
        ("param.size <= 1", "`param` is not known to rules"),
        ("params.storage-gb <= 1", r#"a member with a dash in its name is written `params["storage-gb"]`"#),
        (
            "context.environment-type == 'x'",
            r#"a member with a dash in its name is written `context["environment-type"]`"#,
        ),
        ("context.enviroment == 'x'", "`context` has no `enviroment`: did you mean `environment`?"),
        ("context['typ'] == 'x'", "`context` has no `typ`: known are `project`"),
        ("params.name.matches('(a+)+')", "rules have no function `matches`"),
        ("timestamp('2026-01-01T00:00:00Z') > params.t", "rules have no function `timestamp`"),
        ("_f(params)", "rules have no function `_f`"),
        ("optional.none()", "rules have no function `none`"),
        ("type(params) == map", "rules have no function `type`"),
        ("all(params)", "`all` is not called like this"),
        ("params.zones.all(params, true)", "cannot call its items `params`"),
        ("params.a.all(x, params.b.all(x, true))", "cannot call its items `x`"),
        ("params.a.all(x, x > 1) && x", "`x` is not known to rules"),
        ("params.a.all(a, a.all(b, b.all(c, c.all(d, d))))", "more than 3 loops within one another"),
        ("Params{size: 1} == params", "it makes something that rules have no use for"),
        ("int == int", "`int` is not known to rules"),
        (".params.size > 1", "is not known to rules"),
    ] {
        let error = Rule::new(rule).expect_err(rule);
        assert!(error.contains(expected), "{rule}: {error}");
    }
}

#[test]
fn rules_say_what_they_look_at() {
    for (rule, expected) in [
        ("params['a-b'].c > 1 && context.class == 'x'", vec![vec!["a-b", "c"]]),
        ("has(params.a) && params.b[0].c == 1", vec![vec!["a"], vec!["b"]]),
        ("params.l.all(x, x.y > params.m)", vec![vec!["l"], vec!["m"]]),
        ("'a' in params", vec![vec![]]),
        ("params[context.name] == 1", vec![vec![]]),
    ] {
        assert_eq!(Rule::new(rule).expect(rule).reads(), expected, "{rule}");
    }
}

/// Hostile texts: each is refused when it is written or when it is asked, or answered; at once, and with little stack.
fn hostile() -> Vec<String> {
    let nested =
        |open: &str, inner: &str, close: &str, n: usize| format!("{}{inner}{}", open.repeat(n), close.repeat(n));
    let chained = |link: &str, n: usize| format!("size(params.list{}) > 0", link.repeat(n));
    let mut all = vec![
        nested("(", "true", ")", 900),
        nested("[", "1", "]", 900),
        nested("{'a':", "1", "}", 300),
        nested("!", "true", "", 1_900),
        nested("-", "1", "", 1_900),
        nested("size(", "'x'", ")", 300),
        nested("true ? true : (", "true", ")", 100),
        nested("params[", "'a'", "]", 200),
        format!("true{}", " || true".repeat(240)),
        format!("1{} > 0", "+1".repeat(990)),
        format!("params{} == 1", ".a".repeat(990)),
        format!("params{} == 1", "['a']".repeat(380)),
        format!("'{}'", "x".repeat(10_000)),
        "`@result`".to_owned(),
        "params.list.map(x, `@result` + `@result`) == []".to_owned(),
        "@result".to_owned(),
        "\u{0}\u{ffff}{{}}".to_owned(),
        "'\\U00110000' == 'x'".to_owned(),
        "-9223372036854775808 / -1 == 0".to_owned(),
        "int(1e300) == 0 || uint(-1) == 0u || double('nan') == 0.0".to_owned(),
        // Twice as much with each link.
        chained(".map(a, a + a)", 60),
        chained(".map(a, [a, a])", 60),
        chained(".map(a, [a] + [a])", 60),
        chained(".map(a, string(a) + string(a))", 50),
        // As much again as there is, for each that there is.
        "params.list.map(a, params.list.map(b, params.list.map(c, params.list))).size() > 0".to_owned(),
        "params.list.all(a, params.list.all(b, params.list.all(c, a != b || b != c || params.text == params.text)))"
            .to_owned(),
        "params.list.map(a, params.text + params.text).all(t, params.text.contains(t))".to_owned(),
    ];
    for op in ["&&", "||", "==", "<", "+", "in", "?"] {
        all.push(op.repeat(600));
    }
    all
}

#[test]
fn hostile_rules_are_done_with_at_once() {
    let params = json!({ "list": vec!["x"; 500], "text": "y".repeat(50_000), "a": { "a": 1 } });
    let run = move || {
        for rule in hostile() {
            let begun = std::time::Instant::now();
            if let Ok(parsed) = Rule::new(&rule) {
                let place = place();
                let scope = Scope::new(&params, &place).expect("a scope");
                let _ = parsed.holds(&scope, &mut BUDGET.clone());
            }
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(2), "{took:?}: {rule}");
        }
    };
    let small = std::thread::Builder::new().stack_size(512 << 10).spawn(run).expect("a thread");
    small.join().expect("enough stack");
}

#[test]
fn rules_together_have_one_budget() {
    let (params, place) = (json!({ "list": vec!["x"; 100] }), place());
    let scope = Scope::new(&params, &place).expect("a scope");
    let rule = Rule::new("params.list.all(a, params.list.all(b, a == b))").expect("a rule");
    let mut budget = BUDGET;
    let mut asked = 0;
    while rule.holds(&scope, &mut budget) == Ok(true) {
        asked += 1;
        assert!(asked < 1_000, "a budget has an end");
    }
    assert!(asked > 0, "what people write is asked");
    assert_eq!(rule.holds(&scope, &mut budget), Err(Undecided::Costly));
}

#[test]
fn params_that_are_too_large_are_not_looked_at() {
    let params = json!({ "text": "y".repeat(1 << 20) });
    assert_eq!(ask("true", &params), Err(Undecided::TooLarge));
}
