//! What went wrong, as people read it: what, which, why, and what to do.

use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::exit::Exit;
use super::paint::{Paint, clean};
use super::settings::Settings;
use super::unreachable;

/// An end that says what it means, whether found here or told by the core.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    /// Stable word; empty for what this program found itself.
    pub reason: String,
    /// (field, what is wrong with it).
    pub violations: Vec<(String, String)>,
    pub hint: String,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        let message = message.into();
        Failure { exit, message, reason: String::new(), violations: Vec::new(), hint: String::new() }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
}

/// The stable reason of a refused call; empty if it bears none.
pub fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// What an error means. `settings` are where the calls went, once known.
pub fn explain(error: &anyhow::Error, settings: Option<&Settings>) -> Failure {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return failure.clone();
    }
    if let Some(status) = error.downcast_ref::<Status>() {
        return from_status(status, settings);
    }
    Failure::new(Exit::Failed, format!("{error:#}"))
}

pub fn from_status(status: &Status, settings: Option<&Settings>) -> Failure {
    let details = status.get_error_details();
    let info = details.error_info();
    if info.is_none() && unreachable::is_transport(status) {
        return unreachable::explain(status, settings);
    }
    let reason = info.map(|info| info.reason.clone()).unwrap_or_default();
    let mut hint = info.and_then(|info| info.metadata.get("hint").cloned()).unwrap_or_default();
    if hint.is_empty() {
        let links = details.help().map(|help| help.links.as_slice()).unwrap_or_default();
        hint = links
            .iter()
            .map(|link| format!("{} {}", link.description, link.url).trim().to_owned())
            .collect::<Vec<_>>()
            .join("; ");
    }
    if hint.is_empty() {
        hint = usual_hint(status.code(), settings);
    }
    if let Some(delay) = details.retry_info().and_then(|info| info.retry_delay) {
        let again = format!("try again in {}s", delay.as_secs().max(1));
        hint = if hint.is_empty() { again } else { format!("{hint}; {again}") };
    }
    let violations = details.bad_request().map(|request| request.field_violations.as_slice()).unwrap_or_default();
    let message = if status.message().is_empty() { status.code().description() } else { status.message() };
    // What the message says already is not said again.
    let more = violations.iter().filter(|it| !message.contains(&it.description));
    let mut violations: Vec<_> = more.map(|it| (it.field.clone(), it.description.clone())).collect();
    if let Some(more) = info.and_then(|info| info.metadata.get("more_violations")) {
        violations.push(("…".to_owned(), format!("and {more} more")));
    }
    Failure { exit: Exit::of_refusal(&reason, status.code()), message: message.to_owned(), reason, violations, hint }
}

fn usual_hint(code: Code, settings: Option<&Settings>) -> String {
    match (code, settings) {
        (Code::Unauthenticated, Some(settings)) if settings.token.is_none() => {
            "no token was sent: pass --token-file, or set VEND_TOKEN".to_owned()
        }
        (Code::Unauthenticated, Some(settings)) => {
            format!("the core at {} does not know the token that was sent", settings.server)
        }
        (Code::DeadlineExceeded, _) => "the core took too long to answer; `vend status` shows how it is".to_owned(),
        (Code::Unimplemented, _) => "the core is older than this program; `vend version` shows both".to_owned(),
        _ => String::new(),
    }
}

pub fn render(failure: &Failure, paint: &Paint) -> String {
    let mut text = format!("{} {}", paint.red("error:"), clean(&failure.message));
    if !failure.reason.is_empty() {
        text.push_str(&format!(" ({})", failure.reason));
    }
    text.push('\n');
    for (field, description) in &failure.violations {
        // Of a single mistake the message says it all already.
        if failure.message.contains(description) && failure.message.contains(field) {
            continue;
        }
        text.push_str(&clean(&format!("  {field}: {description}\n")));
    }
    if !failure.hint.is_empty() {
        text.push_str(&format!("{} {}\n", paint.cyan("hint:"), clean(&failure.hint)));
    }
    text
}

/// The reader of our output has gone, as `head` does: no failure of ours.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use tonic_types::ErrorDetails;

    use super::*;

    fn check(status: Status, exit: Exit, expected: &str) {
        let failure = explain(&anyhow::Error::new(status), None);
        assert_eq!(render(&failure, &Paint::plain()), expected);
        assert_eq!(failure.exit, exit);
    }

    #[test]
    fn a_refusal_with_violations_and_a_hint() {
        let metadata = HashMap::from([("hint".to_owned(), "see `vend explain postgres-database`".to_owned())]);
        let mut details = ErrorDetails::with_error_info("PARAMS_INVALID", "vend", metadata);
        details.add_bad_request_violation("/params/name", "is longer than 63 characters");
        let status = Status::with_error_details(Code::InvalidArgument, "the params of `db` do not fit", details);
        check(
            status,
            Exit::Failed,
            "error: the params of `db` do not fit (PARAMS_INVALID)\n  /params/name: is longer than 63 characters\n\
             hint: see `vend explain postgres-database`\n",
        );
    }

    #[test]
    fn a_refusal_by_policy_exits_with_its_own_number() {
        let details = ErrorDetails::with_error_info("POLICY_DENIED", "vend", HashMap::new());
        let status = Status::with_error_details(Code::PermissionDenied, "user:anna may not order here", details);
        check(status, Exit::Refused, "error: user:anna may not order here (POLICY_DENIED)\n");
    }

    #[test]
    fn a_mistake_is_told_once() {
        let mut details = ErrorDetails::with_error_info("DOCUMENT_INVALID", "vend", HashMap::new());
        details.add_bad_request_violation("a.yaml:3:1", "`nam` is unknown");
        details.add_bad_request_violation("a.yaml:9:5", "`size` is no integer");
        let status =
            Status::with_error_details(Code::InvalidArgument, "a.yaml:3:1: `nam` is unknown (and 1 more)", details);
        let expected = "error: a.yaml:3:1: `nam` is unknown (and 1 more) (DOCUMENT_INVALID)\n  \
                        a.yaml:9:5: `size` is no integer\n";
        check(status, Exit::Failed, expected);
    }

    #[test]
    fn waiting_helps() {
        let mut details = ErrorDetails::with_error_info("RATE_LIMITED", "vend", HashMap::new());
        details.set_retry_info(Some(Duration::from_secs(3)));
        let status = Status::with_error_details(Code::ResourceExhausted, "too many calls", details);
        check(status, Exit::Failed, "error: too many calls (RATE_LIMITED)\nhint: try again in 3s\n");
    }

    #[test]
    fn a_status_without_details() {
        check(Status::not_found("there is no order `x`"), Exit::Failed, "error: there is no order `x`\n");
    }

    #[test]
    fn what_was_found_here() {
        let failure = Failure::usage("no project is named").with_hint("pass --project");
        assert_eq!(render(&failure, &Paint::plain()), "error: no project is named\nhint: pass --project\n");
    }
}
