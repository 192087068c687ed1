//! What is sent as a driver and is none.

use tonic::Code;

use super::stock::install;
use super::table::Table;
use crate::support::drivers::component;

pub async fn rows(table: &mut Table) {
    let wat = |text: &str| wat::parse_str(text).expect("component text");
    let importing = |import: &str| wat(&format!(r#"(component (import "{import}" (instance)))"#));
    let exporting = |export: &str| wat(&format!(r#"(component (instance $i) (export "{export}" (instance $i)))"#));
    let mut broken = wat("(component)");
    broken.extend([1, 2, 3]);
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("driver: random bytes", b"\x7fELF\x02\x01\x01 and so on".to_vec(), &["no WebAssembly", "wasm32-wasip2"]),
        ("driver: an empty file", vec![], &["no component was sent"]),
        ("driver: a core module", wat("(module)"), &["core WebAssembly module", "wasm-tools component new"]),
        ("driver: a damaged component", broken, &["not valid"]),
        (
            "driver: of another world",
            exporting("wasi:cli/run@0.2.0"),
            &["vend:driver/lifecycle@0.1.0", "`wasi:cli/run@0.2.0`"],
        ),
        ("driver: of another version", exporting("vend:driver/lifecycle@0.9.0"), &["0.9.0", "version 0.1.0"]),
        (
            "driver: imports sockets",
            importing("wasi:sockets/tcp@0.2.0"),
            &["`wasi:sockets/tcp@0.2.0`", "hint: ", "sql-read"],
        ),
        ("driver: imports a stranger", importing("acme:tools/hammer"), &["`acme:tools/hammer`", "hint: ", "compose"]),
        ("driver: larger than 64 MiB", vec![0; (64 << 20) + 1], &["64 MiB"]),
        (
            "driver: describe traps",
            component("examples/describe_traps"),
            &["describe failed", "crashed", "this driver does not know what it is"],
        ),
        (
            "driver: describe loops",
            component("examples/describe_loops"),
            &["describe failed", "limit of cpu time: 10000 ms"],
        ),
        ("driver: describe returns rubbish", component("examples/describe_rubbish"), &["/name", "/version"]),
    ];
    for (case, bytes, words) in cases {
        let admin = table.admin.clone();
        table.refuses(case, Code::InvalidArgument, "DRIVER_INVALID", words, install(&admin, &bytes)).await;
    }
}
