//! Contexts: which cores this machine knows, kept in the user's configuration folder.
//!
//! A context holds where a token lies, never a token. Keys that a newer version wrote are kept.

pub mod command;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

const FILE: &str = "contexts.yaml";

/// The file as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Contexts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    #[serde(default)]
    pub contexts: BTreeMap<String, Context>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_yaml_ng::Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Context {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_cert: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_key: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_yaml_ng::Value>,
}

/// `$VEND_CONFIG_DIR`, else `$XDG_CONFIG_HOME/vend`, else `~/.config/vend`; none without a home.
pub fn folder(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(folder) = env("VEND_CONFIG_DIR") {
        return Some(PathBuf::from(folder));
    }
    if let Some(folder) = env("XDG_CONFIG_HOME").filter(|folder| Path::new(folder).is_absolute()) {
        return Some(Path::new(&folder).join("vend"));
    }
    env("HOME").map(|home| Path::new(&home).join(".config/vend"))
}

/// The folder of this process's user.
pub fn folder_of_process() -> Option<PathBuf> {
    folder(&super::settings::process_env)
}

/// What the folder holds; nothing if there is no file.
pub fn read(folder: &Path) -> anyhow::Result<Contexts> {
    let path = folder.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Contexts::default()),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    if text.trim().is_empty() {
        return Ok(Contexts::default());
    }
    serde_yaml_ng::from_str(&text).with_context(|| format!("`{}` is no file of contexts", path.display()))
}

/// Replaces the file in one rename: a reader sees the former or the new one, never half of it.
pub fn write(folder: &Path, contexts: &Contexts) -> anyhow::Result<PathBuf> {
    let path = folder.join(FILE);
    let failed = || format!("cannot write `{}`", path.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    let draft = folder.join(format!("{FILE}.{}", std::process::id()));
    std::fs::write(&draft, serde_yaml_ng::to_string(contexts)?).with_context(failed)?;
    std::fs::rename(&draft, &path).with_context(failed)?;
    Ok(path)
}

/// Writes the context `local`, so that the next command just works. Others stay as they are, and so does what the user
/// chose inside `local` and which context is current. Without a `ca_file` the one that is there stays too.
pub fn write_local(folder: &Path, server: &str, token_file: &Path, ca_file: Option<&Path>) -> anyhow::Result<PathBuf> {
    let mut contexts = read(folder)?;
    let local = contexts.contexts.entry("local".to_owned()).or_default();
    local.server = Some(server.to_owned());
    local.token_file = Some(token_file.to_owned());
    if let Some(file) = ca_file {
        local.ca_file = Some(file.to_owned());
    }
    local.project.get_or_insert_with(|| "default".to_owned());
    local.environment.get_or_insert_with(|| "dev".to_owned());
    if contexts.current.as_ref().is_none_or(|current| !contexts.contexts.contains_key(current)) {
        contexts.current = Some("local".to_owned());
    }
    write(folder, &contexts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_local(before: &str, expected: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        if !before.is_empty() {
            std::fs::write(folder.path().join(FILE), before).expect("writes");
        }
        let token_file = Path::new("/data/admin.token");
        let path = write_local(folder.path(), "http://127.0.0.1:7440", token_file, None).expect("writes");
        assert_eq!(std::fs::read_to_string(path).expect("reads"), expected);
    }

    #[test]
    fn an_authority_stays_until_there_is_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |ca_file: Option<&str>| {
            let path = write_local(folder.path(), "https://a", Path::new("/t"), ca_file.map(Path::new));
            path.expect("writes");
            read(folder.path()).expect("reads").contexts["local"].ca_file.clone()
        };
        assert_eq!(write(None), None);
        assert_eq!(write(Some("/a.pem")), Some(PathBuf::from("/a.pem")));
        assert_eq!(write(None), Some(PathBuf::from("/a.pem")));
        assert_eq!(write(Some("/b.pem")), Some(PathBuf::from("/b.pem")));
    }

    #[test]
    fn the_first_context_becomes_current() {
        let expected = "current: local\ncontexts:\n  local:\n    server: http://127.0.0.1:7440\n    \
                        token-file: /data/admin.token\n    project: default\n    environment: dev\n";
        check_local("", expected);
    }

    #[test]
    fn other_contexts_and_unknown_keys_are_kept() {
        let before = "current: work\ncontexts:\n  local:\n    project: mine\n  work:\n    server: http://work:1\n    \
                      colour: blue\nlater: true\n";
        let expected = "current: work\ncontexts:\n  local:\n    server: http://127.0.0.1:7440\n    \
                        token-file: /data/admin.token\n    project: mine\n    environment: dev\n  work:\n    \
                        server: http://work:1\n    colour: blue\nlater: true\n";
        check_local(before, expected);
    }

    #[test]
    fn a_file_that_is_none_of_ours_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(FILE), "[1, 2]").expect("writes");
        assert!(write_local(folder.path(), "http://a", Path::new("/t"), None).is_err());
        assert_eq!(std::fs::read_to_string(folder.path().join(FILE)).expect("reads"), "[1, 2]");
    }

    #[test]
    fn folders() {
        let check = |vars: &[(&str, &str)], expected: Option<&str>| {
            let env = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(folder(&env), expected.map(PathBuf::from), "{vars:?}");
        };
        check(&[("VEND_CONFIG_DIR", "/v"), ("HOME", "/h")], Some("/v"));
        check(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")], Some("/x/vend"));
        check(&[("XDG_CONFIG_HOME", "relative"), ("HOME", "/h")], Some("/h/.config/vend"));
        check(&[], None);
    }
}
