//! Secret uses: a text in which `@A` to `@H` stand for handles, the last two of which are of somebody else. The first line lists
//! the uses, as `A:json B:plain`; the second holds the values with tabs between them; the rest is the text.

use std::sync::Arc;

use vend::capability::book::{Book, Use};
use vend::domain::secret::{Handle, Plain};

use super::input::{Sevens, line, text};

/// So many are known to the book.
const KNOWN: u8 = 6;
const ALL: u8 = 8;

pub fn target(bytes: &[u8]) {
    let (uses, rest) = line(bytes);
    let (values, rest) = line(rest);
    let template = text(rest);
    let uses: Vec<Use> = uses.split(' ').filter_map(parse_use).take(16).collect();
    let book = book(&values);
    let given = put_handles(&template);
    let answer = book.fill(&[&given], &uses);
    let listed = |handle: &str| uses.iter().any(|of| of.handle == handle);
    let stands: Vec<(usize, Handle)> = Handle::scan(&given);
    let filled = match answer {
        Ok(filled) => filled[0].reveal().to_owned(),
        Err(error) => {
            let foreign = stands.iter().any(|(_, it)| !listed(it.as_str()) || !book.knows(it));
            let absent = uses.iter().any(|of| stands.iter().all(|(_, it)| it.as_str() != of.handle));
            let unknown = error.code == "ENCODING_UNKNOWN";
            return assert!(foreign || absent || unknown, "{error} of {given:?}");
        }
    };
    // What stands there is listed and known, what is listed stands there, and all else is as it was.
    assert!(stands.iter().all(|(_, it)| listed(it.as_str()) && book.knows(it)), "{given:?}");
    assert!(uses.iter().all(|of| stands.iter().any(|(_, it)| it.as_str() == of.handle)), "{given:?}");
    let mut expected = String::new();
    let mut done = 0;
    for (at, handle) in &stands {
        let of = uses.iter().find(|of| of.handle == handle.as_str()).expect("it is listed");
        expected.push_str(&given[done..*at]);
        expected.push_str(book.write(of).expect("it is known").reveal());
        done = at + Handle::LENGTH;
    }
    expected.push_str(&given[done..]);
    assert_eq!(filled, expected);
    if !values.contains(Handle::PREFIX) && Handle::scan(&template).is_empty() {
        let left = Handle::scan(&filled).into_iter().find(|(_, it)| book.knows(it));
        assert!(left.is_none(), "{left:?} is left in {filled:?}");
    }
}

/// The handle that a letter stands for.
pub fn handle(number: u8) -> Handle {
    Handle::from_bytes(&[number; 32])
}

/// `A:json`.
pub fn parse_use(text: &str) -> Option<Use> {
    let (letter, encoding) = text.split_once(':')?;
    let number = letter.bytes().next()?.checked_sub(b'A').filter(|number| *number < ALL)?;
    Some(Use { handle: handle(number).to_string(), encoding: encoding.to_owned() })
}

/// A book that knows the first few handles; one without a value of its own stands for `value-N`.
pub fn book(values: &str) -> Book {
    let mut values = values.split('\t');
    let known = (0..KNOWN).map(|number| {
        let value = values.next().filter(|value| !value.is_empty());
        (handle(number), Plain::new(value.map_or_else(|| format!("value-{number}"), str::to_owned)))
    });
    Book::new("res_1".to_owned(), [7; 32], known.collect(), Arc::new(Sevens))
}

pub fn put_handles(template: &str) -> String {
    let mut text = template.to_owned();
    for number in 0..ALL {
        text = text.replace(&format!("@{}", char::from(b'A' + number)), handle(number).as_str());
    }
    text
}
