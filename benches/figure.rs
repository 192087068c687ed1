//! One number, what it has to be and what it should be.

use std::io;
use std::path::PathBuf;

use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// What must be, and the goal; either may be left open.
    bounds: Option<(Better, Option<f64>, Option<f64>)>,
}

#[derive(Debug, Clone, Copy)]
enum Better {
    Lower,
    Higher,
}

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, bounds: None }
    }

    pub fn at_most(self, must: f64, goal: f64) -> Self {
        Self { bounds: Some((Better::Lower, Some(must), Some(goal))), ..self }
    }

    pub fn at_least(self, must: f64, goal: f64) -> Self {
        Self { bounds: Some((Better::Higher, Some(must), Some(goal))), ..self }
    }

    /// With a bound that must hold, and no goal beyond it.
    pub fn must_not_exceed(self, must: f64) -> Self {
        Self { bounds: Some((Better::Lower, Some(must), None)), ..self }
    }

    fn bounds(&self) -> (Option<f64>, Option<f64>) {
        self.bounds.map_or((None, None), |(_, must, goal)| (must, goal))
    }

    /// `goal`, `must` or `neither`; nothing where nothing is demanded.
    fn meets(&self) -> Option<&'static str> {
        let (better, must, goal) = self.bounds?;
        let within = |bound: Option<f64>| match (bound, better) {
            (None, _) => false,
            (Some(bound), Better::Lower) => self.value <= bound,
            (Some(bound), Better::Higher) => self.value >= bound,
        };
        Some(match (within(goal), within(must)) {
            (true, _) => "goal",
            (false, true) => "must",
            (false, false) => "neither",
        })
    }

    fn document(&self) -> Value {
        let (must, goal) = self.bounds();
        json!({
            "name": self.name, "value": self.value, "unit": self.unit, "must": must, "goal": goal, "meets": self.meets(),
        })
    }
}

pub fn print(figures: &[Figure]) {
    let mut rows = vec![["what".to_owned(), "measured".into(), "must".into(), "goal".into(), "meets".into()]];
    for it in figures {
        let (must, goal) = it.bounds();
        let sign = match it.bounds {
            Some((Better::Lower, ..)) => "≤",
            _ => "≥",
        };
        let bound = |bound: Option<f64>| bound.map_or("–".to_owned(), |bound| format!("{sign} {}", number(bound)));
        let measured = format!("{} {}", number(it.value), it.unit);
        rows.push([it.name.clone(), measured, bound(must), bound(goal), it.meets().unwrap_or("–").to_owned()]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.chars().count())))
            .collect();
        println!("{}", cells.join("  ").trim_end());
    }
}

/// Three digits that say something.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        it if it >= 100.0 || it == 0.0 => 0,
        it if it >= 10.0 => 1,
        it if it >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

pub fn write(figures: &[Figure], path: PathBuf) -> io::Result<()> {
    let list: Vec<Value> = figures.iter().map(Figure::document).collect();
    std::fs::write(path, serde_json::to_string_pretty(&list)? + "\n")
}

/// The one in the middle; of a share of them: `quantile(values, 0.99)`.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

pub fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}
