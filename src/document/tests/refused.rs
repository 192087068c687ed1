//! What is refused, where, and in which words.

use super::{document, problems};

fn check(kind: &str, body: &str, expected: &str) {
    assert_eq!(problems(&document(kind, body)), expected, "{body}");
}

#[test]
fn yaml_that_means_more_than_its_text_is_refused() {
    for (text, expected) in [
        ("a: [1\n", "f.yaml:2:1: this is not valid YAML"),
        ("a:\n\tb: 1\n", "f.yaml:2:2: this is not valid YAML"),
        ("a: b: c\n", "f.yaml:1:5: this is not valid YAML"),
        ("a: &x 1\n", "f.yaml:1:4: anchors (`&name`) are not read"),
        ("a: &x 1\nb: *x\n", "f.yaml:1:4: anchors"),
        ("b: *x\n", "f.yaml:1:4: this is not valid YAML"),
        ("a: !!str 1\n", "f.yaml:1:4: tags (`!name`) are not read"),
        ("a: 1\na: 2\n", "f.yaml:2:1: the key `a` stands twice: first on line 1"),
        ("a: {b: 1, \"b\": 2}\n", "f.yaml:1:11: the key `b` stands twice: first on line 1"),
        ("<<: {a: 1}\n", "f.yaml:1:1: merge keys (`<<`) are not read"),
        ("1: a\n", "f.yaml:1:1: the key `1` is no text: write it in quotes"),
        ("true: a\n", "f.yaml:1:1: the key `true` is no text"),
        ("? [a]\n: b\n", "f.yaml:1:3: a key is a text, not a list or a mapping"),
        ("a: .inf\n", "f.yaml:1:4: `.inf` is no number that JSON has"),
        (
            "a: 99999999999999999999\n",
            "f.yaml:1:4: the number `99999999999999999999` does not fit into 64 bits: write it in quotes",
        ),
        ("a: 0.12345678901234567890\n", "f.yaml:1:4: the number `0.12345678901234567890` would lose digits"),
        ("- a\n", "f.yaml:1:1: a document is a mapping with `apiVersion`, `kind` and `name`"),
        ("text\n", "f.yaml:1:1: a document is a mapping"),
        ("a: \u{1}\n", "f.yaml:1:4: the control character U+0001 is not allowed"),
        ("a: 1\n\u{85}b: 1\n", "f.yaml:2:1: the control character U+0085"),
    ] {
        let found = problems(text);
        assert!(found.lines().any(|line| line.starts_with(expected)), "{text}\n{found}\nnot\n{expected}");
    }
}

#[test]
fn tabs_and_aliases_come_with_advice() {
    for (text, expected) in [
        ("a:\n\tb: 1\n", "indent with spaces, not with tabs"),
        ("b: *x\n", "write the value out"),
        ("a: b: c\n", "quote a text that contains `: `"),
    ] {
        let found = problems(text);
        assert!(found.lines().any(|line| line.contains(expected)), "{found}");
    }
}

#[test]
fn the_header_says_what_a_document_is() {
    for (text, expected) in [
        ("kind: Order\nname: a\n", "f.yaml:1:1: missing key `apiVersion`: write `apiVersion: vend/v1`"),
        ("apiVersion: v1\nkind: Order\nname: a\n", "f.yaml:1:13: unknown apiVersion `v1`: write `apiVersion: vend/v1`"),
        ("apiVersion: vend/v1\nkind: order\nname: a\n", "f.yaml:2:7: unknown kind `order`: did you mean `Order`?"),
        (
            "apiVersion: vend/v1\nname: a\n",
            "f.yaml:1:1: missing key `kind`: it is one of `Project`, `Environment`, `ResourceType`, `Connection`, `Recipe` and `Order`",
        ),
        (
            "apiVersion: vend/v1\nkind: Deployment\n",
            "f.yaml:2:7: unknown kind `Deployment`: known are `Project`, `Environment`, `ResourceType`, `Connection`, `Recipe` and `Order`",
        ),
        (
            "apiVersion: vend/v1\nkind: 7\n",
            "f.yaml:2:7: unknown kind `7`: it is one of `Project`, `Environment`, `ResourceType`, `Connection`, `Recipe` and `Order`",
        ),
    ] {
        assert!(problems(text).contains(expected), "{}\nnot\n{expected}", problems(text));
    }
}

