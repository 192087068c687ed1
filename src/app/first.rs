//! What the first start makes, so that the next command just works: a project and an environment to order in.

use crate::domain::document::{Environment, Kind, Manifest, Project};
use crate::domain::meta::Meta;
use crate::domain::name::Name;
use crate::domain::principal::Principal;
use crate::stock::{self, Stock};
use crate::store::{Paging, Store};

/// Project `default` and environment `dev` of type `development`, unless there are projects already: what somebody has
/// deleted does not come back.
pub async fn documents(store: &dyn Store, stock: &Stock) -> Result<(), stock::Error> {
    let one = Paging { limit: 1, after: None };
    if !store.documents(Kind::Project, None, &one).await?.items.is_empty() {
        return Ok(());
    }
    let project = Manifest::Project(Project { meta: meta("default", "Default project") });
    let environment = Manifest::Environment(Environment {
        meta: meta("dev", "Development"),
        project: name("default"),
        environment_type: name("development"),
    });
    let principal = Principal { name: "system:start".into(), roles: Vec::new() };
    stock.apply(vec![project, environment], &principal, Default::default()).await?;
    Ok(())
}

fn meta(called: &str, title: &str) -> Meta {
    Meta {
        name: name(called),
        title: title.into(),
        description: String::new(),
        labels: Default::default(),
        owners: Vec::new(),
    }
}

fn name(text: &str) -> Name {
    Name::new(text).expect("the names of the first documents are names")
}
