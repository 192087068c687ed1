//! How long a call may take.

use std::time::Duration;

use tonic::Status;
use tonic::codegen::http::HeaderMap;

use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

use super::operations::LONGEST_WAIT;

/// Looks.
const SHORT: Duration = Duration::from_secs(60);

/// What compiles a driver or asks backends: a plan of ten thousand resources.
const LONG: Duration = Duration::from_secs(600);

/// The transport cuts a call off at the client's deadline without giving a reason: answer a little earlier.
const EARLY: Duration = Duration::from_millis(20);

/// The time of the call at `path`: what its kind takes at most, or what the client says in `grpc-timeout` if that is less.
pub fn of(path: &str, headers: &HeaderMap) -> Duration {
    let most = match path.rsplit('/').next() {
        Some("WaitOperation") => LONGEST_WAIT + SHORT,
        Some("PlanOrder" | "ApplyOrder" | "DeleteOrder" | "ApplyDocuments" | "InstallDriver" | "CreateBackup") => LONG,
        _ => SHORT,
    };
    let asked = headers.get("grpc-timeout").and_then(|value| grpc_timeout(value.to_str().ok()?));
    asked.map_or(most, |asked| most.min(asked.saturating_sub(EARLY)))
}

/// Calls that hold a place without doing anything: they have their own room.
pub fn mostly_waits(path: &str) -> bool {
    path == "/vend.v1.OperationService/WaitOperation" || is_endless(path)
}

/// Calls whose answer goes on for as long as it takes, and who may take their time with it.
pub fn is_endless(path: &str) -> bool {
    const ENDLESS: [&str; 3] =
        ["/vend.v1.WatchService/Watch", "/vend.v1.BackupService/CreateBackup", "/vend.v1.BackupService/VerifyRestored"];
    ENDLESS.contains(&path)
}

pub fn passed(path: &str, time: Duration) -> Status {
    let call = path.rsplit('/').next().unwrap_or(path);
    let message = format!("{call} was given {} ms and is not done", time.as_millis());
    Refusal::new(Reason::DeadlineExceeded, message)
        .hint("whether it has changed anything is not known: repeat it with the same request_id, or look")
        .into()
}

/// At most eight digits and a unit (gRPC over HTTP/2, Timeout).
fn grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_only_shorten_the_time() {
        let of = |path: &str, timeout: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", timeout.parse().expect("a header"));
            super::of(path, &headers)
        };
        let get = "/vend.v1.OrderService/GetOrder";
        assert_eq!(of(get, "1S"), Duration::from_millis(980));
        assert_eq!(of(get, "1u"), Duration::ZERO);
        assert_eq!(of(get, "99999999H"), SHORT);
        for bad in ["", "S", "1", "123456789S", "-1S", "1é", "1x"] {
            let mut headers = HeaderMap::new();
            headers
                .insert("grpc-timeout", tonic::codegen::http::HeaderValue::from_bytes(bad.as_bytes()).expect("bytes"));
            assert_eq!(super::of(get, &headers), SHORT, "{bad}");
        }
        assert_eq!(super::of("/vend.v1.OrderService/ApplyOrder", &HeaderMap::new()), LONG);
        assert!(super::of("/vend.v1.OperationService/WaitOperation", &HeaderMap::new()) > LONGEST_WAIT);
    }
}