#[test]
fn what_a_schema_refuses_is_said_in_words() {
    check(
        "Order",
        "name: a\nresources:\n  db:\n    clas: small\n    type: t\n",
        "f.yaml:6:5: unknown key `clas` in resource `db`: did you mean `class`?",
    );
    check("Order", "name: a\nresources:\n  db: { class: small }\n", "f.yaml:5:3: missing key `type` in resource `db`");
    check(
        "Order",
        "name: a\nresources:\n  Db: { type: t }\n",
        "f.yaml:5:3: `Db` cannot be a key in `resources`: a name is 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit",
    );
    check(
        "Order",
        "name: a\nresources:\n  db: { type: t, params: }\n",
        "f.yaml:5:24: `params` of resource `db` must be a mapping, not null: leave the key out, or give it a value",
    );
    check("Project", "title: a\n", "f.yaml:1:1: missing key `name` in this project");
    check(
        "Project",
        "name: A_b\n",
        "f.yaml:3:7: `name` cannot be `A_b`: a name is 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit",
    );
    check(
        "Project",
        "name: a\nlabels: { cost: 4711 }\n",
        "f.yaml:4:17: `labels.cost` must be a text, not a number: write it in quotes",
    );
    check(
        "Project",
        "name: a\nowners: [anna]\n",
        "f.yaml:4:10: `owners.0` cannot be `anna`: an owner is `user:NAME` or `group:NAME`",
    );
    check(
        "Project",
        "name: a\nttl: 3h\n",
        "f.yaml:4:1: unknown key `ttl` in project `a`: known are `apiVersion`, `description`, `kind`, `labels`, `name`, `owners` and `title`",
    );
    check(
        "Connection",
        "name: c\ntype: postgresql\nendpoint: e\n",
        "f.yaml:4:7: `type` must be one of `postgres`, `sqlite` and `http`, not `postgresql`: did you mean `postgres`?",
    );
    check(
        "Recipe",
        "name: r\ntype: t\ndriver: d\nreplace: never\n",
        "f.yaml:6:10: `replace` must be one of `delete-first` and `create-first`, not `never`",
    );
}

#[test]
fn every_problem_of_every_document_is_found() {
    let text = format!(
        "{}---\n{}---\n{}",
        document("Project", "name: A\ntitel: b\n"),
        document("Order", "name: a\nname: b\nresources: { x: {} }\n"),
        document("Recipe", "name: r\ntype: t\ndriver: d@new\n"),
    );
    let expected = "f.yaml:3:7: `name` cannot be `A`: a name is 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit
f.yaml:4:1: unknown key `titel` in project `A`: did you mean `title`?
f.yaml:9:1: the key `name` stands twice: first on line 8
f.yaml:10:14: missing key `type` in resource `x`
f.yaml:16:9: `new` is no version requirement: write it as in `postgres@^0.1` or `postgres@=1.2.3`";
    assert_eq!(problems(&text), expected);
}

#[test]
fn a_secret_handle_cannot_be_smuggled_in() {
    let handle = format!("vsec_{}", "0".repeat(52));
    let expected =
        "a secret handle cannot be written into a document: a document names secrets, it does not carry them";
    check(
        "Order",
        &format!("name: a\nresources:\n  db: {{ type: t, params: {{ p: [x, 'a{handle}b'] }} }}\n"),
        &format!("f.yaml:5:35: {expected}"),
    );
    check(
        "Order",
        &format!("name: a\nresources:\n  db: {{ type: t, params: {{ {handle}: 1 }} }}\n"),
        &format!("f.yaml:5:28: {expected}"),
    );
    check("Project", &format!("name: a\ndescription: {handle}\n"), &format!("f.yaml:4:14: {expected}"));
}

