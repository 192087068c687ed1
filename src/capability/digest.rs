//! SHA-256 and HMAC-SHA256 as this crate uses them: over parts that cannot run into one another.

use aws_lc_rs::{digest, hmac};

/// Lower-case hex of the SHA-256 of `bytes`.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(64);
    for byte in digest::digest(&digest::SHA256, bytes).as_ref() {
        write!(text, "{byte:02x}").expect("a string takes any text");
    }
    text
}

/// HMAC-SHA256 over `parts`, each with its length before it, so that ("ab", "c") and ("a", "bc") differ.
pub fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.sign().as_ref());
    bytes
}
