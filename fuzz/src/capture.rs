//! Captures: a line of places (`json:/a b`, `xml:a/b`, `header:x-key`, `body:`; with a `~` before it: in base64), then the head of
//! an answer up to an empty line, then its body. What is caught is a handle afterwards; a miss leaves no body.

use vend::capability::http::capture::{Answer, Capture, Place, WITHHELD, check, take};
use vend::domain::secret::Handle;

use super::input::line;
use super::secrets::book;

pub fn target(bytes: &[u8]) {
    let (places, mut rest) = line(bytes);
    let mut headers = Vec::new();
    loop {
        let (head, after) = line(rest);
        rest = after;
        match head.split_once(": ") {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let captures: Vec<Capture> = places.split(' ').enumerate().filter_map(capture).collect();
    if check(&captures).is_err() {
        return;
    }
    let mut book = book("");
    let mut answer = Answer { status: 200, headers, body: rest.to_vec() };
    let before = answer.clone();
    let fresh = take(&captures, &mut answer, &mut book);
    assert_eq!(answer.status, before.status);
    assert!(fresh.iter().all(|it| book.knows(&it.handle) && !it.value.reveal().is_empty()), "{captures:?}");
    let withheld = answer.headers.iter().any(|(name, _)| name == WITHHELD) && answer != before;
    if withheld && answer.body.is_empty() {
        return;
    }
    if captures.is_empty() {
        return assert_eq!(answer, before);
    }
    // One place at most holds each value now: looked for again, it is the handle.
    if let [one] = captures.as_slice() {
        let kept = fresh.first().expect("it was caught");
        let mut again = answer.clone();
        let plain = Capture { encoding: "plain".to_owned(), ..one.clone() };
        let found = take(&[plain], &mut again, &mut book);
        assert_eq!(found.first().map(|it| it.value.reveal()), Some(kept.handle.as_str()), "{one:?} of {before:?}");
        assert_eq!(Handle::parse(kept.handle.as_str()), Some(kept.handle.clone()));
        // The same once more is the same handle.
        let mut same = before.clone();
        let none = take(&captures, &mut same, &mut book);
        assert!(none.is_empty());
        assert_eq!(same, answer);
    }
}

fn capture((number, text): (usize, &str)) -> Option<Capture> {
    let (encoding, text) = match text.strip_prefix('~') {
        Some(text) => ("base64", text),
        None => ("plain", text),
    };
    let (kind, at) = text.split_once(':')?;
    let at = at.to_owned();
    let place = match kind {
        "json" => Place::Json(at),
        "xml" => Place::Xml(at),
        "header" => Place::Header(at),
        "body" => Place::Body,
        _ => return None,
    };
    Some(Capture { name: format!("secret-{number}"), place, encoding: encoding.to_owned() })
}
