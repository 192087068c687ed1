//! A core in this process, on a port of its own, with a data directory that goes with it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tonic::codegen::{Bytes, http};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status};
use vend::app::{Running, SystemClock, SystemEntropy};
use vend::config::{self, Flags, Settings};
use vend::domain::id::TokenId;
use vend::domain::principal::Role;
use vend::domain::time::{Clock, Timestamp};
use vend::identity::token;
use vend::store::{Commit, Site, Token, Write};

pub use super::caller::{Bearer, Caller, caller, source};

pub struct Core {
    pub running: Running,
    folder: TempDir,
    channel: Channel,
    admin: String,
}

impl Core {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = settings(&folder.path().join("data"));
        change(&mut settings);
        Self::start_in(folder, settings).await
    }

    async fn start_in(folder: TempDir, settings: Settings) -> Self {
        let running = vend::app::start(settings).await.expect("the core starts");
        let admin = std::fs::read_to_string(&running.token_file).expect("a token").trim().to_owned();
        let endpoint = Endpoint::from_shared(format!("http://{}", running.address)).expect("an address");
        let channel = endpoint.connect().await.expect("connected");
        Self { running, folder, channel, admin }
    }

    pub async fn stop(self) -> TempDir {
        drop(self.channel);
        self.running.stop().await.expect("the core stops well");
        self.folder
    }

    /// The same data, served anew.
    pub async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    pub async fn restart_with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = self.stop().await;
        let mut settings = settings(&folder.path().join("data"));
        change(&mut settings);
        Self::start_in(folder, settings).await
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A token with these roles, written past the API.
    pub async fn give(&self, roles: &[Role], expire_time: Option<Timestamp>) -> String {
        let text = token::generate(&SystemEntropy).reveal().to_owned();
        let now = SystemClock.now();
        let made = Token {
            id: TokenId::new(now, &SystemEntropy),
            name: "test".into(),
            hash: token::hash(&text),
            roles: roles.to_vec(),
            principal: "token:test".into(),
            create_time: now,
            expire_time,
            revoked: false,
        };
        let mut commit = Commit::new(Site::Secret);
        commit.writes.push(Write::Token(made));
        self.running.store.commit(commit).await.expect("committed");
        text
    }

    /// A caller with the administrator's token.
    pub fn admin(&self) -> Caller {
        self.with(Some(&self.admin))
    }

    pub async fn caller(&self, roles: &[Role]) -> Caller {
        let token = self.give(roles, None).await;
        self.with(Some(&token))
    }

    pub fn with(&self, token: Option<&str>) -> Caller {
        let bearer = Bearer(token.map(str::to_owned));
        Caller { connection: InterceptedService::new(self.channel.clone(), bearer) }
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }
}

pub fn settings(data: &Path) -> Settings {
    let flags = Flags { data: Some(data.to_owned()), listen: "127.0.0.1:0".parse().ok(), ..Flags::default() };
    config::settle(flags, &|_| None).expect("settings")
}

impl Caller {
    /// Bytes as the message of any unary call.
    pub async fn raw(&self, path: &str, message: impl Into<Bytes>) -> Result<Response<Bytes>, Status> {
        let mut grpc = tonic::client::Grpc::new(self.connection.clone());
        grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let path = http::uri::PathAndQuery::try_from(path).expect("a path");
        grpc.unary(Request::new(message.into()), path, super::raw::Raw).await
    }
}

/// The reason in a status; empty if there is none.
pub fn reason(status: &Status) -> String {
    use tonic_types::StatusExt;
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}
