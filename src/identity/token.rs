//! What a bearer token looks like, and how it is remembered.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::secret::Plain;
use crate::domain::time::Entropy;

pub const PREFIX: &str = "vend_";

/// 32 bytes in base64url without padding.
const BODY: usize = 43;

/// A new token: `vend_` and 256 bits of chance.
pub fn generate(entropy: &dyn Entropy) -> Plain {
    let mut bytes = [0u8; 32];
    entropy.fill(&mut bytes);
    Plain::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

pub fn is_well_formed(text: &str) -> bool {
    let body = text.strip_prefix(PREFIX);
    body.is_some_and(|it| it.len() == BODY && it.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))
}

/// SHA-256, hex: a token has 256 bits of its own, so nothing slower or salted is needed.
pub fn hash(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
