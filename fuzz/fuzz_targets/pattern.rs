//! libFuzzer's door to `vend_fuzz::pattern`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::pattern::target(bytes));
