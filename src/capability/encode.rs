//! How a secret value is written where its handle stood.

use std::fmt::Write;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::contract::{Error, ErrorKind};
use crate::domain::time::Entropy;

/// The names that `secret-use.encoding` may have.
pub const NAMES: [&str; 7] = ["plain", "json", "percent", "form", "xml", "base64", "scram-sha-256"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Plain,
    /// Inside a JSON string, without its quotes (RFC 8259).
    Json,
    /// Percent-encoding of everything but unreserved characters (RFC 3986).
    Percent,
    /// `application/x-www-form-urlencoded`: percent-encoding with `+` for a space.
    Form,
    /// Text or a quoted attribute.
    Xml,
    /// Standard alphabet with padding (RFC 4648).
    Base64,
    /// PostgreSQL's verifier: the server can check the password and nobody can read it (RFC 5802, RFC 7677). The password is taken
    /// as it is, without SASLprep.
    ScramSha256,
}

impl Encoding {
    pub fn parse(name: &str) -> Result<Self, Error> {
        Ok(match name {
            "plain" => Self::Plain,
            "json" => Self::Json,
            "percent" => Self::Percent,
            "form" => Self::Form,
            "xml" => Self::Xml,
            "base64" => Self::Base64,
            "scram-sha-256" => Self::ScramSha256,
            other => {
                let message = format!("encoding `{other}` is unknown: vend has {}", NAMES.join(", "));
                return Err(Error::new(ErrorKind::InvalidInput, "ENCODING_UNKNOWN", message));
            }
        })
    }

    pub fn write(self, value: &str, entropy: &dyn Entropy) -> String {
        match self {
            Self::Plain => value.to_owned(),
            Self::Json => json(value),
            Self::Percent => percent(value),
            Self::Form => percent(value).replace("%20", "+"),
            Self::Xml => xml(value),
            Self::Base64 => STANDARD.encode(value),
            Self::ScramSha256 => {
                let mut salt = [0; 16];
                entropy.fill(&mut salt);
                scram(value, &salt)
            }
        }
    }
}

pub(super) fn json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

pub(super) fn percent(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(byte as char),
            _ => write!(text, "%{byte:02X}").expect("a string takes any text"),
        }
    }
    text
}

pub(super) fn xml(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&apos;"),
            _ => text.push(c),
        }
    }
    text
}

fn scram(password: &str, salt: &[u8; 16]) -> String {
    const ITERATIONS: std::num::NonZeroU32 = std::num::NonZeroU32::new(4096).expect("4096 is not 0");
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ITERATIONS, salt, password.as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    format!(
        "SCRAM-SHA-256${ITERATIONS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn each_encoding_writes_what_its_reader_expects() {
        for (name, expected) in [
            ("plain", "a\"b &<>'é/"),
            ("json", "a\\\"b &<>'é/"),
            ("percent", "a%22b%20%26%3C%3E%27%C3%A9%2F"),
            ("form", "a%22b+%26%3C%3E%27%C3%A9%2F"),
            ("xml", "a&quot;b &amp;&lt;&gt;&apos;é/"),
            ("base64", "YSJiICY8PifDqS8="),
        ] {
            assert_eq!(Encoding::parse(name).expect(name).write("a\"b &<>'é/", &Sevens), expected, "{name}");
        }
        assert_eq!(Encoding::parse("rot13").expect_err("unknown").code, "ENCODING_UNKNOWN");
        assert!(NAMES.iter().all(|name| Encoding::parse(name).is_ok()));
    }

    /// The exchange printed in RFC 7677, section 3: the verifier must yield the server signature that stands there.
    #[test]
    fn the_verifier_is_that_of_the_rfc() {
        let salt: [u8; 16] = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64").try_into().expect("16 bytes");
        let verifier = scram("pencil", &salt);
        let server_key = STANDARD.decode(verifier.rsplit(':').next().expect("three parts")).expect("base64");
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let exchange =
            format!("n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}");
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &server_key), exchange.as_bytes());
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert!(verifier.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
        assert_eq!(Encoding::ScramSha256.write("x", &Sevens), scram("x", &[7; 16]));
    }
}
