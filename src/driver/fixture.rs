//! Small drivers for tests, written in WebAssembly text: a core module with hand-made canonical ABI, made a component of.

use std::fmt::Write;

use serde_json::{Value, json};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where a call's result is written (`$failed` reads it), and where a verb's answer is built.
const RESULT: u32 = 512;

/// A driver in the making: texts go into memory, verbs are bodies of core WebAssembly that leave an `i32` (see `module`).
pub struct Fixture {
    data: Vec<u8>,
    bodies: Vec<(&'static str, String)>,
    more: String,
    memory_pages: u32,
    surroundings: bool,
    /// The body of `cabi_realloc`, if not the usual one.
    realloc: Option<String>,
    /// Whether it imports SQL though no verb calls it: what is described has to be imported.
    sql: bool,
}

/// Gives what lies behind what was given last.
const REALLOC: &str = "(local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8))) \
    (global.set $next (i32.add (local.get $at) (local.get $size))) (local.get $at)";

/// A piece of WASI, of a patch version that nobody has seen.
const SURROUNDINGS: [(&str, &str); 4] = [
    ("random.wit", "package wasi:random@0.2.77; interface random { get-random-u64: func() -> u64; }"),
    (
        "io.wit",
        "package wasi:io@0.2.77; interface streams { variant stream-error { closed } \
         resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; } }",
    ),
    (
        "cli.wit",
        "package wasi:cli@0.2.77; interface exit { exit: func(status: result); } \
         interface stdout { use wasi:io/streams@0.2.77.{output-stream}; get-stdout: func() -> output-stream; }",
    ),
    (
        "world.wit",
        "package test:fixture; world all { include vend:driver/driver@0.1.0; import wasi:random/random@0.2.77; \
         import wasi:cli/stdout@0.2.77; import wasi:cli/exit@0.2.77; }",
    ),
];

const SURROUNDING_IMPORTS: &str = r#"
    (import "wasi:random/random@0.2.77" "get-random-u64" (func $random (result i64)))
    (import "wasi:cli/stdout@0.2.77" "get-stdout" (func $stdout (result i32)))
    (import "wasi:cli/exit@0.2.77" "exit" (func $exit (param i32)))
    (import "wasi:io/streams@0.2.77" "[method]output-stream.blocking-write-and-flush" (func $print (param i32 i32 i32 i32)))"#;

impl Fixture {
    pub fn new() -> Self {
        Self {
            data: Vec::new(),
            bodies: Vec::new(),
            more: String::new(),
            memory_pages: 2,
            surroundings: false,
            realloc: None,
            sql: true,
        }
    }

    pub fn memory_pages(mut self, pages: u32) -> Self {
        self.memory_pages = pages;
        self
    }

    /// How it makes room for what it is given: a body that leaves an address; its parameter is `$size`.
    pub fn realloc(mut self, body: &str) -> Self {
        self.realloc = Some(body.to_owned());
        self
    }

    /// Imports nothing that it does not call.
    pub fn without_sql(mut self) -> Self {
        self.sql = false;
        self
    }

    /// Imports a piece of WASI: `$random`, `$stdout`, `$print` and `$exit`.
    pub fn surroundings(mut self) -> Self {
        self.surroundings = true;
        self
    }

    pub fn verb(mut self, name: &'static str, body: impl FnOnce(&mut Self) -> String) -> Self {
        let body = body(&mut self);
        self.bodies.push((name, body));
        self
    }

    /// Further definitions of the core module: tables, functions.
    pub fn more(mut self, text: &str) -> Self {
        self.more.push_str(text);
        self
    }

    pub fn describe(self, document: &Value) -> Self {
        let text = document.to_string();
        self.verb("describe", |f| format!("(call $answer_text {})", f.text(&text)))
    }

    /// Pointer and length of a text.
    pub fn text(&mut self, text: &str) -> String {
        let at = 1024 + self.data.len();
        self.data.extend(text.as_bytes());
        format!("(i32.const {at}) (i32.const {})", text.len())
    }

    /// Where a text was put.
    pub fn find(&self, text: &str) -> u32 {
        let at = self.data.windows(text.len()).position(|window| window == text.as_bytes());
        1024 + at.expect("it was put there") as u32
    }

