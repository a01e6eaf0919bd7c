//! Files of a ledger; the promises stand in `src/ledger.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| airlock_fuzz::ledger::run(data));
