//! Bearer tokens, by the hash of each.

use rusqlite::{Connection, params};

use super::row::{int, json, one};
use crate::domain::id::TokenId;
use crate::domain::name::shard;
use crate::store::{Error, Token};

/// A known token gets its new rights, end or revocation; its hash stays.
pub fn put(connection: &Connection, it: &Token) -> Result<(), Error> {
    let sql = "INSERT INTO token (id, shard, name, hash, roles, principal, create_time, expire_time, revoked)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, roles = excluded.roles,
                   principal = excluded.principal, expire_time = excluded.expire_time, revoked = excluded.revoked";
    connection.prepare_cached(sql)?.execute(params![
        it.id.as_str(),
        shard(""),
        it.name,
        it.hash,
        json(&it.roles),
        it.principal,
        int(it.create_time.ms()),
        it.expire_time.map(|time| int(time.ms())),
        it.revoked,
    ])?;
    Ok(())
}

pub fn get(connection: &Connection, hash: &str) -> Result<Option<Token>, Error> {
    let sql = "SELECT id, name, hash, roles, principal, create_time, expire_time, revoked FROM token WHERE hash = ?1";
    one(connection, "token", sql, [hash], |columns| {
        Ok(Token {
            id: columns.parse(TokenId::parse)?,
            name: columns.text()?,
            hash: columns.text()?,
            roles: columns.json()?,
            principal: columns.text()?,
            create_time: columns.time()?,
            expire_time: columns.time_optional()?,
            revoked: columns.flag()?,
        })
    })
}
