//! What becomes of resources besides being made, changed and deleted: protected, taken over, renamed, let go, kept for a while.

pub mod adopt;
pub mod grace;
pub mod moving;
pub mod owner;
pub mod protect;
pub mod release;