#[test]
fn a_connection_says_what_its_type_needs() {
    let postgres = |rest: &str| {
        format!(
            "name: c\ntype: postgres\nendpoint: postgres://db:5432\ncredential: {{ username: u, password: {{ secret: s }} }}\n{rest}"
        )
    };
    check(
        "Connection",
        &postgres(""),
        "f.yaml:1:1: missing key `read-credential` in connection `c`: name a user that can only read, or write `read-credential: same` to read with the first",
    );
    let same = |rest: &str| postgres(&format!("read-credential: same\n{rest}"));
    check(
        "Connection",
        &same("allow: { networks: [10.0.0.0] }\n"),
        "f.yaml:8:21: `10.0.0.0` is no network: write it as in `10.0.0.0/8` or `fd00::/8`",
    );
    check(
        "Connection",
        &same("limits: { timeout: 30 }\n"),
        "f.yaml:8:20: `limits.timeout` must be a text, not a number: write it in quotes",
    );
    check(
        "Connection",
        &same("limits: { timeout: \"30\" }\n"),
        "f.yaml:8:20: `30` is no span of time: write it as in `500ms`, `30s`, `5m`, `2h`, `1h30m` or `7d`",
    );
    check("Connection", &same("limits: { concurrency: 0 }\n"), "f.yaml:8:24: `limits.concurrency` must be at least 1");
    check(
        "Connection",
        &same("tls: { ca: x }\n"),
        "f.yaml:8:12: `tls.ca` holds no certificate: paste the PEM, from `-----BEGIN CERTIFICATE-----`",
    );
    check(
        "Connection",
        &postgres("read-credential: other\n"),
        "f.yaml:7:18: `read-credential` fits none of its allowed forms: write `read-credential: same`, or a credential of its own",
    );
    check(
        "Connection",
        &postgres("read-credential: { username: u }\n"),
        "f.yaml:7:18: a credential needs both `username` and `password`",
    );
    check(
        "Connection",
        "name: c\ntype: sqlite\nendpoint: files\ncredential: { username: u, password: { secret: s } }\n",
        "f.yaml:6:1: a sqlite connection has no `credential`: it is a directory",
    );
    check(
        "Connection",
        &postgres("read-credential: { bearer: { secret: s } }\n"),
        "f.yaml:7:18: to a postgres server one signs in with `username` and `password`",
    );
    check("Connection", &same("check: /\n"), "f.yaml:8:1: a postgres connection has no `check`: it speaks SQL");
    for endpoint in [
        "mysql://db",
        "postgres://u:p@db",
        "postgres://db/shop",
        "postgres://db?sslmode=disable",
        "postgres://",
        "postgres://db:0",
        "postgres://db:x",
        "postgres://[::1]x",
        "postgres://[db]:1",
        "db:5432",
    ] {
        let text = same("").replace("postgres://db:5432", endpoint);
        let found = problems(&document("Connection", &text));
        assert!(found.starts_with("f.yaml:5:11: ") && !found.contains("u:p"), "{endpoint}: {found}");
    }
    for endpoint in ["sqlite://x", "a/../b", "''"] {
        let found = problems(&document("Connection", &format!("name: c\ntype: sqlite\nendpoint: {endpoint}\n")));
        assert!(found.starts_with("f.yaml:5:11: "), "{endpoint}: {found}");
    }
}

