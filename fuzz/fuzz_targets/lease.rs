//! Lease texts and blocks; the promises stand in `src/lease.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| airlock_fuzz::lease::run(data));
