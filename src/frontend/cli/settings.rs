//! Where calls go and in whose name: flags before environment variables before the context.

use std::path::PathBuf;

use anyhow::Context as _;

use super::address;
use super::args::Global;
use super::context::{self, Contexts};
use super::error::Failure;

/// Where `vend serve` listens if nothing else is said.
const DEFAULT_SERVER: &str = "http://127.0.0.1:7440";

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    pub server: String,
    /// Where the address was found, for messages.
    pub origin: String,
    pub token: Option<String>,
    /// PEM files for `https://`: whom to trust, and what to show if the core asks.
    pub ca_file: Option<PathBuf>,
    pub client_cert: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
    pub project: String,
    pub environment: String,
    /// Typed as a flag: a file that says otherwise is refused instead of obeyed.
    pub flag_project: Option<String>,
    pub flag_environment: Option<String>,
}

impl Settings {
    pub fn of_process(global: &Global) -> anyhow::Result<Self> {
        let contexts = match context::folder_of_process() {
            Some(folder) => context::read(&folder)?,
            None => Contexts::default(),
        };
        Self::resolve(global, &process_env, &contexts)
    }

    fn resolve(global: &Global, env: &dyn Fn(&str) -> Option<String>, contexts: &Contexts) -> anyhow::Result<Self> {
        let asked = global.context.clone().or_else(|| env("VEND_CONTEXT"));
        let name = asked.clone().or_else(|| contexts.current.clone());
        let context = name.as_ref().and_then(|name| contexts.contexts.get(name)).cloned();
        if let (Some(asked), None) = (&asked, &context) {
            return Err(Failure::usage(format!("there is no context `{asked}`"))
                .with_hint("`vend context list` shows what there is")
                .into());
        }
        let context = context.unwrap_or_default();
        let own = context.server.clone();
        let (server, origin) = if let Some(server) = &global.server {
            (server.clone(), "--server".to_owned())
        } else if let Some(server) = env("VEND_SERVER") {
            (server, "VEND_SERVER".to_owned())
        } else if let Some(server) = context.server {
            (server, format!("the context `{}`", name.unwrap_or_default()))
        } else {
            (DEFAULT_SERVER.to_owned(), "the default address".to_owned())
        };
        let server = address::with_scheme(&server);
        // A context's token is for the context's core: it is not shown to another one. Neither is its authority asked.
        let is_own = own.is_none_or(|own| address::with_scheme(&own) == server);
        let file = |flag: &Option<PathBuf>, variable: &str, inherited: Option<PathBuf>| {
            flag.clone().or_else(|| env(variable).map(PathBuf::from)).or(inherited.filter(|_| is_own))
        };
        let pick = |flag: &Option<String>, variable: &str, inherited: Option<String>| {
            flag.clone().or_else(|| env(variable)).or(inherited).unwrap_or_default()
        };
        Ok(Settings {
            token: token(global, env, context.token_file.filter(|_| is_own))?,
            ca_file: file(&global.ca_file, "VEND_CA_FILE", context.ca_file),
            client_cert: file(&global.client_cert, "VEND_CLIENT_CERT", context.client_cert),
            client_key: file(&global.client_key, "VEND_CLIENT_KEY", context.client_key),
            server,
            origin,
            project: pick(&global.project, "VEND_PROJECT", context.project),
            environment: pick(&global.environment, "VEND_ENVIRONMENT", context.environment),
            flag_project: global.project.clone(),
            flag_environment: global.environment.clone(),
        })
    }

    /// The project, for calls that cannot do without.
    pub fn project(&self) -> Result<&str, Failure> {
        if self.project.is_empty() {
            return Err(Failure::usage("no project is named")
                .with_hint("pass --project, set VEND_PROJECT, or choose a context with `vend context use`"));
        }
        Ok(&self.project)
    }

    pub fn environment(&self) -> Result<&str, Failure> {
        if self.environment.is_empty() {
            return Err(Failure::usage("no environment is named")
                .with_hint("pass --environment, set VEND_ENVIRONMENT, or choose a context with `vend context use`"));
        }
        Ok(&self.environment)
    }
}

