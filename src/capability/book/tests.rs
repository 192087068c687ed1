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
fn what_secrets_cost_the_host_is_bounded() {
    let mut book = book(Vec::new());
    let (handle, _) = book.generate("password", &policy(8)).expect("possible");
    let verifier = || Part::Secret(Use { handle: handle.to_string(), encoding: "scram-sha-256".to_owned() });
    let many: Vec<Part> = (0..LONGEST_COMPOSED).map(|_| verifier()).collect();
    assert_eq!(book.compose(&many).expect_err("too long, and said so on the way").code, "SECRET_SIZE");
    assert!(book.written.load(Ordering::Relaxed) < 600 * (VERIFIER + 8));

    let text = |n: usize, length: usize| [Part::Text(format!("{n:06}{}", "x".repeat(length - 6)))];
    book.compose(&text(1, LONGEST_COMPOSED)).expect("the longest there is");
    assert_eq!(book.compose(&text(2, LONGEST_COMPOSED + 1)).expect_err("longer").code, "SECRET_SIZE");
    assert_eq!(book.compose(&text(2, LONGEST_COMPOSED)).expect_err("together too long").code, "TOO_MANY_SECRETS");
    let left = MOST_BYTES - LONGEST_COMPOSED - 8;
    book.compose(&text(2, left)).expect("exactly all there is room for");
    assert_eq!(book.compose(&text(3, 6)).expect_err("no room").code, "TOO_MANY_SECRETS");
    assert!(book.compose(&text(2, left)).expect("known").1.is_none());

    let used = book.written.load(Ordering::Relaxed);
    for _ in 0..(MOST_WRITTEN - used) / (USE + 8) {
        book.write(&plain(&handle)).expect("granted");
    }
    assert_eq!(book.write(&plain(&handle)).expect_err("too often").code, "TOO_MANY_SECRETS");
    let listed: Vec<Use> = (0..=MOST_LISTED).map(|_| plain(&handle)).collect();
    assert_eq!(book.fill(&[handle.as_str()], &listed).expect_err("too many").code, "TOO_MANY_SECRETS");
}

#[test]
fn a_secret_is_looked_for_as_soon_as_it_is_known() {
    let mut book = book(vec![(Handle::from_bytes(&[1; 32]), Plain::new("first-value"))]);
    assert_eq!(book.scrubber().text("first-value and second-value"), "[secret] and second-value");
    book.compose(&[Part::Text("second-value".to_owned())]).expect("possible");
    assert_eq!(book.scrubber().text("first-value and second-value"), "[secret] and [secret]");
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
