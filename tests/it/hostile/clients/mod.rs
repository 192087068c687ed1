//! Hostile clients: what reaches the port of a core, from bytes that are no protocol to documents that are bombs.
//!
//! Every case is tried against a real process, whose memory is looked at, and is followed by a call as anybody makes it.

mod wire;
mod messages;
mod headers;
mod frames;
mod floods;
mod slow;
mod documents;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use vend::pb;

use crate::support::core::{Bearer, Caller, reason};
use crate::support::program::Program;
use crate::support::report::Report;

/// Far more than anything here takes: only what hangs for ever takes as long.
const HANGING: Duration = Duration::from_secs(300);

const MIB: u64 = 1 << 20;

/// A core, and what became of the cases against it.
struct Bench {
    core: Arc<Program>,
    admin: Caller,
    report: Report,
}

impl Bench {
    async fn start(part: &'static str) -> Self {
        Self::start_with(part, &[]).await
    }

    async fn start_with(part: &'static str, arguments: &[&str]) -> Self {
        let core = Arc::new(Program::start(arguments));
        let admin = caller(&core, Some(core.token())).await;
        Self { core, admin, report: Report::part("client", part) }
    }

    /// One case: `outcome` says what became of it. The core goes on, has not panicked, and took at most `most` MiB more than
    /// it had.
    async fn case(&mut self, case: &str, most: u64, attempt: impl Future<Output = String>) {
        let before = self.core.memory().now;
        self.core.forget_peak();
        let begun = Instant::now();
        let outcome = tokio::time::timeout(HANGING, attempt).await.unwrap_or_else(|_| panic!("{case}: hangs"));
        let took = begun.elapsed();
        self.goes_on(case).await;
        let more = self.core.memory().most.saturating_sub(before).div_ceil(MIB);
        let cost = format!("{} ms, {more} MiB", took.as_millis());
        println!("client: {case}: {outcome}: {cost}");
        self.report.row(case, &outcome, cost);
        assert!(more <= most, "{case}: took {more} MiB, more than {most}");
    }

    /// One case that is refused with this code and reason, and says all these words.
    async fn refused<T: std::fmt::Debug>(
        &mut self,
        case: &str,
        most: u64,
        (code, word): (Code, &str),
        words: &[&str],
        call: impl Future<Output = Result<T, Status>>,
    ) {
        let refused = async {
            let status = call.await.expect_err(case);
            assert_eq!((status.code(), reason(&status).as_str()), (code, word), "{case}: {status:?}");
            let said = format!("{} {:?}", status.message(), status.get_error_details().bad_request());
            for word in words {
                assert!(said.contains(word), "{case}: `{word}` in: {said}");
            }
            format!("{code:?} {word}")
        };
        self.case(case, most, refused).await;
    }

    /// The twin of a case: just within what is allowed.
    async fn passes<T>(&mut self, case: &str, most: u64, call: impl Future<Output = Result<T, Status>>) {
        let passed =
            async { call.await.map(|_| "passes".to_owned()).unwrap_or_else(|status| panic!("{case}: {status:?}")) };
        self.case(case, most, passed).await;
    }

    /// A call on a connection of its own, with a token; once more while it is told to come back in a moment.
    async fn goes_on(&mut self, case: &str) {
        let call = async {
            loop {
                let caller = caller(&self.core, Some(self.core.token())).await;
                match caller.system().get_status(pb::GetStatusRequest {}).await {
                    Err(status) if reason(&status) == "RATE_LIMITED" => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    answer => return answer,
                }
            }
        };
        let answer = tokio::time::timeout(Duration::from_secs(60), call).await;
        let answer = answer.unwrap_or_else(|_| panic!("{case}: afterwards the core hangs: {}", self.core.said()));
        answer.unwrap_or_else(|status| panic!("{case}: afterwards: {status:?}: {}", self.core.said()));
        assert!(self.core.is_running(), "{case}: {}", self.core.said());
        let said = self.core.said();
        assert!(!said.contains("panicked"), "{case}: {said}");
    }
}

/// Calls on a connection of its own.
async fn caller(core: &Program, token: Option<String>) -> Caller {
    let endpoint = Endpoint::from_shared(core.url.clone()).expect("an address");
    let channel = endpoint.connect().await.expect("connected");
    Caller { connection: InterceptedService::new(channel, Bearer(token)) }
}
