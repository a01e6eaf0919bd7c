//! Puts filters in force. From then on they hold for the process and whatever it starts, and nothing takes them back.
//!
//! There is no `unsafe` here: the one call that takes an address is made by the crate `seccompiler`, whose functions are safe. Only that
//! call is used of it; the tables are ours ([`super::bpf`]), because its compiler does not tell x32 from `x86_64` and makes longer ones.

use super::bpf::Insn;
use seccompiler::sock_filter;

/// Puts a filter in force for this thread, and for what it starts. Sets `no_new_privs`.
///
/// # Errors
/// The kernel has no filters.
pub(crate) fn for_this_thread(table: &[Insn]) -> Result<(), String> {
    seccompiler::apply_filter(&native(table)).map_err(|fault| format!("this kernel filters no system calls ({fault})"))
}

fn native(table: &[Insn]) -> Vec<sock_filter> {
    table.iter().map(|Insn { code, jt, jf, k }| sock_filter { code: *code, jt: *jt, jf: *jf, k: *k }).collect()
}
