//! Time that stands still while a guest computes, and jumps to where the guest waits for: sleeping costs nothing and is the same on
//! every replay.

/// What may be waited for: a point in monotonic time, nanoseconds; 0 is always over.
#[derive(Default)]
pub struct Timers {
    due: Vec<Option<u64>>,
    /// How far waiting has moved the monotonic clock ahead of the tape.
    ahead_ns: u64,
}

impl Timers {
    const MOST: usize = 10_000;

    /// Monotonic time, given that of the tape.
    pub fn now_ns(&self, tape_ms: u64) -> u64 {
        tape_ms.saturating_mul(1_000_000).saturating_add(self.ahead_ns)
    }

    /// A new thing to wait for; `None` if there are too many.
    pub fn add(&mut self, due_ns: u64) -> Option<u32> {
        let at = self.due.iter().position(Option::is_none).unwrap_or(self.due.len());
        if at == Self::MOST {
            return None;
        }
        if at == self.due.len() {
            self.due.push(None);
        }
        self.due[at] = Some(due_ns);
        u32::try_from(at).ok()
    }

    pub fn remove(&mut self, at: u32) {
        if let Some(slot) = self.due.get_mut(at as usize) {
            *slot = None;
        }
    }

    pub fn is_over(&self, at: u32, tape_ms: u64) -> bool {
        self.due_ns(at) <= self.now_ns(tape_ms)
    }

    /// Waits for the first of `all`, which takes no time at all; says which of them are over.
    pub fn wait(&mut self, all: &[u32], tape_ms: u64) -> Vec<u32> {
        if let Some(first) = all.iter().map(|at| self.due_ns(*at)).min() {
            self.ahead_ns += first.saturating_sub(self.now_ns(tape_ms));
        }
        let over = |at: &u32| self.is_over(*at, tape_ms);
        (0u32..).zip(all).filter(|(_, at)| over(at)).map(|(index, _)| index).collect()
    }

    fn due_ns(&self, at: u32) -> u64 {
        self.due.get(at as usize).copied().flatten().unwrap_or(0)
    }
}
