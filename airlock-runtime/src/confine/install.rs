//! Puts filters in force. From then on they hold for the process and whatever it starts, and nothing takes them back.
//!
//! There is no `unsafe` here: the one call that takes an address is made by the crate `seccompiler`, whose functions are safe. Only that
//! call is used of it; the tables are ours ([`super::bpf`]), because its compiler does not tell x32 from `x86_64` and makes longer ones.
//! Its compiler is what ours is compared with in tests.

use super::Fault;
use super::bpf::Insn;
use crate::policy::Part;
use seccompiler::{Error, sock_filter};

/// Puts a filter in force for all threads that there are, and for those that they start. Sets `no_new_privs`.
///
/// # Errors
/// The kernel has no filters, or a thread has one of its own.
pub(crate) fn for_all_threads(table: &[Insn]) -> Result<(), Fault> {
    seccompiler::apply_filter_all_threads(&native(table)).map_err(|fault| because(&fault))
}

/// Puts a filter in force for this thread, and for what it starts. Sets `no_new_privs`.
///
/// # Errors
/// The kernel has no filters.
#[allow(dead_code, reason = "for a process of one thread that goes on as another program")]
pub(crate) fn for_this_thread(table: &[Insn]) -> Result<(), Fault> {
    seccompiler::apply_filter(&native(table)).map_err(|fault| because(&fault))
}

fn native(table: &[Insn]) -> Vec<sock_filter> {
    table.iter().map(|Insn { code, jt, jf, k }| sock_filter { code: *code, jt: *jt, jf: *jf, k: *k }).collect()
}

fn because(fault: &Error) -> Fault {
    match fault {
        Error::Prctl(_) | Error::Seccomp(_) => Fault::Missing(Part::Seccomp, fault.to_string()),
        Error::Backend(_) | Error::EmptyFilter | Error::ThreadSync(_) => Fault::Failed(fault.to_string()),
    }
}
