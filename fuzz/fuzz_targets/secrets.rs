//! libFuzzer's door to `vend_fuzz::secrets`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::secrets::target(bytes));
