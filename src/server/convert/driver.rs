//! Installed drivers.

use crate::domain::driver::DriverRecord;
use crate::engine::Condition;
use crate::pb;

use super::{hold, long, time};

pub fn driver(it: DriverRecord, held: Vec<Condition>) -> pb::Driver {
    let description_json = serde_json::to_string(&it.description).expect("a description has only text keys");
    pb::Driver {
        name: format!("drivers/{}", it.description.name),
        version: it.description.version,
        digest: it.digest,
        title: it.description.title,
        resource_types: it.description.types.into_keys().collect(),
        imports: it.imports,
        size_bytes: long(it.size_bytes),
        description_json,
        principal: it.principal,
        create_time: Some(time(it.create_time)),
        conditions: held.into_iter().map(hold::condition).collect(),
    }
}
