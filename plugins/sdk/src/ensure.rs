//! Look, then make: the shape of every create that never makes a thing twice and never takes over a stranger's.

use crate::{Error, ErrorKind};

/// What a look at the backend shows under the wanted name.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<T> {
    Absent,
    /// There and provably ours.
    Ours(T),
    /// There and not provably ours; says what it is, for the error.
    Foreign(String),
}

/// Ours: taken as it is. Foreign: an error. Absent: made, then looked at again.
///
/// A `make` refused because the name is taken may be the trace of its own first sending, or of somebody quicker; the second
/// look tells which.
pub fn ensure<T>(
    look: impl Fn() -> Result<Found<T>, Error>,
    make: impl FnOnce() -> Result<(), Error>,
) -> Result<T, Error> {
    match look()? {
        Found::Ours(object) => return Ok(object),
        Found::Foreign(what) => return Err(Error::foreign(what)),
        Found::Absent => {}
    }
    match make() {
        Err(error) if !error.is(ErrorKind::AlreadyExists) => return Err(error),
        _ => {}
    }
    match look()? {
        Found::Ours(object) => Ok(object),
        Found::Foreign(what) => Err(Error::foreign(what)),
        Found::Absent => {
            let message = "what was just made is not to be seen yet";
            Err(Error::new(ErrorKind::Unavailable, "NOT_VISIBLE_YET", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::{Found, ensure};
    use crate::{Error, ErrorKind};

    /// A backend of one name: what is there, and what making answers.
    fn run(there: Found<u8>, after: Found<u8>, made: Result<(), Error>) -> (Result<u8, Error>, bool) {
        let state = RefCell::new((there, false));
        let look = || Ok(state.borrow().0.clone());
        let make = || {
            *state.borrow_mut() = (after, true);
            made
        };
        let result = ensure(look, make);
        (result, state.into_inner().1)
    }

    #[test]
    fn ours_is_taken_foreign_refused_and_absent_made() {
        assert_eq!(run(Found::Ours(1), Found::Absent, Ok(())), (Ok(1), false));
        assert_eq!(run(Found::Absent, Found::Ours(2), Ok(())), (Ok(2), true));
        let (refused, made) = run(Found::Foreign("database `x`".into()), Found::Absent, Ok(()));
        assert_eq!(refused.unwrap_err().code, "FOREIGN_OBJECT_EXISTS");
        assert!(!made);
    }

    #[test]
    fn a_taken_name_is_looked_at_again() {
        let taken = || Err(Error::new(ErrorKind::AlreadyExists, "42P04", "taken"));
        assert_eq!(run(Found::Absent, Found::Ours(3), taken()).0, Ok(3));
        let stranger = Found::Foreign("database `x`".into());
        assert_eq!(run(Found::Absent, stranger, taken()).0.unwrap_err().code, "FOREIGN_OBJECT_EXISTS");
        let denied = Err(Error::new(ErrorKind::Denied, "42501", "no"));
        assert_eq!(run(Found::Absent, Found::Ours(3), denied).0.unwrap_err().code, "42501");
    }
}
