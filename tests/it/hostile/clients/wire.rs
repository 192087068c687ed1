//! HTTP/2 frame by frame (RFC 9113), so that what no library sends can be sent.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::HANGING;
use crate::support::program::Program;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const ACK: u8 = 1;

const ERRORS: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// A connection on which anything can be sent.
pub struct Wire {
    to: OwnedWriteHalf,
    from: OwnedReadHalf,
}

/// A frame as it came.
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Wire {
    /// Connected, and nothing said.
    pub async fn bare(core: &Program) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", core.port)).await.expect("connected");
        let (from, to) = stream.into_split();
        Self { to, from }
    }

    /// With the beginning that a client has to make.
    pub async fn open(core: &Program) -> Self {
        let mut wire = Self::bare(core).await;
        wire.raw(PREFACE).await.expect("sent");
        wire.frame(SETTINGS, 0, 0, &[]).await.expect("sent");
        wire
    }

    pub async fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        match tokio::time::timeout(HANGING, self.to.write_all(bytes)).await {
            Ok(sent) => sent,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    pub async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.raw(&frame(kind, flags, stream, payload)).await
    }

    /// A call's headers, whole; its message may follow.
    pub async fn call(&mut self, stream: u32, path: &str, token: &str) -> io::Result<()> {
        self.frame(HEADERS, END_HEADERS, stream, &call(path, token)).await
    }

    /// The next frame; `None` once the connection is closed.
    pub async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.from.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        self.from.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame that fits, whatever comes before; answers pings and settings meanwhile.
    pub async fn until(&mut self, fits: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if matches!(frame.kind, PING | SETTINGS) && frame.flags & ACK == 0 {
                let echo: &[u8] = if frame.kind == PING { &frame.payload } else { &[] };
                let _ = self.frame(frame.kind, ACK, 0, echo).await;
            }
            if fits(&frame) {
                return Some(frame);
            }
        }
    }

    /// How the core ends the connection: with a word, or without one. Answers pings until then, as one does who wants to
    /// stay.
    pub async fn end(mut self) -> String {
        let told = tokio::time::timeout(HANGING, self.until(|frame| frame.kind == GOAWAY && frame.payload[7] != 0));
        match told.await.expect("the core ends it") {
            Some(frame) => format!("GOAWAY {}", error(&frame.payload[4..8])),
            None => "closed".to_owned(),
        }
    }

    /// Gives the halves away, for those who only write or only read.
    pub fn into_halves(self) -> (OwnedWriteHalf, OwnedReadHalf) {
        (self.to, self.from)
    }
}

/// Reads until the end, and says what was told last; answers nothing.
pub async fn last(mut from: OwnedReadHalf) -> String {
    let mut said = "closed".to_owned();
    let mut head = [0; 9];
    while from.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        if from.read_exact(&mut payload).await.is_err() {
            break;
        }
        if head[3] == GOAWAY {
            said = format!("GOAWAY {}", error(&payload[4..8]));
        }
    }
    said
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The headers of a call, as HPACK literals without Huffman coding (RFC 7541, 6.2.2).
pub fn call(path: &str, token: &str) -> Vec<u8> {
    let authorization = format!("Bearer {token}");
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("authorization", &authorization),
    ] {
        block.extend(header(name, value));
    }
    block
}

pub fn header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        integer(&mut bytes, text.len());
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// With a prefix of seven bits (RFC 7541, 5.1).
fn integer(bytes: &mut Vec<u8>, mut value: usize) {
    if value < 127 {
        return bytes.push(value as u8);
    }
    bytes.push(127);
    value -= 127;
    while value >= 128 {
        bytes.push((value % 128 + 128) as u8);
        value /= 128;
    }
    bytes.push(value as u8);
}

/// A message as gRPC frames it.
pub fn message(bytes: &[u8]) -> Vec<u8> {
    let mut framed = vec![0];
    framed.extend(u32::try_from(bytes.len()).expect("a length").to_be_bytes());
    framed.extend(bytes);
    framed
}

pub fn error(code: &[u8]) -> String {
    let code = u32::from_be_bytes(code.try_into().expect("four bytes")) as usize;
    ERRORS.get(code).map_or_else(|| format!("error {code}"), |name| (*name).to_owned())
}

/// Sends `bytes` one by one, each after `pause`, until the core has had enough; the connection stays open.
pub async fn trickle(mut to: OwnedWriteHalf, bytes: Vec<u8>, pause: Duration) -> OwnedWriteHalf {
    for byte in bytes {
        if to.write_all(&[byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    to
}
