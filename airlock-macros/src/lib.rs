//! `gateway!("airlock.toml")`: a manifest becomes the main program of a gateway.
//!
//! The manifest is checked and compiled by the same code as in `airlock check`; crates that `airlock build` generates are given what came of that
//! (`compiled!`). What comes out is a `static POLICY`, what
//! it points to, ELF notes with the policy digest and more, and a `main` that runs the gateway; no manifest is read at run time.

mod expand;
mod note;
mod schema;
mod tables;

use proc_macro::TokenStream;

/// Compiles the manifest at a path relative to the crate's `Cargo.toml` into the constants and the `main` of a gateway.
///
/// The crate needs `airlock-runtime` with the features that the policy uses. A mistake in the manifest is a compile error with
/// every diagnostic in it. If `AIRLOCK_POLICY_DIGEST` is set (64 hex digits), the manifest must compile to that policy. `AIRLOCK_BUILD` (JSON),
/// `AIRLOCK_NOTE` (`manifest`) and `AIRLOCK_DEPENDENCIES` (hex digits) add what the binary says of itself.
#[cfg(feature = "manifest")]
#[proc_macro]
pub fn gateway(input: TokenStream) -> TokenStream {
    expand::run(input.into(), expand::manifest::expand).into()
}

/// As [`gateway!`], for a policy that `airlock build` has checked and compiled: the path of the JSON that it wrote. It is what the crates
/// have that `airlock build` generates, and spares them the compilation of the checker.
#[proc_macro]
pub fn compiled(input: TokenStream) -> TokenStream {
    expand::run(input.into(), expand::compiled::expand).into()
}
