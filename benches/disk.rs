//! What the disk takes for one durable write: F, the median fdatasync of this minute.

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
