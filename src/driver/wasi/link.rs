//! Defines what a component imports of WASI, function by function, under the component's own names and types.

use wasmtime::StoreContextMut;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Linker, Resource, ResourceAny, ResourceType, Val};

use crate::capability::host::Hosted;
use crate::driver::state::State;

use super::provides;

/// Marks each resource type. What it refers to is a number: which stream, which timer.
struct Handle<const KIND: usize>;

type Other = Handle<0>;
type Input = Handle<1>;
type Output = Handle<2>;
type Pollable = Handle<3>;

const STDOUT: u32 = 1;
const STDERR: u32 = 2;
const MOST_RANDOM: u64 = 1 << 20;
/// What an output stream takes at once.
const ROOM: u64 = 64 << 10;

type Store<'a, 'b> = &'a mut StoreContextMut<'b, State>;

/// Why a call cannot be answered; ends the attempt.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("it left with `exit`")]
    Exit,
    #[error("`{0}` is not to be had in a driver")]
    Missing(String),
    #[error("`{0}` asks for too much")]
    TooMuch(&'static str),
}

pub fn link(linker: &mut Linker<State>, component: &Component) -> wasmtime::Result<()> {
    let engine = component.engine();
    for (import, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = item.ty else { continue };
        if !provides(import) {
            continue;
        }
        let mut target = linker.instance(import)?;
        for (name, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::Resource(_) => resource(&mut target, name)?,
                ComponentItem::ComponentFunc(_) => {
                    let interface = import.split(['@', ':']).nth(1).unwrap_or_default();
                    let function = format!("{interface}.{name}");
                    target.func_new(name, move |mut store, of, args, results| {
                        let args = args.iter().map(|arg| given_back(&mut store, arg)).collect::<Result<Vec<_>, _>>()?;
                        let answer = answer(&mut store, &function, &of, &args)?;
                        if let Some(result) = results.first_mut() {
                            *result = answer;
                        }
                        Ok(())
                    })?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn resource(target: &mut wasmtime::component::LinkerInstance<'_, State>, name: &str) -> wasmtime::Result<()> {
    match name {
        "input-stream" => target.resource(name, ResourceType::host::<Input>(), |_, _| Ok(())),
        "output-stream" => target.resource(name, ResourceType::host::<Output>(), |_, _| Ok(())),
        "pollable" => target.resource(name, ResourceType::host::<Pollable>(), |mut store, timer| {
            store.data_mut().wasi.timers.remove(timer);
            Ok(())
        }),
        _ => target.resource(name, ResourceType::host::<Other>(), |_, _| Ok(())),
    }
}

/// The argument with the number that a handle refers to in the place of the handle. A handle that was lent is given back by
/// that: a call that kept one would end the attempt.
fn given_back(store: Store<'_, '_>, arg: &Val) -> wasmtime::Result<Val> {
    Ok(match arg {
        Val::Resource(handle) => Val::U32(referred(store, *handle)?),
        Val::List(all) if matches!(all.first(), Some(Val::Resource(_))) => {
            Val::List(all.iter().map(|it| given_back(store, it)).collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

fn referred(store: Store<'_, '_>, handle: ResourceAny) -> wasmtime::Result<u32> {
    match handle.ty() {
        ty if ty == ResourceType::host::<Input>() => rep::<Input>(store, handle),
        ty if ty == ResourceType::host::<Output>() => rep::<Output>(store, handle),
        ty if ty == ResourceType::host::<Pollable>() => rep::<Pollable>(store, handle),
        _ => rep::<Other>(store, handle),
    }
}

fn answer(store: Store<'_, '_>, function: &str, of: &ComponentFunc, args: &[Val]) -> wasmtime::Result<Val> {
    let tape_ms = store.data_mut().host().tape.now().ms();
    Ok(match (function, args) {
        (
            "cli/environment.get-environment" | "cli/environment.get-arguments" | "filesystem/preopens.get-directories",
            _,
        ) => Val::List(Vec::new()),
        ("cli/exit.exit" | "cli/exit.exit-with-code", _) => return Err(Unanswered::Exit.into()),
        ("cli/stdin.get-stdin", _) => own::<Input>(store, 0)?,
        ("cli/stdout.get-stdout", _) => own::<Output>(store, STDOUT)?,
        ("cli/stderr.get-stderr", _) => own::<Output>(store, STDERR)?,
        ("io/streams.[method]output-stream.check-write", _) => ok(Some(Val::U64(ROOM))),
        (
            "io/streams.[method]output-stream.write" | "io/streams.[method]output-stream.blocking-write-and-flush",
            [Val::U32(to), Val::List(bytes)],
        ) => {
            let bytes: Vec<u8> =
                bytes.iter().filter_map(|byte| if let Val::U8(byte) = byte { Some(*byte) } else { None }).collect();
            let State { host, wasi, .. } = store.data_mut();
            let output = if *to == STDERR { &mut wasi.stderr } else { &mut wasi.stdout };
            output.write(&bytes, &mut host.log)?;
            ok(None)
        }
        ("io/streams.[method]output-stream.flush" | "io/streams.[method]output-stream.blocking-flush", _) => ok(None),
        ("io/streams.[method]input-stream.subscribe" | "io/streams.[method]output-stream.subscribe", _) => {
            timer(store, 0)?
        }
        ("io/error.[method]error.to-debug-string", _) => Val::String(String::new()),
        ("io/poll.[method]pollable.ready", [Val::U32(timer)]) => {
            Val::Bool(store.data().wasi.timers.is_over(*timer, tape_ms))
        }
        ("io/poll.[method]pollable.block", [Val::U32(timer)]) => {
            store.data_mut().wasi.timers.wait(&[*timer], tape_ms);
            Val::Bool(true)
        }
        ("io/poll.poll", [Val::List(pollables)]) => {
            let timers: Vec<u32> =
                pollables.iter().filter_map(|it| if let Val::U32(timer) = it { Some(*timer) } else { None }).collect();
            Val::List(store.data_mut().wasi.timers.wait(&timers, tape_ms).into_iter().map(Val::U32).collect())
        }
        ("clocks/wall-clock.now", _) => datetime(tape_ms / 1000, (tape_ms % 1000) as u32 * 1_000_000),
        ("clocks/wall-clock.resolution", _) => datetime(0, 1_000_000),
        ("clocks/monotonic-clock.now", _) => Val::U64(store.data().wasi.timers.now_ns(tape_ms)),
        ("clocks/monotonic-clock.resolution", _) => Val::U64(1_000_000),
        ("clocks/monotonic-clock.subscribe-instant", [Val::U64(instant)]) => timer(store, *instant)?,
        ("clocks/monotonic-clock.subscribe-duration", [Val::U64(duration)]) => {
            let now = store.data().wasi.timers.now_ns(tape_ms);
            timer(store, now.saturating_add(*duration))?
        }
        ("random/random.get-random-bytes" | "random/insecure.get-insecure-random-bytes", [Val::U64(count)]) => {
            if *count > MOST_RANDOM {
                return Err(Unanswered::TooMuch("get-random-bytes").into());
            }
            Val::List(store.data_mut().wasi.random.bytes(*count as usize).into_iter().map(Val::U8).collect())
        }
        ("random/random.get-random-u64" | "random/insecure.get-insecure-random-u64", _) => {
            Val::U64(store.data_mut().wasi.random.number())
        }
        ("random/insecure-seed.insecure-seed", _) => {
            let random = &mut store.data_mut().wasi.random;
            Val::Tuple(vec![Val::U64(random.number()), Val::U64(random.number())])
        }
        _ => return nothing(function, of),
    })
}

/// Whatever else may be asked has an answer that says there is nothing: no option, no files, a closed stream.
fn nothing(function: &str, of: &ComponentFunc) -> wasmtime::Result<Val> {
    match of.results().next() {
        Some(Type::Option(_)) => Ok(Val::Option(None)),
        Some(Type::Result(result)) => match result.err() {
            None => Ok(Val::Result(Err(None))),
            Some(Type::Enum(kind)) => {
                let names: Vec<&str> = kind.names().collect();
                let name = ["not-permitted", "unsupported"]
                    .into_iter()
                    .find(|name| names.contains(name))
                    .or(names.first().copied());
                Ok(Val::Result(Err(name.map(|name| Box::new(Val::Enum(name.to_owned()))))))
            }
            Some(Type::Variant(kind)) if kind.cases().any(|case| case.name == "closed") => {
                Ok(Val::Result(Err(Some(Box::new(Val::Variant("closed".to_owned(), None))))))
            }
            Some(_) => Err(Unanswered::Missing(function.to_owned()).into()),
        },
        _ => Err(Unanswered::Missing(function.to_owned()).into()),
    }
}

fn ok(value: Option<Val>) -> Val {
    Val::Result(Ok(value.map(Box::new)))
}

fn datetime(seconds: u64, nanoseconds: u32) -> Val {
    Val::Record(vec![("seconds".to_owned(), Val::U64(seconds)), ("nanoseconds".to_owned(), Val::U32(nanoseconds))])
}

fn timer(store: Store<'_, '_>, due_ns: u64) -> wasmtime::Result<Val> {
    let timer = store.data_mut().wasi.timers.add(due_ns).ok_or(Unanswered::TooMuch("subscribe"))?;
    own::<Pollable>(store, timer)
}

fn own<T: 'static>(store: Store<'_, '_>, rep: u32) -> wasmtime::Result<Val> {
    Ok(Val::Resource(Resource::<T>::new_own(rep).try_into_resource_any(store)?))
}

fn rep<T: 'static>(store: Store<'_, '_>, resource: ResourceAny) -> wasmtime::Result<u32> {
    Ok(resource.try_into_resource::<T>(store)?.rep())
}
