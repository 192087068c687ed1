//! Rules over params: CEL expressions that are true or false, checked when they are written and bounded when they are asked.
//!
//! Knows the language and its limits, and nothing of recipes.

mod check;
mod cost;
mod scope;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use cel::parser::{Expression, PrattParser};
use cel::{Env, ExecutionError, Value};

pub use scope::Scope;

/// Bytes of one rule.
const LONGEST: usize = 2_000;

/// How deep a rule may nest: parsing, checking and asking it recur as deep.
const DEEPEST: u16 = 32;

/// What asking rules may cost together, in about the nodes visited and bytes looked at.
pub const BUDGET: u64 = 2_000_000;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::default().with_optional_support(false).with_stdlib()));

/// A rule, ready to be asked.
#[derive(Debug)]
pub struct Rule {
    expression: Expression,
    reads: Vec<Vec<String>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    #[error("it asks for a member that is not there: ask with `has(…)` first")]
    Missing,
    #[error("it compares or joins values that do not go together")]
    Types,
    #[error("a number in it is too large, or divided by nothing")]
    Number,
    #[error("it does not come to true or false")]
    NoBoolean,
    #[error("it would take too long for params of this size")]
    Costly,
    #[error("the params are too large for rules")]
    TooLarge,
    #[error("it cannot be computed")]
    Other,
}

impl Rule {
    /// The error says what is wrong with the text.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a rule has at most {LONGEST} bytes"));
        }
        let parser = PrattParser::new().max_recursion_depth(DEEPEST).enable_ident_escape_syntax(true);
        let expression = parser.parse(text).map_err(|errors| match errors.errors.first() {
            Some(error) => format!("it is no CEL expression: {}, at column {}", error.msg, error.pos.1.max(1)),
            None => "it is no CEL expression".to_owned(),
        })?;
        let reads = check::check(&expression)?;
        Ok(Self { expression, reads })
    }

    /// The members of `params` that it looks at, each as the names that lead there; empty for params as a whole.
    pub fn reads(&self) -> &[Vec<String>] {
        &self.reads
    }

    /// Whether it holds. Takes what it may cost out of `budget` first, and is not asked if there is not as much.
    pub fn holds(&self, scope: &Scope<'_>, budget: &mut u64) -> Result<bool, Undecided> {
        let cost = cost::most(&self.expression, scope);
        *budget = budget.checked_sub(cost).ok_or(Undecided::Costly)?;
        match Value::resolve(&self.expression, scope.context()) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err(Undecided::NoBoolean),
            Err(error) => Err(undecided(&error)),
        }
    }
}

/// The interpreter's own words repeat values, which may be secret.
fn undecided(error: &ExecutionError) -> Undecided {
    match error {
        ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => Undecided::Missing,
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) | ExecutionError::Overflow(..) => {
            Undecided::Number
        }
        ExecutionError::NoSuchOverload(_)
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::ValuesNotComparable(..)
        | ExecutionError::UnsupportedBinaryOperator(..)
        | ExecutionError::UnsupportedIndex(..)
        | ExecutionError::UnsupportedKeyType(_)
        | ExecutionError::UnsupportedTargetType { .. } => Undecided::Types,
        _ => Undecided::Other,
    }
}
