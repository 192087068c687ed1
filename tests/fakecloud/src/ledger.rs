//! The ledger: one record a line, durable before anybody hears of it. Many records share one fdatasync.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use tokio::sync::watch;

use crate::record::Record;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open the ledger `{path}`: {cause}")]
    Open { path: PathBuf, cause: io::Error },
    #[error("another process has the ledger `{0}`")]
    Taken(PathBuf),
    #[error("line {line} of the ledger `{path}` is damaged: {why}")]
    Damaged { path: PathBuf, line: usize, why: String },
}

pub struct Ledger {
    shared: Arc<Shared>,
    durable: watch::Receiver<u64>,
}

struct Shared {
    waiting: Mutex<Waiting>,
    more: Condvar,
}

/// What is not written yet. Bounded by the requests that are served at once, which wait for it.
#[derive(Default)]
struct Waiting {
    lines: Vec<u8>,
    last: u64,
}

impl Ledger {
    /// Takes the ledger in `dir`, and reads what it holds. A last line without its end was never promised to anybody: it goes.
    pub fn open(dir: &Path) -> Result<(Self, Vec<Record>), Error> {
        let path = dir.join("ledger.jsonl");
        let cannot = |cause| Error::Open { path: path.clone(), cause };
        std::fs::create_dir_all(dir).map_err(cannot)?;
        let options = OpenOptions::new().read(true).append(true).create(true).clone();
        let mut file = options.open(&path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Taken(path)),
            Err(TryLockError::Error(cause)) => return Err(cannot(cause)),
        }
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(cannot)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot)?;
        let whole = bytes.iter().rposition(|it| *it == b'\n').map_or(0, |at| at + 1);
        if whole < bytes.len() {
            eprintln!("fakecloud: a torn last line of {} bytes is dropped", bytes.len() - whole);
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(cannot)?;
            file.seek(SeekFrom::End(0)).map_err(cannot)?;
        }
        let records = parse(&bytes[..whole]).map_err(|(line, why)| Error::Damaged { path: path.clone(), line, why })?;
        let last = records.len() as u64;
        let (done, durable) = watch::channel(last);
        let waiting = Mutex::new(Waiting { lines: Vec::new(), last });
        let shared = Arc::new(Shared { waiting, more: Condvar::new() });
        let writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || writer.write(&mut file, &done))
            .map_err(cannot)?;
        Ok((Self { shared, durable }, records))
    }

    /// In the order of their numbers: the caller holds the lock under which they were given.
    pub fn append(&self, record: &Record) {
        let mut waiting = self.shared.waiting.lock().expect("nobody panics with it");
        serde_json::to_writer(&mut waiting.lines, record).expect("a record is JSON, and memory takes it");
        waiting.lines.push(b'\n');
        waiting.last = record.seq;
        drop(waiting);
        self.shared.more.notify_one();
    }

    /// Ends when all records up to this one would survive the machine.
    pub async fn durable(&self, seq: u64) {
        let mut durable = self.durable.clone();
        // Its writer ends with the process.
        let _ = durable.wait_for(|done| *done >= seq).await;
    }
}

impl Shared {
    fn write(&self, file: &mut File, done: &watch::Sender<u64>) {
        loop {
            let waiting = self.waiting.lock().expect("nobody panics with it");
            let mut waiting = self.more.wait_while(waiting, |it| it.lines.is_empty()).expect("nobody panics with it");
            let (lines, last) = (std::mem::take(&mut waiting.lines), waiting.last);
            drop(waiting);
            if let Err(error) = file.write_all(&lines).and_then(|()| file.sync_data()) {
                // After a failed sync nobody knows what is on the disk.
                eprintln!("fakecloud: cannot write the ledger: {error}");
                std::process::exit(1);
            }
            done.send_replace(last);
        }
    }
}

/// The error: which line, counted from 1, and what is wrong with it.
fn parse(lines: &[u8]) -> Result<Vec<Record>, (usize, String)> {
    let mut records: Vec<Record> = Vec::new();
    for (at, line) in lines.split_inclusive(|it| *it == b'\n').enumerate() {
        let record: Record = serde_json::from_slice(line).map_err(|error| (at + 1, error.to_string()))?;
        if record.seq != at as u64 + 1 {
            return Err((at + 1, format!("its number is {}", record.seq)));
        }
        records.push(record);
    }
    Ok(records)
}
