//! A gate between the core and a server that speaks HTTP, opened and shut by a test in mid-conversation.
//!
//! What it holds back is never delivered later: a held conversation ends with the rule that holds it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    Open,
    /// The server does what a request that begins so asks; its answer stays here.
    HoldAnswer(String),
    /// Once a request that begins so has passed, no other passes.
    HoldBehind(String),
}

pub struct Gate {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    rule: Rule,
    /// The request of the rule has passed.
    seen: bool,
    /// How many conversations stand still.
    held: u32,
    /// First lines of all requests that passed.
    passed: Vec<String>,
}

impl Gate {
    pub fn start(server: u16, rule: Rule) -> Gate {
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
                let other = talk.clone();
                std::thread::spawn(move || other.ask(from_client, to_server));
                std::thread::spawn(move || talk.answer(from_server, to_client));
            }
        });
        Gate { port, state }
    }

    pub fn set(&self, rule: Rule) {
        let mut state = self.state.lock().expect("no panic");
        (state.rule, state.seen) = (rule, false);
    }

    pub fn holds(&self) -> bool {
        self.state.lock().expect("no panic").held > 0
    }

    /// How many requests that begin so have passed.
    pub fn passed(&self, begin: &str) -> usize {
        self.state.lock().expect("no panic").passed.iter().filter(|it| it.starts_with(begin)).count()
    }
}

/// One conversation.
#[derive(Clone)]
struct Talk {
    state: Arc<Mutex<State>>,
    /// The answers of this conversation are held under this rule.
    hold: Arc<Mutex<Option<Rule>>>,
}

impl Talk {
    fn ask(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            if let Some(line) = first_line(bytes) {
                let mut state = self.state.lock().expect("no panic");
                match state.rule.clone() {
                    Rule::Open => {}
                    Rule::HoldAnswer(begin) if line.starts_with(&begin) => {
                        *self.hold.lock().expect("no panic") = Some(state.rule.clone());
                    }
                    Rule::HoldAnswer(_) => {}
                    rule @ Rule::HoldBehind(_) if state.seen => {
                        drop(state);
                        self.stand_still(&rule);
                        break;
                    }
                    Rule::HoldBehind(begin) => state.seen = line.starts_with(&begin),
                }
                state.passed.push(line);
            }
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
    fn stand_still(&self, rule: &Rule) {
        self.state.lock().expect("no panic").held += 1;
        while self.state.lock().expect("no panic").rule == *rule {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.state.lock().expect("no panic").held -= 1;
    }
}

/// `PUT /path HTTP/1.1`; nothing if these bytes go on with a request that has begun.
fn first_line(bytes: &[u8]) -> Option<String> {
    let begins = ["GET /", "PUT /", "POST /", "DELETE /"].iter().any(|begin| bytes.starts_with(begin.as_bytes()));
    let line = bytes.split(|byte| *byte == b'\r').next().filter(|_| begins)?;
    Some(String::from_utf8_lossy(line).into_owned())
}

fn end(one: &TcpStream, other: &TcpStream) {
    let _ = (one.shutdown(Shutdown::Both), other.shutdown(Shutdown::Both));
}
