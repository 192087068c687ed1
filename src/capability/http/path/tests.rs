//! Spellings of paths: one of them is sent, the others are not.

use super::*;

fn base() -> Base {
    Base::parse("https://api.example.com/v1/").expect("a base")
}

fn target(asked: &str) -> Result<String, String> {
    base().target(asked).map(|target| target.text()).map_err(|error| format!("{} {}", error.code, error.message))
}

#[test]
fn one_spelling_is_sent() {
    for (asked, expected) in [
        ("/", "/"),
        ("/zones", "/zones"),
        ("/zones/", "/zones/"),
        ("/zones/%61%2Db%7e", "/zones/a-b~"),
        ("/zones/%c3%a9", "/zones/%C3%A9"),
        ("/zones/a%20b", "/zones/a%20b"),
        ("/zones/100%25", "/zones/100%25"),
        ("/zones/...", "/zones/..."),
        ("/zones/.a;b=c", "/zones/.a;b=c"),
        ("/a:b@c/(d)", "/a:b@c/(d)"),
        ("/zones?dnssec=false&a[]=b", "/zones?dnssec=false&a[]=b"),
        ("/zones?next=/a//b/../c", "/zones?next=/a//b/../c"),
        ("/zones?a=%2f%0a", "/zones?a=%2F%0A"),
        ("/zones?", "/zones?"),
        ("https://api.example.com/v1/zones?page=2", "/zones?page=2"),
        ("HTTPS://API.example.COM:443/v1/zones", "/zones"),
        ("https://api.example.com/%761/zones", "/zones"),
        ("https://api.example.com/v1", "/"),
        ("https://api.example.com/v1?page=2", "/?page=2"),
    ] {
        assert_eq!(target(asked).as_deref(), Ok(expected), "{asked}");
    }
}

#[test]
fn every_other_spelling_is_refused() {
    for (asked, expected) in [
        ("", "PATH_INVALID"),
        ("zones", "PATH_INVALID"),
        ("?a=b", "PATH_INVALID"),
        ("//other.host/", "empty part"),
        ("/a//b", "empty part"),
        ("/\\other.host/", "backslash"),
        ("\\\\other.host/", "PATH_INVALID"),
        ("/a/..", "dots"),
        ("/../a", "dots"),
        ("/a/./b", "dots"),
        ("/a/%2e%2e/b", "dots"),
        ("/a/.%2E", "dots"),
        ("/a/..;x/b", "dots"),
        ("/a/.;/b", "dots"),
        ("/a/..%3bx/b", "dots"),
        ("/a/%2e%3B", "dots"),
        ("/a%2fb", "encoded slash"),
        ("/a%2Fb", "encoded slash"),
        ("/a%5cb", "encoded slash"),
        ("/a%252fb", "encoded twice"),
        ("/a%252e%252e", "encoded twice"),
        ("/a\0", "control"),
        ("/a\r\nHost: other", "control"),
        ("/a%0d%0aHost", "control"),
        ("/a%00", "control"),
        ("/a%7f", "control"),
        ("/a\x7f", "control"),
        ("/a?b=%00", "control"),
        ("/a?b=\n", "control"),
        ("/a b", "percent-encoded"),
        ("/é", "percent-encoded"),
        ("/a?é", "percent-encoded"),
        ("/a<b", "percent-encoded"),
        ("/a#b", "fragment"),
        ("/a?b#c", "fragment"),
        ("/a%", "two hex digits"),
        ("/a%2", "two hex digits"),
        ("/a%zz", "two hex digits"),
        ("/a%é", "two hex digits"),
        ("http://api.example.com/v1/zones", "URL_OUTSIDE"),
        ("https://api.example.com/v2/zones", "URL_OUTSIDE"),
        ("https://api.example.com/v11", "URL_OUTSIDE"),
        ("https://api.example.com/", "URL_OUTSIDE"),
        ("https://api.example.com", "URL_OUTSIDE"),
        ("https://api.example.com:444/v1/", "URL_OUTSIDE"),
        ("https://api.example.com./v1/", "URL_OUTSIDE"),
        ("https://evil/v1/", "URL_OUTSIDE"),
        ("https://api.example.com@evil/v1/", "URL_OUTSIDE"),
        ("https://evil@api.example.com/v1/", "URL_OUTSIDE"),
        ("https://api.example.com:443@evil/v1/", "URL_OUTSIDE"),
        ("https://api.example.com\\@evil/v1/", "URL_OUTSIDE"),
        ("https://api.example.com?@evil/v1/", "URL_OUTSIDE"),
        ("https:///v1/", "URL_OUTSIDE"),
        ("file:///v1/", "URL_OUTSIDE"),
        ("https://api.example.com/v1/../v2", "dots"),
        ("https://api.example.com/v1/%2e%2e/v2", "dots"),
        ("https://api.example.com/v1//zones", "empty part"),
        ("https://api.example.com/v1#/", "fragment"),
    ] {
        let refused = target(asked).expect_err(asked);
        assert!(refused.contains(expected), "{asked}: {refused}");
    }
    assert!(target(&format!("/{}", "a".repeat(LONGEST))).is_err());
    assert!(target(&format!("/{}", "a".repeat(LONGEST - 1))).is_ok());
}

#[test]
fn bases() {
    for (url, expected) in [
        ("http://127.0.0.1:8081/api/v1", Some("http://127.0.0.1:8081/api/v1")),
        ("https://API.example.com:443/", Some("https://api.example.com")),
        ("http://[::1]:80", Some("http://[::1]")),
        ("http://[0:0:0:0:0:0:0:1]:8080/a/", Some("http://[::1]:8080/a")),
        ("https://user:pw@host", None),
        ("https://host/a/../b", None),
        ("https://host/%61", None),
        ("https://host:99999", None),
        ("https://host:0", None),
        ("https://", None),
        ("ftp://host", None),
    ] {
        assert_eq!(Base::parse(url).ok().map(|base| base.url()).as_deref(), expected, "{url}");
    }
}
