//! Where each key and value of a document stands.

use std::fmt;

/// Line and column, both from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Position {
    pub const START: Position = Position { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The place of a value, of its key if it has one, and of all that is inside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub(super) at: Position,
    pub(super) key: Option<Position>,
    pub(super) inside: Inside,
}

/// Takes no more room than it needs: a file may have a place for every few bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Inside {
    Nothing,
    Items(Box<[Place]>),
    /// In the order of their keys.
    Members(Box<[(String, Place)]>),
}

impl Place {
    pub(super) fn scalar(at: Position) -> Self {
        Self { at, key: None, inside: Inside::Nothing }
    }

    /// Where the value at `pointer` begins; of the nearest one around it, if there is none.
    pub fn value(&self, pointer: &str) -> Position {
        self.find(pointer).at
    }

    /// Where the key of the value at `pointer` stands; the value itself for items and the whole document.
    pub fn key(&self, pointer: &str) -> Position {
        let place = self.find(pointer);
        place.key.unwrap_or(place.at)
    }

    fn find(&self, pointer: &str) -> &Place {
        let mut place = self;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let inner = match &place.inside {
                Inside::Nothing => None,
                Inside::Items(items) => token.parse().ok().and_then(|i: usize| items.get(i)),
                Inside::Members(members) => {
                    let at = members.binary_search_by(|(key, _)| key.as_str().cmp(&token));
                    at.ok().map(|at| &members[at].1)
                }
            };
            match inner {
                Some(inner) => place = inner,
                None => break,
            }
        }
        place
    }
}
