//! libFuzzer's door to `vend_fuzz::address`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::address::target(bytes));
