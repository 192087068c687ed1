//! What a listener lets happen to it: so many connections, for so long, and none at the cost of another.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use vend::pb;
use vend::pb::system_service_client::SystemServiceClient;

use super::{Place, text};
use crate::support::program::Program;

/// Far more than the core allows for anything here; only what hangs for ever takes as long.
const HANGING: Duration = Duration::from_secs(120);

async fn open(core: &Program) -> TcpStream {
    TcpStream::connect(("127.0.0.1", core.port)).await.expect("connected")
}

/// The core has closed this connection.
async fn is_closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // An end or a reset, whichever it is.
    let _ = tokio::time::timeout(HANGING, stream.read_to_end(&mut rest)).await.expect("the core closes it");
}

/// A call with the administrator's token on a connection of its own, which it returns.
async fn call(core: &Program) -> Result<Channel, String> {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{}", core.port)).expect("an address");
    let channel = endpoint.connect().await.map_err(|error| format!("{error:?}"))?;
    call_on(core, &channel).await.map(|()| channel)
}

async fn call_on(core: &Program, channel: &Channel) -> Result<(), String> {
    let mut request = tonic::Request::new(pb::GetStatusRequest {});
    request.metadata_mut().insert("authorization", format!("Bearer {}", core.token()).parse().expect("a header"));
    let mut client = SystemServiceClient::new(channel.clone());
    let answer = tokio::time::timeout(HANGING, client.get_status(request)).await.expect("an answer");
    answer.map(drop).map_err(|status| format!("{status:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_stall_hold_up_nobody_and_end() {
    let place = Place::new();
    let core = place.serve(&[]);
    let mut stalled = Vec::new();
    for beginning in [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16\x03\x01\x40\x00"] {
        for _ in 0..25 {
            let mut stream = open(&core).await;
            stream.write_all(beginning).await.expect("written");
            stalled.push(stream);
        }
    }
    let known = core.run(&["whoami", "--ca-file", &place.ca()]);
    assert!(known.status == 0, "{known:?}");
    for stream in stalled {
        is_closed(stream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_begin_to_speak_http2_is_closed() {
    let core = Program::start(&[]);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut silent = open(&core).await;
    let mut begun = open(&core).await;
    begun.write_all(&preface[..20]).await.expect("written");
    let mut slow = open(&core).await;
    let dripping = tokio::spawn(async move {
        // Ends with an error once the core has closed the connection.
        for byte in preface.iter().cycle() {
            if slow.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    silent.write_all(b"").await.expect("written");
    is_closed(silent).await;
    is_closed(begun).await;
    tokio::time::timeout(HANGING, dripping).await.expect("the core closes it").expect("no panic");
    call(&core).await.expect("it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_make_room_for_callers_and_callers_stay() {
    let place = Place::new();
    let config = place.path("vend.yaml");
    std::fs::write(&config, "server: { connections: 4 }\n").expect("written");
    let core = Program::start(&["--config", &text(&config)]);
    let mut strangers = Vec::new();
    for _ in 0..40 {
        strangers.push(open(&core).await);
    }
    let mut callers = Vec::new();
    for i in 0..4 {
        callers.push(call(&core).await.unwrap_or_else(|error| panic!("caller {i}: {error}")));
    }
    for stranger in strangers {
        is_closed(stranger).await;
    }
    call(&core).await.expect_err("all places are taken by callers");
    assert!(core.said().contains("connections are refused"), "{}", core.said());
    for channel in &callers {
        call_on(&core, channel).await.expect("a caller stays");
    }
    callers.pop();
    for _ in 0..100 {
        match call(&core).await {
            Ok(_) => return,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("a caller that has gone gives its place back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lack_of_file_handles_passes() {
    let limited = ["sh", "-c", "ulimit -n 80; exec \"$@\"", "sh"];
    let core = Program::try_start(&limited, &[]).expect("it starts");
    let caller = call(&core).await.expect("before");
    let mut many = Vec::new();
    for _ in 0..150 {
        many.push(open(&core).await);
    }
    for _ in 0..200 {
        if core.said().contains("cannot take in a connection") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(core.said().contains("Too many open files"), "{}", core.said());
    call_on(&core, &caller).await.expect("a caller that is there goes on");
    // Those who are silent are closed one after the other, and so the next gets in.
    call(&core).await.expect("a new one waits, and comes in");
    drop(many);
    call(&core).await.expect("and so it is afterwards");
}
