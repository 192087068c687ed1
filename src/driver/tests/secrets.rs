//! Handles go in and out; values go to the backend and nowhere else.

use super::*;
use crate::domain::contract::Answer;
use crate::domain::secret::Handle;
use crate::driver::Failure;

/// Generates, then executes `ALTER` with one parameter: the handle in the result, as a secret or as mere text.
fn using(as_secret: bool, after: &str) -> Fixture {
    let after = after.to_owned();
    creating(move |f| {
        let generate = f.generate("password");
        let (slot, sql, encoding) = (f.text("db"), f.text("ALTER"), f.text("plain"));
        // One `value`, 24 bytes with alignment 8, at 800: the case, then at 808 its payload.
        let kind = if as_secret { 6 } else { 5 };
        let (pointer, length) =
            encoding.split_once(") ").map(|(a, b)| (format!("{a})"), b.to_owned())).expect("two constants");
        format!(
            "{generate} (i32.store8 (i32.const 800) (i32.const {kind})) \
             (i32.store (i32.const 808) (i32.load (i32.const 516))) (i32.store (i32.const 812) (i32.load (i32.const 520))) \
             (i32.store (i32.const 816) {pointer}) (i32.store (i32.const 820) {length}) \
             (call $execute {slot} (i32.const 0) (i32.const 0) (i32.const 0) {sql} (i32.const 800) (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 512)) \
             (if (i32.load8_u (i32.const 512)) (then (return (call $failed (i32.const 512))))) {} {}",
            f.execute("db", &after),
            f.done("{}"),
        )
    })
}

#[tokio::test]
async fn a_value_goes_to_the_backend_and_its_handle_into_the_journal() {
    let driver = load(&using(true, "write")).await.expect("a driver");
    let step = Step::new();
    let report = step.create(&driver).await;
    assert!(matches!(report.result, Ok(Answer::Done(_))), "{:?}", report.result);
    let record = step.journal.record();
    let fresh = &record.secrets[0];
    assert_eq!(step.backend.asked()[0], format!("ALTER {}", fresh.value.reveal()));
    let written = serde_json::to_string(&record.entries).expect("JSON");
    assert!(written.contains(fresh.handle.as_str()) && !written.contains(fresh.value.reveal()));

    let report = step.create(&driver).await;
    assert!(report.result.is_ok() && report.rest.secrets.is_empty(), "on replay the same secret is found");
    assert_eq!(step.backend.asked().len(), 2);
}

#[tokio::test]
async fn a_replayed_secret_without_its_value_ends_the_attempt() {
    let driver = load(&using(true, "write")).await.expect("a driver");
    let step = Step::new();
    step.create(&driver).await;
    let mut attempt = step.attempt(Call::Create(input()));
    attempt.secrets.clear();
    assert!(matches!(driver.run(attempt).await.result, Err(Failure::Journal(_))));
}

#[tokio::test]
async fn a_handle_as_mere_text_is_refused_before_anything_is_sent() {
    let step = Step::new();
    let report = create(&using(false, "write"), &step).await;
    assert!(
        matches!(&report.result, Err(Failure::Driver(error)) if error.code == "SECRET_NOT_LISTED"),
        "{:?}",
        report.result
    );
    assert!(step.backend.asked().is_empty());
}

/// What a driver left for itself does not come back as if it had been given.
#[tokio::test]
async fn a_handle_from_a_continuation_is_nobodys() {
    let foreign = Handle::from_bytes(&[2; 32]);
    let outputs = format!(r#"{{"password":"{foreign}"}}"#);
    let driver = load(&creating(|f| f.done(&outputs))).await.expect("a driver");
    for (holding, fits) in [("continuation", false), ("state", false), ("config", false), ("params", true)] {
        let mut input = input();
        let value = json!({ "h": foreign });
        match holding {
            "continuation" => input.continuation = Some(value),
            "config" => input.config = value,
            "params" => input.params = value,
            _ => {
                let claim = crate::domain::contract::Claim { external_id: None, state: value };
                let (params, config, outputs) = (json!({}), json!({}), json!({}));
                input.prior = Some(crate::domain::contract::Prior { claim, params, config, outputs });
            }
        }
        let report = driver.run(Step::new().attempt(Call::Create(input))).await;
        assert_eq!(report.result.is_ok(), fits, "{holding}: {:?}", report.result);
    }
}

#[tokio::test]
async fn outputs_hold_granted_handles_at_marked_places_only() {
    let (ours, foreign) = (Handle::from_bytes(&[1; 32]), Handle::from_bytes(&[2; 32]));
    for (outputs, wrong) in [
        (format!(r#"{{"name":"x","password":"{ours}"}}"#), None),
        ("{}".to_owned(), None),
        (format!(r#"{{"password":"{foreign}"}}"#), Some("not of this resource")),
        (r#"{"password":"hunter2"}"#.to_owned(), Some("holds no handle")),
        (format!(r#"{{"name":"{ours}"}}"#), Some("does not mark")),
        (format!(r#"{{"name":"url:{ours}"}}"#), Some("does not mark")),
        (r#"{"name":1}"#.to_owned(), Some("described schema")),
        (r#"{"other":1}"#.to_owned(), Some("described schema")),
        ("[]".to_owned(), Some("no JSON object")),
        ("{".to_owned(), Some("not JSON")),
    ] {
        let driver = load(&creating(|f| f.done(&outputs))).await.expect("a driver");
        let mut attempt = Step::new().attempt(Call::Create(input()));
        attempt.secrets.push((ours.clone(), crate::domain::secret::Plain::new("value")));
        match (driver.run(attempt).await.result, wrong) {
            (Ok(_), None) => {}
            (Err(Failure::Unfit(why)), Some(wrong)) => assert!(why.contains(wrong), "{outputs}: {why}"),
            (result, _) => panic!("{outputs}: {result:?}"),
        }
    }
}
