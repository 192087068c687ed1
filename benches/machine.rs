//! What the machine takes for what nobody can do without: a durable write, and a word to another thread.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::figure::median;

const TIMES: usize = 100;
/// As much as a commit of one order appends.
const BYTES: usize = 16 << 10;

/// Milliseconds, beside the data of the cores.
pub fn fdatasync_ms(folder: &Path) -> f64 {
    let path = folder.join("fdatasync");
    let mut file = File::create(&path).expect("a file");
    let page = vec![7_u8; BYTES];
    let mut taken: Vec<f64> = (0..TIMES)
        .map(|_| {
            file.write_all(&page).expect("written");
            let begun = Instant::now();
            file.sync_data().expect("synced");
            begun.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    let _ = std::fs::remove_file(path);
    median(&mut taken)
}

/// Milliseconds until a thread that sleeps has been woken by another and has answered it: W.
pub fn wake_ms() -> f64 {
    let (ask, asked) = std::sync::mpsc::sync_channel::<()>(1);
    let (answer, answered) = std::sync::mpsc::sync_channel::<()>(1);
    let other = std::thread::spawn(move || {
        while asked.recv().is_ok() {
            let _ = answer.send(());
        }
    });
    let mut taken: Vec<f64> = (0..TIMES)
        .map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(2));
            let begun = Instant::now();
            ask.send(()).expect("it listens");
            answered.recv().expect("it answers");
            begun.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    drop(ask);
    other.join().expect("it ends");
    median(&mut taken)
}
