//! Taking connections in while this process is short of something: the next one waits, and the core goes on.

use std::io;
use std::time::Duration;

use futures::{Stream, StreamExt};

/// Between two tries while there is a shortage.
const PAUSE: Duration = Duration::from_millis(200);

/// The connections of `incoming`. One that cannot be taken in because files, memory or buffers are used up stays in the
/// system's queue, and is tried again until there is room.
pub fn patient<T>(incoming: impl Stream<Item = io::Result<T>>) -> impl Stream<Item = io::Result<T>> {
    let mut short = false;
    incoming.filter_map(move |connection| {
        let told = short;
        short = connection.as_ref().is_err_and(is_shortage);
        async move {
            match connection {
                Err(error) if is_shortage(&error) => {
                    if !told {
                        tracing::warn!(
                            "cannot take in a connection: {error}; callers wait until there is room (`ulimit -n` says how many files this process may open)"
                        );
                    }
                    tokio::time::sleep(PAUSE).await;
                    None
                }
                other => Some(other),
            }
        }
    })
}

/// ENFILE, EMFILE, ENOBUFS, ENOMEM: see accept(2).
fn is_shortage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory || matches!(error.raw_os_error(), Some(23 | 24 | 105))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shortage_passes_and_anything_else_is_told() {
        let error = |code| io::Error::from_raw_os_error(code);
        let incoming = [Ok(1), Err(error(24)), Err(error(24)), Err(error(12)), Ok(2), Err(error(22)), Ok(3)];
        let taken: Vec<_> = patient(futures::stream::iter(incoming)).map(|it| it.map_err(|_| "told")).collect().await;
        assert_eq!(taken, [Ok(1), Ok(2), Err("told"), Ok(3)]);
    }
}
