//! Keeping keys in this process: no core file, and no reading of its memory by another process of the same user.

/// Forbids core dumps, tracing and `/proc/<pid>/mem` for everybody but root. Call it before the first key is read. False where the
/// kernel refuses a part of it.
///
/// Pages may still go to swap: locking memory takes `unsafe` calls or all of the process, which small limits would kill. Encrypt
/// swap, or set `MemorySwapMax=0`.
pub fn forbid_dumps() -> bool {
    use rustix::process::{Resource, Rlimit, setrlimit};
    #[cfg(target_os = "linux")]
    let hidden = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).is_ok();
    #[cfg(not(target_os = "linux"))]
    let hidden = false;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    hidden & setrlimit(Resource::Core, none).is_ok()
}
