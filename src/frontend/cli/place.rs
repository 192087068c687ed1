//! Where documents go that do not say so themselves.
//!
//! A file says it, or a flag, or else the environment variables and the context; a file and a flag that disagree are
//! refused. The core refuses any place of a call that the file contradicts, so only flags are always sent; what is merely
//! at hand is sent if no file says otherwise.

use tonic::Status;

use super::connect::{LONG_DEADLINE, Session, within};
use super::{error, names};
use crate::pb;

/// Project and environment; empty where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    pub project: String,
    pub environment: String,
}

impl Place {
    fn at_hand(session: &Session) -> Self {
        let settings = &session.settings;
        Place { project: settings.project.clone(), environment: settings.environment.clone() }
    }

    fn of_flags(session: &Session) -> Self {
        let settings = &session.settings;
        let text = |flag: &Option<String>| flag.clone().unwrap_or_default();
        Place { project: text(&settings.flag_project), environment: text(&settings.flag_environment) }
    }

    /// Where an order that the core has named lives.
    pub fn of_order(session: &Session, name: &str) -> Self {
        let (project, environment, order) = names::scope(name);
        if order.is_empty() { Self::at_hand(session) } else { Place { project, environment } }
    }
}

/// How documents are applied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    pub validate_only: bool,
    pub moved: bool,
}

/// Applies all documents of the sources, or none; orders among them are only named.
pub async fn apply_documents(
    session: &Session,
    sources: &[pb::Source],
    manner: Manner,
) -> Result<Vec<pb::AppliedDocument>, Status> {
    let (at_hand, of_flags) = (Place::at_hand(session), Place::of_flags(session));
    let status = match call(session, sources, &at_hand, manner).await {
        Err(status) if at_hand != of_flags && error::reason(&status) == "DOCUMENT_INVALID" => status,
        ended => return ended,
    };
    // The files may say something else than what is at hand. If that was not it, the first answer says more.
    call(session, sources, &of_flags, manner)
        .await
        .map_err(|second| if error::reason(&second) == "REQUEST_INVALID" { status } else { second })
}

async fn call(
    session: &Session,
    sources: &[pb::Source],
    place: &Place,
    manner: Manner,
) -> Result<Vec<pb::AppliedDocument>, Status> {
    let request = pb::ApplyDocumentsRequest {
        sources: sources.to_vec(),
        project: place.project.clone(),
        environment: place.environment.clone(),
        validate_only: manner.validate_only,
        moved: manner.moved,
    };
    let answer = session.documents().apply_documents(within(request, LONG_DEADLINE)).await?;
    Ok(answer.into_inner().documents)
}
