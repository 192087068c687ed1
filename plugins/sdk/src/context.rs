//! Log, status and clock. No effect on anything.

pub use crate::bindings::vend::driver::context::{Level, log, now_ms, status};

/// Writes a line to the driver's log: `log!(warn, "{name} has no owner")`. `warn` is shown to whoever planned or ordered.
#[macro_export]
macro_rules! log {
    (debug, $($text:tt)+) => { $crate::context::log($crate::context::Level::Debug, &format!($($text)+)) };
    (info, $($text:tt)+) => { $crate::context::log($crate::context::Level::Info, &format!($($text)+)) };
    (warn, $($text:tt)+) => { $crate::context::log($crate::context::Level::Warn, &format!($($text)+)) };
    (error, $($text:tt)+) => { $crate::context::log($crate::context::Level::Error, &format!($($text)+)) };
}
