//! The envelope around what is sealed at rest.

use serde::{Deserialize, Serialize};

/// A sealed value. What it belongs to (project, record id, field) is authenticated with it, not stored in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// 1: AES-256-GCM under a key derived for the record.
    pub format: u8,
    pub key_id: u32,
    pub nonce: [u8; 12],
    pub ciphertext: Vec<u8>,
}

/// Bytes that are no envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value of {length} bytes is too short: at least 17 are needed")]
pub struct Truncated {
    pub length: usize,
}

impl Sealed {
    /// Format, key id (big endian), nonce, ciphertext.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(17 + self.ciphertext.len());
        bytes.push(self.format);
        bytes.extend_from_slice(&self.key_id.to_be_bytes());
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.ciphertext);
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Truncated> {
        let truncated = || Truncated { length: bytes.len() };
        let (head, ciphertext) = bytes.split_at_checked(17).ok_or_else(truncated)?;
        let key_id = <[u8; 4]>::try_from(&head[1..5]).map_err(|_| truncated())?;
        let nonce = <[u8; 12]>::try_from(&head[5..17]).map_err(|_| truncated())?;
        Ok(Self { format: head[0], key_id: u32::from_be_bytes(key_id), nonce, ciphertext: ciphertext.to_vec() })
    }
}
