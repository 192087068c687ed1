//! Resume tokens: a project and a revision of its shard.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tonic::Status;

use crate::domain::name::Name;
use crate::server::names;

pub fn write(project: &Name, revision: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{revision}/{project}"))
}

/// The revision behind which `token` resumes a watch of `project`.
pub fn read(token: &str, project: &Name) -> Result<u64, Status> {
    revision(token, project).ok_or_else(|| names::field("resume_token", "comes from no watch of this project"))
}

fn revision(token: &str, project: &Name) -> Option<u64> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (revision, of) = text.split_once('/')?;
    (of == project.as_str()).then(|| revision.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_resumes_its_own_project() {
        let name = |text: &str| Name::new(text).expect("a name");
        let token = write(&name("shop"), 42);
        assert_eq!(revision(&token, &name("shop")), Some(42));
        assert_eq!(revision(&token, &name("other")), None);
        for bad in ["", "?", "AAAA", &token[2..]] {
            assert_eq!(revision(bad, &name("shop")), None, "{bad}");
        }
    }
}
