//! Where the server is: `postgres://host:port[/maintenance-database]`, without credentials.

/// A server and the database from which others are made and dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) database: String,
}

impl Endpoint {
    /// The error says what is wrong, and never repeats a URL that may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or("the endpoint is not of the form postgres://host:port/database")?;
        if rest.contains('@') {
            return Err("the endpoint carries credentials: they belong into the connection's credential");
        }
        if rest.contains(['?', '#', '%']) || rest.contains(char::is_whitespace) || rest.contains(char::is_control) {
            return Err("the endpoint is host, port and database alone: no options, no escapes");
        }
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        if database.contains('/') {
            return Err("the endpoint names more than one database");
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or("the endpoint's address has no closing bracket")?;
                host.parse::<std::net::Ipv6Addr>()
                    .map_err(|_| "the endpoint's bracketed address is not an IPv6 address")?;
                (host, port.strip_prefix(':').or(port.is_empty().then_some("5432")))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, Some("5432")),
            },
        };
        let port = port.and_then(|digits| digits.parse().ok()).filter(|port| *port != 0);
        if host.is_empty() {
            return Err("the endpoint has no host");
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.ok_or("the endpoint's port is not a number from 1 to 65535")?,
            database: if database.is_empty() { "postgres" } else { database }.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_strictly() {
        for (url, expected) in [
            ("postgres://db.example:5433/admin", Ok(("db.example", 5433, "admin"))),
            ("postgresql://db.example", Ok(("db.example", 5432, "postgres"))),
            ("postgres://127.0.0.1:5432/", Ok(("127.0.0.1", 5432, "postgres"))),
            ("postgres://[::1]:5433", Ok(("::1", 5433, "postgres"))),
            ("postgres://[::1]", Ok(("::1", 5432, "postgres"))),
            ("http://db.example", Err("form")),
            ("postgres://user:secret@db.example", Err("credentials")),
            ("postgres://db.example/a?sslmode=disable", Err("options")),
            ("postgres://%2Ftmp/a", Err("options")),
            ("postgres://db.example/a/b", Err("more than one")),
            ("postgres://:5432", Err("no host")),
            ("postgres://db.example:0", Err("port")),
            ("postgres://db.example:x", Err("port")),
            ("postgres://::1:5432", Err("no host")),
            ("postgres://[::1", Err("bracket")),
            ("postgres://[db]:1", Err("IPv6")),
            ("postgres://[::1]x", Err("port")),
        ] {
            match (Endpoint::parse(url), expected) {
                (Ok(endpoint), Ok(parts)) => {
                    assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.database.as_str()), parts);
                }
                (Err(message), Err(part)) => {
                    assert!(message.contains(part) && !message.contains("secret"), "{message}")
                }
                (got, expected) => panic!("{url}: {got:?}, expected {expected:?}"),
            }
        }
    }
}
