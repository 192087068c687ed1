//! libFuzzer's door to `vend_fuzz::page_token`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vend_fuzz::page_token::target(bytes));
