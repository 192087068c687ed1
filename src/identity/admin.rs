//! The administrator's token: made at the first start, so that the next command just works.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::domain::event::Audit;
use crate::domain::id::{AuditId, TokenId};
use crate::domain::principal::Role;
use crate::domain::secret::Plain;
use crate::domain::time::{Clock, Entropy};
use crate::store::{Commit, Site, Store, Token, Write};

use super::{Error, token};

const PRINCIPAL: &str = "token:admin";

/// Sees to it that the file at `path` holds an administrator's token that the store knows.
///
/// The file comes first: a start that died in between finds it and only writes the hash. A lost file means a new token,
/// since the old one cannot be told from its hash; the old one keeps working until it is revoked.
pub async fn ensure_admin(
    store: &dyn Store,
    path: &Path,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), Error> {
    let text = match read(path)? {
        Some(text) => text,
        None => {
            let text = token::generate(entropy);
            write(path, &text)?;
            text
        }
    };
    let hash = token::hash(text.reveal());
    if store.token(&hash).await?.is_some() {
        return Ok(());
    }
    let now = clock.now();
    let made = Token {
        id: TokenId::new(now, entropy),
        name: "admin".into(),
        hash,
        roles: vec![Role::Admin],
        principal: PRINCIPAL.into(),
        create_time: now,
        expire_time: None,
        revoked: false,
    };
    let mut commit = Commit::new(Site::Secret);
    commit.audit.push(Audit {
        id: AuditId::new(now, entropy),
        project: String::new(),
        principal: "system:start".into(),
        action: "tokens.create".into(),
        name: format!("tokens/{}", made.id),
        decision: "allowed".into(),
        reason: "an administrator's token is made at the first start".into(),
        time: now,
    });
    commit.writes.push(Write::Token(made));
    store.commit(commit).await?;
    Ok(())
}

fn read(path: &Path) -> Result<Option<Plain>, Error> {
    let failed = |action| move |source| Error::File { action, path: path.display().to_string(), source };
    let mode = match fs::metadata(path) {
        Ok(meta) => meta.permissions().mode() & 0o777,
        Err(missing) if missing.kind() == ErrorKind::NotFound => return Ok(None),
        Err(other) => return Err(failed("look at")(other)),
    };
    if mode & 0o077 != 0 {
        return Err(Error::Exposed { path: path.display().to_string(), mode });
    }
    let text = fs::read_to_string(path).map_err(failed("read"))?;
    let text = text.trim();
    if !token::is_well_formed(text) {
        return Err(Error::NotAToken { path: path.display().to_string() });
    }
    Ok(Some(Plain::new(text)))
}

/// Under another name first: a file that is there is whole.
fn write(path: &Path, text: &Plain) -> Result<(), Error> {
    let failed = |source| Error::File { action: "write", path: path.display().to_string(), source };
    let draft = path.with_extension("token.new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
    writeln!(file, "{}", text.reveal()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)
}
