//! An HTTP server that does what it is told, byte by byte, and keeps what it was sent.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What arrived.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Method and target, as they stood in the request line.
    pub method: String,
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One thing a server does in answer to a request.
#[derive(Debug, Clone)]
pub enum Act {
    Send(Vec<u8>),
    /// These bytes, again and again, until the client has had enough or so many were sent.
    Repeat(Vec<u8>, usize),
    /// One byte after the other, so far apart.
    Drip(Vec<u8>, Duration),
    Wait(Duration),
    /// Nothing more, and the connection stays open for a minute.
    Hold,
    Close,
}

/// An answer with a body and its length.
pub fn answer(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<Act> {
    let body = body.as_ref();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    vec![Act::Send([head.as_bytes(), body].concat())]
}

pub fn raw(bytes: impl AsRef<[u8]>) -> Act {
    Act::Send(bytes.as_ref().to_vec())
}

type Handler = dyn Fn(&Request) -> Vec<Act> + Send + Sync;

pub struct Web {
    pub port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
    /// Connections that were accepted.
    accepted: Arc<Mutex<usize>>,
    /// Bytes that were handed to the network, of which the client need not have taken all.
    sent: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Web {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes what is spoken over of a TCP stream: itself, or TLS.
pub type Wrap<S> = Arc<dyn Fn(tokio::net::TcpStream) -> Pin<Box<dyn Future<Output = Option<S>> + Send>> + Send + Sync>;

impl Web {
    pub async fn start(handler: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let plain: Wrap<tokio::net::TcpStream> = Arc::new(|stream| Box::pin(async { Some(stream) }));
        Self::wrapped(plain, handler).await
    }

    pub async fn wrapped<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        wrap: Wrap<S>,
        handler: impl Fn(&Request) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let (seen, accepted) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::<Mutex<usize>>::default());
        let handler: Arc<Handler> = Arc::new(handler);
        let sent = Arc::<AtomicU64>::default();
        let (all, count, total) = (seen.clone(), accepted.clone(), sent.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock().expect("not poisoned") += 1;
                let (all, handler, wrap, total) = (all.clone(), handler.clone(), wrap.clone(), total.clone());
                tokio::spawn(async move {
                    if let Some(stream) = wrap(stream).await {
                        serve(stream, &all, &total, &*handler).await;
                    }
                });
            }
        });
        Self { port, seen, accepted, sent, task }
    }

    /// Takes connections, and never reads a byte.
    pub async fn deaf() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let accepted = Arc::<Mutex<usize>>::default();
        let count = accepted.clone();
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                *count.lock().expect("not poisoned") += 1;
                held.push(stream);
            }
        });
        Self { port, seen: Arc::default(), accepted, sent: Arc::default(), task }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("not poisoned").clone()
    }

    pub fn count(&self) -> usize {
        self.seen().len()
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub fn accepted(&self) -> usize {
        *self.accepted.lock().expect("not poisoned")
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    all: &Mutex<Vec<Request>>,
    total: &AtomicU64,
    handler: &Handler,
) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        all.lock().expect("not poisoned").push(request.clone());
        for act in handler(&request) {
            let went = match act {
                Act::Send(bytes) => write(&mut stream, &bytes, total).await,
                Act::Repeat(bytes, times) => {
                    let mut left = times;
                    while left > 0 && write(&mut stream, &bytes, total).await {
                        left -= 1;
                    }
                    left == 0
                }
                Act::Drip(bytes, pause) => {
                    let mut went = true;
                    for byte in bytes.chunks(1) {
                        tokio::time::sleep(pause).await;
                        went = went && write(&mut stream, byte, total).await;
                    }
                    went
                }
                Act::Wait(time) => {
                    tokio::time::sleep(time).await;
                    true
                }
                Act::Hold => {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    false
                }
                Act::Close => false,
            };
            if !went {
                let _ = stream.shutdown().await;
                return;
            }
        }
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], total: &AtomicU64) -> bool {
    let went = stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok();
    total.fetch_add(if went { bytes.len() as u64 } else { 0 }, Ordering::Relaxed);
    went
}

/// The next request; its body has the length that its head says.
async fn read(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<Request> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end);
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let header =
        |line: &str| line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let mut request = Request { method, target, headers, body: Vec::new() };
    let length = request.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    request.body = buffer.drain(..length).collect();
    Some(request)
}
