//! Secrets of Kubernetes: what a container's `envFrom` and volumes refer to. Pure.
//!
//! Names have a dot between workload and container, which neither has: no two containers share one.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::fill::{Container, Content, File};
use crate::frontend::cli::error::Failure;
use crate::frontend::cli::exit::Exit;

/// What the API server takes of one Secret, bytes.
const MOST_BYTES: usize = 1 << 20;
/// Of a key of a Secret.
const KEY_BYTES: usize = 253;

/// Key → where the file belongs: a key cannot be a path.
const FILES: &str = "vend/files";

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// One of variables and one of files for each container, as far as it has any.
pub fn render(workload: &str, containers: &[Container]) -> Result<Vec<Value>, Failure> {
    let mut secrets = Vec::new();
    for container in containers {
        let name = format!("{workload}.{}", container.name);
        if !container.variables.is_empty() {
            secrets.push(of_variables(&name, &container.variables)?);
        }
        if !container.files.is_empty() {
            secrets.push(of_files(&format!("{name}.files"), &container.files)?);
        }
    }
    Ok(secrets)
}

fn of_variables(name: &str, variables: &BTreeMap<String, String>) -> Result<Value, Failure> {
    let size = variables.values().map(String::len).sum();
    bounded(name, size)?;
    if let Some(refused) = variables.keys().find(|key| !is_key(key)) {
        return Err(Failure::new(Exit::Failed, format!("the variable `{refused}` cannot be a key of a Secret"))
            .with_hint("a key is 1 to 253 letters, digits, -, _ and ."));
    }
    Ok(secret(name, json!({}), [("stringData", json!(variables))]))
}

fn of_files(name: &str, files: &[File]) -> Result<Value, Failure> {
    let (mut texts, mut binaries, mut targets) = (Map::new(), Map::new(), Map::new());
    let mut size = 0;
    for file in files {
        let key = free_key(&file.target, &targets)?;
        let mut target = json!({ "target": file.target });
        if let Some(mode) = &file.mode {
            target["mode"] = json!(mode);
        }
        targets.insert(key.clone(), target);
        match &file.content {
            Content::Text(text) => {
                size += text.len();
                texts.insert(key, json!(text));
            }
            Content::Binary(bytes) => {
                size += bytes.len();
                binaries.insert(key, json!(base64(bytes)));
            }
        }
    }
    bounded(name, size)?;
    let annotations = json!({ FILES: Value::Object(targets).to_string() });
    Ok(secret(name, annotations, [("stringData", Value::Object(texts)), ("data", Value::Object(binaries))]))
}

fn secret<const N: usize>(name: &str, annotations: Value, contents: [(&str, Value); N]) -> Value {
    let mut secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "type": "Opaque" });
    let is_any = |value: &Value| value.as_object().is_some_and(|it| !it.is_empty());
    if is_any(&annotations) {
        secret["metadata"]["annotations"] = annotations;
    }
    for (key, value) in contents.into_iter().filter(|(_, value)| is_any(value)) {
        secret[key] = value;
    }
    secret
}

fn bounded(name: &str, size: usize) -> Result<(), Failure> {
    if size <= MOST_BYTES {
        return Ok(());
    }
    let message =
        format!("the Secret `{name}` would have {size} bytes, more than the {MOST_BYTES} that Kubernetes takes");
    Err(Failure::new(Exit::Failed, message).with_hint("render one container with --container, or -o json"))
}

/// `/etc/app/config.yaml` → `etc_app_config.yaml`, with a number behind it if that is taken.
fn free_key(target: &str, taken: &Map<String, Value>) -> Result<String, Failure> {
    let safe = |letter: char| if is_key_letter(letter) { letter } else { '_' };
    let mut key: String = target.trim_start_matches('/').chars().map(safe).collect();
    if key.is_empty() || key.starts_with('.') {
        key.insert(0, '_');
    }
    let numbered = std::iter::once(key.clone()).chain((2..=taken.len() + 1).map(|number| format!("{key}-{number}")));
    let mut free = numbered.filter(|key| !taken.contains_key(key));
    match free.next().filter(|key| is_key(key)) {
        Some(key) => Ok(key),
        None => Err(Failure::new(Exit::Failed, format!("the target `{target}` is too long for a key of a Secret"))
            .with_hint(format!("a key has at most {KEY_BYTES} letters; -o json has all files"))),
    }
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.len() <= KEY_BYTES && key != "." && !key.starts_with("..") && key.chars().all(is_key_letter)
}

fn is_key_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_files() {
        let mut taken = Map::new();
        for (target, expected) in [
            ("/etc/app/config.yaml", "etc_app_config.yaml"),
            ("/etc/app_config.yaml", "etc_app_config.yaml-2"),
            ("etc/app/config.yaml", "etc_app_config.yaml-3"),
            ("/..", "_.."),
            ("/", "_"),
            ("/ä b", "__b"),
        ] {
            let key = free_key(target, &taken).expect("a key");
            assert_eq!(key, expected, "{target}");
            taken.insert(key, Value::Null);
        }
        assert!(free_key(&"x".repeat(300), &taken).is_err());
    }

    #[test]
    fn what_kubernetes_would_not_take() {
        let variables = |key: &str, value: String| BTreeMap::from([(key.to_owned(), value)]);
        assert!(of_variables("a.b", &variables("A.b-c", "x".to_owned())).is_ok());
        assert!(of_variables("a.b", &variables("a b", "x".to_owned())).is_err());
        assert!(of_variables("a.b", &variables("A", "x".repeat(MOST_BYTES + 1))).is_err());
    }
}
