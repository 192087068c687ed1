//! A token by day: given, believed, expired, revoked, lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cache::KEPT_MS;
use super::{Error, Identity, ensure_admin, token};
use crate::domain::id::TokenId;
use crate::domain::principal::Role;
use crate::domain::time::{Clock, Entropy, Timestamp};
use crate::store::sqlite::Sqlite;
use crate::store::{Commit, Paging, Site, Store, Token, Write};

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

struct Counter(AtomicU64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<Hand>,
    entropy: Arc<Counter>,
    store: Arc<dyn Store>,
    identity: Identity,
}

fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(Hand(AtomicU64::new(1_000_000)));
    let entropy = Arc::new(Counter(AtomicU64::new(1)));
    let opened = Sqlite::open(&folder.path().join("data"), clock.clone(), entropy.clone());
    let store: Arc<dyn Store> = Arc::new(opened.expect("a store"));
    let identity = Identity::new(store.clone(), clock.clone());
    Bench { folder, clock, entropy, store, identity }
}

impl Bench {
    async fn give(&self, expire_time: Option<Timestamp>, revoked: bool) -> String {
        let text = token::generate(self.entropy.as_ref()).reveal().to_owned();
        let made = Token {
            id: TokenId::new(self.clock.now(), self.entropy.as_ref()),
            name: "test".into(),
            hash: token::hash(&text),
            roles: vec![Role::Developer],
            principal: "token:test".into(),
            create_time: self.clock.now(),
            expire_time,
            revoked,
        };
        let mut commit = Commit::new(Site::Secret);
        commit.writes.push(Write::Token(made));
        self.store.commit(commit).await.expect("committed");
        text
    }

    async fn is_known(&self, token: &str) -> bool {
        self.identity.authenticate(Some(&format!("Bearer {token}"))).await.is_ok()
    }

    async fn admin(&self, path: &Path) -> Result<String, Error> {
        ensure_admin(self.store.as_ref(), path, self.clock.as_ref(), self.entropy.as_ref()).await?;
        Ok(fs::read_to_string(path).expect("a token file").trim().to_owned())
    }
}

#[test]
fn a_token_is_a_prefix_and_43_characters_and_is_remembered_by_its_hash() {
    let text = token::generate(&Counter(AtomicU64::new(7)));
    assert_eq!(text.reveal().len(), 5 + 43);
    assert!(token::is_well_formed(text.reveal()));
    for bad in
        ["", "vend_", &text.reveal()[..47], &format!("{}x", text.reveal()), &text.reveal().replace("vend_", "dnev_")]
    {
        assert!(!token::is_well_formed(bad), "{bad}");
    }
    assert_eq!(token::hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[tokio::test]
async fn only_a_bearer_token_that_exists_tells_who_calls() {
    let bench = bench();
    let token = bench.give(None, false).await;
    let principal = bench.identity.authenticate(Some(&format!("bearer {token}"))).await.expect("known");
    assert_eq!((principal.name.as_str(), principal.roles), ("token:test", vec![Role::Developer]));
    let ask = async |header: Option<&str>| bench.identity.authenticate(header).await.expect_err("not known");
    assert!(matches!(ask(None).await, Error::Missing));
    assert!(matches!(ask(Some("")).await, Error::Malformed));
    assert!(matches!(ask(Some(&format!("Basic {token}"))).await, Error::Malformed));
    assert!(matches!(ask(Some("Bearer hunter2")).await, Error::Invalid));
    assert!(matches!(ask(Some(&format!("Bearer vend_{}", "A".repeat(43)))).await, Error::Invalid));
}

#[tokio::test]
async fn an_expiry_holds_at_once_and_a_revocation_within_the_cache_s_time() {
    let bench = bench();
    let soon = bench.give(Some(bench.clock.now().plus_ms(1_000)), false).await;
    assert!(bench.is_known(&soon).await);
    bench.clock.0.fetch_add(1_000, Ordering::SeqCst);
    assert!(!bench.is_known(&soon).await);
    let revoked = bench.give(None, true).await;
    assert!(!bench.is_known(&revoked).await);

    let token = bench.give(None, false).await;
    assert!(bench.is_known(&token).await);
    let cached = bench.identity.cache.get(&token::hash(&token), bench.clock.now());
    bench.identity.cache.put(Token { revoked: true, ..cached.expect("cached") }, bench.clock.now());
    assert!(!bench.is_known(&token).await, "what was read last holds");
    bench.clock.0.fetch_add(KEPT_MS, Ordering::SeqCst);
    assert!(bench.is_known(&token).await, "the store is asked again");
}

#[tokio::test]
async fn the_administrator_s_token_is_made_once() {
    let bench = bench();
    let path = bench.folder.path().join("admin.token");
    let first = bench.admin(&path).await.expect("made");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(bench.admin(&path).await.expect("found"), first);
    let header = format!("Bearer {first}");
    let principal = bench.identity.authenticate(Some(&header)).await.expect("known");
    assert_eq!(principal.roles, vec![Role::Admin]);
    let audit = bench.store.audit(None, &Paging::all()).await.expect("read").items;
    assert_eq!(audit.iter().filter(|it| it.action == "tokens.create").count(), 1);

    fs::remove_file(&path).expect("removed");
    let second = bench.admin(&path).await.expect("made again");
    assert_ne!(second, first);
    assert!(bench.is_known(&second).await);
}

#[tokio::test]
async fn a_token_file_that_others_can_read_or_that_holds_none_is_refused() {
    let bench = bench();
    let path = bench.folder.path().join("admin.token");
    fs::write(&path, "hello\n").expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
    assert!(matches!(bench.admin(&path).await, Err(Error::Exposed { mode: 0o644, .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
    assert!(matches!(bench.admin(&path).await, Err(Error::NotAToken { .. })));
}

#[tokio::test]
async fn a_start_that_died_before_the_store_knew_the_token_is_mended() {
    let bench = bench();
    let path = bench.folder.path().join("admin.token");
    let text = token::generate(bench.entropy.as_ref()).reveal().to_owned();
    fs::write(&path, &text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
    assert!(!bench.is_known(&text).await);
    assert_eq!(bench.admin(&path).await.expect("mended"), text);
    assert!(bench.is_known(&text).await);
}
