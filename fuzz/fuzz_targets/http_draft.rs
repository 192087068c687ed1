//! libFuzzer's door to `vend_fuzz::http_draft`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::http_draft::target(bytes));
