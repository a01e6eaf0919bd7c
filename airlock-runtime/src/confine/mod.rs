//! Filters of system calls.

pub(crate) mod bpf;
pub(crate) mod install;
