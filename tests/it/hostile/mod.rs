//! What the world does to vend, and what it costs.

mod backends;
