//! What is there when a watch begins: orders, resources, and the operations that are not done.

use std::collections::{HashSet, VecDeque};

use tonic::Status;

use crate::domain::event::{Change, Event};
use crate::domain::id::OperationId;
use crate::domain::operation::Operation;
use crate::pb;
use crate::server::convert::watch::initial;
use crate::server::core::{BATCH, Core};
use crate::store::{Filter, Paging};

use super::Scope;

/// A listing that is read a page at a time, as fast as the watcher takes it.
pub struct Beginning {
    filter: Filter,
    part: Part,
    paging: Paging,
    /// Operations of orders that were told already.
    told: HashSet<OperationId>,
}

enum Part {
    Orders,
    Resources,
}

impl Beginning {
    pub fn new(scope: &Scope) -> Self {
        let filter = Filter {
            project: Some(scope.project.to_string()),
            environment: scope.environment.as_ref().map(|it| it.to_string()),
            order: scope.order.as_ref().map(|it| it.to_string()),
            ..Filter::default()
        };
        Self { filter, part: Part::Orders, paging: Paging { limit: BATCH, after: None }, told: HashSet::new() }
    }

    /// Puts one more page into `ready`; false at the end.
    pub async fn advance(&mut self, core: &Core, ready: &mut VecDeque<pb::WatchResponse>) -> Result<bool, Status> {
        match self.part {
            Part::Orders => {
                let page = core.store.orders(&self.filter, &self.paging).await?;
                for order in &page.items {
                    ready.extend(initial(Event::from(order)));
                    self.tell(core, &order.operation, ready).await?;
                }
                self.paging.after = page.next;
                if self.paging.after.is_none() {
                    self.part = Part::Resources;
                }
                Ok(true)
            }
            Part::Resources => {
                let page = core.store.resources(&self.filter, &self.paging).await?;
                for resource in &page.items {
                    ready.extend(initial(Event::from(resource)));
                    for child in core.store.open_operations(&resource.id).await? {
                        if let Some(parent) = &child.parent {
                            self.tell(core, parent, ready).await?;
                        }
                        push(&child, ready);
                    }
                }
                self.paging.after = page.next;
                Ok(self.paging.after.is_some())
            }
        }
    }

    /// An order's operation, once, unless it is done.
    async fn tell(
        &mut self,
        core: &Core,
        id: &OperationId,
        ready: &mut VecDeque<pb::WatchResponse>,
    ) -> Result<(), Status> {
        if self.told.contains(id) {
            return Ok(());
        }
        if let Some(operation) = core.store.operation(id).await?
            && !operation.state.is_terminal()
        {
            push(&operation, ready);
            self.told.insert(id.clone());
        }
        Ok(())
    }
}

fn push(operation: &Operation, ready: &mut VecDeque<pb::WatchResponse>) {
    ready.extend(initial(Event { change: Change::Updated, ..Event::from(operation) }));
}
