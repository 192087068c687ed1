//! What is wrong with a file, and where.

use std::fmt;

use super::place::Position;

/// Kept of one file; the rest is counted.
const MAX: usize = 200;

/// Displayed as `orders.yaml:7:3: unknown key `clas` in resource `db`: did you mean `class`?`
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// JSON Pointer into the document.
    pub pointer: String,
    pub message: String,
    /// What to do about it; empty where the message says all.
    pub hint: String,
}

impl Problem {
    pub fn new(file: &str, at: Position, pointer: &str, message: &str) -> Self {
        Self {
            file: file.to_owned(),
            line: at.line,
            column: at.column,
            pointer: pointer.to_owned(),
            message: message.to_owned(),
            hint: String::new(),
        }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, ": {}", self.hint) }
    }
}

/// All problems of a file, in the order of their places. Displayed one a line.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Errors {
    pub problems: Vec<Problem>,
    /// Found beyond those that were kept.
    pub left_out: usize,
}

impl Errors {
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub fn push(&mut self, problem: Problem) {
        if self.problems.len() < MAX {
            self.problems.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    pub fn sorted(mut self) -> Self {
        self.problems.sort_by(|a, b| (a.line, a.column, &a.pointer).cmp(&(b.line, b.column, &b.pointer)));
        self
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        if self.left_out > 0 {
            write!(f, "\nand {} more", self.left_out)?;
        }
        Ok(())
    }
}
