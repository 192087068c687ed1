//! Handles are stable, values are not given away, and a request holds exactly the secrets it lists.

use super::*;
use crate::capability::testing::Counter;

fn book(known: Vec<(Handle, Plain)>) -> Book {
    Book::new("res_1".to_owned(), [9; 32], known, Arc::new(Counter::new(7)))
}

fn policy(length: u32) -> Policy {
    Policy { length, alphabet: "abcdefgh".to_owned(), at_least_one_of: Vec::new() }
}

fn plain(handle: &Handle) -> Use {
    Use { handle: handle.to_string(), encoding: "plain".to_owned() }
}

#[test]
fn the_same_name_is_the_same_handle_whatever_the_policy() {
    let mut book = book(Vec::new());
    let (handle, fresh) = book.generate("password", &policy(16)).expect("possible");
    let fresh = fresh.expect("new");
    assert_eq!(fresh.value.reveal().len(), 16);
    let (again, none) = book.generate("password", &policy(32)).expect("possible");
    assert_eq!((&again, none.is_none()), (&handle, true));
    assert_ne!(book.generate("other", &policy(16)).expect("possible").0, handle);

    let mut next =
        Book::new("res_1".to_owned(), [9; 32], vec![(handle.clone(), fresh.value)], Arc::new(Counter::new(8)));
    let (later, none) = next.generate("password", &policy(16)).expect("possible");
    assert_eq!((later, none.is_none()), (handle.clone(), true), "a later attempt finds what an earlier one made");
    let mut other = Book::new("res_2".to_owned(), [9; 32], Vec::new(), Arc::new(Counter::new(8)));
    assert_ne!(
        other.generate("password", &policy(16)).expect("possible").0,
        handle,
        "another resource has another one"
    );
}

#[test]
fn parts_compose_to_one_secret() {
    let mut book = book(Vec::new());
    let (password, fresh) = book.generate("password", &policy(16)).expect("possible");
    let url = |user: &str| {
        vec![
            Part::Text(format!("postgres://{user}:")),
            Part::Secret(Use { handle: password.to_string(), encoding: "percent".to_owned() }),
            Part::Text("@db/x".to_owned()),
        ]
    };
    let (handle, made) = book.compose(&url("anna")).expect("granted");
    let expected = format!("postgres://anna:{}@db/x", fresh.expect("new").value.reveal());
    assert_eq!(made.expect("new").value.reveal(), expected);
    let (again, none) = book.compose(&url("anna")).expect("granted");
    assert_eq!((&again, none.is_none()), (&handle, true));
    assert_ne!(book.compose(&url("bert")).expect("granted").0, handle);

    let hidden = [Part::Text(format!("x{password}"))];
    assert_eq!(book.compose(&hidden).expect_err("hidden").code, "SECRET_NOT_LISTED");
}

#[test]
fn only_known_handles_are_written() {
    let foreign = Handle::from_bytes(&[1; 32]);
    let mut book = book(Vec::new());
    for handle in [foreign.to_string(), "vsec_short".to_owned(), String::new()] {
        let of = Use { handle, encoding: "plain".to_owned() };
        assert_eq!(book.write(&of).expect_err("foreign").code, "HANDLE_NOT_GRANTED");
        assert_eq!(book.compose(&[Part::Secret(of)]).expect_err("foreign").code, "HANDLE_NOT_GRANTED");
    }
}

#[test]
fn a_text_holds_exactly_the_secrets_it_lists() {
    let (a, b) = (Handle::from_bytes(&[1; 32]), Handle::from_bytes(&[2; 32]));
    let book = book(vec![(a.clone(), Plain::new("one")), (b.clone(), Plain::new("two"))]);
    let text = format!("<{a}|{a}>");
    assert_eq!(book.fill(&[&text], &[plain(&a)]).expect("listed")[0].reveal(), "<one|one>");
    assert_eq!(book.fill(&[&text], &[]).expect_err("not listed").code, "SECRET_NOT_LISTED");
    assert_eq!(book.fill(&[&text], &[plain(&a), plain(&b)]).expect_err("not found").code, "SECRET_NOT_FOUND");
}

#[test]
fn names_and_numbers_of_secrets_are_bounded() {
    let mut book = book(Vec::new());
    for name in ["".to_owned(), "a\nb".to_owned(), "x".repeat(129)] {
        assert_eq!(book.generate(&name, &policy(8)).expect_err("no name").code, "SECRET_NAME_INVALID");
    }
    for n in 0..MOST_FRESH {
        book.generate(&format!("n{n}"), &policy(8)).expect("possible");
    }
    assert_eq!(book.generate("one more", &policy(8)).expect_err("too many").code, "TOO_MANY_SECRETS");
}

#[test]
fn idempotency_keys_are_stable_uuids() {
    let book = book(Vec::new());
    let key = book.idempotency_key(&[b"1", b"create"]);
    assert_eq!(key, book.idempotency_key(&[b"1", b"create"]));
    assert_ne!(key, book.idempotency_key(&[b"2", b"create"]));
    assert_eq!((key.len(), &key[14..15]), (36, "8"));
    assert!(matches!(&key[19..20], "8" | "9" | "a" | "b"));
}
