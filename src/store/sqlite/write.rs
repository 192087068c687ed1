//! One write of a commit: which table it goes to, which event it makes, which shards it touches.

use rusqlite::Connection;

use super::{
    alias, awaiting, document, driver, generation, hold, journal, natural_key, observation, operation, order, prune,
    request, resource, secret, suspect, token,
};
use crate::domain::event::{Change, Event};
use crate::domain::id::{OperationId, ResourceId};
use crate::domain::name::shard;
use crate::domain::order::Order;
use crate::store::{Error, Write};

/// What a commit has done so far.
#[derive(Default)]
pub struct Changes {
    pub events: Vec<Event>,
    /// Each once.
    pub shards: Vec<u16>,
    /// Children that wait for nothing any more.
    pub released: Vec<(OperationId, ResourceId)>,
}

impl Changes {
    pub fn touch(&mut self, project: &str) {
        self.touch_shard(shard(project));
    }

    fn touch_shard(&mut self, id: u16) {
        if !self.shards.contains(&id) {
            self.shards.push(id);
        }
    }

    fn event(&mut self, event: Event) {
        self.touch(&event.project);
        self.events.push(event);
    }
}

/// Does one write. After an error the caller undoes the whole commit.
pub fn apply(connection: &Connection, write: &Write, changes: &mut Changes) -> Result<(), Error> {
    match write {
        Write::Document(it) => {
            document::put(connection, it)?;
            changes.event(Event::from(&**it));
        }
        Write::DeleteDocument { kind, project, name, version, time } => {
            let gone = document::delete(connection, *kind, project, name, *version)?;
            changes.event(Event::from(&gone).deleted(*time));
        }
        Write::Order(it) => {
            order::put(connection, it)?;
            changes.event(Event::from(&**it));
        }
        Write::DeleteOrder { name, id, version, time } => {
            let gone = order::delete(connection, name, id, *version)?;
            changes.event(Event::from(&gone).deleted(*time));
            forget(connection, &gone)?;
        }
        Write::SweepOrder { name, time } => {
            changes.touch(name.project.as_str());
            if let Some(gone) = order::sweep(connection, name)? {
                changes.event(Event::from(&gone).deleted(*time));
                forget(connection, &gone)?;
            }
        }
        Write::Resource(it) => {
            resource::put(connection, it)?;
            changes.event(Event::from(&**it));
        }
        Write::Rename(moves) => {
            resource::rename(connection, moves)?;
            moves.iter().for_each(|it| changes.touch(it.name.order.project.as_str()));
        }
        Write::Alias(it) => {
            alias::insert(connection, it)?;
            changes.touch(it.name.order.project.as_str());
        }
        Write::DropAlias(it) => {
            alias::delete(connection, it)?;
            changes.touch(it.name.order.project.as_str());
        }
        Write::DeleteResource { id, version, time } => {
            let gone = resource::delete(connection, id, *version)?;
            changes.event(Event::from(&gone).deleted(*time));
        }
        Write::Operation(it) => {
            operation::put(connection, it)?;
            changes.event(Event::from(&**it));
            if it.state.is_terminal() && it.parent.is_some() {
                changes.released.extend(awaiting::release(connection, it)?);
            }
        }
        Write::Await { operation: it, related } => {
            awaiting::put(connection, it, related)?;
            changes.touch(it.order.project.as_str());
        }
        Write::HandOver(it) => {
            changes.released.extend(awaiting::hand_over(connection, it)?);
            changes.touch(it.order.project.as_str());
        }
        Write::Generation(it) => {
            generation::put(connection, it)?;
            changes.touch(it.name.project.as_str());
        }
        Write::Tally { parent, from, to, time } => {
            let (project, settled) = operation::tally(connection, parent, *from, *to, *time)?;
            changes.touch(&project);
            changes.events.extend(settled.as_ref().map(Event::from));
        }
        Write::Hold(it) => {
            hold::insert(connection, it)?;
            changes.event(Event::from(&**it));
        }
        Write::LiftHold { key, time } => {
            let gone = hold::delete(connection, key)?;
            changes.event(Event::from(&gone).deleted(*time));
        }
        Write::Suspect { project, suspect: it } => {
            suspect::update(connection, it)?;
            changes.touch(project);
        }
        Write::Observation { project, observation: it, told } => {
            observation::put(connection, project, it)?;
            match told {
                Some(resource) => changes.event(Event { change: Change::Updated, ..Event::from(&**resource) }),
                None => changes.touch(project),
            }
        }
        Write::ResetObservation { project, resource, generation, due } => {
            observation::reset(connection, project, resource, *generation, *due)?;
            changes.touch(project);
        }
        Write::DoubtObservations { connection: name, reason, message, time } => {
            observation::doubt(connection, name, *reason, message, *time)?;
        }
        Write::ScheduleObservations { resource_type, time, interval_ms } => {
            observation::reschedule(connection, resource_type, *time, *interval_ms)?;
        }
        Write::Journal(it) => {
            journal::insert(connection, it)?;
            changes.touch(&it.project);
        }
        Write::ReduceJournal(it) => {
            journal::replace(connection, it)?;
            changes.touch(&it.project);
        }
        Write::ReducedUntil(it) => prune::set_reduced_until(connection, it)?,
        Write::PruneOperation { id, rows } => {
            if let Some(project) = prune::operation(connection, id, *rows)? {
                changes.touch(&project);
            }
        }
        Write::PruneEvents { shard, before, most, limit } => {
            prune::events(connection, *shard, *before, *most, *limit)?;
            changes.touch_shard(*shard);
        }
        Write::Secret(it) => {
            secret::put(connection, it)?;
            // A resource's own secrets come and go with it: its event tells.
            match it.resource {
                None => changes.event(Event::from(&**it)),
                Some(_) => changes.touch(&it.project),
            }
        }
        Write::ReserveKey(it) => {
            natural_key::reserve(connection, it)?;
            changes.touch(&it.project);
        }
        Write::ReleaseKeys { resource } => {
            natural_key::release(connection, resource)?.iter().for_each(|project| changes.touch(project));
        }
        Write::Driver(it) => {
            driver::put(connection, it)?;
            changes.event(Event::from(&**it));
        }
        Write::Component { digest, bytes } => {
            driver::put_component(connection, digest, bytes)?;
            changes.touch("");
        }
        Write::DeleteDriver { digest, time } => {
            let gone = driver::delete(connection, digest)?;
            changes.event(Event::from(&gone).deleted(*time));
        }
        Write::Request(it) => {
            request::insert(connection, it)?;
            changes.touch(&it.project);
        }
        Write::Token(it) => {
            token::put(connection, it)?;
            changes.touch("");
        }
    }
    Ok(())
}

/// What goes with an order.
fn forget(connection: &Connection, order: &Order) -> Result<(), Error> {
    generation::forget(connection, &order.id)?;
    hold::forget_order(connection, &order.name)
}