/// A variable of this process; an empty one counts as absent.
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn token(
    global: &Global,
    env: &dyn Fn(&str) -> Option<String>,
    inherited: Option<PathBuf>,
) -> anyhow::Result<Option<String>> {
    if global.token_file.is_none()
        && let Some(token) = env("VEND_TOKEN")
    {
        return Ok(Some(token.trim().to_owned()));
    }
    let file = global.token_file.clone().or_else(|| env("VEND_TOKEN_FILE").map(PathBuf::from)).or(inherited);
    let Some(file) = file else { return Ok(None) };
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read the token `{}`", file.display()))?;
    Ok(Some(text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contexts(token_file: &str) -> Contexts {
        let text = format!(
            "current: local\ncontexts:\n  local: {{server: 'http://local:1', token-file: {token_file}, project: default, \
             environment: dev}}\n  work: {{server: 'http://work:2', project: shop}}\n"
        );
        serde_yaml_ng::from_str(&text).expect("contexts")
    }

    fn resolve(global: &Global, vars: &[(&str, &str)], contexts: &Contexts) -> Settings {
        let env = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Settings::resolve(global, &env, contexts).expect("resolves")
    }

    #[test]
    fn flags_before_variables_before_the_context() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "secret\n").expect("writes");
        let contexts = contexts(&file.path().display().to_string());
        let plain = resolve(&Global::default(), &[], &contexts);
        assert_eq!((plain.server.as_str(), plain.token.as_deref()), ("http://local:1", Some("secret")));
        assert_eq!((plain.project.as_str(), plain.environment.as_str()), ("default", "dev"));
        assert_eq!(plain.origin, "the context `local`");

        let varied = resolve(&Global::default(), &[("VEND_PROJECT", "bank"), ("VEND_TOKEN", "t ")], &contexts);
        assert_eq!((varied.project.as_str(), varied.token.as_deref()), ("bank", Some("t")));
        assert_eq!(varied.flag_project, None);

        let global = Global { project: Some("shop".to_owned()), context: Some("work".to_owned()), ..Global::default() };
        let flagged = resolve(&global, &[("VEND_PROJECT", "bank")], &contexts);
        assert_eq!((flagged.server.as_str(), flagged.project.as_str()), ("http://work:2", "shop"));
        assert_eq!(flagged.token, None);
        assert!(flagged.environment().is_err());
    }

    #[test]
    fn a_token_is_not_shown_to_another_core() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "secret").expect("writes");
        let contexts = contexts(&file.path().display().to_string());
        let global = Global { server: Some("elsewhere:9".to_owned()), ..Global::default() };
        let settings = resolve(&global, &[], &contexts);
        assert_eq!((settings.server.as_str(), settings.token), ("https://elsewhere:9", None));
    }

    #[test]
    fn whom_to_trust_is_the_context_s_for_its_own_core_only() {
        let text = "current: a\ncontexts:\n  a: {server: 'core:1', ca-file: /ca, client-cert: /c, client-key: /k}\n";
        let contexts = serde_yaml_ng::from_str(text).expect("contexts");
        let files = |settings: Settings| [settings.ca_file, settings.client_cert, settings.client_key];
        let path = |text: &str| Some(PathBuf::from(text));
        let own = resolve(&Global::default(), &[], &contexts);
        assert_eq!(own.server, "https://core:1");
        assert_eq!(files(own), [path("/ca"), path("/c"), path("/k")]);
        let global = Global { server: Some("https://core:1".to_owned()), ca_file: path("/flag"), ..Global::default() };
        let flagged = resolve(&global, &[("VEND_CA_FILE", "/env"), ("VEND_CLIENT_KEY", "/env")], &contexts);
        assert_eq!(files(flagged), [path("/flag"), path("/c"), path("/env")]);
        let global = Global { server: Some("https://elsewhere:1".to_owned()), ..Global::default() };
        assert_eq!(files(resolve(&global, &[], &contexts)), [None, None, None]);
    }

    #[test]
    fn an_unknown_context_is_refused() {
        let global = Global { context: Some("nowhere".to_owned()), ..Global::default() };
        let error = Settings::resolve(&global, &|_| None, &contexts("/t")).expect_err("is refused");
        assert_eq!(error.to_string(), "there is no context `nowhere`");
    }
}
