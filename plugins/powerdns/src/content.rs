//! What a record holds, by its type: the shape it must have, and its one spelling.
//!
//! The server takes a record only in the spelling it would write itself, so what is looser here is made strict.

use std::net::{Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{name, txt};

/// Types whose record sets can be ordered. Not among them: what the server makes itself (SOA, DNSSEC), and LUA, which is a
/// program that would run in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    A,
    Aaaa,
    Caa,
    Cname,
    Ds,
    Https,
    Mx,
    Naptr,
    Ns,
    Ptr,
    Srv,
    Sshfp,
    Svcb,
    Tlsa,
    Txt,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::A => "A",
            Kind::Aaaa => "AAAA",
            Kind::Caa => "CAA",
            Kind::Cname => "CNAME",
            Kind::Ds => "DS",
            Kind::Https => "HTTPS",
            Kind::Mx => "MX",
            Kind::Naptr => "NAPTR",
            Kind::Ns => "NS",
            Kind::Ptr => "PTR",
            Kind::Srv => "SRV",
            Kind::Sshfp => "SSHFP",
            Kind::Svcb => "SVCB",
            Kind::Tlsa => "TLSA",
            Kind::Txt => "TXT",
        }
    }

    /// One record of this type in its one spelling; the error says what it should be.
    pub fn normal(self, content: &str) -> Result<String, String> {
        let words: Vec<&str> = content.split_whitespace().collect();
        match self {
            Kind::A => match content.trim().parse::<Ipv4Addr>() {
                Ok(address) => Ok(address.to_string()),
                Err(_) => Err(format!("`{content}` is no IPv4 address")),
            },
            Kind::Aaaa => match content.trim().parse::<Ipv6Addr>() {
                Ok(address) if address.to_ipv4_mapped().is_none() => Ok(address.to_string()),
                Ok(_) => Err(format!("`{content}` is an IPv4 address: it belongs into an A record")),
                Err(_) => Err(format!("`{content}` is no IPv6 address")),
            },
            Kind::Cname | Kind::Ns | Kind::Ptr => name::plain(content.trim()),
            Kind::Mx => match words.as_slice() {
                [preference, host] => Ok(format!("{} {}", number::<u16>(preference)?, target(host)?)),
                _ => Err("an MX record is `PREFERENCE HOST`, as in `10 mail.example.org.`".to_owned()),
            },
            Kind::Srv => match words.as_slice() {
                [priority, weight, port, host] => {
                    let numbers = [number::<u16>(priority)?, number::<u16>(weight)?, number::<u16>(port)?];
                    Ok(format!("{} {} {} {}", numbers[0], numbers[1], numbers[2], target(host)?))
                }
                _ => Err("an SRV record is `PRIORITY WEIGHT PORT HOST`, as in `0 5 443 www.example.org.`".to_owned()),
            },
            Kind::Caa => caa(content),
            Kind::Txt => txt::normal(content),
            Kind::Ds => hexadecimal(&words, "DS", ["KEY-TAG", "ALGORITHM", "DIGEST-TYPE"]),
            Kind::Tlsa => hexadecimal(&words, "TLSA", ["USAGE", "SELECTOR", "MATCHING-TYPE"]),
            Kind::Sshfp => hexadecimal(&words, "SSHFP", ["ALGORITHM", "TYPE"]),
            Kind::Https | Kind::Naptr | Kind::Svcb => as_it_is(content),
        }
    }
}

fn number<T: std::str::FromStr + ToString>(word: &str) -> Result<String, String> {
    let plain = word.bytes().all(|byte| byte.is_ascii_digit());
    let number = word.parse::<T>().ok().filter(|_| plain);
    number.map(|number| number.to_string()).ok_or_else(|| format!("`{word}` is not a number that can stand here"))
}

/// The root says that there is no such service (RFC 2782, RFC 7505).
fn target(host: &str) -> Result<String, String> {
    if host == "." { Ok(host.to_owned()) } else { name::plain(host) }
}

/// RFC 8659: tags are compared without regard to case.
fn caa(content: &str) -> Result<String, String> {
    let shape = || "a CAA record is `FLAGS TAG \"VALUE\"`, as in `0 issue \"letsencrypt.org\"`".to_owned();
    let (flags, rest) = content.trim().split_once(char::is_whitespace).ok_or_else(shape)?;
    let (tag, value) = rest.trim().split_once(char::is_whitespace).ok_or_else(shape)?;
    if !tag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(shape());
    }
    Ok(format!("{} {} {}", number::<u8>(flags)?, tag.to_ascii_lowercase(), txt::one(value.trim())?))
}

/// Numbers, and then digits in any number of groups.
fn hexadecimal<const N: usize>(words: &[&str], what: &str, numbers: [&str; N]) -> Result<String, String> {
    let shape = || format!("a {what} record is `{} DIGITS`, the digits hexadecimal", numbers.join(" "));
    let (head, digits) = words.split_at_checked(N).ok_or_else(shape)?;
    let digits = digits.concat().to_ascii_lowercase();
    if digits.is_empty() || digits.len() % 2 != 0 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(shape());
    }
    let head: Vec<String> = head.iter().map(|word| number::<u16>(word)).collect::<Result<_, _>>()?;
    Ok(format!("{} {digits}", head.join(" ")))
}

/// For the server to judge.
fn as_it_is(content: &str) -> Result<String, String> {
    let content = content.trim();
    if content.is_empty() || content.chars().any(char::is_control) {
        return Err("a record is one line".to_owned());
    }
    Ok(content.to_owned())
}
