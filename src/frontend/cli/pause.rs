//! `vend pause` and `vend resume`: whether work that has to do with something may start.

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::connect::Session;
use super::error::Failure;
use super::exit::Exit;
use super::kind::Kind;
use super::output::{self, Plain};
use super::{names, view};
use crate::pb;

/// What can be paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// All work there is
    Core,
    #[value(aliases = ["connections", "conn", "conns"])]
    Connection,
    /// In all of its versions
    #[value(alias = "drivers")]
    Driver,
    #[value(alias = "recipes")]
    Recipe,
    #[value(aliases = ["orders", "ord"])]
    Order,
}

#[derive(Debug, clap::Args)]
pub struct PauseArgs {
    what: What,
    /// Of everything but the core
    name: Option<String>,
    /// Why, for whoever waits
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    what: What,
    /// Of everything but the core
    name: Option<String>,
    #[arg(short, long, value_enum, default_value_t)]
    output: Plain,
}

pub async fn pause(session: &Session, args: &PauseArgs) -> anyhow::Result<Exit> {
    let target = Target::of(session, args.what, args.name.as_deref())?;
    let (name, message) = (target.full.clone(), args.reason.clone());
    let (hold, unchanged) = match args.what {
        What::Core => {
            let answer = session.system().pause_core(pb::PauseCoreRequest { message }).await?.into_inner();
            (answer.hold, answer.unchanged)
        }
        What::Connection | What::Recipe => {
            let request = pb::PauseDocumentRequest { name, message };
            let answer = session.documents().pause_document(request).await?.into_inner();
            (answer.hold, answer.unchanged)
        }
        What::Driver => {
            let request = pb::PauseDriverRequest { name, message };
            let answer = session.drivers().pause_driver(request).await?.into_inner();
            (answer.hold, answer.unchanged)
        }
        What::Order => {
            let request = pb::PauseOrderRequest { name, message };
            let answer = session.orders().pause_order(request).await?.into_inner();
            (answer.hold, answer.unchanged)
        }
    };
    let mut shown = view::hold(&hold.unwrap_or_default());
    tell(&mut shown, "unchanged", unchanged);
    let words = if unchanged { "was paused before" } else { "paused" };
    show(&target, words, &shown, args.output)?;
    session.terminal.say(&format!("what runs now is finished; `vend resume {}` lets the rest go on", target.typed));
    Ok(Exit::Done)
}

pub async fn resume(session: &Session, args: &ResumeArgs) -> anyhow::Result<Exit> {
    let target = Target::of(session, args.what, args.name.as_deref())?;
    let name = target.full.clone();
    let unchanged = match args.what {
        What::Core => session.system().resume_core(pb::ResumeCoreRequest {}).await?.into_inner().unchanged,
        What::Connection | What::Recipe => {
            session.documents().resume_document(pb::ResumeDocumentRequest { name }).await?.into_inner().unchanged
        }
        What::Driver => session.drivers().resume_driver(pb::ResumeDriverRequest { name }).await?.into_inner().unchanged,
        What::Order => session.orders().resume_order(pb::ResumeOrderRequest { name }).await?.into_inner().unchanged,
    };
    let mut shown = json!({ "name": target.full });
    tell(&mut shown, "unchanged", unchanged);
    let words = if unchanged { "was not paused" } else { "resumed" };
    show(&target, words, &shown, args.output)?;
    Ok(Exit::Done)
}

/// What was typed, and what it is called.
struct Target {
    /// `connection pg-dev`
    typed: String,
    /// `connection/pg-dev`
    short: String,
    full: String,
}

impl Target {
    fn of(session: &Session, what: What, name: Option<&str>) -> Result<Self, Failure> {
        let kind = match what {
            What::Core => None,
            What::Connection => Some(Kind::Connection),
            What::Driver => Some(Kind::Driver),
            What::Recipe => Some(Kind::Recipe),
            What::Order => Some(Kind::Order),
        };
        match (kind, name) {
            (None, None) => Ok(Self { typed: "core".into(), short: "core".into(), full: "core".into() }),
            (None, Some(name)) => Err(Failure::usage(format!("there is one core: leave `{name}` out"))),
            (Some(kind), None) => Err(Failure::usage(format!("which {}? Its name is missing", kind.word()))),
            (Some(kind), Some(name)) => {
                let full = names::full(session, kind, name)?;
                let short = format!("{}/{}", kind.word(), names::short(&full));
                Ok(Self { typed: format!("{} {name}", kind.word()), short, full })
            }
        }
    }
}

fn tell(value: &mut Value, key: &str, said: bool) {
    let entries: Option<&mut Map<String, Value>> = value.as_object_mut();
    if let Some(entries) = entries {
        entries.insert(key.to_owned(), json!(said));
    }
}

fn show(target: &Target, words: &str, value: &Value, format: Plain) -> anyhow::Result<()> {
    let text = match output::plain(value, format)? {
        Some(text) => text,
        None => format!("{} {words}\n", target.short),
    };
    output::print(&text)
}
