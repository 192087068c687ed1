//! Backups: streamed out in pieces; and what became of what one brought, told as it is found out.

use std::fs::File;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tonic::{Request, Response, Status};

use crate::engine::Backup;
use crate::pb;
use crate::pb::backup_service_server::BackupService;
use crate::pb::create_backup_response::Part;

use super::caller::Caller;
use super::core::Core;
use super::names::{self, Target};
use super::{convert, status};

const CHUNK: usize = 512 << 10;
/// How long a caller may take nothing of a backup: it keeps a file of the store's size from going.
const PATIENCE: Duration = Duration::from_secs(60);
/// What waits to be told of a verification.
const TOLD: usize = 64;
const MOST_TRUSTED: usize = 1_000;

pub struct Backups(pub Arc<Core>);

type Told<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl BackupService for Backups {
    type CreateBackupStream = Told<pb::CreateBackupResponse>;
    type VerifyRestoredStream = Told<pb::VerifyRestoredResponse>;

    async fn create_backup(
        &self,
        request: Request<pb::CreateBackupRequest>,
    ) -> Result<Response<Self::CreateBackupStream>, Status> {
        let caller = Caller::of(&request)?;
        caller.authorize("")?;
        let backup = self.0.engine.backup(&caller.principal).await?;
        let (tell, told) = mpsc::channel(1);
        tokio::spawn(hand_out(backup, tell, Arc::clone(&self.0), caller.slot));
        Ok(Response::new(stream(told)))
    }

    async fn verify_restored(
        &self,
        request: Request<pb::VerifyRestoredRequest>,
    ) -> Result<Response<Self::VerifyRestoredStream>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize("")?;
        if ask.trust.len() > MOST_TRUSTED {
            return Err(names::field("trust", format!("names {MOST_TRUSTED} resources at most")));
        }
        let mut trusted = Vec::with_capacity(ask.trust.len());
        for name in &ask.trust {
            trusted.push(match names::resource(name)? {
                Target::Id(id) => id,
                Target::Resource(name) => self.0.resource_named(&name).await?.id,
                Target::Order(name) => return Err(names::field("trust", format!("`{name}` is an order"))),
            });
        }
        let (tell, told) = mpsc::channel(TOLD);
        let (core, shutdown) = (Arc::clone(&self.0), self.0.shutdown.clone());
        tokio::spawn(async move {
            let _slot = caller.slot;
            let (seen, mut heard) = mpsc::channel(TOLD);
            let to_caller = tell.clone();
            // Ends, and with it the verification, when nobody listens any more.
            let pass_on = async move {
                while let Some(seen) = heard.recv().await {
                    if to_caller.send(Ok(convert::backup::seen(seen))).await.is_err() {
                        return;
                    }
                }
            };
            let verify = async {
                let ended = core.engine.verify(&trusted, &caller.principal, &seen).await;
                drop(seen);
                ended
            };
            let ended = tokio::select! {
                (ended, ()) = async { tokio::join!(verify, pass_on) } => ended.map_err(Status::from),
                () = shutdown.cancelled() => Err(status::unavailable("the core is stopping")),
            };
            if let Err(status) = ended {
                let _ = tell.send(Err(status)).await;
            }
        });
        Ok(Response::new(stream(told)))
    }
}

fn stream<T: Send + 'static>(told: mpsc::Receiver<Result<T, Status>>) -> Told<T> {
    Box::pin(futures::stream::unfold(told, |mut told| async move { told.recv().await.map(|it| (it, told)) }))
}

type Tell = mpsc::Sender<Result<pb::CreateBackupResponse, Status>>;

/// Until all of it is taken, or nobody takes it any more.
async fn hand_out(backup: Backup, tell: Tell, core: Arc<Core>, _slot: Arc<OwnedSemaphorePermit>) {
    let ended = tokio::select! {
        ended = pieces(backup, &tell) => ended,
        () = core.shutdown.cancelled() => Err(status::unavailable("the core is stopping")),
    };
    if let Err(status) = ended {
        let _ = tokio::time::timeout(PATIENCE, tell.send(Err(status))).await;
    }
}

async fn pieces(mut backup: Backup, tell: &Tell) -> Result<(), Status> {
    let head = backup.manifest.head();
    say(tell, Part::Head(convert::backup::head(&backup, head.len()))).await?;
    say(tell, Part::Chunk(head)).await?;
    loop {
        let read = tokio::task::spawn_blocking(move || {
            let chunk = piece(&mut backup.file);
            (backup, chunk)
        });
        let (back, chunk) = read.await.map_err(|error| status::internal_text(&error.to_string()))?;
        let chunk = chunk.map_err(|error| status::internal_text(&format!("cannot read a backup: {error}")))?;
        if chunk.is_empty() {
            return Ok(());
        }
        backup = back;
        say(tell, Part::Chunk(chunk)).await?;
    }
}

fn piece(file: &mut File) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(CHUNK);
    file.take(CHUNK as u64).read_to_end(&mut chunk)?;
    Ok(chunk)
}

async fn say(tell: &Tell, part: Part) -> Result<(), Status> {
    let sent = tell.send(Ok(pb::CreateBackupResponse { part: Some(part) }));
    match tokio::time::timeout(PATIENCE, sent).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(status::unavailable("nobody takes the backup any more")),
        Err(_) => Err(status::unavailable("nothing of the backup was taken for a minute")),
    }
}
