//! What keeps work from starting.

use serde_json::{Value, json};

use super::{object, time};
use crate::pb::{self, hold::Cause};

pub fn hold(hold: &pb::Hold) -> Value {
    let cause = match hold.cause() {
        Cause::Unspecified => "",
        Cause::Pause => "pause",
        Cause::Breaker => "breaker",
        Cause::Suspect => "suspect",
    };
    object([
        ("name", json!(hold.name)),
        ("cause", json!(cause)),
        ("reason", json!(hold.reason)),
        ("message", json!(hold.message)),
        ("principal", json!(hold.principal)),
        ("since", time(&hold.since)),
    ])
}
