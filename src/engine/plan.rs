//! The planner: what is surveyed, turned into a plan. Pure: no I/O, no clock.

use serde_json::Value;

use crate::domain::care::Care;
use crate::domain::contract::{Action, Change, Planned};
use crate::domain::json::pointer_push;
use crate::domain::name::{Key, Name, OrderName, SharedId};
use crate::domain::plan::{Plan, PlanRead, PlannedAction, PlannedResource};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::resource::{Desired, Pin, Resource, ResourceState};

use super::digest::digest_of;
use super::keep::adopt::{self, Adopting};
use super::keep::protect;
use super::upgrade::Upgraded;

/// One entry of the manifest, with everything that was found out about it.
#[derive(Debug, Clone)]
pub struct Surveyed {
    pub key: Key,
    pub resource_type: Name,
    pub class: Option<Name>,
    /// The `id` of its entry.
    pub shared: Option<SharedId>,
    pub desired: Desired,
    /// JSON Pointers to params that are not known yet: `/params/target`.
    pub unknown: Vec<String>,
    pub pin: Pin,
    /// `NAME@VERSION`.
    pub driver: String,
    pub recipe_reason: String,
    pub holds_data: bool,
    /// The recipe says how data may be replaced.
    pub may_replace_data: bool,
    pub existing: Option<Existing>,
    /// What the driver would do.
    pub planned: Planned,
    /// What is not as it was applied, as it was seen last: `before` as seen, `after` as desired.
    pub drift: Vec<Change>,
    pub reads: Vec<PlanRead>,
    pub care: Care,
    /// The object that it takes over.
    pub adopting: Option<Adopting>,
    /// What it was made with until now, and what becomes of its state.
    pub upgraded: Option<Upgraded>,
    /// What it was called before.
    pub was: Option<String>,
}

/// What is on record for the key.
#[derive(Debug, Clone)]
pub struct Existing {
    pub resource: Resource,
    /// Its external object is complete.
    pub complete: bool,
    /// The same is desired already, and an operation is at it.
    pub under_way: bool,
    /// Whoever waits for its operation would wait for the next one in its place.
    pub followed: bool,
    /// It refers to others in another way than the record says.
    pub rewired: bool,
}

/// `leaving`: resources that are no longer in the manifest. `shared`: entries that are the resource of another one.
pub fn plan(
    order: &OrderName,
    entries: Vec<Surveyed>,
    leaving: Vec<Leaving>,
    shared: Vec<PlannedResource>,
) -> Result<Plan, Refusal> {
    let mut resources = Vec::with_capacity(entries.len() + leaving.len() + shared.len());
    let mut forbidden = Vec::new();
    for entry in entries {
        let before = entry.existing.as_ref().map(|it| it.resource.care.clone());
        let planned = entry_plan(entry)?;
        if protect::forbids(&planned.care, before.as_ref(), planned.action) {
            forbidden.push((planned.key.clone(), planned.action));
        }
        resources.push(planned);
    }
    for it in leaving.into_iter().map(Leaving::planned) {
        if protect::forbids(&it.care, None, it.action) {
            forbidden.push((it.key.clone(), it.action));
        }
        resources.push(it);
    }
    protect::refuse(&forbidden)?;
    resources.extend(shared);
    resources.sort_by(|a, b| a.key.cmp(&b.key));
    let digest = digest_of(order, &resources);
    Ok(Plan { order: order.clone(), digest, resources, warnings: Vec::new() })
}

fn entry_plan(entry: Surveyed) -> Result<PlannedResource, Refusal> {
    let mut action = action(&entry);
    if let (Some(adopting), Action::Replace, false) = (&entry.adopting, entry.planned.action, entry.care.observe_only) {
        return Err(adopt::refuse_replacement(&entry.key, adopting, &entry.planned.changes));
    }
    if action == PlannedAction::Replace && entry.holds_data && !entry.may_replace_data {
        let forcing: Vec<_> =
            entry.planned.changes.iter().filter(|it| it.forces_replacement).map(|it| it.pointer.as_str()).collect();
        let message = format!(
            "`{}` holds data, and changing {} would replace it",
            entry.key,
            if forcing.is_empty() { "this".to_owned() } else { forcing.join(", ") }
        );
        let hint = format!(
            "undo the change, order a new resource beside it, or let recipe `{}` say `replace: delete-first` or `create-first`",
            entry.pin.recipe
        );
        return Err(Refusal::new(Reason::ReplacementRefused, message).hint(hint));
    }
    let mut changes = entry.planned.changes;
    let mut drifted = Vec::new();
    if mends(action, &entry.planned.action, &entry.care) && !entry.drift.is_empty() {
        action = PlannedAction::Update;
        drifted = entry.drift.iter().map(|it| it.pointer.clone()).collect();
        changes.extend(entry.drift);
    }
    if let Some(existing) = &entry.existing {
        let name = entry.was.as_deref().map(|was| (was, entry.key.as_str()));
        let ids = (existing.resource.shared.as_ref(), entry.shared.as_ref());
        let mut recorded = protect::recorded(&entry.care, &existing.resource.care, name, ids);
        let repinned = entry.upgraded.as_ref().map(|it| it.changes(&existing.resource.pin, &entry.pin, &entry.driver));
        recorded.extend(repinned.into_iter().flatten());
        if action == PlannedAction::None && !recorded.is_empty() {
            action = PlannedAction::Record;
        }
        changes.splice(..0, recorded);
    }
    if let Some(adopting) = &entry.adopting
        && changes.is_empty()
    {
        changes = adopt::differences(adopting, entry.planned.action, &entry.desired.params);
    }
    if action == PlannedAction::Create && changes.is_empty() {
        changes = given(&entry.desired.params);
        changes.extend(entry.unknown.iter().map(|pointer| Change {
            pointer: pointer.clone(),
            before: None,
            after: None,
            forces_replacement: false,
        }));
    }
    Ok(PlannedResource {
        key: entry.key,
        id: entry.existing.map(|it| it.resource.id),
        resource_type: entry.resource_type,
        class: entry.class,
        shared: entry.shared,
        home: None,
        action,
        changes,
        drifted,
        outputs: entry.planned.outputs,
        unknown: entry.planned.unknown,
        needs: entry.desired.wiring.iter().flat_map(|wiring| wiring.needs.keys().cloned()).collect(),
        unknown_params: entry.unknown,
        desired: Some(entry.desired),
        pin: entry.pin,
        driver: entry.driver,
        recipe_reason: entry.recipe_reason,
        reads: entry.reads,
        care: entry.care,
        grace_ms: 0,
    })
}

