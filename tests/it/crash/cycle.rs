//! One cycle: orders under faults and kills, then quiet, then the count.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::count::Count;
use super::customer::{Told, follow};
use super::found::Found;
use super::hits::{Hits, hits};
use super::observer::Observer;
use super::person::{self, Done};
use super::script::{Class, Script, scripts};
use super::world::{Ground, World};
use crate::hostile::machine::ledger::is_sound;
use crate::support::chance::Chance;
use crate::support::replay::{Replayed, everything};

/// A write may be applied so long after it was sent. A core that was killed is started again behind it: what is under way to a backend
/// when its sender dies is older than anything that is sent later.
const LATE_MS: u64 = 120;
const ANSWERED_LATE_MS: u64 = 220;
/// What a kill waits for may not come.
const LONGEST_AIM: Duration = Duration::from_millis(900);

/// When to kill.
#[derive(Debug, Clone, Copy)]
enum Aim {
    AfterMs(u64),
    /// A write of this class was applied, and its answer is on the way.
    Answer(Class),
    /// A transaction is being committed.
    Commit,
}

/// What a cycle came to.
pub struct Cycle {
    pub told: Vec<Told>,
    pub count: Count,
    pub hits: Hits,
    pub kills: usize,
    pub restarts: Vec<Duration>,
    pub person: Done,
    pub found: Found,
    pub ledger: Vec<Value>,
    pub replayed: Replayed,
}

pub fn run(ground: &Ground, seed: u64, orders: usize) -> Cycle {
    let chance = Chance::new(seed);
    let scripts = scripts(&chance, orders, ground.classes());
    let aims: Vec<Aim> = (0..2 + chance.number() % 3).map(|_| aim(&chance, ground.classes())).collect();
    let mut world = ground.world();
    let observer = ground.runtime.block_on(Observer::start(&world.door));
    world.cloud.set_faults(&faults(&chance));
    let customers: Vec<_> =
        scripts.iter().map(|script| ground.runtime.spawn(follow(world.door.clone(), script.clone()))).collect();
    for aim in aims {
        wait_for(&world, aim);
        world.kill();
        std::thread::sleep(Duration::from_millis(LATE_MS + 30));
        world.start();
    }
    let mut told: Vec<Told> = customers
        .into_iter()
        .map(|customer| ground.runtime.block_on(customer).unwrap_or_else(|error| panic!("seed {seed}: {error}")))
        .collect();
    world.cloud.set_faults(&json!({}));
    let mut person = ground.runtime.block_on(person::attend(&world.door, || world.ledger()));
    if ground.runtime.block_on(plan_again(&world, &scripts, &mut told)) {
        let more = ground.runtime.block_on(person::attend(&world.door, || world.ledger()));
        person.said.extend(more.said);
    }
    ground.runtime.block_on(repeat_all(&world, &scripts, &mut told));
    let found = ground.runtime.block_on(Found::read(&world.door));
    let (ledger, rows) = (world.ledger(), ground.take_rows());
    let mut count = Count::of(&told, &found, &ledger, &rows);
    count.violations.extend(ground.runtime.block_on(observer.end(&found)));
    let hits = hits(&found, &world.kills);
    let kills = world.kills.len();
    world.core.kill();
    is_sound(&world.core.data());
    let replayed = ground.runtime.block_on(everything(&world.core.data()));
    Cycle { told, count, hits, kills, restarts: world.restarts, person, found, ledger, replayed }
}

fn aim(chance: &Chance, classes: &[Class]) -> Aim {
    if chance.number().is_multiple_of(3) {
        return Aim::AfterMs(30 + chance.number() % 700);
    }
    let at = usize::try_from(chance.number() % classes.len() as u64).expect("few");
    match classes[at] {
        Class::Transactional => Aim::Commit,
        class => Aim::Answer(class),
    }
}

fn wait_for(world: &World<'_>, aim: Aim) {
    let begun = Instant::now();
    let before = world.ledger().len();
    let happened = || match aim {
        Aim::AfterMs(ms) => begun.elapsed() >= Duration::from_millis(ms),
        Aim::Commit => world.ground.commits(),
        Aim::Answer(class) => {
            let records = world.ledger();
            records[before.min(records.len())..]
                .iter()
                .any(|it| it["answer"] == "delay-after" && it["collection"] == class.as_str())
        }
    };
    while !happened() && begun.elapsed() < LONGEST_AIM {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whatever can go wrong on the way, to any request.
fn faults(chance: &Chance) -> Value {
    let late = json!({ "delay-after-ms": ANSWERED_LATE_MS });
    let kinds = json!([
        "drop-before", "drop-after", "half-answer", "429", "500-before", "500-after", "504-after",
        { "delay-before-ms": LATE_MS }, late, late, late, late,
    ]);
    json!({ "random": { "rate": 0.2, "kinds": kinds, "seed": chance.number() } })
}

async fn repeat_all(world: &World<'_>, scripts: &[Script], told: &mut [Told]) {
    for (script, told) in scripts.iter().zip(told) {
        told.repeat(&world.door, script, script.steps.len() - 1).await;
    }
}

async fn plan_again(world: &World<'_>, scripts: &[Script], told: &mut [Told]) -> bool {
    let mut any = false;
    for (script, told) in scripts.iter().zip(told) {
        any |= told.plan_again(&world.door, script).await;
    }
    any
}
