//! What became of hostile cases, and what they cost: rows of the table that `make test` prints when all is done.

use std::fmt::Write as _;
use std::path::PathBuf;

/// The rows of one group; written down when it is dropped, also by a test that fails on the way.
pub struct Report {
    group: &'static str,
    part: &'static str,
    rows: String,
}

impl Report {
    /// `group` is unique among the tests: it names a file.
    pub fn new(group: &'static str) -> Self {
        Self { group, part: "", rows: String::new() }
    }

    /// Of a group whose rows come from several tests: `part` tells them apart.
    pub fn part(group: &'static str, part: &'static str) -> Self {
        let mut report = Self::new(group);
        report.part = part;
        report
    }

    /// `outcome`: the code or reason it was refused with. `cost`: what it took of the host, e.g. `12 ms, 3 MiB`.
    pub fn row(&mut self, case: impl AsRef<str>, outcome: impl AsRef<str>, cost: impl AsRef<str>) {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (case, outcome, cost) = (flat(case.as_ref()), flat(outcome.as_ref()), flat(cost.as_ref()));
        let _ = writeln!(self.rows, "{}\t{case}\t{outcome}\t{cost}", self.group);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hostile");
        let name = format!("{} {}", self.group, self.part).trim().replace(' ', "-");
        let written = std::fs::create_dir_all(&folder)
            .and_then(|()| std::fs::write(folder.join(format!("{name}.tsv")), &self.rows));
        if let Err(error) = written {
            eprintln!("cannot write the report of `{}`: {error}", self.group);
        }
    }
}
