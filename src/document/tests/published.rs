//! The reference in `docs/documents.md` holds.

use super::read;
use crate::domain::document::Kind;

#[test]
fn every_example_of_the_reference_is_accepted() {
    let reference = include_str!("../../../docs/documents.md");
    let mut kinds = Vec::new();
    for block in reference.split("```yaml\n").skip(1) {
        let text = block.split("```").next().expect("a block ends");
        let parsed = read(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        assert!(!parsed.is_empty(), "{text}");
        kinds.extend(parsed.iter().map(|it| it.manifest.kind()));
    }
    for kind in Kind::ALL {
        assert!(kinds.contains(&kind), "{kind} has no example");
        assert!(reference.contains(&format!("\n## {kind}\n")), "{kind} has no section");
    }
}

#[test]
fn every_key_is_in_the_reference() {
    let reference = include_str!("../../../docs/documents.md");
    for kind in Kind::ALL {
        let keys = super::super::schema(kind)["properties"].as_object().expect("properties");
        for key in keys.keys() {
            assert!(reference.contains(&format!("| `{key}` |")), "{kind}: `{key}`");
        }
    }
}
