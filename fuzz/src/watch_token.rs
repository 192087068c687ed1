//! Resume tokens: a project on the first line, a token on the second.

use vend::domain::name::Name;
use vend::server::watch::token;

use super::input::line;

pub fn target(bytes: &[u8]) {
    let (project, rest) = line(bytes);
    let (given, _) = line(rest);
    let Ok(project) = Name::new(project) else { return };
    let Ok(revision) = token::read(&given, &project) else { return };
    let written = token::write(&project, revision);
    assert_eq!(token::read(&written, &project).ok(), Some(revision));
    let other = Name::new(format!("{project}x").chars().rev().take(20).collect::<String>());
    if let Some(other) = other.ok().filter(|other| *other != project) {
        assert!(token::read(&given, &other).is_err(), "{given} is of {project}, and not of {other}");
    }
}
