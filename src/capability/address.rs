//! Which network addresses a connection may reach: public ones, and those its document names.
//!
//! Pure: names are resolved elsewhere, and every address a name turned into comes here before anything is sent to it.
//! Must never know which protocol is about to be spoken.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address range, `10.0.0.0/8` or `fd00::/8`; an address alone is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is not a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCidr {
    #[error("`{0}` is not an address range such as 10.0.0.0/8 or fd00::/8")]
    Syntax(String),
    #[error("`{text}` has bits set behind its prefix: the range is `{range}`")]
    HostBits { text: String, range: Cidr },
}

impl Cidr {
    const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Self {
        Self { base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
    }

    const fn v6(a: u16, b: u16, c: u16, d: u16, prefix: u8) -> Self {
        Self { base: IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)), prefix }
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                head(u32::from(base).into(), self.prefix, 32) == head(u32::from(address).into(), self.prefix, 32)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                head(base.into(), self.prefix, 128) == head(address.into(), self.prefix, 128)
            }
            _ => false,
        }
    }
}

/// The first `prefix` bits of a number that is `width` bits wide.
fn head(bits: u128, prefix: u8, width: u32) -> u128 {
    bits.checked_shr(width - u32::from(prefix)).unwrap_or(0)
}

impl FromStr for Cidr {
    type Err = BadCidr;

    fn from_str(text: &str) -> Result<Self, BadCidr> {
        let syntax = || BadCidr::Syntax(text.to_owned());
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| syntax())?;
        let width: u8 = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| syntax())?
            }
            Some(_) => return Err(syntax()),
        };
        if prefix > width {
            return Err(syntax());
        }
        let first = first_of(base, prefix);
        if first != base {
            return Err(BadCidr::HostBits { text: text.to_owned(), range: Self { base: first, prefix } });
        }
        Ok(Self { base, prefix })
    }
}

fn first_of(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4) & u32::MAX.checked_shl(32 - prefix).unwrap_or(0)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & u128::MAX.checked_shl(128 - prefix).unwrap_or(0)).into(),
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// What one connection may reach besides public addresses.
#[derive(Debug, Clone, Default)]
pub struct Networks(Vec<Cidr>);

/// An address that may not be reached, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {what}")]
pub struct Forbidden {
    pub address: IpAddr,
    pub what: &'static str,
}

