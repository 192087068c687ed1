//! A small file system of its own for a directory of a test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Unmounted when dropped, and when this process ends however it ends: a shell waits at a pipe. Needs root.
pub struct Mount {
    at: PathBuf,
    keeper: Child,
}

impl Mount {
    /// At a directory that is there. `size` as mount(8) takes it.
    pub fn new(at: &Path, size: &str) -> Mount {
        const SCRIPT: &str = r#"trap '' INT TERM; mount -t tmpfs -o "size=$2,mode=0700" tmpfs "$1" || exit 1
            echo mounted; read -r _; umount -l "$1""#;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", SCRIPT, "sh"]).arg(at).arg(size).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = keeper.spawn().expect("a shell");
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().expect("a pipe")).read_line(&mut said).expect("it says");
        assert_eq!(said.trim(), "mounted", "a file system for {}: this test has to be root", at.display());
        Mount { at: at.to_owned(), keeper }
    }

    /// Options as mount(8) takes them: `size=…`, `ro`, `rw`.
    pub fn change(&self, options: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.at).status();
        assert!(status.expect("mount").success(), "{options} for {}", self.at.display());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}
