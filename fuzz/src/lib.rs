//! What the fuzz targets do with their input: one function for each parser of hostile bytes.
//!
//! The functions are plain, so that `tests/tests/fuzz_smoke.rs` runs the same code with a stable compiler. Each panics where the
//! parser broke a promise; a refusal is an ordinary answer.

pub mod lease;
pub mod ledger;
pub mod manifest;
pub mod url;
pub mod wire;
