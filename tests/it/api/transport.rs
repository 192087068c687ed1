//! What is around the calls: bad messages, limits, deadlines, health, reflection.

use std::time::Duration;

use tokio_stream::StreamExt;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;
use vend::pb;

use crate::support::core::{Core, reason};

#[tokio::test]
async fn a_call_that_is_not_there_is_told_apart() {
    let core = Core::start().await;
    for path in ["/vend.v1.OrderService/Nonesuch", "/vend.v2.OrderService/GetOrder", "/x/y"] {
        let status = core.admin().raw(path, "").await.expect_err(path);
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unimplemented, "VERB_UNSUPPORTED"), "{path}");
    }
    core.stop().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_the_caller_s_fault() {
    let core = Core::start().await;
    for message in [&b"\xff\xff\xff"[..], b"\x0a\x05ab", b"\x0a\x02\xff\xfe", b"\x08"] {
        let status = core.admin().raw("/vend.v1.OrderService/GetOrder", message).await.expect_err("malformed");
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, "REQUEST_INVALID"),
            "{message:?}"
        );
    }
    core.stop().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_core_goes_on() {
    let core = Core::start().await;
    let big = vec![0u8; vend::server::MESSAGE_BYTES + 1];
    let status = core.admin().raw("/vend.v1.DocumentService/ApplyDocuments", big).await.expect_err("too large");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "REQUEST_INVALID"), "{status:?}");
    assert!(status.message().contains("too large"), "{status:?}");
    core.admin().system().get_status(pb::GetStatusRequest {}).await.expect("still there");
    core.stop().await;
}

#[tokio::test]
async fn a_driver_comes_in_chunks_of_a_bounded_size() {
    let core = Core::start().await;
    let install = async |chunks: Vec<Vec<u8>>| {
        let messages = chunks.into_iter().map(|chunk| pb::InstallDriverRequest { chunk, file_name: String::new() });
        let stream = tokio_stream::iter(messages.collect::<Vec<_>>());
        core.admin().drivers().install_driver(stream).await.expect_err("no driver")
    };
    assert_eq!(reason(&install(vec![]).await), "DRIVER_INVALID");
    assert_eq!(reason(&install(vec![b"hello".to_vec()]).await), "DRIVER_INVALID");
    assert_eq!(reason(&install(vec![vec![0; (1 << 20) + 1]]).await), "REQUEST_INVALID");
    let status = install(vec![vec![0; 1 << 20]; 65]).await;
    assert_eq!(reason(&status), "DRIVER_INVALID");
    assert!(status.message().contains("64 MiB"), "{status:?}");
    core.stop().await;
}

#[tokio::test]
async fn beyond_the_limit_calls_are_refused_not_queued() {
    let core = Core::start_with(|settings| settings.server.waits = 2).await;
    let request = || pb::WatchRequest { project: "default".into(), ..Default::default() };
    let first = core.admin().watches().watch(request()).await.expect("the first").into_inner();
    let _second = core.admin().watches().watch(request()).await.expect("the second").into_inner();
    let status = core.admin().watches().watch(request()).await.expect_err("no room");
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
    let details = status.get_error_details();
    assert!(details.retry_info().expect("a RetryInfo").retry_delay.expect("a delay") > Duration::ZERO);
    core.admin().system().get_status(pb::GetStatusRequest {}).await.expect("calls that work have their own room");
    drop(first);
    for _ in 0..100 {
        match core.admin().watches().watch(request()).await {
            Ok(_) => return drop(core.stop().await),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("a watch that was dropped gives its place back");
}

#[tokio::test]
async fn a_deadline_is_kept_and_named() {
    let core = Core::start_with(|settings| settings.server.waits = 1).await;
    // An answer may be quicker than the clock that tells that its time is over: then it counts, and another one is asked for.
    for _ in 0..10_000 {
        let mut request = Request::new(pb::GetOperationRequest { id: format!("op_{}", "0".repeat(26)) });
        request.set_timeout(Duration::from_micros(1));
        let status = core.admin().operations().get_operation(request).await.expect_err("no time");
        match status.code() {
            Code::NotFound => {}
            Code::DeadlineExceeded | Code::Cancelled => return drop(core.stop().await),
            _ => panic!("{status:?}"),
        }
    }
    panic!("no deadline of all of them was kept");
}

#[tokio::test]
async fn health_needs_no_token_and_knows_every_service() {
    let core = Core::start().await;
    let mut health = HealthClient::new(core.channel());
    for service in ["", "vend.v1.OrderService", "vend.v1.WatchService", "vend.v1.SystemService"] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.expect("told").into_inner();
        assert_eq!(answer.status, 1, "{service} is SERVING");
    }
    let status = health.check(HealthCheckRequest { service: "nonesuch".into() }).await.expect_err("unknown");
    assert_eq!(status.code(), Code::NotFound);
    core.stop().await;
}

#[tokio::test]
async fn health_says_not_serving_before_the_end() {
    let core = Core::start().await;
    let mut health = HealthClient::new(core.channel());
    let mut stream = health.watch(HealthCheckRequest { service: String::new() }).await.expect("watching").into_inner();
    let first = stream.next().await.expect("an answer").expect("good");
    assert_eq!(first.status, 1);
    let stopping = tokio::spawn(core.stop());
    let last = stream.next().await.expect("an answer").expect("good");
    assert_eq!(last.status, 2, "NOT_SERVING");
    drop((stream, health));
    stopping.await.expect("stopped");
}

#[tokio::test]
async fn reflection_lists_the_services_to_callers_only() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let core = Core::start().await;
    let ask = || {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        tokio_stream::iter([ServerReflectionRequest { host: String::new(), message_request }])
    };
    let mut stranger = ServerReflectionClient::new(core.channel());
    let status = stranger.server_reflection_info(ask()).await.expect_err("no token");
    assert_eq!(reason(&status), "UNAUTHENTICATED");
    let mut client = ServerReflectionClient::new(core.admin().connection);
    let mut answers = client.server_reflection_info(ask()).await.expect("told").into_inner();
    let answer = answers.next().await.expect("an answer").expect("good").message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.into_iter().map(|it| it.name).collect();
    for service in ["vend.v1.OrderService", "vend.v1.AuditService", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|name| name == service), "{service} in {names:?}");
    }
    core.stop().await;
}
