//! Documents: projects, environments, resource types, connections, recipes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::domain::document::{Document, Kind, Manifest};
use crate::domain::hold::Target;
use crate::domain::name::Name;
use crate::domain::reason::Reason;
use crate::pb;
use crate::pb::applied_document::Action;
use crate::pb::document_service_server::DocumentService;
use crate::stock::{self, AppliedDocument, Checked, Manner};

use super::caller::Caller;
use super::core::Core;
use super::gather::Gathering;
use super::source::{self, Sourced};
use super::{convert, holds, names, request, status};

/// Whoever applies documents does not wait longer for what is only told.
const PATIENCE: Duration = Duration::from_secs(5);

pub struct Documents(pub Arc<Core>);

#[tonic::async_trait]
impl DocumentService for Documents {
    async fn apply_documents(
        &self,
        request: Request<pb::ApplyDocumentsRequest>,
    ) -> Result<Response<pb::ApplyDocumentsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        // Whether it is open at all, before anything is parsed; then for each document by its name.
        caller.authorize("")?;
        let mut manifests = Vec::new();
        let mut places = Vec::new();
        let mut answers = Vec::new();
        let manner = Manner { validate_only: ask.validate_only, moved: ask.moved };
        let read = source::read(ask.sources).await?;
        for document in read.documents {
            let at = answers.len();
            if document.parsed.manifest.kind() == Kind::Order {
                let order = order(document, &ask.project, &ask.environment)?;
                caller.authorize(&order.name)?;
                answers.push(Some(order));
            } else {
                caller.authorize(&document.parsed.manifest.resource_name())?;
                places.push((at, document.source));
                manifests.push(document.parsed.manifest);
                answers.push(None);
            }
        }
        let applied = self.0.stock.apply(manifests, &caller.principal, manner).await?;
        drop(read.load);
        let until = Instant::now() + PATIENCE;
        for ((at, source), mut it) in places.into_iter().zip(applied) {
            if !ask.validate_only {
                self.foretell(&mut it, until).await;
            }
            answers[at] = Some(convert::document::applied(it, source));
        }
        Ok(Response::new(pb::ApplyDocumentsResponse { documents: answers.into_iter().flatten().collect() }))
    }

    async fn get_document(
        &self,
        request: Request<pb::GetDocumentRequest>,
    ) -> Result<Response<pb::GetDocumentResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let (kind, project, name) = names::document(&ask.name)?;
        let _turn = self.0.turn().await?;
        let found = self.0.store.document(kind, &project, name.as_str()).await?;
        let document = found.ok_or_else(|| status::not_found(&ask.name))?;
        let document = self.seen(document).await;
        Ok(Response::new(pb::GetDocumentResponse { document: Some(document) }))
    }

    async fn list_documents(
        &self,
        request: Request<pb::ListDocumentsRequest>,
    ) -> Result<Response<pb::ListDocumentsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(if ask.kind == Kind::Connection.as_str() { "connections/" } else { "" })?;
        let kind = kind(&ask.kind)?;
        let project = names::optional("project", &ask.project)?;
        let bound = request::bound("documents", &[&ask.kind, &ask.project], &Default::default());
        let paging = self.0.pages.read(&bound, ask.page_size, &ask.page_token)?;
        match (&project, kind) {
            (Some(project), Kind::Environment) => drop(self.0.project(project).await?),
            (Some(_), _) => return Err(names::field("project", "narrows only environments")),
            (None, _) => {}
        }
        let project = project.as_ref().map(|it| it.as_str());
        let _turn = self.0.turn().await?;
        let mut page = Gathering::new(paging);
        while let Some(paging) = page.wants() {
            let read = self.0.store.documents(kind, project, paging).await?;
            for document in read.items {
                page.add(self.seen(document).await);
            }
            page.goes_on_at(read.next);
        }
        let next_page_token = self.0.pages.write(&bound, page.next());
        Ok(Response::new(pb::ListDocumentsResponse { documents: page.items, next_page_token }))
    }

    async fn delete_document(
        &self,
        request: Request<pb::DeleteDocumentRequest>,
    ) -> Result<Response<pb::DeleteDocumentResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let (kind, project, name) = names::document(&ask.name)?;
        let etag = request::etag(&ask.etag)?;
        self.0.stock.delete(kind, &project, name.as_str(), etag, &caller.principal).await?;
        Ok(Response::new(pb::DeleteDocumentResponse {}))
    }

    async fn pause_document(
        &self,
        request: Request<pb::PauseDocumentRequest>,
    ) -> Result<Response<pb::PauseDocumentResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let target = pausable(&ask.name)?;
        let (hold, unchanged) = self.0.pause(target, &ask.message, &caller).await?;
        Ok(Response::new(pb::PauseDocumentResponse { hold: Some(hold), unchanged }))
    }

    async fn resume_document(
        &self,
        request: Request<pb::ResumeDocumentRequest>,
    ) -> Result<Response<pb::ResumeDocumentResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let target = pausable(&ask.name)?;
        let unchanged = self.0.resume(&target, &caller).await?;
        Ok(Response::new(pb::ResumeDocumentResponse { unchanged }))
    }

    async fn check_connection(
        &self,
        request: Request<pb::CheckConnectionRequest>,
    ) -> Result<Response<pb::CheckConnectionResponse>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&ask.name)?;
        let (Kind::Connection, _, name) = names::document(&ask.name)? else {
            return Err(names::field("name", "is no name of the form connections/*"));
        };
        let checked = self.0.stock.check_connection(name.as_str()).await;
        checked_answer(checked).map(Response::new)
    }
}

