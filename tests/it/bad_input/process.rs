//! Cores that must not begin.

use std::path::Path;
use std::process::Command;

use super::table::Table;
use crate::support::core::settings;

pub async fn rows(table: &mut Table) {
    let data = table.core.data();
    let before = table.dump();
    let said = match vend::app::start(settings(&data)).await {
        Ok(_) => "it starts".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    table.refuses_to_start(
        "serve: a data directory in use, same process",
        &before,
        "no start",
        &said,
        &["in use by another process"],
    );
    let words = ["in use by another process", &*data.to_string_lossy()];
    serve(table, "serve: a data directory in use", &data, &["--listen", "127.0.0.1:0"], &words);
    let words = ["0.0.0.0:0", "beyond loopback needs TLS"];
    serve(table, "serve: beyond loopback", &data, &["--listen", "0.0.0.0:0"], &words);
    serve(table, "serve: beyond loopback, by name of a host", &data, &["--listen", "[::]:0"], &["beyond loopback"]);
}

fn serve(table: &mut Table, case: &str, data: &Path, arguments: &[&str], words: &[&str]) {
    let before = table.dump();
    let output = Command::new(env!("CARGO_BIN_EXE_vend"))
        .args(["serve", "--data"])
        .arg(data)
        .args(arguments)
        .env("VEND_CONFIG_DIR", data.join("config"))
        .output()
        .expect("ended");
    let how = format!("exit status {}", output.status.code().unwrap_or(-1));
    table.refuses_to_start(case, &before, &how, &String::from_utf8_lossy(&output.stderr), words);
}
