//! A network that fails at a chosen moment: a TCP proxy in front of a server on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the server's answer once a client has sent the chosen bytes. They do reach the server.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The connection breaks.
    Drop,
    /// Nothing more arrives, and the connection stays open.
    Hold,
}

pub struct Proxy {
    pub port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub async fn start(server: u16, trigger: &'static str, fault: Fault) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let server = TcpStream::connect(("127.0.0.1", server)).await.expect("the server behind the proxy");
                    relay(client, server, trigger, fault).await;
                });
            }
        });
        Proxy { port, task }
    }
}

async fn relay(client: TcpStream, server: TcpStream, trigger: &'static str, fault: Fault) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let triggered = Arc::new(AtomicBool::new(false));
    tokio::select! {
        () = ask(from_client, to_server, trigger, triggered.clone()) => {}
        () = answer(from_server, to_client, triggered, fault) => {}
    }
}

async fn ask(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, trigger: &str, triggered: Arc<AtomicBool>) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let is_trigger = buffer[..count].windows(trigger.len()).any(|window| window == trigger.as_bytes());
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        if is_trigger {
            triggered.store(true, Ordering::SeqCst);
        }
    }
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, triggered: Arc<AtomicBool>, fault: Fault) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        match (triggered.load(Ordering::SeqCst), fault) {
            // These bytes may still answer what came before: give the server the time to act on the trigger.
            (true, Fault::Drop) => return tokio::time::sleep(Duration::from_millis(300)).await,
            (true, Fault::Hold) => std::future::pending().await,
            (false, _) => {}
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
