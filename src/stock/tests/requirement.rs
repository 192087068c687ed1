//! Which installed driver a recipe means.

use serde_json::json;

use super::super::requirement::newest;
use super::of;
use crate::domain::driver::DriverRecord;
use crate::domain::requirement::Requirement;

fn installed(name: &str, version: &str, digest: &str, at: i64) -> DriverRecord {
    of(json!({
        "digest": digest, "imports": [], "size_bytes": 1, "version": 1, "principal": "user:anna", "create_time": at, "update_time": at,
        "description": { "name": name, "version": version, "state-version": 1, "types": {} },
    }))
}

#[test]
fn the_newest_version_that_meets_the_requirement_is_picked() {
    let all = [
        installed("postgres", "0.1.2", "a", 5),
        installed("postgres", "0.1.10", "b", 1),
        installed("postgres", "0.1.10", "c", 2),
        installed("postgres", "0.2.0-rc.1", "d", 3),
        installed("postgres", "not-semver", "e", 9),
        installed("sqlite", "9.0.0", "f", 1),
    ];
    for (requirement, expected) in [
        ("postgres", Ok("c")),
        ("postgres@^0.1", Ok("c")),
        ("postgres@<0.1.10", Ok("a")),
        ("postgres@^0.2.0-rc.1", Ok("d")),
        ("sqlite", Ok("f")),
        ("mysql", Err("no driver `mysql` is installed")),
        ("sqlite@1", Err("no installed version of driver `sqlite` meets `^1`: installed are 9.0.0")),
    ] {
        let requirement = Requirement::parse(requirement).expect("a requirement");
        let found = newest(&requirement, &all).map(|it| it.digest.as_str()).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{requirement}");
    }
}
