//! Keeps a server of another make running until its test, or this whole process, is over.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A shell that waits at a pipe, and stops the server and cleans up when the pipe closes: also when this process is killed.
pub struct Keeper(Child);

impl Keeper {
    /// `script` gets the folder and then the words of `server`. It starts the server, reads to the end of its standard input, stops the
    /// server and waits for it; the folder is removed behind it.
    pub fn start(dir: TempDir, script: &str, server: &Command) -> Self {
        let dir = dir.keep();
        let whole = format!("{script}; wait; rm -rf \"$dir\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("dir=$1; shift; {whole}"), "keeper"]).arg(&dir);
        shell.arg(server.get_program()).args(server.get_args());
        for (name, value) in server.get_envs() {
            shell.env(name, value.expect("a server's environment only grows"));
        }
        shell.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(shell.spawn().expect("a shell"))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

pub fn free_port() -> u16 {
    let [port] = free_ports();
    port
}

/// All different.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let sockets = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    sockets.map(|socket| socket.local_addr().expect("its address").port())
}
