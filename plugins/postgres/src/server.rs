//! A database and its role on the server: what stands under the name, whose it is, and the statements that change it.
//!
//! Ownership labels lie in the comments of role and database. The role gets its comment in the transaction that makes it;
//! a database cannot, so one that carries nobody's labels is ours if a role that is provably ours owns it.

use vend_sdk::{Error, ErrorKind, Found, Labels, Secret, Semantics, Sql, Statement, ident};

use crate::documents::State;

pub const SERVER: Sql = Sql::slot("server");

/// One name on the server.
pub struct Place<'a> {
    pub name: &'a str,
    labels: &'a Labels,
    adopted: bool,
}

/// What stands there.
pub struct Sight {
    pub role: Found<Signed>,
    pub database: Found<Facts>,
}

/// Whether it carries our labels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signed(pub bool);

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    pub signed: Signed,
    /// By a role of the same name that is ours.
    pub owned: bool,
    pub connection_limit: i64,
}

impl Sight {
    /// Nothing here is a stranger's.
    pub fn refuse_foreign(&self) -> Result<(), Error> {
        match (&self.role, &self.database) {
            (Found::Foreign(what), _) | (_, Found::Foreign(what)) => Err(Error::foreign(what)),
            _ => Ok(()),
        }
    }
}

impl<'a> Place<'a> {
    pub fn new(name: &'a str, labels: &'a Labels) -> Self {
        Self { name, labels, adopted: false }
    }

    pub fn of(state: &'a State, labels: &'a Labels) -> Self {
        Self { name: &state.name, labels, adopted: state.adopted }
    }

    /// Unsigned objects count as ours: they were taken over, or are about to be.
    pub fn adopted(self, adopted: bool) -> Self {
        Self { adopted, ..self }
    }

    /// The database itself, for what lies inside.
    pub fn inside(&self) -> Sql {
        SERVER.database(self.name)
    }

    pub fn look(&self) -> Result<Sight, Error> {
        let rows = SERVER.query(Statement::new(LOOK).bind(self.name))?;
        let row = rows.first().ok_or_else(|| Error::internal("UNEXPECTED_ROWS", "the catalog did not answer"))?;
        let signed = |column: &str| -> Result<Option<Signed>, Error> { Ok(self.signed(row.get(column)?)) };
        let role = match signed("role_comment")? {
            _ if !row.get::<bool>("role")? => Found::Absent,
            Some(signed) => Found::Ours(signed),
            None => Found::Foreign(format!("role `{}`", self.name)),
        };
        let owner: Option<String> = row.get("owner")?;
        let owned = matches!(role, Found::Ours(_)) && owner.as_deref() == Some(self.name);
        let comment: Option<String> = row.get("database_comment")?;
        let unsigned = comment.as_deref().and_then(Labels::from_json).is_none();
        let connection_limit = row.get::<Option<i64>>("connection_limit")?.unwrap_or_default();
        let database = match signed("database_comment")? {
            _ if !row.get::<bool>("database")? => Found::Absent,
            Some(signed) => Found::Ours(Facts { signed, owned, connection_limit }),
            None if owned && unsigned => Found::Ours(Facts { signed: Signed(false), owned, connection_limit }),
            None => Found::Foreign(format!("database `{}`", self.name)),
        };
        Ok(Sight { role, database })
    }

    /// Nothing if the comment does not make the object ours.
    fn signed(&self, comment: Option<String>) -> Option<Signed> {
        match comment.as_deref().and_then(Labels::from_json) {
            Some(labels) => self.labels.own(&labels).then_some(Signed(true)),
            None => self.adopted.then_some(Signed(false)),
        }
    }

    /// The role, who it belongs to, and that we may make things its own: one transaction.
    pub fn make_role(&self, password: &Secret) -> Result<(), Error> {
        let role = ident(self.name);
        SERVER.transact([
            Statement::inline(format!("CREATE ROLE {role} LOGIN PASSWORD $1")).bind(password.scram()),
            self.comment("ROLE"),
            Statement::new(format!("GRANT {role} TO CURRENT_USER")),
        ])?;
        Ok(())
    }

    /// Of the template without additions. Its comment comes later: this cannot be part of a transaction.
    pub fn make_database(&self, connection_limit: i32) -> Result<(), Error> {
        let name = ident(self.name);
        let sql = format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0 CONNECTION LIMIT {connection_limit}");
        SERVER.execute(sql, Semantics::Idempotent)?;
        Ok(())
    }

    /// Signs what is not signed, and sets the connection limit.
    pub fn settle(&self, role: Signed, facts: Facts, connection_limit: i32) -> Result<(), Error> {
        let mut statements = Vec::new();
        if !role.0 {
            statements.push(self.comment("ROLE"));
        }
        if !facts.signed.0 {
            statements.push(self.comment("DATABASE"));
        }
        if facts.connection_limit != i64::from(connection_limit) {
            let name = ident(self.name);
            statements.push(Statement::new(format!("ALTER DATABASE {name} CONNECTION LIMIT {connection_limit}")));
        }
        if !statements.is_empty() {
            SERVER.transact(statements)?;
        }
        Ok(())
    }

    fn comment(&self, on: &str) -> Statement {
        let sql = format!("COMMENT ON {on} {} IS $1", ident(self.name));
        Statement::inline(sql).bind(self.labels.to_json())
    }

    /// Ends its sessions. That it is gone already is success.
    pub fn drop_database(&self) -> Result<(), Error> {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", ident(self.name));
        unless_gone(SERVER.execute(sql, Semantics::Idempotent))
    }

    pub fn drop_role(&self) -> Result<(), Error> {
        unless_gone(SERVER.transact([Statement::new(format!("DROP ROLE {}", ident(self.name)))]))
    }
}

fn unless_gone<T>(result: Result<T, Error>) -> Result<(), Error> {
    match result {
        Err(error) if !error.is(ErrorKind::NotFound) => Err(error),
        _ => Ok(()),
    }
}

/// Everybody may read these catalogs.
const LOOK: &str = "\
    SELECT r.oid IS NOT NULL AS role, shobj_description(r.oid, 'pg_authid') AS role_comment, \
           d.oid IS NOT NULL AS database, shobj_description(d.oid, 'pg_database') AS database_comment, \
           pg_get_userbyid(d.datdba)::text AS owner, d.datconnlimit::int8 AS connection_limit \
    FROM (VALUES ($1::text)) AS wanted (name) \
    LEFT JOIN pg_roles r ON r.rolname = wanted.name \
    LEFT JOIN pg_database d ON d.datname = wanted.name";