/// Its driver sees nothing to do, since that is asked about what was applied.
fn mends(action: PlannedAction, planned: &Action, care: &Care) -> bool {
    matches!(action, PlannedAction::None | PlannedAction::Update) && *planned == Action::None && !care.observe_only
}

/// What a new resource is given, as changes from nothing.
fn given(params: &Value) -> Vec<Change> {
    let members = params.as_object().into_iter().flatten();
    let change = |(name, value): (&String, &Value)| Change {
        pointer: pointer_push("/params", name),
        before: None,
        after: Some(value.clone()),
        forces_replacement: false,
    };
    members.map(change).collect()
}

pub(super) fn has_work(entry: &Surveyed) -> bool {
    action(entry) != PlannedAction::None
}

fn action(entry: &Surveyed) -> PlannedAction {
    match &entry.existing {
        Some(existing) if existing.under_way => PlannedAction::None,
        Some(existing) if existing.complete && entry.care.observe_only => PlannedAction::None,
        Some(existing) if existing.complete => match entry.planned.action {
            // What failed, or was given another wish that nobody has carried out, is looked at before it counts as done.
            Action::None if existing.resource.state != ResourceState::Ready => PlannedAction::Update,
            Action::None => PlannedAction::None,
            Action::Create => PlannedAction::Create,
            Action::Update => PlannedAction::Update,
            Action::Replace => PlannedAction::Replace,
        },
        _ if entry.adopting.is_some() => PlannedAction::Adopt,
        _ => PlannedAction::Create,
    }
}

/// A resource that left the manifest, or whose order is deleted.
#[derive(Debug, Clone)]
pub struct Leaving {
    pub resource: Resource,
    pub driver: String,
    /// What its recipe has it wait, should it hold data.
    pub grace_ms: u64,
}

