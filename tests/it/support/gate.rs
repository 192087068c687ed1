//! A gate between the core and a server, opened and shut by a test in mid-conversation. What the server speaks is a rule's to know.
//!
//! What it holds back is never delivered later: a held conversation ends with the rule that holds it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What may pass.
pub trait Rule: Clone + PartialEq + Send + 'static {
    /// What is remembered of one conversation.
    type Talk: Default;

    /// What becomes of bytes from a client. `seen` is of all conversations: what the rule waits for has passed.
    fn judge(&self, bytes: &[u8], talk: &mut Self::Talk, seen: &mut bool) -> Verdict;

    /// What these bytes are remembered as once they pass; nothing if nobody asks.
    fn name(_bytes: &[u8]) -> Option<String> {
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// They pass, and what the server answers stays here.
    HoldAnswer,
    /// They stay here.
    Hold,
    /// The conversation breaks.
    Break,
}

pub struct Gate<R> {
    pub port: u16,
    state: Arc<Mutex<State<R>>>,
}

struct State<R> {
    rule: R,
    /// What the rule waits for has passed.
    seen: bool,
    /// How many conversations stand still.
    held: u32,
    passed: Vec<String>,
}

impl<R: Rule> Gate<R> {
    pub fn start(server: u16, rule: R) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(Mutex::new(State { rule, seen: false, held: 0, passed: Vec::new() }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", server)).expect("the server behind the gate");
                let talk = Talk { state: shared.clone(), hold: Arc::default() };
                let (from_client, to_client) = (client.try_clone().expect("a handle"), client);
                let (from_server, to_server) = (server.try_clone().expect("a handle"), server);
                let other = Talk { state: talk.state.clone(), hold: talk.hold.clone() };
                std::thread::spawn(move || other.ask(from_client, to_server));
                std::thread::spawn(move || talk.answer(from_server, to_client));
            }
        });
        Self { port, state }
    }

    pub fn set(&self, rule: R) {
        let mut state = self.state.lock().expect("no panic");
        (state.rule, state.seen) = (rule, false);
    }

    pub fn holds(&self) -> bool {
        self.state.lock().expect("no panic").held > 0
    }

    /// How much has passed whose name begins so.
    pub fn passed(&self, begin: &str) -> usize {
        self.state.lock().expect("no panic").passed.iter().filter(|it| it.starts_with(begin)).count()
    }
}

/// One conversation.
struct Talk<R> {
    state: Arc<Mutex<State<R>>>,
    /// The answers of this conversation are held under this rule.
    hold: Arc<Mutex<Option<R>>>,
}

impl<R: Rule> Talk<R> {
    fn ask(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 65_536];
        let mut talk = R::Talk::default();
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            let mut state = self.state();
            let rule = state.rule.clone();
            match rule.judge(bytes, &mut talk, &mut state.seen) {
                Verdict::Pass => {}
                Verdict::HoldAnswer => *self.hold.lock().expect("no panic") = Some(rule),
                Verdict::Break => break,
                Verdict::Hold => {
                    drop(state);
                    self.stand_still(&rule);
                    break;
                }
            }
            state.passed.extend(R::name(bytes));
            drop(state);
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        end(&from, &to);
    }

    fn answer(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let hold = self.hold.lock().expect("no panic").clone();
            if let Some(rule) = hold {
                self.stand_still(&rule);
                break;
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        end(&from, &to);
    }

    /// As long as the rule is in force.
    fn stand_still(&self, rule: &R) {
        self.state().held += 1;
        while self.state().rule == *rule {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.state().held -= 1;
    }

    fn state(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().expect("no panic")
    }
}

fn end(one: &TcpStream, other: &TcpStream) {
    let _ = (one.shutdown(Shutdown::Both), other.shutdown(Shutdown::Both));
}
