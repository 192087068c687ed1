//! A clock that jumps while the core is at work: what waits goes on, nothing is lost, numbers stay in order.
//!
//! libfaketime stands between the core and the system's clock. Its monotonic clock goes on as it does on a real machine,
//! where only the time of day is set.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use vend::app::{SystemClock, SystemEntropy};
use vend::domain::id::TokenId;
use vend::domain::principal::Role;
use vend::domain::time::Clock as _;
use vend::identity::token;
use vend::pb;
use vend::store::sqlite::Sqlite;
use vend::store::{Commit, Site, Store as _, Token, Write};

use super::ledger::{Ledger, is_sound, place_slow, runtime};
use crate::proof::core::Core;
use crate::support::core::{caller, reason};
use crate::support::report::Report;

const DAY_S: i64 = 86_400;
const TEN_YEARS_S: i64 = 3_652 * DAY_S;
const HOUR_MS: u64 = 3_600_000;

/// The time of day as the core sees it: so many seconds beside the real one.
pub struct Time(PathBuf);

impl Time {
    /// For a core that has not been started.
    pub fn of(core: &mut Core) -> Time {
        let file = core.folder().join("time");
        core.environment = vec![
            ("LD_PRELOAD", library().display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        let time = Time(file);
        time.set(0);
        time
    }

    pub fn set(&self, offset_s: i64) {
        let draft = self.0.with_extension("new");
        std::fs::write(&draft, format!("{offset_s:+}\n")).expect("written");
        std::fs::rename(&draft, &self.0).expect("in its place");
    }
}

fn library() -> PathBuf {
    let places = std::fs::read_dir("/usr/lib").expect("libraries").flatten().map(|it| it.path());
    let mut places = places.map(|place| place.join("faketime/libfaketimeMT.so.1"));
    places.find(|path| path.exists()).expect("libfaketime: apt-get install faketime")
}

/// A token that holds for an hour, written past the API.
fn token_for_an_hour(core: &Core) -> String {
    let text = token::generate(&SystemEntropy).reveal().to_owned();
    let now = SystemClock.now();
    let made = Token {
        id: TokenId::new(now, &SystemEntropy),
        name: "hour".into(),
        hash: token::hash(&text),
        roles: vec![Role::Admin],
        principal: "token:hour".into(),
        create_time: now,
        expire_time: Some(now.plus_ms(HOUR_MS)),
        revoked: false,
    };
    let mut commit = Commit::new(Site::Secret);
    commit.writes.push(Write::Token(made));
    let store = Sqlite::open(&core.data(), Arc::new(SystemClock), Arc::new(SystemEntropy)).expect("opened");
    runtime().block_on(store.commit(commit)).expect("committed");
    text
}

#[test]
fn jumps_while_operations_wait_under_faketime() {
    let mut report = Report::new("machine clock");
    let mut core = Core::idle();
    let time = Time::of(&mut core);
    let hour = token_for_an_hour(&core);
    core.restart();
    let ledger = Ledger::stock(&core);
    let runtime = runtime();
    let admin = runtime.block_on(caller(&core.url(), &core.token())).expect("connected");
    let place = |name: &str| {
        runtime.block_on(place_slow(&admin, name, 3)).unwrap_or_else(|status| panic!("{name}: {status:?}"))
    };
    let holds = |core: &Core| {
        let answer = runtime.block_on(async {
            let hour = caller(&core.url(), &hour).await.expect("connected");
            hour.system().get_status(pb::GetStatusRequest {}).await
        });
        answer.map_or_else(|status| reason(&status), |_| "valid".to_owned())
    };
    assert_eq!(holds(&core), "valid");
    let mut placed = Vec::new();
    let to_1970 = 5 - i64::try_from(SystemClock.now().ms() / 1000).expect("seconds");
    for (case, offset_s, token) in [
        ("back-a-day", -DAY_S, "valid"),
        ("to-1970", to_1970, "valid"),
        ("forward-ten-years", TEN_YEARS_S, "TOKEN_INVALID"),
        ("back-again", 0, "valid"),
    ] {
        let (before, after) = (format!("before-{case}"), format!("after-{case}"));
        place(&before);
        core.until(&before, "waiting");
        time.set(offset_s);
        assert_eq!(holds(&core), token, "{case}");
        place(&after);
        core.ready(&after);
        core.ready(&before);
        report.row(
            format!("the clock jumps {}", case.replace('-', " ")),
            "what waits goes on",
            format!("a token for an hour: {token}"),
        );
        placed.extend([before, after]);
    }

    time.set(TEN_YEARS_S);
    place("over-a-restart");
    core.until("over-a-restart", "waiting");
    core.kill();
    time.set(0);
    core.restart();
    core.ready("over-a-restart");
    placed.push("over-a-restart".to_owned());
    report.row("the clock is set back while vend is down", "what waits goes on", "");

    for name in &placed {
        ledger.made_once(name);
        in_order(&core.journal(&core.operation(name)));
    }
    core.kill();
    is_sound(&core.data());
    let outcome = "each made once; revisions without gaps; a step's times in order";
    report.row(format!("{} orders over all jumps", placed.len()), outcome, "");
}

/// Within an attempt time never goes back.
fn in_order(story: &[Value]) {
    let mut latest = std::collections::BTreeMap::new();
    for line in story.iter().filter(|line| line["kind"] == "effect" && line["origin"] == "live") {
        let time = line["time"].as_str().expect("a time").to_owned();
        let attempt = (line["operation"].to_string(), line["step"].as_u64(), line["attempt"].as_u64());
        let before = latest.insert(attempt, time.clone());
        assert!(before.is_none_or(|before| before <= time), "{story:#?}");
    }
    assert!(!latest.is_empty(), "nothing was done: {story:#?}");
}
