//! The most that asking a rule can cost, told before it is asked.
//!
//! The interpreter has no limit of its own. Rules have no recursion, so that what they do is bounded by what they loop over and
//! what they make: both are computed here from the sizes of what they are given, never too low.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators};
use cel::parser::Expression;

use super::check::path;
use super::scope::Scope;

/// What a node weighs beside its text.
const NODE: u64 = 8;

/// How large a value is at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// All of it, texts included.
    pub weight: u64,
    /// Its items or members.
    pub items: u64,
    /// The most items that it or anything in it has.
    pub widest: u64,
    /// The heaviest of its items.
    pub inner: u64,
}

impl Size {
    pub fn scalar(bytes: u64) -> Self {
        Self { weight: bytes.saturating_add(NODE), items: 0, widest: 0, inner: 0 }
    }

    /// One more item, under a name of so many bytes.
    pub fn contain(&mut self, name: u64, item: Size) {
        self.weight = self.weight.saturating_add(item.weight).saturating_add(name);
        self.items = self.items.saturating_add(1);
        self.widest = self.widest.max(self.items).max(item.widest);
        // Who loops over a mapping gets its names.
        self.inner = self.inner.max(item.weight).max(name.saturating_add(NODE));
    }

    fn joined(self, other: Size) -> Self {
        let items = self.items.saturating_add(other.items);
        Self {
            weight: self.weight.saturating_add(other.weight),
            items,
            widest: items.max(self.widest).max(other.widest),
            inner: self.inner.max(other.inner),
        }
    }

    fn either(self, other: Size) -> Self {
        Self {
            weight: self.weight.max(other.weight),
            items: self.items.max(other.items),
            widest: self.widest.max(other.widest),
            inner: self.inner.max(other.inner),
        }
    }

    /// Any of its items, or something in one.
    fn item(self) -> Self {
        Self { weight: self.inner.max(NODE), items: self.widest, ..self }
    }
}

pub(super) fn most(expression: &Expression, scope: &Scope<'_>) -> u64 {
    let mut count = Count { scope, bound: Vec::new(), spent: 0 };
    count.expression(expression);
    count.spent
}

struct Count<'a> {
    scope: &'a Scope<'a>,
    bound: Vec<(&'a str, Size)>,
    spent: u64,
}

impl<'a> Count<'a> {
    fn spend(&mut self, more: u64) {
        self.spent = self.spent.saturating_add(more);
    }

    fn expression(&mut self, expression: &'a Expression) -> Size {
        self.spend(NODE);
        if let Some((root, names)) = path(expression) {
            self.spend(names.len() as u64);
            return self.path(root, &names);
        }
        match &expression.expr {
            Expr::Literal(LiteralValue::String(text)) => Size::scalar(text.inner().len() as u64),
            Expr::Literal(LiteralValue::Bytes(bytes)) => Size::scalar(bytes.inner().len() as u64),
            Expr::Select(select) => {
                let of = self.expression(&select.operand);
                self.spend(of.weight);
                of.item()
            }
            Expr::Call(call) => self.call(call),
            Expr::List(it) => {
                let mut list = Size::scalar(0);
                for element in &it.elements {
                    let item = self.expression(element);
                    list.contain(0, item);
                }
                self.spend(list.weight);
                list
            }
            Expr::Map(it) => {
                let mut map = Size::scalar(0);
                for entry in &it.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else { continue };
                    let key = self.expression(&entry.key);
                    let value = self.expression(&entry.value);
                    map.contain(key.weight, value);
                }
                self.spend(map.weight);
                map
            }
            Expr::Comprehension(it) => self.repeated(it),
            _ => Size::scalar(0),
        }
    }

    fn path(&self, root: &str, names: &[&str]) -> Size {
        match self.bound.iter().rev().find(|(name, _)| *name == root) {
            Some((_, size)) if names.is_empty() => *size,
            Some((_, size)) => size.item(),
            None => self.scope.size(root, names).unwrap_or(Size::scalar(0)),
        }
    }

    fn call(&mut self, call: &'a CallExpr) -> Size {
        let given: Vec<Size> =
            call.target.iter().map(|it| &**it).chain(&call.args).map(|it| self.expression(it)).collect();
        let all = given.iter().fold(Size::scalar(0), |all, one| all.joined(*one));
        match (call.func_name.as_str(), given.as_slice()) {
            (operators::CONDITIONAL, [_, yes, no]) => yes.either(*no),
            (operators::INDEX, [of, at]) => {
                self.spend(of.weight.saturating_add(at.weight));
                of.item()
            }
            (operators::ADD, _) => {
                self.spend(all.weight);
                all
            }
            ("string", _) => {
                self.spend(all.weight);
                // A number is longer as a text.
                Size::scalar(all.weight.saturating_add(32))
            }
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, _) => Size::scalar(0),
            _ => {
                self.spend(all.weight);
                Size::scalar(0)
            }
        }
    }

    fn repeated(&mut self, it: &'a ComprehensionExpr) -> Size {
        let over = self.expression(&it.iter_range);
        let begin = self.expression(&it.accu_init);
        let before = std::mem::take(&mut self.spent);
        self.bound.push((&it.accu_var, begin));
        self.bound.push((&it.iter_var, over.item()));
        self.expression(&it.loop_cond);
        let step = self.expression(&it.loop_step);
        self.spend(over.inner);
        let once = std::mem::replace(&mut self.spent, before);
        self.bound.pop();
        self.bound.pop();
        let times = over.items.saturating_add(1);
        self.spend(once.saturating_mul(times));
        // What is gathered grows with each turn by what one turn adds.
        let grown = |begin: u64, step: u64| begin.saturating_add(step.saturating_sub(begin).saturating_mul(times));
        let items = grown(begin.items, step.items);
        let gathered = Size {
            weight: grown(begin.weight, step.weight),
            items,
            widest: items.max(begin.widest).max(step.widest),
            inner: begin.inner.max(step.inner),
        };
        self.bound.push((&it.accu_var, gathered));
        let result = self.expression(&it.result);
        self.bound.pop();
        self.spend(gathered.weight);
        result
    }
}
