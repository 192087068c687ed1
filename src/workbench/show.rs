//! A driver in plain text, for whoever checks or builds one.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest as hash};
use serde_json::Value;

use crate::domain::description::{Access, Description, Slot, TypeDescription};
use crate::domain::limits::Limits;

pub fn driver(of: &Description, imports: &[String], limits: &Limits) -> String {
    let mut text = format!("{} {}\n", of.name, of.version);
    if !of.description.is_empty() {
        let _ = writeln!(text, "{}", of.description);
    }
    for (name, made) in &of.types {
        resource_type(&mut text, name, made);
    }
    for (name, slot) in &of.slots {
        let _ = writeln!(text, "\nslot {name}: {}", slot_line(slot));
    }
    text.push_str("\nimports\n");
    for import in imports {
        let _ = writeln!(text, "  {import}");
    }
    let _ = writeln!(
        text,
        "\nlimits of one attempt: memory {} MiB, cpu {} s, time {} s, {} reads, {} writes",
        limits.memory_bytes >> 20,
        limits.cpu_ms.div_ceil(1000),
        limits.time_ms.div_ceil(1000),
        limits.reads,
        limits.writes
    );
    text
}

fn resource_type(text: &mut String, name: &str, made: &TypeDescription) {
    let _ = writeln!(text, "\ntype {name}");
    let lines = [
        ("params", members(&made.params)),
        ("config", members(&made.config)),
        ("outputs", members(&made.outputs)),
        ("create-only", made.create_only.join(", ")),
        ("identity", format!("{:?}", made.identity).to_lowercase()),
    ];
    for (what, line) in lines.iter().filter(|(_, line)| !line.is_empty()) {
        let _ = writeln!(text, "  {what:<12} {line}");
    }
    if let Some(key) = &made.natural_key {
        let _ = writeln!(
            text,
            "  {:<12} {} of {} at slot {}",
            "natural key",
            key.pointers.join(", "),
            key.family,
            key.slot
        );
    }
}

/// Names of a schema's members: `name*, size, password (secret)`; a star for those that must be there.
fn members(schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object() else { return String::new() };
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name));
    let member = |(name, of): (&String, &Value)| {
        let star = if required(name) { "*" } else { "" };
        let secret = if of["x-vend-secret"] == true { " (secret)" } else { "" };
        format!("{name}{star}{secret}")
    };
    properties.iter().map(member).collect::<Vec<_>>().join(", ")
}

fn slot_line(slot: &Slot) -> String {
    let access = match slot.access {
        Access::Read => "read",
        Access::ReadWrite => "read and write",
    };
    let about = if slot.description.is_empty() { String::new() } else { format!(". {}", slot.description) };
    format!("{}, {access}{about}", slot.types.join(" or "))
}

/// `117 KB`, `1.7 MB`: thousands, as file managers count.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} KB", bytes.div_ceil(1_000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// What names a component everywhere: `sha256:` and hex.
pub fn digest(bytes: &[u8]) -> String {
    let digest = hash(&SHA256, bytes);
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_say_what_must_be_there_and_what_is_secret() {
        let schema = json!({
            "required": ["name"],
            "properties": { "name": { "type": "string" }, "password": { "type": "string", "x-vend-secret": true } },
        });
        assert_eq!(members(&schema), "name*, password (secret)");
        assert_eq!(members(&json!({ "type": "object" })), "");
    }

    #[test]
    fn a_digest_is_that_of_the_bytes() {
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(b"abc"), expected);
    }
}
