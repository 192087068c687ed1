//! A gate between the core and a PostgreSQL server, opened and shut by a test in mid-conversation.
//!
//! What it holds back is never delivered later: a held conversation ends with the rule that holds it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    Open,
    /// This user's conversations break when they begin, before anything was asked.
    Refuse {
        user: &'static str,
    },
    /// The server does what it is asked in a statement with `text`; its answer stays here.
    HoldAnswer {
        text: &'static str,
    },
    /// Once somebody has sent a statement with `text`, no request of `user` passes.
    HoldRequests {
        user: &'static str,
        text: &'static str,
    },
}

pub struct Gate {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

struct State {
    rule: Rule,
    /// The text has passed.
    seen: bool,
    /// How many conversations stand still.
    held: u32,
}

impl Gate {
    pub fn start(server: u16, rule: Rule) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(Mutex::new(State { rule, seen: false, held: 0 }));
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
        let mut user = None;
        let mut prepared = false;
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            // The first message names the user.
            let user = user.get_or_insert_with(|| bytes.to_vec());
            let is = |name: &str| contains(user, format!("user\0{name}\0").as_bytes());
            let mut state = self.state.lock().expect("no panic");
            let rule = state.rule.clone();
            match &rule {
                Rule::Open => {}
                Rule::Refuse { user } if is(user) => break,
                Rule::Refuse { .. } => {}
                Rule::HoldAnswer { text } => {
                    // Parsing is answered; binding and executing what was parsed is not.
                    let binds = bytes[0] == b'B';
                    if prepared && binds {
                        *self.hold.lock().expect("no panic") = Some(rule.clone());
                    }
                    prepared |= contains(bytes, text.as_bytes());
                }
                Rule::HoldRequests { user, text } => {
                    state.seen |= contains(bytes, text.as_bytes());
                    if state.seen && is(user) {
                        drop(state);
                        self.stand_still(&rule);
                        break;
                    }
                }
            }
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
    fn stand_still(&self, rule: &Rule) {
        self.state.lock().expect("no panic").held += 1;
        while self.state.lock().expect("no panic").rule == *rule {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.state.lock().expect("no panic").held -= 1;
    }
}

fn end(one: &TcpStream, other: &TcpStream) {
    let _ = (one.shutdown(Shutdown::Both), other.shutdown(Shutdown::Both));
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