    /// `sql-write.execute` without parameters; on an error the verb ends with it.
    pub fn execute(&mut self, slot: &str, sql: &str) -> String {
        self.statement("execute", slot, None, sql)
    }

    pub fn execute_in(&mut self, slot: &str, database: &str, sql: &str) -> String {
        self.statement("execute", slot, Some(database), sql)
    }

    pub fn query(&mut self, slot: &str, sql: &str) -> String {
        self.statement("query", slot, None, sql)
    }

    pub fn query_in(&mut self, slot: &str, database: &str, sql: &str) -> String {
        self.statement("query", slot, Some(database), sql)
    }

    fn statement(&mut self, function: &str, slot: &str, database: Option<&str>, sql: &str) -> String {
        let database = match database {
            Some(name) => format!("(i32.const 1) {}", self.text(name)),
            None => "(i32.const 0) (i32.const 0) (i32.const 0)".to_owned(),
        };
        let (slot, sql) = (self.text(slot), self.text(sql));
        // Of a write: unsafe to send twice.
        let semantics = if function == "execute" { "(i32.const 2)" } else { "" };
        checked(&format!(
            "(call ${function} {slot} {database} {sql} (i32.const 0) (i32.const 0) (i32.const 0) {semantics} (i32.const {RESULT}))"
        ))
    }

    /// `times` times what does not leave the verb.
    pub fn repeat(times: u32, body: &str) -> String {
        format!(
            "(global.set $count (i32.const {times})) \
             (loop $again (if (global.get $count) (then {body} \
             (global.set $count (i32.sub (global.get $count) (i32.const 1))) (br $again)))) "
        )
    }

    /// `secrets.generate`: eight letters; the handle's text is where the result is.
    pub fn generate(&mut self, name: &str) -> String {
        let (name, alphabet) = (self.text(name), self.text("abcdefgh"));
        let call = format!(
            "(call $generate {name} (i32.const 8) {alphabet} (i32.const 0) (i32.const 0) (i32.const {RESULT}))"
        );
        // The error of this result stands 4 bytes lower than that of a result with rows.
        format!(
            "{call} (if (i32.load8_u (i32.const {RESULT})) (then (return (call $failed (i32.const {}))))) ",
            RESULT - 4
        )
    }

    /// `secrets.compose` of one secret; the handle's text is where the result is.
    pub fn compose(&mut self, handle: &str) -> String {
        let parts = [self.text(handle), self.text("plain")].map(|it| it.replace(") (i32", ")\n(i32"));
        let [handle, encoding] = parts.map(|it| it.lines().map(str::to_owned).collect::<Vec<_>>());
        // One `part` of 20 bytes at 800: the case, then the strings of the use.
        format!(
            "(i32.store (i32.const 800) (i32.const 1)) \
             (i32.store (i32.const 804) {}) (i32.store (i32.const 808) {}) \
             (i32.store (i32.const 812) {}) (i32.store (i32.const 816) {}) \
             (call $compose (i32.const 800) (i32.const 1) (i32.const {RESULT})) \
             (if (i32.load8_u (i32.const {RESULT})) (then (return (call $failed (i32.const {}))))) ",
            handle[0],
            handle[1],
            encoding[0],
            encoding[1],
            RESULT - 4
        )
    }

    pub fn checkpoint(&mut self, state: &str) -> String {
        let state = self.text(state);
        format!(
            "(call $checkpoint (i32.const 0) (i32.const 0) (i32.const 0) {state} (i32.const {RESULT})) \
             (if (i32.load8_u (i32.const {RESULT})) (then (return (call $failed (i32.const {}))))) ",
            RESULT - 4
        )
    }

    /// The result of a verb that went well and answers with one JSON text.
    pub fn ok_text(&mut self, text: &str) -> String {
        format!("(call $ok_text {})", self.text(text))
    }

    /// Done later: `continuation`, and when to be asked again.
    pub fn pending(&mut self, continuation: &str, poll_after_ms: u32) -> String {
        format!("(call $pending {} (i32.const {}))", self.text(continuation), poll_after_ms as i32)
    }

    /// The error of a verb: `code`, `message` and `violations` are pointer and length (or number) each, as WebAssembly text.
    pub fn error(code: &str, message: &str, violations: &str) -> String {
        format!("(call $error {code} {message} {violations})")
    }

