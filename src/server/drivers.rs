//! Drivers: install, look, uninstall.

use std::sync::Arc;

use tokio_stream::StreamExt;
use tonic::{Request, Response, Status, Streaming};

use crate::domain::driver::DriverRecord;
use crate::domain::hold::Target;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::pb;
use crate::pb::driver_service_server::DriverService;
use crate::stock;

use super::caller::Caller;
use super::core::Core;
use super::{convert, holds, names, status};

const COMPONENT_BYTES: usize = 64 << 20;
const CHUNK_BYTES: usize = 1 << 20;
const FILE_NAME_CHARS: usize = 200;

pub struct Drivers(pub Arc<Core>);

#[tonic::async_trait]
impl DriverService for Drivers {
    async fn install_driver(
        &self,
        request: Request<Streaming<pb::InstallDriverRequest>>,
    ) -> Result<Response<pb::InstallDriverResponse>, Status> {
        let caller = Caller::of(&request)?;
        caller.authorize("")?;
        let (file, component) = receive(request.into_inner()).await?;
        let installed = self.0.stock.install(component, &caller.principal).await;
        let (driver, unchanged) = installed.map_err(|error| about(&file, error))?;
        let driver = Some(self.show(driver));
        Ok(Response::new(pb::InstallDriverResponse { driver, unchanged }))
    }

    async fn list_drivers(
        &self,
        request: Request<pb::ListDriversRequest>,
    ) -> Result<Response<pb::ListDriversResponse>, Status> {
        Caller::of(&request)?.authorize("")?;
        let drivers = self.0.store.drivers().await?.into_iter().map(|it| self.show(it)).collect();
        Ok(Response::new(pb::ListDriversResponse { drivers }))
    }

    async fn get_driver(
        &self,
        request: Request<pb::GetDriverRequest>,
    ) -> Result<Response<pb::GetDriverResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let found = match ask.name.strip_prefix("drivers/") {
            Some(name) => newest(self.0.store.drivers().await?, name),
            None => self.0.store.driver(&digest("name", &ask.name)?).await?,
        };
        let driver = found.ok_or_else(|| status::not_found(&ask.name))?;
        Ok(Response::new(pb::GetDriverResponse { driver: Some(self.show(driver)) }))
    }

    async fn uninstall_driver(
        &self,
        request: Request<pb::UninstallDriverRequest>,
    ) -> Result<Response<pb::UninstallDriverResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.digest)?;
        self.0.stock.uninstall(&digest("digest", &ask.digest)?, &caller.principal).await?;
        Ok(Response::new(pb::UninstallDriverResponse {}))
    }

    async fn pause_driver(
        &self,
        request: Request<pb::PauseDriverRequest>,
    ) -> Result<Response<pb::PauseDriverResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let target = pausable(&ask.name)?;
        let (hold, unchanged) = self.0.pause(target, &ask.message, &caller).await?;
        Ok(Response::new(pb::PauseDriverResponse { hold: Some(hold), unchanged }))
    }

    async fn resume_driver(
        &self,
        request: Request<pb::ResumeDriverRequest>,
    ) -> Result<Response<pb::ResumeDriverResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let target = pausable(&ask.name)?;
        let unchanged = self.0.resume(&target, &caller).await?;
        Ok(Response::new(pb::ResumeDriverResponse { unchanged }))
    }
}

impl Drivers {
    fn show(&self, driver: DriverRecord) -> pb::Driver {
        let target = Target::parse(&format!("drivers/{}", driver.description.name));
        let held = target.map_or(Vec::new(), |target| self.0.engine.held_conditions(&target));
        convert::driver::driver(driver, held)
    }
}

fn pausable(name: &str) -> Result<Target, Status> {
    holds::target(name, "drivers/NAME; it is paused in all of its versions", |it| matches!(it, Target::Driver(_)))
}

/// The file's name, as it is told in messages, and the whole component; its size is bounded while it comes in.
async fn receive(mut stream: Streaming<pb::InstallDriverRequest>) -> Result<(String, Vec<u8>), Status> {
    let mut component = Vec::new();
    let mut file = String::new();
    while let Some(message) = stream.next().await {
        let pb::InstallDriverRequest { chunk, file_name } = message?;
        if file.is_empty() {
            file = file_name.chars().filter(|c| !c.is_control()).take(FILE_NAME_CHARS).collect();
        }
        if chunk.len() > CHUNK_BYTES {
            return Err(names::field(
                "chunk",
                format!("has {} bytes: send at most {CHUNK_BYTES} at a time", chunk.len()),
            ));
        }
        if component.len() + chunk.len() > COMPONENT_BYTES {
            let message = format!("the component is larger than {} MiB", COMPONENT_BYTES >> 20);
            return Err(Refusal::new(Reason::DriverInvalid, message).into());
        }
        component.extend_from_slice(&chunk);
    }
    if component.is_empty() {
        return Err(Refusal::new(Reason::DriverInvalid, "no component was sent").into());
    }
    Ok((file, component))
}

/// A refusal says of which file it is.
fn about(file: &str, error: stock::Error) -> Status {
    match error {
        stock::Error::Refused(refusal) if !file.is_empty() => {
            Refusal { message: format!("`{file}`: {}", refusal.message), ..refusal }.into()
        }
        other => other.into(),
    }
}

/// `NAME` at its highest version, or `NAME@VERSION`.
fn newest(drivers: Vec<DriverRecord>, name: &str) -> Option<DriverRecord> {
    let (name, version) = name.split_once('@').map_or((name, None), |(name, version)| (name, Some(version)));
    let fits = |it: &DriverRecord| {
        it.description.name == name && version.is_none_or(|version| it.description.version == version)
    };
    let rank = |it: &DriverRecord| (semver::Version::parse(&it.description.version).ok(), it.create_time);
    drivers.into_iter().filter(fits).max_by_key(rank)
}

fn digest(at: &str, text: &str) -> Result<String, Status> {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Ok(text.to_owned());
    }
    let shape = if at == "name" { "neither drivers/NAME, drivers/NAME@VERSION nor a digest" } else { "no digest" };
    Err(names::field(at, format!("is {shape}: sha256: and 64 hex digits")))
}
