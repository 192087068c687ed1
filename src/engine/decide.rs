//! What a child operation does next: a pure function of its record and its resource's.

use crate::domain::operation::{Operation, OperationVerb, Stage};
use crate::domain::resource::Resource;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask the driver what it would do, then decide again.
    Plan,
    /// Likewise, where a replacement has left a former object that may be what is asked.
    Weigh,
    /// Call the driver for this stage.
    Call(Stage),
    /// Nothing is left to do.
    Finish,
}

pub fn decide(resource: &Resource, operation: &Operation) -> Next {
    if operation.stage != Stage::Decide {
        return Next::Call(operation.stage);
    }
    match operation.verb {
        OperationVerb::Delete => decide_delete(resource),
        OperationVerb::Release => Next::Finish,
        _ if resource.care.observe_only => Next::Finish,
        _ => decide_apply(resource),
    }
}

fn decide_delete(resource: &Resource) -> Next {
    if resource.former.is_some() {
        return Next::Call(Stage::DeleteFormer);
    }
    match &resource.object {
        None => Next::Finish,
        Some(object) if !object.claimed => Next::Call(Stage::Find),
        Some(_) => Next::Call(Stage::Delete),
    }
}

fn decide_apply(resource: &Resource) -> Next {
    match &resource.object {
        Some(object) if !object.claimed => Next::Call(Stage::Find),
        _ if resource.former.is_some() => Next::Weigh,
        None => Next::Call(Stage::Create),
        Some(object) if !object.complete => Next::Call(Stage::Create),
        Some(_) => Next::Plan,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::{object, operation, resource};

    #[test]
    fn what_comes_next_follows_from_the_record() {
        let complete = Some(object(true, true));
        let claimed = Some(object(true, false));
        let begun = Some(object(false, false));
        let former = Some(object(true, true));
        let cases = [
            (OperationVerb::Create, None, None, Next::Call(Stage::Create)),
            (OperationVerb::Create, claimed.clone(), None, Next::Call(Stage::Create)),
            (OperationVerb::Create, begun.clone(), None, Next::Call(Stage::Find)),
            (OperationVerb::Create, complete.clone(), None, Next::Plan),
            (OperationVerb::Update, complete.clone(), None, Next::Plan),
            (OperationVerb::Replace, complete.clone(), former.clone(), Next::Weigh),
            (OperationVerb::Replace, claimed.clone(), former.clone(), Next::Weigh),
            (OperationVerb::Replace, begun.clone(), former.clone(), Next::Call(Stage::Find)),
            (OperationVerb::Replace, None, former.clone(), Next::Weigh),
            (OperationVerb::Delete, None, None, Next::Finish),
            (OperationVerb::Delete, begun, None, Next::Call(Stage::Find)),
            (OperationVerb::Delete, claimed, None, Next::Call(Stage::Delete)),
            (OperationVerb::Delete, complete.clone(), former, Next::Call(Stage::DeleteFormer)),
            (OperationVerb::Delete, complete, None, Next::Call(Stage::Delete)),
        ];
        for (verb, object, former, expected) in cases {
            let mut resource = resource();
            (resource.object, resource.former) = (object, former);
            let operation = operation(verb);
            assert_eq!(decide(&resource, &operation), expected, "{verb:?} {resource:?}");
        }
    }

    #[test]
    fn what_is_released_or_only_observed_is_not_touched() {
        let mut it = resource();
        it.object = Some(object(true, true));
        assert_eq!(decide(&it, &operation(OperationVerb::Adopt)), Next::Plan);
        assert_eq!(decide(&it, &operation(OperationVerb::Release)), Next::Finish);
        it.care.observe_only = true;
        for verb in [OperationVerb::Adopt, OperationVerb::Update, OperationVerb::Create] {
            assert_eq!(decide(&it, &operation(verb)), Next::Finish, "{verb:?}");
        }
    }

    #[test]
    fn a_stage_that_was_begun_goes_on() {
        let mut going = operation(OperationVerb::Update);
        going.stage = Stage::Update;
        assert_eq!(decide(&resource(), &going), Next::Call(Stage::Update));
    }
}
