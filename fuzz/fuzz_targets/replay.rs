//! libFuzzer's door to `vend_fuzz::replay`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::replay::target(bytes));
