//! libFuzzer's door to `vend_fuzz::journal`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::journal::target(bytes));
