//! Circumstances that nobody wishes for, and what becomes of the core in them.

mod machine;
