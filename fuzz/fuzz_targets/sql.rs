//! libFuzzer's door to `vend_fuzz::sql`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::sql::target(bytes));
