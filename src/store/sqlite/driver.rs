//! Installed drivers and their components.

use std::cmp::Ordering;
use std::sync::LazyLock;

use rusqlite::{Connection, params};

use super::row::{Columns, all, int, json, one};
use super::table::{Statements, Table};
use crate::domain::driver::DriverRecord;
use crate::domain::name::shard;
use crate::store::Error;

static TABLE: LazyLock<Statements> = LazyLock::new(|| {
    Table {
        name: "driver",
        key: &["digest"],
        fixed: &["shard", "create_time", "name", "driver_version"],
        changing: &["description", "imports", "size_bytes", "principal", "version", "update_time"],
    }
    .statements()
});

static SELECT: LazyLock<String> = LazyLock::new(|| format!("{} WHERE digest = ?1", TABLE.select));

fn read(columns: &mut Columns<'_>) -> Result<DriverRecord, Error> {
    let digest = columns.text()?;
    columns.skip(1);
    let create_time = columns.time()?;
    columns.skip(2);
    Ok(DriverRecord {
        digest,
        create_time,
        description: columns.json()?,
        imports: columns.json()?,
        size_bytes: columns.number()?,
        principal: columns.text()?,
        version: columns.number()?,
        update_time: columns.time()?,
    })
}

pub fn put(connection: &Connection, it: &DriverRecord) -> Result<(), Error> {
    let params = params![
        it.digest,
        shard(""),
        int(it.create_time.ms()),
        it.description.name,
        it.description.version,
        json(&it.description),
        json(&it.imports),
        int(it.size_bytes),
        it.principal,
        int(it.version),
        int(it.update_time.ms()),
    ];
    TABLE.put(connection, it.version, params, || format!("driver {}", it.digest))
}

/// The digest says what the bytes are: a second time changes nothing.
pub fn put_component(connection: &Connection, digest: &str, bytes: &[u8]) -> Result<(), Error> {
    let sql = "INSERT INTO component (digest, shard, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    connection.prepare_cached(sql)?.execute(params![digest, shard(""), bytes])?;
    Ok(())
}

/// With its component; the deleted record is the answer.
pub fn delete(connection: &Connection, digest: &str) -> Result<DriverRecord, Error> {
    let Some(driver) = get(connection, digest)? else {
        return Err(Error::Conflict { record: format!("driver {digest}") });
    };
    connection.prepare_cached("DELETE FROM driver WHERE digest = ?1")?.execute([digest])?;
    connection.prepare_cached("DELETE FROM component WHERE digest = ?1")?.execute([digest])?;
    Ok(driver)
}

pub fn get(connection: &Connection, digest: &str) -> Result<Option<DriverRecord>, Error> {
    one(connection, "driver", &SELECT, [digest], read)
}

pub fn component(connection: &Connection, digest: &str) -> Result<Option<Vec<u8>>, Error> {
    one(connection, "component", "SELECT bytes FROM component WHERE digest = ?1", [digest], |columns| columns.bytes())
}

pub fn list(connection: &Connection) -> Result<Vec<DriverRecord>, Error> {
    let mut drivers = all(connection, "driver", &TABLE.select, [], read)?;
    drivers.sort_by(|a, b| {
        let (left, right) = (&a.description, &b.description);
        left.name
            .cmp(&right.name)
            .then_with(|| precedence(&left.version, &right.version))
            .then_with(|| b.create_time.cmp(&a.create_time))
            .then_with(|| a.digest.cmp(&b.digest))
    });
    Ok(drivers)
}

/// Which version comes first (SemVer 2.0, section 11); parts that are no numbers compare as text.
fn precedence(left: &str, right: &str) -> Ordering {
    let split = |text: &str| {
        let release = text.split('+').next().unwrap_or_default().to_owned();
        match release.split_once('-') {
            Some((core, pre)) => (core.to_owned(), Some(pre.to_owned())),
            None => (release, None),
        }
    };
    let ((left, left_pre), (right, right_pre)) = (split(left), split(right));
    identifiers(&left, &right).then_with(|| match (left_pre, right_pre) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) => identifiers(&left, &right),
    })
}

/// Dotted identifiers: numbers by value and before texts, more of them after fewer.
fn identifiers(left: &str, right: &str) -> Ordering {
    let key = |text: &str| -> Vec<(bool, u64, String)> {
        text.split('.')
            .map(|part| match part.parse::<u64>() {
                Ok(number) => (false, number, String::new()),
                Err(_) => (true, 0, part.to_owned()),
            })
            .collect()
    };
    key(left).cmp(&key(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_their_order() {
        let ordered =
            ["0.9.0", "0.10.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.0.1"];
        for pair in ordered.windows(2) {
            assert_eq!(precedence(pair[0], pair[1]), Ordering::Less, "{} before {}", pair[0], pair[1]);
        }
        assert_eq!(precedence("1.0.0+a", "1.0.0+b"), Ordering::Equal);
    }
}
