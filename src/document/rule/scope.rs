//! What rules are asked about, and how large it is.

use std::collections::HashMap;
use std::sync::Arc;

use cel::objects::Map;
use cel::{Context, Value as Cel};
use serde_json::Value;

use super::cost::Size;
use super::{ENV, Undecided};

/// In the units of [`Size::weight`]; params that are larger are none that a person wrote.
const LARGEST: u64 = 1 << 18;

/// `params` and `context`.
pub struct Scope<'a> {
    params: &'a Value,
    place: &'a Value,
    /// Of each mapping and list in both, by where it is.
    sizes: HashMap<*const Value, Size>,
    context: Context<'static, 'static>,
}

impl<'a> Scope<'a> {
    pub fn new(params: &'a Value, place: &'a Value) -> Result<Self, Undecided> {
        let mut sizes = HashMap::new();
        let mut left = LARGEST;
        for value in [params, place] {
            measure(value, &mut sizes, &mut left)?;
        }
        let mut context = Context::with_env(ENV.clone());
        context.add_variable_from_value("params", cel(params));
        context.add_variable_from_value("context", cel(place));
        Ok(Self { params, place, sizes, context })
    }

    pub(super) fn context(&self) -> &Context<'static, 'static> {
        &self.context
    }

    /// The size of what stands there; `None` if nothing does.
    pub(super) fn size(&self, root: &str, names: &[&str]) -> Option<Size> {
        let root = match root {
            "params" => self.params,
            "context" => self.place,
            _ => return None,
        };
        let found = names.iter().try_fold(root, |value, name| value.get(name))?;
        Some(self.sizes.get(&std::ptr::from_ref(found)).copied().unwrap_or_else(|| scalar(found)))
    }
}

fn scalar(value: &Value) -> Size {
    Size::scalar(value.as_str().map_or(0, |text| text.len() as u64))
}

fn measure(value: &Value, sizes: &mut HashMap<*const Value, Size>, left: &mut u64) -> Result<Size, Undecided> {
    let mut size = scalar(value);
    *left = left.checked_sub(size.weight).ok_or(Undecided::TooLarge)?;
    match value {
        Value::Array(items) => {
            for item in items {
                size.contain(0, measure(item, sizes, left)?);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                size.contain(name.len() as u64, measure(member, sizes, left)?);
            }
        }
        _ => return Ok(size),
    }
    sizes.insert(std::ptr::from_ref(value), size);
    Ok(size)
}

fn cel(value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(it) => Cel::Bool(*it),
        // Whole numbers are of one type, as far as it goes: they can be reckoned with one another.
        Value::Number(it) => match (it.as_i64(), it.as_u64(), it.as_f64()) {
            (Some(it), ..) => Cel::Int(it),
            (None, Some(it), _) => Cel::UInt(it),
            (None, None, it) => Cel::Float(it.unwrap_or(f64::NAN)),
        },
        Value::String(it) => Cel::String(Arc::new(it.clone())),
        Value::Array(items) => Cel::List(Arc::new(items.iter().map(cel).collect())),
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| (name.as_str().into(), cel(member))).collect();
            Cel::Map(Map { map: Arc::new(members) })
        }
    }
}
