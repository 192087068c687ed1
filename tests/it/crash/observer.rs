//! Who watches the whole project from the first order on, over every crash, and may miss nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio_stream::StreamExt as _;
use vend::pb;
use vend::pb::watch_response::Kind;

use super::door::Door;
use super::found::Found;

#[derive(Clone, Default)]
pub struct Observer(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// Behind it the watch is resumed.
    token: String,
    revision: Option<u64>,
    /// Subject and id → state as last told.
    states: BTreeMap<(String, String), String>,
    wrong: Vec<String>,
}

impl Observer {
    /// Once it has begun to watch it sees everything.
    pub async fn start(door: &Door) -> Self {
        let observer = Self::default();
        let (watching, door) = (observer.clone(), door.clone());
        tokio::spawn(async move { watching.watch(&door).await });
        while observer.0.lock().expect("no panic").revision.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        observer
    }

    async fn watch(&self, door: &Door) {
        loop {
            let caller = door.caller().await;
            let resume_token = self.0.lock().expect("no panic").token.clone();
            let request = pb::WatchRequest { project: "default".into(), resume_token, ..Default::default() };
            if let Ok(stream) = caller.watches().watch(request).await {
                let mut stream = stream.into_inner();
                while let Some(Ok(told)) = stream.next().await {
                    self.0.lock().expect("no panic").hear(told);
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What it has missed, or heard twice, or in another order; against what is found when nothing moves any more.
    pub async fn end(&self, found: &Found) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let wrong = self.0.lock().expect("no panic").compare(found);
            if wrong.is_empty() || begun.elapsed() > Duration::from_secs(5) {
                return wrong;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Seen {
    fn hear(&mut self, told: pb::WatchResponse) {
        let now = revision(&told.resume_token);
        if !told.resume_token.is_empty() {
            self.token = told.resume_token.clone();
        }
        let (kind, key) = (told.kind(), (told.subject, told.id));
        match (kind, now, self.revision) {
            (Kind::Initial, ..) => {}
            // It tells how far the watch is, and may pass over what no watch shows.
            (Kind::Bookmark, Some(now), before) if before.is_none_or(|before| before <= now) => {
                self.revision = Some(now);
            }
            // Every revision of this project is something that a watch shows: none is passed over.
            (_, Some(now), Some(before)) if now == before + 1 => self.revision = Some(now),
            (_, now, before) => {
                self.wrong.push(format!("watch: {kind:?} of {key:?} has revision {now:?} behind {before:?}"));
                self.revision = now.or(before);
            }
        }
        let known = self.states.contains_key(&key);
        match kind {
            Kind::Created if known => self.wrong.push(format!("watch: {key:?} is created twice")),
            Kind::Updated | Kind::Deleted if !known => {
                self.wrong.push(format!("watch: {key:?} changes and was never created"));
            }
            _ => {}
        }
        match kind {
            Kind::Deleted => drop(self.states.remove(&key)),
            Kind::Created | Kind::Updated | Kind::Initial => drop(self.states.insert(key, told.state)),
            Kind::Bookmark | Kind::Unspecified => {}
        }
    }

    fn compare(&self, found: &Found) -> Vec<String> {
        let mut wrong = self.wrong.clone();
        let mut there: BTreeMap<(String, String), String> = BTreeMap::new();
        for it in found.operations.values() {
            let state = it.state().as_str_name().trim_start_matches("STATE_").to_lowercase().replace('_', "-");
            there.insert(("operation".into(), it.id.clone()), state);
        }
        there.extend(found.resources.values().map(|it| (("resource".into(), it.id.clone()), it.state.clone())));
        for (key, state) in &there {
            if self.states.get(key) != Some(state) {
                wrong.push(format!("watch: {key:?} is {state}, and was last told as {:?}", self.states.get(key)));
            }
        }
        let gone = self.states.keys().filter(|key| matches!(key.0.as_str(), "operation" | "resource"));
        wrong.extend(gone.filter(|key| !there.contains_key(*key)).map(|key| format!("watch: {key:?} is not there")));
        wrong
    }
}

/// A token is opaque to whoever resumes; a test looks inside, for a stream without gaps cannot be told from one with them otherwise.
fn revision(token: &str) -> Option<u64> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.split_once('/')?.0.parse().ok()
}
