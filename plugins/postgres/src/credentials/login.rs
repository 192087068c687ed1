//! A role on the server that may log in to one database, and the statements that make, change and remove it.

use vend_sdk::{Error, ErrorKind, Found, Labels, Secret, Sql, Statement, ident};

use super::access::{Access, Grant};
use super::documents::State;
use crate::server::{Place, SERVER, Signed};

pub struct Login<'a> {
    pub state: &'a State,
    role: Place<'a>,
}

/// As it is.
pub struct Sight {
    owner: String,
    /// Nothing: it was taken from it.
    pub access: Option<Access>,
    pub connection_limit: i64,
}

impl<'a> Login<'a> {
    pub fn new(state: &'a State, labels: &'a Labels) -> Self {
        Self { state, role: Place::new(&state.name, labels) }
    }

    fn inside(&self) -> Sql {
        SERVER.database(&self.state.database)
    }

    pub fn look(&self) -> Result<Found<Signed>, Error> {
        Ok(self.role.look()?.role)
    }

    pub fn make(&self, password: &Secret) -> Result<(), Error> {
        self.role.make_role(password)
    }

    /// Role and database are there.
    pub fn sight(&self) -> Result<Sight, Error> {
        let rows = self.inside().query(Statement::new(LOOK).bind(self.state.name.as_str()))?;
        let gone = || Error::not_found(format!("role `{}`", self.state.name));
        let row = rows.first().ok_or_else(gone)?;
        let privileges: Option<String> = row.get("privileges")?;
        let may = |what: &str| privileges.as_deref().is_some_and(|all| all.split(',').any(|it| it == what));
        let access = match row.get::<bool>("member")? {
            true => Some(Access::Owner),
            false if may("INSERT") => Some(Access::Write),
            false if may("SELECT") => Some(Access::Read),
            false => None,
        };
        Ok(Sight { owner: row.get("owner")?, access, connection_limit: row.get("connection_limit")? })
    }

    /// All of it or nothing.
    pub fn settle(&self, access: Access, connection_limit: i32) -> Result<(), Error> {
        let sight = self.sight()?;
        let State { name, database } = self.state;
        let grant = Grant::new(name, database, &sight.owner);
        let mut statements = Vec::new();
        if sight.access != Some(access) {
            statements.extend(sight.access.map(|was| grant.take(was)).unwrap_or_default());
            statements.extend(grant.give(access));
        }
        if sight.connection_limit != i64::from(connection_limit) {
            statements.push(Statement::new(format!("ALTER ROLE {} CONNECTION LIMIT {connection_limit}", ident(name))));
        }
        if !statements.is_empty() {
            self.inside().transact(statements)?;
        }
        Ok(())
    }

    /// What it has made stays, and belongs to the database's owner. Its sessions end.
    pub fn remove(&self) -> Result<(), Error> {
        let role = ident(&self.state.name);
        if let Some(owner) = owner(&self.state.database)? {
            let statements = [
                Statement::new(format!("REASSIGN OWNED BY {role} TO {}", ident(&owner))),
                Statement::new(format!("DROP OWNED BY {role}")),
            ];
            match self.inside().transact(statements) {
                // Somebody was faster.
                Err(error) if error.is(ErrorKind::NotFound) => {}
                other => drop(other?),
            }
        }
        let sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1::text";
        SERVER.transact([Statement::new(sessions).bind(self.state.name.as_str())])?;
        self.role.drop_role()
    }
}

/// Of a database; nothing if there is none.
pub fn owner(database: &str) -> Result<Option<String>, Error> {
    let sql = "SELECT pg_get_userbyid(datdba)::text AS owner FROM pg_database WHERE datname = $1::text";
    let rows = SERVER.query(Statement::new(sql).bind(database))?;
    rows.first().map(|row| row.get("owner")).transpose()
}

/// What it was given for tables to come tells what it may: it is given and taken together with the rest.
const LOOK: &str = "\
    SELECT pg_get_userbyid(d.datdba)::text AS owner, r.rolconnlimit::int8 AS connection_limit, \
           pg_has_role(r.oid, d.datdba, 'MEMBER') AS member, \
           (SELECT string_agg(a.privilege_type, ',') \
            FROM pg_default_acl f JOIN pg_namespace n ON n.oid = f.defaclnamespace, aclexplode(f.defaclacl) a \
            WHERE n.nspname = 'public' AND f.defaclrole = d.datdba AND f.defaclobjtype = 'r' AND a.grantee = r.oid) \
           AS privileges \
    FROM pg_database d, pg_roles r \
    WHERE d.datname = current_database() AND r.rolname = $1::text";
