//! Every kind of fault: what the client gets to see, what was applied, and what the ledger says of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Cloud, object};

/// A create that meets this fault: what comes of it, whether it was applied, and its line in the ledger.
fn create(fault: Value) -> (Option<Answer>, bool, String) {
    let cloud = Cloud::start(&[]);
    cloud.fault(json!({ "method": "PUT", "path-prefix": "/v1/named/", "fault": fault }));
    let answer = cloud.try_call("PUT", "/v1/named/a", &[], &object("x", 1).to_string());
    let applied = cloud.get("/v1/named/a").status == 200;
    let story = cloud.story();
    assert_eq!(story.len(), 1, "{story:?}");
    let done = cloud.get("/admin/faults").json()["done"].clone();
    let done = done.as_object().expect("counts").values().cloned().collect::<Vec<_>>();
    assert_eq!(done, [json!(1)]);
    // It was for once.
    assert!(matches!(cloud.call("PUT", "/v1/named/a", &object("x", 1)).status, 200 | 201));
    (answer, applied, story[0].clone())
}

#[test]
fn cut_before() {
    let (answer, applied, story) = create(json!("drop-before"));
    assert!(answer.is_none(), "{answer:?}");
    assert_eq!((applied, story.as_str()), (false, "refuse drop-before"));
}

#[test]
fn cut_after() {
    let (answer, applied, story) = create(json!("drop-after"));
    assert!(answer.is_none(), "{answer:?}");
    assert_eq!((applied, story.as_str()), (true, "make drop-after"));
}

#[test]
fn half_an_answer() {
    let (answer, applied, story) = create(json!("half-answer"));
    let answer = answer.expect("its head");
    let length = answer.head.split("content-length: ").nth(1).and_then(|it| it.lines().next()?.parse().ok());
    let length: usize = length.expect("a length");
    assert_eq!((answer.status, answer.body.len()), (201, length / 2));
    assert_eq!((applied, story.as_str()), (true, "make half-answer"));
}

#[test]
fn errors() {
    let check = |fault: &str, status: u16, applies: bool, event: &str| {
        let (answer, applied, story) = create(json!(fault));
        let answer = answer.expect("an answer");
        assert_eq!((answer.status, applied, story), (status, applies, format!("{event} {fault}")));
        assert_eq!(answer.head.contains("retry-after: 1"), status == 429, "{answer:?}");
    };
    check("429", 429, false, "refuse");
    check("500-before", 500, false, "refuse");
    check("500-after", 500, true, "make");
    check("504-after", 504, true, "make");
}

#[test]
fn delays() {
    for (fault, story) in [("delay-before-ms", "make delay-before"), ("delay-after-ms", "make delay-after")] {
        let begun = Instant::now();
        let (answer, applied, told) = create(json!({ fault: 300 }));
        assert!(begun.elapsed() >= Duration::from_millis(300));
        assert_eq!((answer.expect("an answer").status, applied, told.as_str()), (201, true, story));
    }
}

#[test]
fn a_late_request_is_applied_though_nobody_waits() {
    use std::io::Write as _;
    let cloud = Cloud::start(&[]);
    cloud.fault(json!({ "fault": { "delay-before-ms": 500 } }));
    let body = object("x", 1).to_string();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", cloud.port())).expect("connected");
    write!(stream, "PUT /v1/named/a HTTP/1.1\r\nhost: c\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .expect("sent");
    let deadline = Instant::now() + Duration::from_secs(20);
    while cloud.get("/admin/faults").json()["done"] != json!({ "delay-before": 1 }) {
        assert!(Instant::now() < deadline, "the request does not come");
    }
    drop(stream);
    assert_eq!(cloud.get("/v1/named/a").status, 404);
    while cloud.get("/v1/named/a").status != 200 {
        assert!(Instant::now() < deadline, "it is not applied");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(cloud.story(), ["make delay-before"]);
}

#[test]
fn reads_meet_faults_and_leave_no_record() {
    let cloud = Cloud::start(&[]);
    cloud.call("PUT", "/v1/named/a", &object("x", 1));
    cloud.fault(json!({ "method": "GET", "skip": 1, "times": 2, "fault": "504-after" }));
    let statuses = [(); 4].map(|()| cloud.get("/v1/named/a").status);
    assert_eq!(statuses, [200, 504, 504, 200]);
    for status in [403, 500] {
        assert_eq!(cloud.call("POST", "/admin/reads", &json!({ "status": status })).status, 200);
        assert_eq!(cloud.get("/v1/named/a").status, status);
        assert_eq!(cloud.get("/v1/labelled?label=a%3Db").status, status);
        assert_eq!(cloud.call("PUT", "/v1/named/a", &object("x", 1)).status, 200, "writes are served");
    }
    assert_eq!(cloud.call("POST", "/admin/reads", &json!({ "status": null })).status, 200);
    assert_eq!(cloud.get("/v1/named/a").status, 200);
    assert_eq!(cloud.story(), ["make sent", "replay sent", "replay sent"]);
}

#[test]
fn chance_strikes_as_often_as_asked() {
    let cloud = Cloud::start(&[]);
    let random = json!({ "rate": 0.5, "kinds": ["drop-before", "drop-after"], "seed": 3, "methods": ["POST"] });
    assert_eq!(cloud.call("POST", "/admin/faults", &json!({ "random": random })).status, 200);
    let answered = (0..100).filter(|_| cloud.try_call("POST", "/v1/blind", &[], &object("x", 1).to_string()).is_some());
    let answered = answered.count();
    let done = cloud.get("/admin/faults").json()["done"].clone();
    let of = |kind: &str| done[kind].as_u64().expect("a count") as usize;
    assert_eq!(answered + of("drop-before") + of("drop-after"), 100);
    assert!((25..75).contains(&answered), "{answered}");
    let made = cloud.get("/admin/objects").json().as_array().expect("a list").len();
    assert_eq!(made, answered + of("drop-after"));
}
