//! What keeps work from starting, and who waits for it: pauses that people set, and breakers of connections that do not work.

pub mod pause;
pub mod held;
pub mod circuit;
pub mod breaker;
