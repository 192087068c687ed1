//! The API from outside: a core in this process, clients over TCP.

mod access;
mod documents;
mod life;
mod lists;
mod orders;
mod pausing;
mod recipes;
mod serve;
mod tls;
mod transport;
mod watch;
