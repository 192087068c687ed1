//! The way to a backend: resolve its name, vet every address, connect to a vetted one and to no other.
//!
//! Must never know which protocol is about to be spoken. Addresses go to the log, not into errors: those reach drivers.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::domain::contract::{Error, ErrorKind};

use super::address::Networks;
use super::convert::cause;
use super::failure::unavailable;

/// More addresses than this of one name are not tried.
const MOST_ADDRESSES: usize = 16;
/// An address that says nothing for so long leaves the rest of the time to the next one.
const PATIENCE: Duration = Duration::from_secs(2);

/// The network as it is looked at from here.
#[async_trait]
pub trait Network: Send + Sync {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The system's.
pub struct System;

#[async_trait]
impl Network for System {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

pub struct Route {
    /// The connection's name, for messages.
    pub connection: String,
    /// A name or an address, without brackets.
    pub host: String,
    pub port: u16,
    pub networks: Networks,
    /// What is sent is encrypted; else it may not leave this machine.
    pub encrypted: bool,
    pub network: Arc<dyn Network>,
}

impl Route {
    /// A stream to an address that the connection may reach. The name is looked up each time: what it meant before counts for nothing.
    pub async fn connect(&self) -> Result<TcpStream, Error> {
        let mut forbidden = None;
        let mut failure = None;
        let mut addresses = self.resolve().await?.into_iter().take(MOST_ADDRESSES).peekable();
        while let Some(address) = addresses.next() {
            if let Err(error) = self.may_reach(address.ip()) {
                forbidden = Some(error);
                continue;
            }
            let connecting = self.network.connect(address);
            let connected = match addresses.peek() {
                Some(_) => timeout(PATIENCE, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
                None => connecting.await,
            };
            match connected {
                Ok(stream) => {
                    // Requests are small and waited for one by one; failing to say so only costs time.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => failure = Some(error),
            }
        }
        match (failure, forbidden) {
            (Some(error), _) => {
                Err(unavailable(format!("cannot reach connection `{}`: {}", self.connection, cause(&error))))
            }
            (None, Some(error)) => Err(error),
            (None, None) => Err(unavailable(format!("the host of connection `{}` has no address", self.connection))),
        }
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, Error> {
        self.network.resolve(&self.host, self.port).await.map_err(|error| {
            tracing::warn!(connection = self.connection, %error, "cannot resolve a host");
            unavailable(format!("cannot resolve the host of connection `{}`", self.connection))
        })
    }

    fn may_reach(&self, address: IpAddr) -> Result<(), Error> {
        let connection = &self.connection;
        if let Err(forbidden) = self.networks.vet(address) {
            tracing::warn!(connection, %forbidden, "refused to reach an address");
            return Err(Error::new(
                ErrorKind::Denied,
                "ADDRESS_FORBIDDEN",
                format!("the host of connection `{connection}` is {}: name its range in `networks`", forbidden.what),
            ));
        }
        if !self.encrypted && !address.to_canonical().is_loopback() {
            return Err(Error::new(
                ErrorKind::Denied,
                "TLS_REQUIRED",
                format!("connection `{connection}` leaves this machine without TLS: write `https://`, or set `tls.ca`"),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
