//! What one attempt of a driver may use.

use serde::{Deserialize, Serialize};

use super::description::AskedLimits;

/// Bounds of one attempt. Exceeding one is a failure that names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    pub memory_bytes: u64,
    pub cpu_ms: u64,
    /// Time in guest and effects together.
    pub time_ms: u64,
    pub reads: u32,
    pub writes: u32,
    /// One request or answer of an effect.
    pub body_bytes: u64,
    pub journal_bytes: u64,
    /// What a verb returns.
    pub output_bytes: u64,
    pub log_bytes: u64,
    pub table_elements: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            cpu_ms: 10_000,
            time_ms: 60_000,
            reads: 1_000,
            writes: 200,
            body_bytes: 8 << 20,
            journal_bytes: 32 << 20,
            output_bytes: 1 << 20,
            log_bytes: 256 << 10,
            table_elements: 100_000,
        }
    }
}

impl Limits {
    /// These limits with what a driver asks, never above `self`, the operator's maximum.
    pub fn asked(&self, asked: &AskedLimits) -> Self {
        Self {
            memory_bytes: asked.memory_bytes.unwrap_or(self.memory_bytes).min(self.memory_bytes),
            cpu_ms: asked.cpu_ms.unwrap_or(self.cpu_ms).min(self.cpu_ms),
            time_ms: asked.time_ms.unwrap_or(self.time_ms).min(self.time_ms),
            reads: asked.reads.unwrap_or(self.reads).min(self.reads),
            writes: asked.writes.unwrap_or(self.writes).min(self.writes),
            ..self.clone()
        }
    }
}

/// Which limit was met. `Display` is the name that people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    Memory,
    Cpu,
    Time,
    Reads,
    Writes,
    Body,
    Journal,
    Output,
    Log,
    Table,
    Stack,
    Handles,
}

impl Limit {
    /// Of what so many are the most.
    pub fn unit(self) -> &'static str {
        match self {
            Limit::Cpu | Limit::Time => "ms",
            Limit::Memory | Limit::Body | Limit::Journal | Limit::Output | Limit::Log | Limit::Stack => "bytes",
            Limit::Reads | Limit::Writes => "calls",
            Limit::Table => "elements",
            Limit::Handles => "handles",
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Limit::Memory => "memory",
            Limit::Cpu => "cpu time",
            Limit::Time => "time",
            Limit::Reads => "reads",
            Limit::Writes => "writes",
            Limit::Body => "body size",
            Limit::Journal => "journal size",
            Limit::Output => "output size",
            Limit::Log => "log size",
            Limit::Table => "table elements",
            Limit::Stack => "stack",
            Limit::Handles => "resource handles",
        })
    }
}
