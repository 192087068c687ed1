//! What stands in a journal row, decoded: it comes back as it was, and any rows together make a history that can be judged.

use vend::capability::replay::{self, Replay};
use vend::domain::sealed::Sealed;
use vend::engine::journal::{History, Payload};

pub fn target(bytes: &[u8]) {
    if let Ok(sealed) = Sealed::from_bytes(bytes) {
        assert_eq!(sealed.to_bytes(), bytes, "an envelope has one form");
    }
    // One payload a line, each of the attempt that the line's number is divided into.
    let mut payloads = Vec::new();
    for (at, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let Ok(payload) = serde_json::from_slice::<Payload>(line) else { continue };
        let written = serde_json::to_vec(&payload).expect("a payload is JSON");
        let again: Payload = serde_json::from_slice(&written).expect("what was written is read");
        assert_eq!(again, payload);
        payloads.push((u32::try_from(at / 4).expect("few lines"), payload));
    }
    let history = History::from_payloads(payloads);
    let entries = &history.past.history;
    assert_eq!(&replay::effective(entries.clone()), entries, "an effective record stays as it is");
    for repeats in [false, true] {
        if let Ok(replay) = Replay::new(entries, |_| repeats) {
            assert_eq!(replay.kept(), replay::cut(entries));
        }
    }
}
