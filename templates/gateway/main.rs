//! An MCP Airlock gateway: the policy in `policy/`, which `airlock build` checked and compiled. `main` is in the macro.

airlock_macros::compiled!("policy/policy.json");

/// What the linker's script puts in the place of functions of the C library that have one answer in a gateway: they read nothing, and where
/// the script does not name them they are left out. (An attribute for names counts as unsafe since two functions could have one.)
mod instead {
    /// Null, none, nothing written.
    #[unsafe(no_mangle)]
    extern "C" fn airlock_zero() -> usize {
        0
    }
    /// A text for itself: `dcgettext(domain, text, category)`.
    #[unsafe(no_mangle)]
    extern "C" fn airlock_second(_: usize, second: usize) -> usize {
        second
    }
    /// `ENOSYS`; any number but 0 is an error.
    #[unsafe(no_mangle)]
    extern "C" fn airlock_unknown() -> i32 {
        38
    }
}
