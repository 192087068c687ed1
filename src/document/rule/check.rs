//! What a rule may be made of: two variables, a few functions, and no more than can be asked in bounded time.

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;

use super::super::nearest::{self, list};
use super::DEEPEST;

const VARIABLES: [&str; 2] = ["params", "context"];

/// Members of `context`.
pub(super) const CONTEXT: [&str; 6] = ["project", "environment", "environment-type", "order", "name", "class"];

/// Operators by the names that the parser gives them.
const OPERATORS: [&str; 18] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::IN,
];

/// What is called by name.
const FUNCTIONS: [&str; 9] = ["size", "contains", "startsWith", "endsWith", "int", "uint", "double", "string", "bool"];

const MACROS: [&str; 6] = ["has", "all", "exists", "exists_one", "map", "filter"];

/// Loops within loops.
const NESTED: usize = 3;

/// What the expansion of a loop is gathered in. No rule may name it.
const GATHERED: &str = "@result";

/// The members of `params` that are looked at.
pub(super) fn check(expression: &Expression) -> Result<Vec<Vec<String>>, String> {
    let mut walk = Walk { bound: Vec::new(), loops: 0, reads: Vec::new() };
    walk.expression(expression, 0)?;
    walk.reads.sort();
    walk.reads.dedup();
    Ok(walk.reads)
}

struct Walk {
    /// Names that loops around have given to their items.
    bound: Vec<String>,
    loops: usize,
    reads: Vec<Vec<String>>,
}

/// The variable and the names that lead from it: `params.disk["size-gb"]`.
pub(super) fn path(expression: &Expression) -> Option<(&str, Vec<&str>)> {
    let (mut at, mut names) = (expression, Vec::new());
    // A longer one is no name that a person wrote.
    while names.len() <= usize::from(DEEPEST) {
        match &at.expr {
            Expr::Ident(name) => {
                names.reverse();
                return Some((name, names));
            }
            Expr::Select(select) => {
                names.push(select.field.as_str());
                at = &select.operand;
            }
            Expr::Call(call) if call.func_name == operators::INDEX => {
                let [of, Expression { expr: Expr::Literal(LiteralValue::String(name)), .. }] = call.args.as_slice()
                else {
                    return None;
                };
                names.push(name.inner());
                at = of;
            }
            _ => return None,
        }
    }
    None
}

impl Walk {
    fn expression(&mut self, expression: &Expression, depth: u16) -> Result<(), String> {
        // What loops expand to nests deeper than what is written.
        if depth > 2 * DEEPEST {
            return Err("it nests too deep: make several rules of it".to_owned());
        }
        let depth = depth + 1;
        if let Some((root, names)) = path(expression) {
            return self.path(root, &names);
        }
        match &expression.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Select(select) => self.expression(&select.operand, depth),
            Expr::Call(call) => self.call(call, depth),
            Expr::List(it) => it.elements.iter().try_for_each(|it| self.expression(it, depth)),
            Expr::Map(it) => it.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.expression(&entry.key, depth)?;
                    self.expression(&entry.value, depth)
                }
                EntryExpr::StructField(_) => Err("a mapping in it is none".to_owned()),
            }),
            Expr::Comprehension(it) => {
                if self.loops == NESTED {
                    return Err(format!("it has more than {NESTED} loops within one another"));
                }
                self.expression(&it.iter_range, depth)?;
                self.expression(&it.accu_init, depth)?;
                let taken = VARIABLES.contains(&it.iter_var.as_str()) || self.bound.contains(&it.iter_var);
                if taken || it.iter_var == GATHERED || it.iter_var2.is_some() || it.accu_var != GATHERED {
                    return Err(format!("a loop in it cannot call its items `{}`: choose another name", it.iter_var));
                }
                self.loops += 1;
                self.bound.extend([it.accu_var.clone(), it.iter_var.clone()]);
                let mut inner = [&it.loop_cond, &it.loop_step, &it.result].into_iter();
                let checked = inner.try_for_each(|it| self.expression(it, depth));
                self.bound.truncate(self.bound.len() - 2);
                self.loops -= 1;
                checked
            }
            Expr::Ident(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err("it makes something that rules have no use for".to_owned())
            }
        }
    }

    fn path(&mut self, root: &str, names: &[&str]) -> Result<(), String> {
        if self.bound.iter().any(|it| it == root) {
            return Ok(());
        }
        match root {
            "params" => self.reads.push(names.iter().map(|it| (*it).to_owned()).collect()),
            "context" => {
                if let Some(name) = names.first().filter(|name| !CONTEXT.contains(name)) {
                    let hint = nearest::hint(name, CONTEXT);
                    return Err(format!("`context` has no `{name}`: {hint}"));
                }
            }
            other => {
                return Err(format!("`{other}` is not known to rules: they know {}", list(&VARIABLES)));
            }
        }
        Ok(())
    }

    fn call(&mut self, call: &CallExpr, depth: u16) -> Result<(), String> {
        if let [left, right] = call.args.as_slice()
            && call.func_name == operators::SUBSTRACT
        {
            self.dashed(left, right)?;
        }
        let name = call.func_name.as_str();
        let known = OPERATORS.contains(&name) || FUNCTIONS.contains(&name) || name == operators::NOT_STRICTLY_FALSE;
        if !known {
            return Err(match MACROS.contains(&name) {
                true => format!("`{name}` is not called like this"),
                false => {
                    let known: Vec<&str> = FUNCTIONS.into_iter().chain(MACROS).collect();
                    format!("rules have no function `{name}`: there are {}", list(&known))
                }
            });
        }
        call.target.iter().try_for_each(|it| self.expression(it, depth))?;
        call.args.iter().try_for_each(|it| self.expression(it, depth))
    }

    /// `params.size-gb` takes `gb` from `params.size`; who writes it means something else.
    fn dashed(&self, left: &Expression, right: &Expression) -> Result<(), String> {
        let (Some((root, names)), Some((second, more))) = (path(left), path(right)) else { return Ok(()) };
        let known = |name: &str| VARIABLES.contains(&name) || self.bound.iter().any(|it| it == name);
        let Some((last, before)) = names.split_last().filter(|_| known(root) && !known(second)) else { return Ok(()) };
        let before: Vec<&str> = std::iter::once(root).chain(before.iter().copied()).collect();
        let rest = more.iter().map(|it| format!(".{it}")).collect::<String>();
        let written = format!("{}[\"{last}-{second}\"]{rest}", before.join("."));
        Err(format!("`{second}` is not known to rules: a member with a dash in its name is written `{written}`"))
    }
}
