//! Keeping keys in this process: no core file, and no reading of its memory by another process of the same user.

/// Forbids core dumps, tracing and `/proc/<pid>/mem` for everybody but root. Call it before the first key is read. False where the
/// kernel refuses a part of it.
///
/// The keys themselves stand in locked pages that are in no core file anyway (`locked`); this is for what passes through other
/// memory, such as a lease.
pub fn forbid_dumps() -> bool {
    use rustix::process::{Resource, Rlimit, setrlimit};
    #[cfg(target_os = "linux")]
    let hidden = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).is_ok();
    #[cfg(not(target_os = "linux"))]
    let hidden = false;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    hidden & setrlimit(Resource::Core, none).is_ok()
}
