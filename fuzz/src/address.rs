//! Address ranges and what they open: the first line is a list of ranges, the second an address.

use std::net::{IpAddr, Ipv6Addr};

use vend::capability::address::{Cidr, Networks};

use super::input::line;

pub fn target(bytes: &[u8]) {
    let (ranges, rest) = line(bytes);
    let (address, _) = line(rest);
    let ranges: Vec<&str> = ranges.split(' ').filter(|text| !text.is_empty()).collect();
    for range in &ranges {
        if let Ok(cidr) = range.parse::<Cidr>() {
            let shown = cidr.to_string();
            assert_eq!(shown.parse::<Cidr>(), Ok(cidr), "{shown}");
            let base = shown.split('/').next().expect("it has a base").parse().expect("which is an address");
            assert!(cidr.contains(base), "{shown} does not contain its own base");
        }
    }
    let Ok(address) = address.parse::<IpAddr>() else { return };
    let nothing = Networks::default();
    match nothing.vet(address) {
        Ok(()) => assert!(is_public(address.to_canonical()), "{address} is reached unasked"),
        Err(forbidden) => assert!(!forbidden.what.is_empty()),
    }
    if let IpAddr::V4(v4) = address {
        let alone = nothing.vet(address).is_ok();
        assert_eq!(nothing.vet(v4.to_ipv6_mapped().into()).is_ok(), alone, "{v4} and its mapped spelling differ");
        let [a, b, c, d] = v4.octets();
        let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        assert_eq!(nothing.vet(nat64.into()).is_ok(), alone, "{v4} and its NAT64 spelling differ");
        for spelling in [
            Ipv6Addr::new(0x2002, u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]), 0, 0, 0, 0, 1),
            v4.to_ipv6_compatible_by_hand(),
        ] {
            assert!(nothing.vet(spelling.into()).is_err(), "{spelling} leads to {v4}");
        }
    }
    let Ok(networks) = Networks::parse(&ranges) else { return };
    if networks.vet(address).is_ok() && nothing.vet(address).is_err() {
        let named = ranges.iter().filter_map(|range| range.parse::<Cidr>().ok());
        let mut opens = named.filter(|cidr| cidr.contains(address.to_canonical()));
        assert!(opens.next().is_some(), "{address} is in none of {ranges:?}");
    }
}

/// As the standard library knows it: less than the core does, but none of its own.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_unspecified()
                || v4.octets()[0] == 0
                || v4.octets()[0] >= 240)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

trait ByHand {
    fn to_ipv6_compatible_by_hand(&self) -> Ipv6Addr;
}

impl ByHand for std::net::Ipv4Addr {
    /// `::a.b.c.d`, long out of use and still understood.
    fn to_ipv6_compatible_by_hand(&self) -> Ipv6Addr {
        Ipv6Addr::from(u128::from(u32::from(*self)))
    }
}
