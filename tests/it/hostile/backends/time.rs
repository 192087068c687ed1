//! Turns and time: how many requests are under way, and what becomes of a write whose attempt runs out of time.

use vend::capability::backend::Backend;
use vend::capability::settings::{ClientCredentials, Credential};
use vend::domain::secret::Plain;

use super::*;

/// Sends a write in an attempt whose time is up a moment later.
async fn out_of_time(terms: &Terms, backend: &Backend) -> (Result<u16, String>, String) {
    let mut world = terms.attempt(backend);
    let phase = world.host.tape.phase().clone();
    let timer = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(60)).await;
        phase.expire(60);
    });
    let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
    timer.await.expect("it rang");
    assert!(!world.host.tape.phase().is_committing() && world.host.tape.phase().in_doubt().is_none(), "{sent:?}");
    (status(&sent), world.last_write())
}

/// Nothing was sent, and that is certain, whatever it was that was waited for.
#[tokio::test]
async fn time_that_runs_out_before_sending_leaves_no_doubt() {
    let mut report = Report::new("backend: out of time");
    let web = Web::start(|request| match request.target.as_str() {
        "/hold" => vec![Act::Hold],
        _ => answer("200 OK", &[], "fine"),
    })
    .await;
    let deaf = Web::deaf().await;
    let patient = |endpoint: &str| {
        let mut terms = Terms::open(endpoint);
        (terms.settings.timeout_ms, terms.settings.concurrency) = (20_000, 1);
        terms
    };
    let silent_issuer = Credential::ClientCredentials(ClientCredentials {
        token_endpoint: deaf.url(),
        client_id: "vend".into(),
        client_secret: Plain::new("s3cr3t-of-the-client"),
        scope: None,
        audience: None,
    });
    let mut slow = patient(&web.url());
    slow.settings.rate_per_second = Some(1);
    let silent = patient(&format!("https://127.0.0.1:{}", deaf.port));
    let cases = [
        ("a place in the rate", slow, true),
        ("a turn", patient(&web.url()), true),
        ("a token", patient(&web.url()).credential(silent_issuer), false),
        ("a connection", silent, false),
    ];
    for (what, terms, busy) in cases {
        let backend = terms.backend();
        let mut holding = None;
        if busy {
            let mut other = terms.attempt(&backend);
            let path = if what == "a turn" { "/hold" } else { "/good" };
            holding = Some(tokio::spawn(async move { other.fetch(get(path)).await.map(|it| it.status) }));
            until("the other one is under way", || web.seen().iter().any(|it| it.target == path)).await;
        }
        let before = web.count();
        let (sent, journal) = out_of_time(&terms, &backend).await;
        assert_eq!((sent, journal.as_str()), (Err("LIMIT time".to_owned()), "OUT_OF_TIME"), "{what}");
        assert_eq!(web.count(), before, "{what}: nothing arrived");
        report.row(
            format!("the attempt's time is up while it waits for {what}"),
            "refused for certain",
            "nothing sent",
        );
        drop(holding.inspect(|it| it.abort()));
    }
    // The twin: whoever has the time is served behind the others.
    let mut terms = patient(&web.url());
    terms.settings.rate_per_second = Some(20);
    let backend = terms.backend();
    for _ in 0..21 {
        let mut world = terms.attempt(&backend);
        let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
        assert_eq!((status(&sent), world.last_write().as_str()), (Ok(200), "applied"));
    }
}

/// What was sent is in doubt when the attempt is stopped, and its connection is gone.
#[tokio::test]
async fn time_that_runs_out_behind_the_sending_leaves_a_doubt() {
    let mut report = Report::new("backend: stopped in between");
    let web = Web::start(|request| match request.target.as_str() {
        "/bad" => vec![Act::Hold],
        _ => answer("200 OK", &[], "fine"),
    })
    .await;
    let mut terms = Terms::open(&web.url());
    terms.settings.timeout_ms = 20_000;
    terms.settings.concurrency = 1;
    let backend = terms.backend();
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    terms.attempt(&backend).fetch(get("/good")).await.expect("a connection to use again");
    for n in 1..=2 {
        let mut world = terms.attempt(&backend);
        let phase = world.host.tape.phase().clone();
        {
            let mut sending = std::pin::pin!(world.send(request("POST", "/bad"), Semantics::Unsafe));
            let stop = until_reached(&web, n);
            tokio::select! {
                sent = &mut sending => panic!("{sent:?}"),
                () = stop => {}
            }
            phase.expire(1);
            assert!(!phase.is_committing() && phase.in_doubt().is_some(), "it was sent");
        }
        assert_eq!((world.last_write().as_str(), reached(&web)), ("open", n));
    }
    // The turn is given back, and the connections are closed: what is left are two servers that hold theirs.
    let sent = terms.attempt(&backend).send(request("POST", "/good"), Semantics::Unsafe).await;
    assert_eq!(status(&sent), Ok(200));
    drop((terms, backend));
    drop(web);
    until("what was stopped is gone", || tasks() <= 2).await;
    report.row(
        "the attempt is stopped while the backend works",
        "in doubt; turn and connection are free again",
        "each sent once",
    );
}

async fn until_reached(web: &Web, count: usize) {
    while reached(web) < count {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_allowed() {
    let mut report = Report::new("backend: turns");
    let web = Web::start(|_| {
        let mut acts = vec![Act::Wait(Duration::from_millis(30))];
        acts.extend(answer("200 OK", &[], "fine"));
        acts
    })
    .await;
    let mut terms = Terms::open(&web.url());
    (terms.settings.concurrency, terms.settings.timeout_ms) = (3, 20_000);
    let backend = terms.backend();
    let all = (0..24).map(|n| {
        let mut world = terms.attempt(&backend);
        async move {
            status(&match n % 2 {
                0 => world.fetch(get("/a")).await,
                _ => world.send(request("POST", "/a"), Semantics::Unsafe).await,
            })
        }
    });
    assert!(join_all(all).await.iter().all(|came| *came == Ok(200)));
    // A connection has one request under way.
    assert_eq!((web.count(), web.accepted()), (24, 3));
    report.row("24 at once, 3 allowed", "all served, 3 at a time", "3 connections");

    // Whoever waits for too long is told so, and nothing of it is sent.
    let web = Web::start(|_| vec![Act::Hold]).await;
    let mut terms = Terms::open(&web.url());
    (terms.settings.concurrency, terms.settings.timeout_ms) = (2, 400);
    let backend = terms.backend();
    let all = (0..6).map(|_| send_in(terms.attempt(&backend)));
    let mut came: Vec<_> = join_all(all).await;
    came.sort();
    let busy = came.iter().filter(|(_, journal)| journal == "CONNECTION_BUSY").count();
    let doubts = came.iter().filter(|(_, journal)| journal == "open").count();
    assert_eq!((busy + doubts, doubts), (6, web.count()), "{came:?}");
    assert!(busy >= 2, "{came:?}");
    report.row("6 at once, 2 allowed, none answered", "CONNECTION_BUSY for who waits too long", "the others in doubt");
}

async fn send_in(mut world: crate::http::world::World) -> (Result<u16, String>, String) {
    let sent = world.send(request("POST", "/a"), Semantics::Unsafe).await;
    (status(&sent), world.last_write())
}
