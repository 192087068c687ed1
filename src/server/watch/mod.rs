//! Watching a project: what is there, then every change, in one stream.
//!
//! **What is promised.** Changes come in the order of their revisions, none is left out, none comes twice, and those of
//! one commit come together. The state at the beginning is read *after* the revision that changes are told from: a record
//! that changes in between is in it as it then is, and the change is told once more behind the bookmark. So the beginning
//! is at least as new as its bookmark, and whoever applies what comes in order ends at the truth. A client that lost its
//! stream resumes behind the last token it has seen; records of the beginning have none.

mod beginning;
mod feed;
pub mod token;

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use tonic::{Request, Response, Status};

use crate::domain::name::Name;
use crate::pb;
use crate::pb::watch_service_server::WatchService;

use super::caller::Caller;
use super::core::Core;
use super::{names, request};

use feed::Feed;

pub struct Watches(pub Arc<Core>);

/// Which changes of a project a watch tells.
#[derive(Debug, Clone)]
pub struct Scope {
    pub project: Name,
    pub environment: Option<Name>,
    pub order: Option<Name>,
}

impl Scope {
    /// Whether something that belongs to `order` (`projects/*/environments/*/orders/*`, or empty) is told.
    fn tells(&self, order: &str) -> bool {
        if self.environment.is_none() && self.order.is_none() {
            return true;
        }
        let parts: Vec<&str> = order.split('/').collect();
        let ["projects", _, "environments", environment, "orders", order] = parts.as_slice() else { return false };
        self.environment.as_ref().is_none_or(|it| it.as_str() == *environment)
            && self.order.as_ref().is_none_or(|it| it.as_str() == *order)
    }
}

#[tonic::async_trait]
impl WatchService for Watches {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<pb::WatchResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller = Caller::of(&request)?;
        let ask = request.into_inner();
        caller.authorize(&request::place(&ask.project, &ask.environment))?;
        let scope = Scope {
            project: names::name("project", &ask.project)?,
            environment: names::optional("environment", &ask.environment)?,
            order: names::optional("order", &ask.order)?,
        };
        let resume = match ask.resume_token.as_str() {
            "" => None,
            text => Some(token::read(text, &scope.project)?),
        };
        self.0.place(&scope.project, scope.environment.as_ref()).await?;
        let feed = Feed::begin(Arc::clone(&self.0), scope, resume, caller.slot).await?;
        let stream = futures::stream::try_unfold(feed, |mut feed| async move {
            let response = feed.next().await?;
            Ok(Some((response, feed)))
        });
        Ok(Response::new(Box::pin(stream)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_narrows_by_environment_and_order() {
        let name = |text: &str| Name::new(text).expect("a name");
        let scope = |environment: &str, order: &str| Scope {
            project: name("shop"),
            environment: (!environment.is_empty()).then(|| name(environment)),
            order: (!order.is_empty()).then(|| name(order)),
        };
        let checkout = "projects/shop/environments/dev/orders/checkout";
        assert!(scope("", "").tells(checkout) && scope("", "").tells(""));
        assert!(scope("dev", "").tells(checkout) && !scope("de", "").tells(checkout) && !scope("dev", "").tells(""));
        assert!(scope("dev", "checkout").tells(checkout) && !scope("dev", "check").tells(checkout));
        assert!(scope("", "checkout").tells(checkout) && !scope("prod", "checkout").tells(checkout));
    }
}
