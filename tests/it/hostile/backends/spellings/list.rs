//! The spellings.

use std::net::{Ipv4Addr, Ipv6Addr};

pub struct Spelling {
    pub class: &'static str,
    /// As it stands in a URL.
    pub host: String,
    /// What it means.
    pub address: String,
}

pub fn all() -> Vec<Spelling> {
    let mut all = Vec::new();
    for (class, address) in NUMBERS {
        let address: Ipv4Addr = address.parse().expect("an address");
        all.extend(numbers(address).into_iter().map(|host| Spelling { class, host, address: address.to_string() }));
    }
    for address in PLAIN {
        all.push(Spelling { class: "IPv4 that is not public", host: address.to_owned(), address: address.to_owned() });
    }
    for (class, hosts) in SIXES {
        for host in hosts {
            let address: Ipv6Addr = host.parse().expect(host);
            all.push(Spelling { class, host: format!("[{host}]"), address: address.to_string() });
        }
    }
    for (class, names) in NAMES {
        for (host, address) in names {
            all.push(Spelling { class, host: (*host).to_owned(), address: (*address).to_owned() });
        }
    }
    all
}

/// Whether the resolver has to be told what it means.
pub fn is_name(host: &str) -> bool {
    NAMES.iter().flat_map(|(_, names)| names.iter()).any(|(name, _)| *name == host)
}

const NUMBERS: [(&str, &str); 6] = [
    ("loopback as numbers", "127.0.0.1"),
    ("metadata as numbers", "169.254.169.254"),
    ("private as numbers", "10.0.0.1"),
    ("private as numbers", "192.168.1.10"),
    ("CGNAT as numbers", "100.100.100.200"),
    ("this network as numbers", "0.0.0.0"),
];

/// What `inet_aton` reads: one to four parts, each decimal, octal or hex.
fn numbers(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let whole = u32::from(address);
    let (low, lower) = (whole & 0xff_ffff, whole & 0xffff);
    let mut all = vec![
        format!("{a}.{b}.{c}.{d}"),
        format!("{whole}"),
        format!("0x{whole:x}"),
        format!("0X{whole:08X}"),
        format!("0{whole:o}"),
        format!("000{whole:o}"),
        format!("{a}.{low}"),
        format!("{a}.{b}.{lower}"),
        format!("0x{a:x}.0x{low:x}"),
        format!("0{a:o}.0{low:o}"),
        format!("0x{a:02x}.0x{b:02x}.0x{c:02x}.0x{d:02x}"),
        format!("0{a:03o}.0{b:03o}.0{c:03o}.0{d:03o}"),
        format!("{a}.0x{b:x}.0{c:o}.{d}"),
        format!("0x{a:x}.{b}.{lower}"),
    ];
    all.sort();
    all.dedup();
    all
}

const PLAIN: [&str; 27] = [
    "0.1.2.3",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.0.0.53",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.253",
    "169.254.170.2",
    "169.254.170.23",
    "169.254.42.42",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.8",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.255.254",
    "198.18.0.1",
    "198.19.255.254",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.251",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
];

const SIXES: [(&str, &[&str]); 9] = [
    (
        "loopback and unspecified in IPv6",
        &[
            "::1",
            "::0001",
            "0::1",
            "0:0:0:0:0:0:0:1",
            "0000:0000:0000:0000:0000:0000:0000:0001",
            "::0.0.0.1",
            "::",
            "0::0",
        ],
    ),
    (
        "IPv4 mapped into IPv6",
        &[
            "::ffff:127.0.0.1",
            "::FFFF:127.0.0.1",
            "::ffff:7f00:1",
            "::ffff:7F00:0001",
            "0:0:0:0:0:ffff:127.0.0.1",
            "0:0:0:0:0:ffff:7f00:1",
            "0000:0000:0000:0000:0000:FFFF:7F00:0001",
            "::ffff:169.254.169.254",
            "::ffff:a9fe:a9fe",
            "::ffff:10.0.0.1",
            "::ffff:a00:1",
            "::ffff:100.100.100.200",
            "::ffff:0.0.0.0",
        ],
    ),
    (
        "IPv4 compatible, translated",
        &["::127.0.0.1", "::7f00:1", "::169.254.169.254", "::10.0.0.1", "::ffff:0:127.0.0.1", "::ffff:0:a9fe:a9fe"],
    ),
    (
        "NAT64",
        &[
            "64:ff9b::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:FF9B::7F00:1",
            "64:ff9b::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::10.0.0.1",
            "0064:ff9b:0000:0000:0000:0000:0a00:0001",
            "64:ff9b:1::127.0.0.1",
            "64:ff9b:1:fffe::a9fe:a9fe",
        ],
    ),
    ("6to4", &["2002:7f00:1::", "2002:7f00:0001::1", "2002:a9fe:a9fe::1", "2002:a00:1::1", "2002:c0a8:10a::"]),
    ("Teredo", &["2001::1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:0000:7f00:1::"]),
    (
        "unique local, also metadata",
        &[
            "fc00::1",
            "fd00::1",
            "FD12:3456:789A::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "fd00:42::42",
            "fdff:ffff::1",
        ],
    ),
    ("link and site local", &["fe80::1", "fe80::a9fe:a9fe", "FE80:0:0:0:0:0:0:1", "febf::1", "fec0::1", "feff::1"]),
    (
        "multicast, documentation and others in IPv6",
        &[
            "ff02::1",
            "ff05::1:3",
            "ff0e::1",
            "2001:db8::1",
            "3fff::1",
            "2001:2::1",
            "2001:20::1",
            "100::1",
            "5f00::1",
            "4000::1",
            "::5",
        ],
    ),
];

