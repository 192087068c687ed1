//! `vend release`: vend forgets a resource, and what is at the backend stays.

use super::connect::Session;
use super::exit::Exit;
use super::kind::Kind;
use super::{apply, error, names, output};
use crate::pb;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[arg(value_name = "ORDER/RESOURCE")]
    resource: String,
    /// Answer yes where a person at a terminal would be asked
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let name = names::full(session, Kind::Resource, &args.resource)?;
    let got = session.resources().get_resource(pb::GetResourceRequest { name }).await?.into_inner();
    let resource = got.resource.unwrap_or_default();
    let short = names::short_resource(&resource.name);
    let object = match resource.external_id.as_str() {
        "" => "it has no object yet".to_owned(),
        id => format!("its object {id} stays as it is, and nobody looks after it"),
    };
    let question = format!("Release {short} ({}): {object}?", resource.resource_type);
    if !apply::agreed(session, args.yes, &question)? {
        return Err(error::Failure::new(Exit::Refused, format!("{question} Nobody is there to ask"))
            .with_hint("pass --yes")
            .into());
    }
    let request = pb::ReleaseResourceRequest { name: resource.id.clone(), etag: resource.etag.clone() };
    session.resources().release_resource(request).await?;
    output::print(&format!("resource/{short} released\n"))?;
    session.terminal.say("take it out of the order's file too, or the next apply makes a new one");
    Ok(Exit::Done)
}
