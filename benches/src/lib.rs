//! Scenes that are measured, and their peers. Every scene asserts what it is before it is measured: a lease that is refused or a
//! call that is denied would be a fast one.

pub mod chain;
pub mod cpu;
pub mod peer;
pub mod scene;
pub mod table;

/// Errors of a measuring program: said and ended.
pub type Fault = Box<dyn std::error::Error>;