impl Leaving {
    fn planned(self) -> PlannedResource {
        let it = self.resource;
        let action = if it.care.retains() { PlannedAction::Release } else { PlannedAction::Delete };
        let kept = action == PlannedAction::Delete && it.object.is_some();
        PlannedResource {
            id: Some(it.id),
            class: it.class,
            shared: it.shared,
            driver: self.driver,
            care: it.care,
            grace_ms: if kept { self.grace_ms } else { 0 },
            ..PlannedResource::bare(it.name.key, it.resource_type, it.pin, action)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::testing::{name, order_name, resource};

    fn surveyed(key: &str, action: Action, existing: Option<Existing>) -> Surveyed {
        Surveyed {
            key: name(key).into(),
            resource_type: name("thing"),
            class: None,
            shared: None,
            desired: Desired::new(json!({ "name": key }), json!({})),
            pin: resource().pin,
            driver: "d@1.0.0".into(),
            recipe_reason: String::new(),
            holds_data: true,
            may_replace_data: false,
            unknown: Vec::new(),
            existing,
            planned: Planned { action, changes: Vec::new(), outputs: json!({}), unknown: Vec::new() },
            drift: Vec::new(),
            reads: Vec::new(),
            care: Care::default(),
            adopting: None,
            upgraded: None,
            was: None,
        }
    }

    fn standing(complete: bool, under_way: bool) -> Option<Existing> {
        let resource = Resource { state: ResourceState::Ready, ..resource() };
        Some(Existing { resource, complete, under_way, followed: false, rewired: false })
    }

    fn failed() -> Option<Existing> {
        let mut existing = standing(true, false)?;
        existing.resource.state = ResourceState::Failed;
        Some(existing)
    }

    #[test]
    fn the_action_follows_from_record_and_driver() {
        let cases = [
            (None, Action::Create, PlannedAction::Create),
            (None, Action::None, PlannedAction::Create),
            (standing(false, false), Action::None, PlannedAction::Create),
            (standing(true, false), Action::None, PlannedAction::None),
            (standing(true, false), Action::Update, PlannedAction::Update),
            (standing(true, false), Action::Create, PlannedAction::Create),
            (standing(false, true), Action::Create, PlannedAction::None),
            (failed(), Action::None, PlannedAction::Update),
            (failed(), Action::Replace, PlannedAction::Replace),
        ];
        for (existing, asked, expected) in cases {
            let label = format!("{existing:?} {asked:?}");
            let entry = Surveyed { may_replace_data: true, ..surveyed("db", asked, existing) };
            let plan = plan(&order_name(), vec![entry], Vec::new(), Vec::new()).expect("a plan");
            assert_eq!(plan.resources[0].action, expected, "{label}");
        }
    }

    #[test]
    fn data_is_not_replaced_unless_the_recipe_says_how() {
        let mut entry = surveyed("db", Action::Replace, standing(true, false));
        entry.planned.changes.push(Change {
            pointer: "/params/name".into(),
            before: Some(json!("a")),
            after: Some(json!("b")),
            forces_replacement: true,
        });
        let refused = plan(&order_name(), vec![entry.clone()], Vec::new(), Vec::new()).expect_err("refused");
        assert_eq!(refused.reason, Reason::ReplacementRefused);
        assert!(refused.message.contains("/params/name"), "{}", refused.message);
        entry.may_replace_data = true;
        let plan = plan(&order_name(), vec![entry], Vec::new(), Vec::new()).expect("a plan");
        assert!(plan.destroys());
    }

    #[test]
    fn the_digest_binds_what_would_be_done_and_nothing_else() {
        let base = || vec![surveyed("a", Action::Create, None), surveyed("b", Action::Create, None)];
        let digest = |entries| plan(&order_name(), entries, Vec::new(), Vec::new()).expect("a plan").digest;
        let mut reordered = base();
        reordered.reverse();
        assert_eq!(digest(base()), digest(reordered));
        let mut read = base();
        read[0].reads.push(PlanRead {
            connection: "c".into(),
            function: "f".into(),
            statement: "SELECT 1".into(),
            held_by: Vec::new(),
        });
        assert_eq!(digest(base()), digest(read), "reads do not count");
        let mut changed = base();
        changed[0].desired.params = json!({ "name": "other" });
        assert_ne!(digest(base()), digest(changed));
        let mut repinned = base();
        repinned[1].pin.recipe_revision += 1;
        assert_ne!(digest(base()), digest(repinned));
    }

    #[test]
    fn what_left_the_manifest_is_deleted() {
        let leaving = vec![Leaving { resource: resource(), driver: "d".into(), grace_ms: 0 }];
        let plan = plan(&order_name(), Vec::new(), leaving, Vec::new()).expect("a plan");
        assert_eq!(plan.resources[0].action, PlannedAction::Delete);
        assert!(plan.destroys() && plan.has_work());
    }

    #[test]
    fn what_is_said_of_a_resource_decides_what_becomes_of_it() {
        use crate::domain::care::OnRemove;
        let leaving = |care: Care| {
            let resource = Resource { care, object: Some(crate::engine::testing::object(true, true)), ..resource() };
            vec![Leaving { resource, driver: "d".into(), grace_ms: 7 }]
        };
        let retained = Care { on_remove: OnRemove::Retain, ..Care::default() };
        for (care, expected, grace_ms) in [
            (Care::default(), PlannedAction::Delete, 7),
            (retained.clone(), PlannedAction::Release, 0),
            (Care { observe_only: true, ..Care::default() }, PlannedAction::Release, 0),
        ] {
            let plan = plan(&order_name(), Vec::new(), leaving(care), Vec::new()).expect("a plan");
            assert_eq!((plan.resources[0].action, plan.resources[0].grace_ms), (expected, grace_ms));
            assert_eq!(plan.destroys(), expected == PlannedAction::Delete);
        }
        let guarded = Care { protect: true, ..retained };
        let refused = plan(&order_name(), Vec::new(), leaving(guarded.clone()), Vec::new()).expect_err("refused");
        assert_eq!(refused.reason, Reason::ResourceProtected);

        let mut entry = surveyed("db", Action::None, standing(true, false));
        entry.care = guarded;
        let recorded = plan(&order_name(), vec![entry.clone()], Vec::new(), Vec::new()).expect("a plan");
        assert_eq!(recorded.resources[0].action, PlannedAction::Record);
        assert!(recorded.has_work() && !recorded.destroys());
        entry.planned.action = Action::Update;
        entry.care = Care { observe_only: true, ..Care::default() };
        entry.existing.as_mut().expect("a record").resource.care = entry.care.clone();
        let observed = plan(&order_name(), vec![entry], Vec::new(), Vec::new()).expect("a plan");
        assert_eq!(observed.resources[0].action, PlannedAction::None);
    }
}