impl Documents {
    /// What an upgrade would do to everything that a changed recipe has made. It is applied already: what cannot be told is not told.
    async fn foretell(&self, it: &mut AppliedDocument, until: Instant) {
        if it.kind != Kind::Recipe || it.concerns.is_empty() {
            return;
        }
        let Some(Ok(name)) = it.name.strip_prefix("recipes/").map(Name::new) else { return };
        match self.0.engine.foretell(&name, until).await {
            Ok(told) if told.is_empty() => {}
            Ok(told) => it.concerns.push_str(&format!("; {told}: `vend upgrade --recipe {name}`")),
            Err(error) => tracing::warn!(recipe = %name, "what upgrading would do cannot be told: {error}"),
        }
    }

    /// The document, a connection with how it was found lately.
    async fn seen(&self, document: Document) -> pb::Document {
        let conditions = match document.manifest.kind() {
            Kind::Connection => self.0.stock.connection_conditions(document.manifest.name().as_str()).await,
            _ => Vec::new(),
        };
        let held = match Target::parse(&document.manifest.resource_name()).filter(is_pausable) {
            Some(target) => self.0.engine.held_conditions(&target),
            None => Vec::new(),
        };
        convert::document::document(document, conditions, held)
    }
}

fn pausable(name: &str) -> Result<Target, Status> {
    holds::target(name, "connections/* or recipes/*", is_pausable)
}

fn is_pausable(target: &Target) -> bool {
    matches!(target, Target::Connection(_) | Target::Recipe(_))
}

/// What the check found is the answer, also if the backend is not there or lets nobody in; other refusals are refusals.
fn checked_answer(checked: Result<Checked, stock::Error>) -> Result<pb::CheckConnectionResponse, Status> {
    let refusal = match checked {
        Ok(Checked { warnings, credentials_tried }) => {
            let answer = pb::CheckConnectionResponse {
                reachable: true,
                credentials_accepted: credentials_tried,
                credentials_tried,
                warnings,
                ..Default::default()
            };
            return Ok(answer);
        }
        Err(stock::Error::Refused(refusal)) => refusal,
        Err(other) => return Err(other.into()),
    };
    let reachable = match refusal.reason {
        Reason::CredentialsRejected | Reason::BackendRefused | Reason::BackendThrottled => true,
        Reason::BackendUnavailable | Reason::EgressDenied => false,
        _ => return Err(refusal.into()),
    };
    let credentials_accepted = reachable && refusal.reason != Reason::CredentialsRejected;
    let (reason, message) = (refusal.reason.to_string(), refusal.message);
    let (credentials_tried, warnings) = (reachable, Vec::new());
    Ok(pb::CheckConnectionResponse { reachable, credentials_accepted, credentials_tried, reason, message, warnings })
}

fn kind(text: &str) -> Result<Kind, Status> {
    match Kind::parse(text) {
        Some(Kind::Order) => Err(names::field("kind", "orders have their own call, ListOrders")),
        Some(kind) => Ok(kind),
        None => Err(names::field("kind", "is none of Project, Environment, ResourceType, Connection, Recipe")),
    }
}

/// An order among documents: named, so that the caller knows to apply it by its own call.
fn order(document: Sourced, project: &str, environment: &str) -> Result<pb::AppliedDocument, Status> {
    let source = document.source;
    let order = source::fill(document, project, environment)?;
    Ok(pb::AppliedDocument {
        kind: Kind::Order.to_string(),
        name: Manifest::Order(order.manifest).resource_name(),
        action: Action::Order.into(),
        source: convert::int(source),
        ..pb::AppliedDocument::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::refusal::Refusal;

    #[test]
    fn a_check_that_finds_the_backend_away_is_an_answer() {
        let refused = |reason| Err(stock::Error::Refused(Refusal::new(reason, "no")));
        let found = |reason| checked_answer(refused(reason)).map(|it| (it.reachable, it.credentials_accepted)).ok();
        assert_eq!(found(Reason::BackendUnavailable), Some((false, false)));
        assert_eq!(found(Reason::CredentialsRejected), Some((true, false)));
        assert_eq!(found(Reason::BackendRefused), Some((true, true)));
        assert_eq!(found(Reason::NotFound), None);
    }
}