#[test]
fn an_http_connection_says_what_may_be_sent() {
    let http = |rest: &str| format!("name: c\ntype: http\nendpoint: https://api.example.com/v1\n{rest}");
    for (rest, expected) in [
        (
            "credential: { bearer: { secret: s } }\n",
            "f.yaml:1:1: missing key `read-credential` in connection `c`: name somebody who can only read, or write `read-credential: same` to read with the first",
        ),
        (
            "credential: { bearer: { secret: s }, username: u }\nread-credential: same\n",
            "f.yaml:6:13: a credential has one form, not several",
        ),
        (
            "credential: { header: X-Key }\nread-credential: same\n",
            "f.yaml:6:13: a credential in a header needs both `header` and `value`",
        ),
        (
            "credential: { header: 'X Key', value: { secret: s } }\nread-credential: same\n",
            "f.yaml:6:23: `credential.header` cannot be `X Key`: a header's name, as in `X-API-Key`",
        ),
        (
            "credential: { oauth2: { token-endpoint: 'id', client-id: c, client-secret: { secret: s } } }\nread-credential: same\n",
            "f.yaml:6:41: the endpoint of an http connection begins with `https://` or `http://`",
        ),
        ("allow: { databases: ['*'] }\n", "f.yaml:6:10: an http connection has no `databases`: it has no databases"),
        (
            "allow: { reads: [{ path: zones }] }\n",
            "f.yaml:6:26: `allow.reads.0.path` cannot be `zones`: a path begins with `/` and is below the endpoint",
        ),
        (
            "allow: { reads: [{ path: '/zones?a=b' }] }\n",
            "f.yaml:6:26: a rule's path holds no query and nothing but ASCII: what the query says goes into `query`",
        ),
        (
            "deny: [{ methods: [get], path: / }]\n",
            "f.yaml:6:20: `deny.0.methods.0` cannot be `get`: a method is written in capitals, as in `GET`",
        ),
        (
            "deny: [{ path: /, json: { action: x } }]\n",
            "f.yaml:6:27: `action` is no JSON Pointer: it begins with `/`, as in `/action`",
        ),
        (
            "tls: { key: { secret: s } }\n",
            "f.yaml:6:6: a certificate is shown together with its key: give both, or neither",
        ),
    ] {
        check("Connection", &http(rest), expected);
    }
    let plain = http("tls: {}\n").replace("https", "http");
    check(
        "Connection",
        &plain,
        "f.yaml:6:1: the endpoint begins with `http://`: nothing is encrypted there: write `https://`, or leave `tls` out",
    );
}

#[test]
fn the_schemas_of_a_type_are_schemas() {
    let with =
        |params: &str| document("ResourceType", &format!("name: t\nparams: {params}\noutputs: {{ type: object }}\n"));
    for (params, expected) in [
        ("{ type: obect }", "f.yaml:4:17: `type` must be one of"),
        ("{ type: object, properties: 7 }", "f.yaml:4:37: `properties` must be a mapping in a JSON Schema"),
        ("{ type: string }", "f.yaml:4:17: params and outputs are mappings: write `type: object`"),
        ("{ $ref: 'https://example.com/s' }", "f.yaml:4:17: `$ref` leads outside this schema"),
        (
            "{ properties: { a: { $ref: '#/$defs/a' } } }",
            "f.yaml:4:36: `$ref` leads to `#/$defs/a`, where no schema is",
        ),
        ("{ properties: { a: { $ref: '#' } } }", "f.yaml:4:9: a schema may not refer to itself"),
        (
            "{ $defs: { a: { $ref: '#/$defs/b' }, b: { allOf: [{ $ref: '#/$defs/a' }] } } }",
            "f.yaml:4:23: a schema may not refer to itself",
        ),
        ("{ properties: { a: { $id: 'x' } } }", "f.yaml:4:35: `$id` may stand only at the top"),
        (
            "{ $schema: 'http://json-schema.org/draft-07/schema#' }",
            "f.yaml:4:20: a schema is written in JSON Schema 2020-12",
        ),
        ("{ properties: { a: { pattern: '(?=x)' } } }", "f.yaml:4:39: this pattern cannot be used"),
        ("{ properties: { a: { pattern: '(' } } }", "f.yaml:4:39: this pattern cannot be used"),
        ("{ properties: { a: { pattern: '(a{1000}){1000}' } } }", "f.yaml:4:39: this pattern cannot be used"),
        ("{ properties: { a: { x-vend-secret: maybe } } }", "f.yaml:4:45: `x-vend-secret` is true or false"),
        ("[]", "f.yaml:4:9: `params` must be a mapping, not a list"),
    ] {
        let found = problems(&with(params));
        assert!(found.contains(expected), "{params}\n{found}\nnot\n{expected}");
    }
}
