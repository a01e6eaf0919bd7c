//! URLs in arguments; the promises stand in `src/url.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| airlock_fuzz::url::run(data));
