//! Describe documents, which any component may answer with: what is taken is taken again when it is written out.

use serde_json::Value;
use vend::driver::LoadError;
use vend::driver::describe::description;

pub fn target(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(bytes) else { return };
    match description(document) {
        Ok(described) => {
            assert!(!described.types.is_empty(), "a driver without a type");
            let written = serde_json::to_value(&described).expect("a description is JSON");
            let again = description(written).unwrap_or_else(|error| panic!("{error}: {described:?}"));
            assert_eq!(again, described);
        }
        Err(LoadError::Description { violations }) => {
            assert!(!violations.is_empty() && violations.len() <= 20, "{violations:?}");
            for violation in violations {
                assert!(!violation.message.is_empty() && violation.message.len() <= 520, "{violation:?}");
            }
        }
        Err(other) => panic!("{other}"),
    }
}
