//! The secrets of one attempt: which handles it may use, and what they stand for.
//!
//! A handle is derived from what it is for, so that the same call gives the same handle on every replay; the value behind it comes
//! from chance once, and is durable before anything that holds it is sent.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::contract::{Error, ErrorKind};
use crate::domain::secret::{Fresh, Handle, Plain};
use crate::domain::time::Entropy;

use super::digest;
use super::encode::Encoding;
use super::password::{self, Policy};
use super::scrub::Scrubber;

const MOST_FRESH: usize = 100;
const LONGEST_NAME: usize = 128;
const LONGEST_COMPOSED: usize = 64 << 10;
/// Of all secrets that one resource has, together: each answer of a backend is searched for all of them.
const MOST_BYTES: usize = 128 << 10;
/// What one attempt may have written of secrets, bytes: a driver asks for a long one, and for a verifier that takes the host
/// milliseconds, in a hundred bytes. Each use counts a little more than its value, and a verifier as much as the time is worth.
const MOST_WRITTEN: u64 = 64 << 20;
const USE: u64 = 1 << 10;
const VERIFIER: u64 = 64 << 10;
/// In one request.
const MOST_LISTED: usize = 100;

/// Permission to write one secret, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub handle: String,
    pub encoding: String,
}

/// A piece of a composed secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Secret(Use),
}

pub struct Book {
    resource_id: String,
    key: [u8; 32],
    values: BTreeMap<Handle, Plain>,
    fresh: usize,
    written: AtomicU64,
    /// Of `values` as they are, and of the others it was asked for.
    scrubber: Mutex<Option<(Vec<Plain>, Arc<Scrubber>)>>,
    entropy: Arc<dyn Entropy>,
}

impl Book {
    pub fn new(resource_id: String, key: [u8; 32], known: Vec<(Handle, Plain)>, entropy: Arc<dyn Entropy>) -> Self {
        let values = known.into_iter().collect();
        Self { resource_id, key, values, fresh: 0, written: AtomicU64::new(0), scrubber: Mutex::default(), entropy }
    }

    pub fn knows(&self, handle: &Handle) -> bool {
        self.values.contains_key(handle)
    }

    /// The handle of the secret so named; the same one whatever the policy. `Some` if it is new and must become durable.
    pub fn generate(&mut self, name: &str, policy: &Policy) -> Result<(Handle, Option<Fresh>), Error> {
        check_name(name)?;
        let handle = self.derive("generate", &[name.as_bytes()]);
        if self.knows(&handle) {
            return Ok((handle, None));
        }
        let value = password::generate(policy, &*self.entropy)?;
        self.add(handle, name.to_owned(), value)
    }

    /// The handle of a secret made of text and secrets; the same parts give the same one.
    pub fn compose(&mut self, parts: &[Part]) -> Result<(Handle, Option<Fresh>), Error> {
        let mut hashed: Vec<&[u8]> = Vec::with_capacity(parts.len() * 3);
        let mut value = String::new();
        for part in parts {
            match part {
                Part::Text(text) if !Handle::scan(text).is_empty() => {
                    return Err(Error::new(
                        ErrorKind::InvalidInput,
                        "SECRET_NOT_LISTED",
                        "a handle stands in a text part: make it a secret part",
                    ));
                }
                Part::Text(text) => {
                    hashed.extend([b"text".as_slice(), text.as_bytes()]);
                    value.push_str(text);
                }
                Part::Secret(of) => {
                    hashed.extend([b"secret".as_slice(), of.handle.as_bytes(), of.encoding.as_bytes()]);
                    value.push_str(self.write(of)?.reveal());
                }
            }
            if value.len() > LONGEST_COMPOSED {
                return Err(composed_size());
            }
        }
        let value = Plain::new(value);
        if value.reveal().is_empty() {
            return Err(composed_size());
        }
        let handle = self.derive("compose", &hashed);
        if self.knows(&handle) {
            return Ok((handle, None));
        }
        let name = format!("composed-{}", &handle.as_str()[Handle::PREFIX.len()..][..16]);
        self.add(handle, name, value)
    }

    /// The value of a use as it is to be sent.
    pub fn write(&self, of: &Use) -> Result<Plain, Error> {
        let encoding = Encoding::parse(&of.encoding)?;
        let value = Handle::parse(&of.handle).and_then(|handle| self.values.get(&handle));
        let value = value.ok_or_else(|| not_granted(&of.handle))?;
        let more = if encoding == Encoding::ScramSha256 { VERIFIER } else { USE };
        let cost = value.reveal().len() as u64 + more;
        if self.written.fetch_add(cost, Ordering::Relaxed) + cost > MOST_WRITTEN {
            let message = format!("one attempt has {} MiB of secrets written at most", MOST_WRITTEN >> 20);
            return Err(Error::new(ErrorKind::Quota, "TOO_MANY_SECRETS", message));
        }
        Ok(Plain::new(encoding.write(value.reveal(), &*self.entropy)))
    }