const NAMES: [(&str, &[(&str, &str)]); 4] = [
    (
        "names of loopback",
        &[
            ("localhost", "127.0.0.1"),
            ("LOCALHOST", "::1"),
            ("LocalHost", "127.0.0.1"),
            ("localhost.", "127.0.0.1"),
            ("localhost.localdomain", "127.0.0.1"),
            ("ip6-localhost", "::1"),
            ("anything.localhost", "127.0.0.1"),
            ("localtest.example.com", "127.0.0.1"),
        ],
    ),
    (
        "names with numbers in them",
        &[
            ("127.0.0.1.nip.example.com", "127.0.0.1"),
            ("app-127-0-0-1.nip.example.com", "127.0.0.1"),
            ("7f000001.nip.example.com", "127.0.0.1"),
            ("169-254-169-254.sslip.example.com", "169.254.169.254"),
            ("0a000001.nip.example.com", "10.0.0.1"),
            ("--1.sslip.example.com", "::1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("0x7f000001.", "127.0.0.1"),
        ],
    ),
    (
        "names of metadata services",
        &[
            ("metadata.google.internal", "169.254.169.254"),
            ("METADATA.GOOGLE.INTERNAL", "169.254.169.254"),
            ("metadata", "169.254.169.254"),
            ("instance-data.ec2.internal", "169.254.169.254"),
            ("metadata.tencentyun.com", "169.254.0.23"),
            ("metadata.azure.internal", "168.63.129.16"),
            ("metadata.oraclecloud.com", "192.0.0.192"),
            ("metadata.aliyun.example.com", "100.100.100.200"),
        ],
    ),
    (
        "names of what is inside",
        &[
            ("kubernetes.default.svc", "10.96.0.1"),
            ("host.docker.internal", "172.17.0.1"),
            ("router.lan", "192.168.0.1"),
            ("xn--lcalhost-54a.example.com", "127.0.0.1"),
            ("mapped.example.com", "::ffff:127.0.0.1"),
            ("under_score.example.com", "10.1.2.3"),
            ("nat64.example.com", "64:ff9b::7f00:1"),
            ("six.example.com", "fd00::7"),
        ],
    ),
];

/// Percent signs, other digits, users, brackets, scopes, blanks.
pub const NO_HOSTS: &[&str] = &[
    "",
    ":80",
    "user@127.0.0.1",
    "user:password@127.0.0.1",
    "api.example.com@127.0.0.1",
    "127.0.0.1@api.example.com",
    "api.example.com:80@127.0.0.1",
    "127.0.0.1:80@api.example.com",
    "@127.0.0.1",
    "127.0.0.1#@api.example.com",
    "127.0.0.1?@api.example.com",
    "127.0.0.1;@api.example.com",
    "api.example.com\\@127.0.0.1",
    "127.0.0.1\\api.example.com",
    "[::1",
    "::1]",
    "::1",
    "[::1]x",
    "[::1]80",
    "[[::1]]",
    "[]",
    "[127.0.0.1]",
    "[2130706433]",
    "[localhost]",
    "[::ffff:127.1]",
    "[::1%lo]",
    "[::1%25lo]",
    "[fe80::1%eth0]",
    "[fe80::1%25eth0]",
    "[fe80::1%1]",
    "[v1.::1]",
    "[0:0:0:0:0:0:0:0:1]",
    "%31%32%37.0.0.1",
    "127.0.0.1%00",
    "127.0.0.1%00.api.example.com",
    "127.0.0.1%2e",
    "127%2e0%2e0%2e1",
    "127.0.0.1%20",
    "%6cocalhost",
    "１２７.0.0.1",
    "１２７．０．０．１",
    "127。0。0。1",
    "127｡0｡0｡1",
    "①②⑦.⓪.⓪.①",
    "ⓛocalhost",
    "ｌｏｃａｌｈｏｓｔ",
    "loca\u{ad}lhost",
    "local\u{200b}host",
    "loc\u{430}lhost",
    " 127.0.0.1",
    "127.0.0.1 ",
    "127.0.0.1\t",
    "127.0.0.1\n",
    "127.0.0.1\r\nHost: api.example.com",
    "127.0.0.1\0",
    "127.0.0.1,api.example.com",
    "{127.0.0.1}",
    "127.0.0.1|",
    "$HOST",
    "127.0.0.1:",
    "127.0.0.1:0",
    "127.0.0.1:99999",
    "127.0.0.1:+80",
    "127.0.0.1:80:80",
    "127.0.0.1: 80",
    "127.0.0.1:http",
    "0x7f.0.0.1:0x50",
];