    pub fn status(&mut self, message: &str) -> String {
        format!("(call $status {}) ", self.text(message))
    }

    pub fn log(&mut self, message: &str) -> String {
        let message = self.text(message);
        format!("(call $log (i32.const 1) {message}) ")
    }

    /// Done, with `outputs`.
    pub fn done(&mut self, outputs: &str) -> String {
        let (id, state, outputs) = (self.text("id"), self.text("{}"), self.text(outputs));
        format!("(call $done {id} {state} {outputs})")
    }

    pub fn build(&self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir("wit").expect("the contract parses");
        let mut world = resolve.packages[package].worlds["driver"];
        if self.surroundings {
            for (name, text) in SURROUNDINGS {
                let package = resolve.push_str(name, text).expect("it parses");
                world = resolve.packages[package].worlds.get("all").copied().unwrap_or(world);
            }
        }
        let mut module = wat::parse_str(self.module()).expect("the fixture is WebAssembly text");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("the world is encoded");
        let mut encoder =
            ComponentEncoder::default().validate(true).module(&module).expect("the module fits the world");
        encoder.encode().expect("a component comes out")
    }

    fn module(&self) -> String {
        let mut verbs = String::new();
        for verb in ["describe", "validate", "plan", "create", "read", "find", "update", "delete", "adopt", "migrate"] {
            let params = match verb {
                "describe" => "",
                "migrate" => "(param i32 i32 i32 i32 i32 i32)",
                _ => "(param $input i32)",
            };
            let body = self.bodies.iter().find(|(name, _)| *name == verb).map_or("unreachable", |(_, body)| body);
            writeln!(verbs, r#"(func (export "vend:driver/lifecycle@0.1.0#{verb}") {params} (result i32) {body})"#)
                .expect("a string takes any text");
        }
        let data: String = self.data.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let used = |name: &str, import: &str| {
            let bodies = [verbs.as_str(), &self.more, self.realloc.as_deref().unwrap_or_default()];
            let wanted =
                bodies.iter().any(|body| body.contains(name)) || (self.sql && import.contains("vend:driver/sql-"));
            if wanted { import.to_owned() } else { String::new() }
        };
        let imports = [
            used(
                "call $execute",
                r#"(import "vend:driver/sql-write@0.1.0" "execute" (func $execute (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
            ),
            used(
                "call $query",
                r#"(import "vend:driver/sql-read@0.1.0" "query" (func $query (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
            ),
            used(
                "call $generate",
                r#"(import "vend:driver/secrets@0.1.0" "generate" (func $generate (param i32 i32 i32 i32 i32 i32 i32 i32)))"#,
            ),
            used(
                "call $compose",
                r#"(import "vend:driver/secrets@0.1.0" "compose" (func $compose (param i32 i32 i32)))"#,
            ),
            used(
                "call $checkpoint",
                r#"(import "vend:driver/claims@0.1.0" "checkpoint" (func $checkpoint (param i32 i32 i32 i32 i32 i32)))"#,
            ),
            used("call $key", r#"(import "vend:driver/claims@0.1.0" "key" (func $key (param i32 i32 i32)))"#),
            used("call $status", r#"(import "vend:driver/context@0.1.0" "status" (func $status (param i32 i32)))"#),
            used("call $log", r#"(import "vend:driver/context@0.1.0" "log" (func $log (param i32 i32 i32)))"#),
            used("call $now", r#"(import "vend:driver/context@0.1.0" "now-ms" (func $now (result i64)))"#),
        ];
        // Behind all texts.
        let heap = (1024 + self.data.len() as u32).next_multiple_of(8).max(65_536);
        format!(
            r#"(module {imports}
            (memory (export "memory") {pages})
            (data (i32.const 1024) "{data}")
            (global $next (mut i32) (i32.const {heap}))
            (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32) (local $at i32) {realloc})
            (func $answer_text (param $text i32) (param $length i32) (result i32)
                (i32.store (i32.const 64) (local.get $text))
                (i32.store (i32.const 68) (local.get $length))
                (i32.const 64))
            (func $done (param $id i32) (param $id_length i32) (param $state i32) (param $state_length i32)
                        (param $outputs i32) (param $outputs_length i32) (result i32)
                (i32.store (i32.const 64) (i32.const 0))
                (i32.store (i32.const 68) (i32.const 0))
                (i32.store (i32.const 72) (local.get $id))
                (i32.store (i32.const 76) (local.get $id_length))
                (i32.store (i32.const 80) (local.get $state))
                (i32.store (i32.const 84) (local.get $state_length))
                (i32.store (i32.const 88) (local.get $outputs))
                (i32.store (i32.const 92) (local.get $outputs_length))
                (i32.const 64))
            (func $absent (result i32)
                (i32.store (i32.const 64) (i32.const 0))
                (i32.store (i32.const 68) (i32.const 2))
                (i32.const 64))
            (global $count (mut i32) (i32.const 0))
            (func $ok_text (param $text i32) (param $length i32) (result i32)
                (i32.store (i32.const 64) (i32.const 0))
                (i32.store (i32.const 68) (local.get $text))
                (i32.store (i32.const 72) (local.get $length))
                (i32.const 64))
            (func $ok (result i32)
                (memory.fill (i32.const 64) (i32.const 0) (i32.const 64))
                (i32.const 64))
            (func $plan_none (param $outputs i32) (param $length i32) (result i32)
                (drop (call $ok))
                (i32.store (i32.const 80) (local.get $outputs))
                (i32.store (i32.const 84) (local.get $length))
                (i32.const 64))
            (func $adopted (param $id i32) (param $id_length i32) (param $empty i32) (param $empty_length i32) (result i32)
                (drop (call $done (local.get $id) (local.get $id_length) (local.get $empty) (local.get $empty_length)
                    (local.get $empty) (local.get $empty_length)))
                (memory.copy (i32.const 68) (i32.const 72) (i32.const 24))
                (i32.store (i32.const 92) (local.get $empty))
                (i32.store (i32.const 96) (local.get $empty_length))
                (i32.const 64))
            (func $pending (param $text i32) (param $length i32) (param $after i32) (result i32)
                (drop (call $ok))
                (i32.store (i32.const 68) (i32.const 1))
                (i32.store (i32.const 72) (local.get $text))
                (i32.store (i32.const 76) (local.get $length))
                (i32.store (i32.const 80) (local.get $after))
                (i32.const 64))
            (func $error (param $code i32) (param $code_length i32) (param $message i32) (param $message_length i32)
                         (param $violations i32) (param $count i32) (result i32)
                (drop (call $ok))
                (i32.store (i32.const 64) (i32.const 1))
                (i32.store (i32.const 68) (i32.const 11))
                (i32.store (i32.const 72) (local.get $code))
                (i32.store (i32.const 76) (local.get $code_length))
                (i32.store (i32.const 80) (local.get $message))
                (i32.store (i32.const 84) (local.get $message_length))
                (i32.store (i32.const 88) (local.get $violations))
                (i32.store (i32.const 92) (local.get $count))
                (i32.const 64))
            (func $failed (param $result i32) (result i32)
                (i32.store (i32.const 64) (i32.const 1))
                (memory.copy (i32.const 68) (i32.add (local.get $result) (i32.const 8)) (i32.const 36))
                (i32.const 64))
            {more}
            {verbs})"#,
            imports = imports.concat() + if self.surroundings { SURROUNDING_IMPORTS } else { "" },
            pages = self.memory_pages.max(heap / 65_536 + 1),
            realloc = self.realloc.as_deref().unwrap_or(REALLOC),
            more = self.more,
        )
    }
}

fn checked(call: &str) -> String {
    format!("{call} (if (i32.load8_u (i32.const {RESULT})) (then (return (call $failed (i32.const {RESULT}))))) ")
}

/// A description with one type, `thing`, whose outputs are a `name` and a secret.
pub fn description() -> Value {
    json!({
        "name": "fixture", "version": "1.2.3", "state-version": 1,
        "slots": { "db": { "types": ["sqlite"], "access": "read-write" } },
        "types": { "thing": {
            "params": { "type": "object" },
            "outputs": {
                "type": "object", "additionalProperties": false,
                "properties": { "name": { "type": "string" }, "password": { "type": "string", "x-vend-secret": true } },
            },
            "identity": "named",
        } },
    })
}
