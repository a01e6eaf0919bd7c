//! Filters of system calls.

#[allow(dead_code, reason = "filters of other kinds use the rest")]
pub(crate) mod bpf;
pub(crate) mod install;