impl Networks {
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, BadCidr> {
        texts.iter().map(|text| text.as_ref().parse()).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a connection may be opened to `address`.
    pub fn vet(&self, address: IpAddr) -> Result<(), Forbidden> {
        let address = address.to_canonical();
        match special(address) {
            Some(what) if !self.0.iter().any(|cidr| cidr.contains(address)) => Err(Forbidden { address, what }),
            _ => Ok(()),
        }
    }
}

/// What an address is, when it is not simply a host on the public internet. Ranges of IANA's special-purpose registries
/// (RFC 6890 and its successors), and the addresses at which clouds serve instance credentials.
fn special(address: IpAddr) -> Option<&'static str> {
    if let Some((_, what)) = SPECIAL.iter().find(|(cidr, _)| cidr.contains(address)) {
        return Some(what);
    }
    let IpAddr::V6(v6) = address else { return None };
    // NAT64 (RFC 6052) reaches the IPv4 host whose address stands in its last four bytes.
    if NAT64.contains(address) {
        let [.., a, b, c, d] = v6.octets();
        return special(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
            .map(|_| "a NAT64 spelling of an address that is not public");
    }
    // RFC 4291: everything assigned for global use so far starts with 001.
    (!GLOBAL_UNICAST.contains(address)).then_some("outside the global unicast range")
}

const NAT64: Cidr = Cidr::v6(0x64, 0xff9b, 0, 0, 96);
const GLOBAL_UNICAST: Cidr = Cidr::v6(0x2000, 0, 0, 0, 3);

const SPECIAL: &[(Cidr, &str)] = &[
    (Cidr::v4(168, 63, 129, 16, 32), "a cloud metadata address"),
    (Cidr::v4(169, 254, 169, 254, 32), "a cloud metadata address"),
    (Cidr::v4(100, 100, 100, 200, 32), "a cloud metadata address"),
    (Cidr::v4(192, 0, 0, 192, 32), "a cloud metadata address"),
    (Cidr::v4(0, 0, 0, 0, 8), "an address of this network"),
    (Cidr::v4(127, 0, 0, 0, 8), "a loopback address"),
    (Cidr::v4(10, 0, 0, 0, 8), "a private address"),
    (Cidr::v4(172, 16, 0, 0, 12), "a private address"),
    (Cidr::v4(192, 168, 0, 0, 16), "a private address"),
    (Cidr::v4(169, 254, 0, 0, 16), "a link-local address"),
    (Cidr::v4(100, 64, 0, 0, 10), "a carrier-grade NAT address"),
    (Cidr::v4(192, 0, 0, 0, 24), "a protocol assignment"),
    (Cidr::v4(192, 88, 99, 0, 24), "a 6to4 relay"),
    (Cidr::v4(192, 0, 2, 0, 24), "a documentation address"),
    (Cidr::v4(198, 51, 100, 0, 24), "a documentation address"),
    (Cidr::v4(203, 0, 113, 0, 24), "a documentation address"),
    (Cidr::v4(198, 18, 0, 0, 15), "a benchmarking address"),
    (Cidr::v4(224, 0, 0, 0, 4), "a multicast address"),
    (Cidr::v4(240, 0, 0, 0, 4), "a reserved address"),
    (Cidr { base: IpAddr::V6(Ipv6Addr::LOCALHOST), prefix: 128 }, "a loopback address"),
    (Cidr { base: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix: 96 }, "an IPv4-compatible or unspecified address"),
    (Cidr::v6(0x64, 0xff9b, 1, 0, 48), "a local NAT64 address"),
    (Cidr::v6(0xfc00, 0, 0, 0, 7), "a unique local address"),
    (Cidr::v6(0xfe80, 0, 0, 0, 10), "a link-local address"),
    (Cidr::v6(0xfec0, 0, 0, 0, 10), "a site-local address"),
    (Cidr::v6(0xff00, 0, 0, 0, 8), "a multicast address"),
    (Cidr::v6(0x2001, 0, 0, 0, 32), "a Teredo address"),
    (Cidr::v6(0x2001, 0, 0, 0, 23), "a protocol assignment"),
    (Cidr::v6(0x2001, 0xdb8, 0, 0, 32), "a documentation address"),
    (Cidr::v6(0x3fff, 0, 0, 0, 20), "a documentation address"),
    (Cidr::v6(0x2002, 0, 0, 0, 16), "a 6to4 address"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn vet(networks: &[&str], address: &str) -> Result<(), &'static str> {
        let networks = Networks::parse(networks).expect("ranges of the test");
        networks.vet(address.parse().expect("an address of the test")).map_err(|forbidden| forbidden.what)
    }

    #[test]
    fn only_public_addresses_are_reached_unasked() {
        for (address, expected) in [
            ("0.0.0.0", Some("this network")),
            ("0.1.2.3", Some("this network")),
            ("127.0.0.1", Some("loopback")),
            ("127.255.255.254", Some("loopback")),
            ("10.0.0.1", Some("private")),
            ("10.255.255.255", Some("private")),
            ("172.16.0.1", Some("private")),
            ("172.31.255.255", Some("private")),
            ("192.168.0.1", Some("private")),
            ("169.254.0.1", Some("link-local")),
            ("169.254.169.254", Some("metadata")),
            ("169.254.170.2", Some("link-local")),
            ("168.63.129.16", Some("metadata")),
            ("100.100.100.200", Some("metadata")),
            ("192.0.0.192", Some("metadata")),
            ("100.64.0.1", Some("carrier-grade")),
            ("100.127.255.255", Some("carrier-grade")),
            ("192.0.0.8", Some("protocol")),
            ("192.88.99.1", Some("6to4")),
            ("192.0.2.1", Some("documentation")),
            ("198.51.100.7", Some("documentation")),
            ("203.0.113.9", Some("documentation")),
            ("198.18.0.1", Some("benchmarking")),
            ("198.19.255.255", Some("benchmarking")),
            ("224.0.0.1", Some("multicast")),
            ("239.255.255.255", Some("multicast")),
            ("240.0.0.1", Some("reserved")),
            ("255.255.255.255", Some("reserved")),
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("::127.0.0.1", Some("IPv4-compatible")),
            ("::ffff:127.0.0.1", Some("loopback")),
            ("::ffff:10.1.2.3", Some("private")),
            ("::ffff:a9fe:a9fe", Some("metadata")),
            ("::ffff:0:127.0.0.1", Some("outside")),
            ("64:ff9b::7f00:1", Some("NAT64")),
            ("64:ff9b::10.0.0.1", Some("NAT64")),
            ("64:ff9b::169.254.169.254", Some("NAT64")),
            ("64:ff9b:1::808:808", Some("local NAT64")),
            ("2002:7f00:1::", Some("6to4")),
            ("2002:808:808::1", Some("6to4")),
            ("2001::1", Some("Teredo")),
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Some("Teredo")),
            ("2001:2::1", Some("protocol")),
            ("2001:20::1", Some("protocol")),
            ("2001:db8::1", Some("documentation")),
            ("3fff::1", Some("documentation")),
            ("fc00::1", Some("unique local")),
            ("fd00:ec2::254", Some("unique local")),
            ("fd20:ce::254", Some("unique local")),
            ("fe80::1", Some("link-local")),
            ("febf::1", Some("link-local")),
            ("fec0::1", Some("site-local")),
            ("ff02::1", Some("multicast")),
            ("100::1", Some("outside")),
            ("5f00::1", Some("outside")),
            ("4000::1", Some("outside")),
            ("1.1.1.1", None),
            ("8.8.8.8", None),
            ("9.255.255.255", None),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.128.0.0", None),
            ("126.255.255.255", None),
            ("128.0.0.0", None),
            ("169.253.255.255", None),
            ("172.15.255.255", None),
            ("172.32.0.0", None),
            ("192.167.255.255", None),
            ("192.169.0.0", None),
            ("223.255.255.255", None),
            ("::ffff:8.8.8.8", None),
            ("64:ff9b::8.8.8.8", None),
            ("2606:4700:4700::1111", None),
            ("2a00:1450:4001:80b::200e", None),
        ] {
            match (vet(&[], address), expected) {
                (Ok(()), None) => {}
                (Err(what), Some(part)) => assert!(what.contains(part), "{address} is {what}, not {part}"),
                (got, expected) => panic!("{address}: {got:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn a_named_range_opens_that_range_only() {
        for (networks, address, allowed) in [
            (&["127.0.0.1/32"][..], "127.0.0.1", true),
            (&["127.0.0.1"], "127.0.0.1", true),
            (&["127.0.0.1/32"], "127.0.0.2", false),
            (&["127.0.0.0/8"], "::ffff:127.0.0.1", true),
            (&["127.0.0.0/8"], "::1", false),
            (&["::1/128"], "::1", true),
            (&["10.0.0.0/8"], "10.200.0.1", true),
            (&["10.0.0.0/8"], "64:ff9b::10.0.0.1", false),
            (&["64:ff9b::/96"], "64:ff9b::10.0.0.1", true),
            (&["10.0.0.0/8"], "192.168.0.1", false),
            (&["10.0.0.0/8", "192.168.0.0/16"], "192.168.0.1", true),
            (&["0.0.0.0/0"], "127.0.0.1", true),
            (&["0.0.0.0/0"], "fd00::1", false),
            (&["::/0"], "fd00::1", true),
            (&["fd00::/8"], "fd12::1", true),
            (&["fd00::/8"], "fc00::1", false),
        ] {
            assert_eq!(vet(networks, address).is_ok(), allowed, "{address} with {networks:?}");
        }
    }

    #[test]
    fn ranges_are_read_strictly() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "localhost",
            "010.0.0.0/8",
            " 10.0.0.0/8",
        ] {
            assert_eq!(text.parse::<Cidr>(), Err(BadCidr::Syntax(text.to_owned())), "{text}");
        }
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("::1", "::1/128"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("FD00::/8", "fd00::/8"),
        ] {
            assert_eq!(text.parse::<Cidr>().map(|cidr| cidr.to_string()), Ok(shown.to_owned()));
        }
        let wrong = "10.0.0.1/8".parse::<Cidr>().expect_err("host bits are set");
        assert_eq!(wrong.to_string(), "`10.0.0.1/8` has bits set behind its prefix: the range is `10.0.0.0/8`");
    }
}
