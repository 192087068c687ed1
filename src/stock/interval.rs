//! How often resources of a type are looked at by themselves.

use crate::document::span;
use crate::domain::document::ResourceType;

/// Where the type says nothing.
pub const DEFAULT_MS: u64 = 60 * 60 * 1_000;

/// In milliseconds; `None`: never.
pub fn interval_ms(resource_type: &ResourceType) -> Option<u64> {
    let Some(said) = resource_type.observe.as_ref().and_then(|observe| observe.interval.as_deref()) else {
        return Some(DEFAULT_MS);
    };
    match said {
        "off" => None,
        // What is no span was refused when the document was applied.
        span => Some(span::parse_ms(span).unwrap_or(DEFAULT_MS)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_type_says_how_often_or_that_it_is_never() {
        for (observe, expected) in [
            (json!({}), Some(DEFAULT_MS)),
            (json!({ "interval": "10m" }), Some(600_000)),
            (json!({ "interval": "1h30m" }), Some(5_400_000)),
            (json!({ "interval": "off" }), None),
        ] {
            let value = json!({ "name": "t", "params": {}, "outputs": {}, "observe": observe });
            let it: ResourceType = serde_json::from_value(value).expect("a type");
            assert_eq!(interval_ms(&it), expected, "{observe}");
        }
        let bare: ResourceType =
            serde_json::from_value(json!({ "name": "t", "params": {}, "outputs": {} })).expect("a type");
        assert_eq!(interval_ms(&bare), Some(DEFAULT_MS));
    }
}
