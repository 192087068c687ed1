//! libFuzzer's door to `vend_fuzz::describe`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::describe::target(bytes));
