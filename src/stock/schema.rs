//! Compiled schemas, kept by their content: 10,000 resources of one type compile its schemas once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::document::json_schema::Compiled;
use crate::domain::contract::Violation;

/// Kept at once; the one used longest ago goes first.
const MAX: usize = 256;

/// A bounded cache. Cheap to share, safe to use from many threads.
#[derive(Debug, Default)]
pub struct Schemas {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_content: HashMap<Value, Entry>,
    /// Counts uses.
    now: u64,
}

#[derive(Debug)]
struct Entry {
    compiled: Arc<Compiled>,
    used: u64,
}

impl Schemas {
    pub fn new() -> Self {
        Self::default()
    }

    /// `schema`, ready to validate. Pointers of the violations lead into it.
    pub fn compiled(&self, schema: &Value) -> Result<Arc<Compiled>, Vec<Violation>> {
        if let Some(found) = self.find(schema) {
            return Ok(found);
        }
        // Not under the lock: two may compile the same, and one is kept.
        let compiled = Arc::new(Compiled::new(schema)?);
        self.keep(schema, &compiled);
        Ok(compiled)
    }

    fn find(&self, schema: &Value) -> Option<Arc<Compiled>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.now += 1;
        let now = kept.now;
        let entry = kept.by_content.get_mut(schema)?;
        entry.used = now;
        Some(Arc::clone(&entry.compiled))
    }

    fn keep(&self, schema: &Value, compiled: &Arc<Compiled>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.by_content.len() >= MAX {
            let oldest = kept.by_content.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            oldest.and_then(|key| kept.by_content.remove(&key));
        }
        let used = kept.now;
        kept.by_content.insert(schema.clone(), Entry { compiled: Arc::clone(compiled), used });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_schema_is_compiled_once_and_the_oldest_goes() {
        let schemas = Schemas::new();
        let schema = |i: usize| json!({ "maxLength": i });
        let first = schemas.compiled(&schema(0)).expect("a schema");
        for i in 1..MAX {
            schemas.compiled(&schema(i)).expect("a schema");
        }
        assert!(Arc::ptr_eq(&first, &schemas.compiled(&schema(0)).expect("kept")));
        schemas.compiled(&schema(MAX)).expect("a schema");
        assert!(schemas.find(&schema(1)).is_none());
        assert!(Arc::ptr_eq(&first, &schemas.compiled(&schema(0)).expect("kept")));
        assert_eq!(schemas.kept.lock().expect("a lock").by_content.len(), MAX);
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        let violations = Schemas::new().compiled(&json!({ "type": 7 })).expect_err("no schema");
        assert_eq!(violations[0].pointer, "/type");
    }
}