    /// The texts of one request with every handle in them replaced by its value. What is listed must stand somewhere, what stands
    /// somewhere must be listed.
    pub fn fill(&self, texts: &[&str], uses: &[Use]) -> Result<Vec<Plain>, Error> {
        if uses.len() > MOST_LISTED {
            let message = format!("a request lists {MOST_LISTED} secrets at most, not {}", uses.len());
            return Err(Error::new(ErrorKind::InvalidInput, "TOO_MANY_SECRETS", message));
        }
        let standing: Vec<Vec<(usize, Handle)>> = texts.iter().map(|text| Handle::scan(text)).collect();
        let stands = |of: &&Use| standing.iter().flatten().any(|(_, handle)| handle.as_str() == of.handle);
        if let Some(missing) = uses.iter().find(|of| !stands(of)) {
            let message = format!("secret {} is listed and stands nowhere", shown(&missing.handle));
            return Err(Error::new(ErrorKind::InvalidInput, "SECRET_NOT_FOUND", message));
        }
        texts.iter().zip(standing).map(|(text, standing)| self.fill_one(text, &standing, uses)).collect()
    }

    fn fill_one(&self, text: &str, standing: &[(usize, Handle)], uses: &[Use]) -> Result<Plain, Error> {
        let mut filled = String::with_capacity(text.len());
        let mut done = 0;
        for (at, handle) in standing {
            let of = uses.iter().find(|of| of.handle == handle.as_str()).ok_or_else(|| not_listed(handle))?;
            filled.push_str(&text[done..*at]);
            filled.push_str(self.write(of)?.reveal());
            done = at + Handle::LENGTH;
        }
        filled.push_str(&text[done..]);
        Ok(Plain::new(filled))
    }

    /// The handle of a value that a backend gave: the same value under the same name gives the same one.
    pub fn capture(&mut self, name: &str, value: Plain) -> Result<(Handle, Option<Fresh>), Error> {
        check_name(name)?;
        let handle = self.derive("capture", &[name.as_bytes(), value.reveal().as_bytes()]);
        if self.knows(&handle) {
            return Ok((handle, None));
        }
        // What an operator sees: two values under one name are told apart.
        let shown = format!("{name}-{}", &handle.as_str()[Handle::PREFIX.len()..][..8]);
        self.add(handle, shown, value)
    }

    pub fn scrubber(&self) -> Arc<Scrubber> {
        self.scrubber_with(&[])
    }

    /// One that knows more values than those of this attempt. Made once for as long as neither changes.
    pub fn scrubber_with(&self, more: &[Plain]) -> Arc<Scrubber> {
        let mut kept = self.scrubber.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((known, scrubber)) if known == more => scrubber.clone(),
            _ => {
                let scrubber = Arc::new(Scrubber::new(self.values.values().chain(more).map(Plain::reveal)));
                *kept = Some((more.to_vec(), scrubber.clone()));
                scrubber
            }
        }
    }

    /// A UUID (version 8, RFC 9562) that is the same whenever the same is asked for the same resource.
    pub fn idempotency_key(&self, parts: &[&[u8]]) -> String {
        let all: Vec<&[u8]> = [self.resource_id.as_bytes(), b"key"].into_iter().chain(parts.iter().copied()).collect();
        let bytes = digest::keyed(&self.key, &all);
        let mut number = u128::from_be_bytes(bytes[..16].try_into().expect("32 bytes have 16"));
        number = (number & !(0xf << 76)) | (0x8 << 76);
        number = (number & !(0x3 << 62)) | (0x2 << 62);
        let hex = format!("{number:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    fn derive(&self, how: &str, parts: &[&[u8]]) -> Handle {
        let all: Vec<&[u8]> =
            [self.resource_id.as_bytes(), how.as_bytes()].into_iter().chain(parts.iter().copied()).collect();
        Handle::from_bytes(&digest::keyed(&self.key, &all))
    }

    fn add(&mut self, handle: Handle, name: String, value: Plain) -> Result<(Handle, Option<Fresh>), Error> {
        if self.fresh == MOST_FRESH {
            let message = format!("one attempt makes {MOST_FRESH} secrets at most");
            return Err(Error::new(ErrorKind::Quota, "TOO_MANY_SECRETS", message));
        }
        let known: usize = self.values.values().map(|value| value.reveal().len()).sum();
        if known + value.reveal().len() > MOST_BYTES {
            let message = format!("the secrets of one resource have {MOST_BYTES} bytes together at most");
            return Err(Error::new(ErrorKind::Quota, "TOO_MANY_SECRETS", message));
        }
        self.fresh += 1;
        self.values.insert(handle.clone(), value.clone());
        self.scrubber = Mutex::default();
        Ok((handle.clone(), Some(Fresh { handle, name, value })))
    }
}

fn composed_size() -> Error {
    let message = format!("a composed secret has 1 to {LONGEST_COMPOSED} bytes");
    Error::new(ErrorKind::InvalidInput, "SECRET_SIZE", message)
}

/// The error if `name` cannot be a secret's.
pub fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        let message = format!("a secret's name has 1 to {LONGEST_NAME} bytes and no control characters");
        return Err(Error::new(ErrorKind::InvalidInput, "SECRET_NAME_INVALID", message));
    }
    Ok(())
}

pub fn not_listed(handle: &Handle) -> Error {
    let message = format!("secret {} stands in the request and is not listed", shown(handle.as_str()));
    Error::new(ErrorKind::InvalidInput, "SECRET_NOT_LISTED", message)
}

fn not_granted(handle: &str) -> Error {
    let message = format!("secret {} is not of this resource, nor in its params", shown(handle));
    Error::new(ErrorKind::Denied, "HANDLE_NOT_GRANTED", message)
}

/// Enough of a handle to recognise it.
fn shown(handle: &str) -> String {
    let short: String = handle.chars().take(Handle::PREFIX.len() + 6).collect();
    format!("`{short}…`")
}

#[cfg(test)]
mod tests;
