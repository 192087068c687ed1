//! libFuzzer's door to `vend_fuzz::scrub`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::scrub::target(bytes));
