//! libFuzzer's door to `vend_fuzz::document`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::document::target(bytes));
