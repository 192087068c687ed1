//! Page tokens: one that nobody wrote is refused, one that was written fits its own list alone. Lines: the list's filter in
//! words, the place, and a token of somebody's own.

use vend::server::Pages;

use super::input::{line, text};

pub fn target(bytes: &[u8]) {
    let (filter, rest) = line(bytes);
    let (place, token) = line(rest);
    let token = text(token);
    let filter: Vec<String> = filter.split(' ').map(str::to_owned).collect();
    let pages = Pages::new(&[7; 32]);
    let after = |pages: &Pages, filter: &[String], token: &str| {
        pages.read(filter, 0, token).ok().and_then(|paging| paging.after)
    };

    let written = pages.write(&filter, Some(&place));
    assert_eq!(after(&pages, &filter, &written), Some(place), "a token comes back");
    let mut other = filter.clone();
    other.push(String::new());
    assert_eq!(after(&pages, &other, &written), None, "of another list");
    assert_eq!(after(&Pages::new(&[8; 32]), &filter, &written), None, "of another store");
    assert!(after(&pages, &filter, &token).is_none_or(|_| token == written), "a token that nobody wrote");
    for at in 0..written.len().min(64) {
        let mut bad = written.clone().into_bytes();
        bad[at] ^= 1;
        let bad = text(&bad);
        assert_eq!(after(&pages, &filter, &bad), None, "{bad} for {written}");
    }
}
