//! What a login may do in its database: the statements that give and take it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vend_sdk::{Statement, ident};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    Read,
    #[default]
    Write,
    Owner,
}

/// Who gets what, as identifiers of SQL.
pub struct Grant {
    role: String,
    database: String,
    owner: String,
}

impl Grant {
    pub fn new(role: &str, database: &str, owner: &str) -> Self {
        Self { role: ident(role), database: ident(database), owner: ident(owner) }
    }

    pub fn give(&self, access: Access) -> Vec<Statement> {
        let Self { role, database, owner } = self;
        let (tables, sequences) = match access {
            Access::Owner => {
                return statements([
                    format!("GRANT {owner} TO {role}"),
                    format!("ALTER ROLE {role} IN DATABASE {database} SET role TO {owner}"),
                ]);
            }
            Access::Read => ("SELECT", "SELECT"),
            Access::Write => ("SELECT, INSERT, UPDATE, DELETE", "SELECT, USAGE, UPDATE"),
        };
        let future = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT");
        statements([
            format!("GRANT CONNECT ON DATABASE {database} TO {role}"),
            format!("GRANT USAGE ON SCHEMA public TO {role}"),
            format!("GRANT {tables} ON ALL TABLES IN SCHEMA public TO {role}"),
            format!("GRANT {sequences} ON ALL SEQUENCES IN SCHEMA public TO {role}"),
            format!("{future} {tables} ON TABLES TO {role}"),
            format!("{future} {sequences} ON SEQUENCES TO {role}"),
        ])
    }

    pub fn take(&self, access: Access) -> Vec<Statement> {
        let Self { role, database, owner } = self;
        if access == Access::Owner {
            return statements([
                format!("ALTER ROLE {role} IN DATABASE {database} RESET role"),
                format!("REVOKE {owner} FROM {role}"),
            ]);
        }
        let future = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public REVOKE ALL ON");
        statements([
            format!("{future} TABLES FROM {role}"),
            format!("{future} SEQUENCES FROM {role}"),
            format!("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"),
            format!("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}"),
            format!("REVOKE USAGE ON SCHEMA public FROM {role}"),
        ])
    }
}

fn statements<const N: usize>(all: [String; N]) -> Vec<Statement> {
    all.into_iter().map(Statement::new).collect()
}
