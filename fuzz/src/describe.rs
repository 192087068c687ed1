//! Describe documents, which any component may answer with: what is taken is taken again when it is written out.

use serde_json::Value;
use vend::domain::description::Description;
use vend::driver::LoadError;
use vend::driver::manifest::read;

/// What a component imports that can do everything.
const IMPORTS: [&str; 4] = [
    "vend:driver/sql-read@0.1.0",
    "vend:driver/sql-write@0.1.0",
    "vend:driver/http-read@0.1.0",
    "vend:driver/http-write@0.1.0",
];

fn description(document: Value) -> Result<Description, LoadError> {
    read(document, &IMPORTS.map(str::to_owned)).map(|(description, _)| description)
}

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
