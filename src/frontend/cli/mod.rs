//! The command line: arguments in, calls to the API, results on stdout, progress and errors on stderr.
//!
//! `args` and `settings` say what is asked and where; `connect` and `error` are the wire; a file per verb does the
//! asking; `view`, `columns`, `table` and `output` turn answers into what people read. Must never parse a document: the
//! server does, so that every frontend shows the same file, line and column. (`score` reads files that are none.)

mod address;
mod apply;
mod args;
mod backup;
mod cancel;
mod cascade;
mod catalog;
mod check;
mod columns;
mod connect;
pub mod context;
mod delete;
mod describe;
mod discover;
mod driver;
mod error;
mod exit;
mod explain;
#[cfg(test)]
mod fake;
mod get;
mod history;
mod init;
mod journal;
mod kind;
mod matching;
mod names;
mod order;
mod output;
mod outputs;
mod owner;
mod refresh;
mod release;
mod resolve;
mod paint;
mod pause;
mod place;
mod plan;
mod planning;
mod probe;
mod progress;
mod records;
mod schema;
mod score;
mod secret;
mod set;
mod settings;
mod sources;
mod system;
mod table;
mod terminal;
mod tree;
mod trust;
mod unreachable;
mod upgrade;
mod verify;
mod view;
mod wait;
mod wakes;
mod watch;

pub use args::{Command, Global};
pub use exit::Exit;

use connect::Session;
use settings::Settings;
use terminal::Terminal;

/// Runs one command and says how the process should end. `root` is the whole command tree, for `completion`.
pub async fn run(global: Global, command: Command, root: clap::Command) -> Exit {
    let terminal = Terminal::of_process(global.quiet, global.verbose);
    let mut server = None;
    match dispatch(&global, command, root, &terminal, &mut server).await {
        Ok(exit) => exit,
        Err(failure) if error::is_broken_pipe(&failure) => Exit::Done,
        Err(failure) => {
            let failure = error::explain(&failure, server.as_ref());
            eprint!("{}", error::render(&failure, &terminal.stderr_paint()));
            failure.exit
        }
    }
}

async fn dispatch(
    global: &Global,
    command: Command,
    mut root: clap::Command,
    terminal: &Terminal,
    server: &mut Option<Settings>,
) -> anyhow::Result<Exit> {
    let command = match command {
        Command::Completion(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut root, "vend", &mut script);
            output::print(&String::from_utf8_lossy(&script))?;
            return Ok(Exit::Done);
        }
        Command::Context(args) => return context::command::run(global, &args),
        other => other,
    };
    let settings = Settings::of_process(global)?;
    *server = Some(settings.clone());
    let session = Session::new(settings, terminal.clone())?;
    match command {
        Command::Catalog(args) => catalog::run(&session, &args).await,
        Command::Explain(args) => explain::run(&session, &args).await,
        Command::Match(args) => matching::run(&session, &args).await,
        Command::Order(args) => order::run(&session, &args).await,
        Command::Init(args) => init::run(&session, &args).await,
        Command::Plan(args) => planning::run(&session, &args).await,
        Command::Apply(args) => apply::run(&session, &args).await,
        Command::Delete(args) => delete::run(&session, &args).await,
        Command::Get(args) => get::run(&session, &args).await,
        Command::Describe(args) => describe::run(&session, &args).await,
        Command::Wait(args) => wait::command::run(&session, &args).await,
        Command::Watch(args) => watch::run(&session, &args).await,
        Command::Tree(args) => tree::run(&session, &args).await,
        Command::Outputs(args) => outputs::run(&session, &args).await,
        Command::Refresh(args) => refresh::run(&session, &args).await,
        Command::Release(args) => release::run(&session, &args).await,
        Command::Logs(args) => journal::logs(&session, &args).await,
        Command::Journal(args) => journal::run(&session, &args).await,
        Command::Cancel(args) => cancel::run(&session, &args).await,
        Command::Retry(args) => resolve::retry(&session, &args).await,
        Command::Resolve(args) => resolve::resolve(&session, &args).await,
        Command::Pause(args) => pause::pause(&session, &args).await,
        Command::Resume(args) => pause::resume(&session, &args).await,
        Command::Backup(args) => backup::run(&session, &args).await,
        Command::Verify(args) => verify::run(&session, &args).await,
        Command::Check(args) => check::run(&session, &args).await,
        Command::Driver(args) => driver::run(&session, &args).await,
        Command::Score(command) => score::run(&session, &command).await,
        Command::History(args) => history::run(&session, &args).await,
        Command::Discover(args) => discover::run(&session, &args).await,
        Command::Upgrade(args) => upgrade::run(&session, &args).await,
        Command::Secret(args) => secret::run(&session, &args).await,
        Command::Whoami(args) => system::whoami(&session, &args).await,
        Command::Status(args) => system::status(&session, &args).await,
        Command::Version => system::version(&session).await,
        Command::Completion(_) | Command::Context(_) => Ok(Exit::Done),
    }
}
