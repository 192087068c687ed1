//! What may be typed: the flags of every online command, and the tree of commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    apply, backup, cancel, catalog, check, context, delete, describe, discover, driver, explain, get, history, init,
    journal, matching, order, outputs, pause, planning, refresh, release, resolve, score, secret, system, tree,
    upgrade, verify, wait, watch,
};

/// Understood by every command. Environment variables stand in for what is not typed; then the context.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Address of the core [env: VEND_SERVER]
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// File with the bearer token [env: VEND_TOKEN_FILE; VEND_TOKEN holds the token itself]
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Whom to trust for the core's certificate (PEM), instead of whom the system trusts [env: VEND_CA_FILE]
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Certificate to show to a core that asks for one (PEM) [env: VEND_CLIENT_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub client_cert: Option<PathBuf>,
    /// Key of that certificate (PEM) [env: VEND_CLIENT_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    pub client_key: Option<PathBuf>,
    /// Project [env: VEND_PROJECT]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub project: Option<String>,
    /// Environment [env: VEND_ENVIRONMENT]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub environment: Option<String>,
    /// Use this context instead of the current one [env: VEND_CONTEXT]
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// No progress and no advice on stderr
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say on stderr where calls go
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// The online commands: each talks to the API and to nothing else.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What can be ordered here
    Catalog(catalog::Args),
    /// What may be set on a type, with the defaults and limits that hold here
    Explain(explain::Args),
    /// Which recipe would make something here, and why
    Match(matching::Args),
    /// Order one resource, without a file
    Order(order::Args),
    /// Print an order file to start from
    Init(init::Args),
    /// Show what applying files would do
    Plan(planning::Args),
    /// Apply documents and orders
    Apply(apply::Args),
    /// Delete a document or an order
    Delete(delete::Args),
    /// List records of a kind, or show one
    Get(get::Args),
    /// Show one record with what belongs to it
    Describe(describe::Args),
    /// Wait for something to come true
    Wait(wait::command::Args),
    /// Show changes as they happen
    Watch(watch::Args),
    /// Show an order as a tree
    Tree(tree::Args),
    /// Show what was bought
    Outputs(outputs::Args),
    /// Move live resources to the recipe and driver that would make them now, or to others
    Upgrade(upgrade::Args),
    /// What an order was, and by whom
    History(history::Args),
    /// What there is at a backend, and the order that takes it under management
    Discover(discover::Args),
    /// Ask the backend how a resource is right now
    Refresh(refresh::Args),
    /// Let a resource go: vend forgets it, and its object stays as it is
    Release(release::Args),
    /// What drivers said during an operation
    Logs(journal::LogsArgs),
    /// The story of an operation: every call that left the sandbox
    Journal(journal::Args),
    /// Ask an operation to end
    Cancel(cancel::Args),
    /// Say that the cause is mended: what waits or needs attention goes on at once
    Retry(resolve::RetryArgs),
    /// Decide on an operation that needs a person
    Resolve(resolve::ResolveArgs),
    /// Let nothing start that has to do with something: it waits
    Pause(pause::PauseArgs),
    /// Let what was paused go on
    Resume(pause::ResumeArgs),
    /// Copy all records into a file
    Backup(backup::Args),
    /// After a restore: find out what became of everything since the backup
    Verify(verify::Args),
    /// Try out a connection
    Check(check::Args),
    /// Install and show drivers
    Driver(driver::Args),
    /// Order what a Score file (score.dev/v1b1) needs, and render its variables
    #[command(subcommand)]
    Score(score::Command),
    /// Set secrets that connections refer to
    Secret(secret::Args),
    /// Which cores this machine knows, and which is meant
    Context(context::command::Args),
    /// Whom the core takes you for
    Whoami(system::Args),
    /// How the core is
    Status(system::Args),
    /// Versions of this program and of the core
    Version,
    /// Print a completion script
    Completion(Completion),
}

#[derive(Debug, Args)]
pub struct Completion {
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Root {
        #[command(flatten)]
        global: super::Global,
        #[command(subcommand)]
        command: super::Command,
    }

    #[test]
    fn the_tree_is_consistent() {
        use clap::CommandFactory;
        Root::command().debug_assert();
    }

    #[test]
    fn global_flags_may_stand_behind_the_command() {
        let root = Root::try_parse_from(["vend", "get", "rt", "-p", "shop", "-o", "name"]).expect("parses");
        assert_eq!(root.global.project.as_deref(), Some("shop"));
        assert!(matches!(root.command, super::Command::Get(_)));
    }
}
