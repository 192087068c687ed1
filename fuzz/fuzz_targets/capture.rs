//! libFuzzer's door to `vend_fuzz::capture`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::capture::target(bytes));
