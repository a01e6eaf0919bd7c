//! The manifest of MCP Airlock: text → checked → [`ir::Policy`], with every mistake reported at its place.
//!
//! [`compile`] is the only way in. It reports all mistakes of a file at once, and a file with one mistake yields no policy at all:
//! whoever holds a [`Compiled`] holds a policy that passed every check, with its digest.

pub mod handover;
pub mod ir;

#[cfg(feature = "check")]
mod amount;
#[cfg(feature = "check")]
mod approver;
#[cfg(feature = "check")]
pub mod authority;
#[cfg(feature = "check")]
pub mod automaton;
#[cfg(feature = "check")]
mod builtin;
#[cfg(feature = "check")]
mod check;
#[cfg(feature = "check")]
mod code;
#[cfg(feature = "check")]
mod compile;
#[cfg(feature = "check")]
pub mod definitions;
#[cfg(feature = "check")]
mod diagnostic;
#[cfg(feature = "check")]
pub mod digest;
#[cfg(feature = "check")]
pub mod factor;
#[cfg(feature = "check")]
mod features;
#[cfg(feature = "check")]
mod fields;
#[cfg(feature = "check")]
mod files;
#[cfg(feature = "check")]
mod host;
#[cfg(feature = "check")]
pub mod keys;
#[cfg(feature = "check")]
pub mod limits;
#[cfg(feature = "check")]
mod manifest;
#[cfg(feature = "check")]
mod name;
#[cfg(feature = "check")]
mod render;
#[cfg(feature = "check")]
mod report;
#[cfg(feature = "check")]
mod secret;
#[cfg(feature = "check")]
mod text;

#[cfg(feature = "check")]
pub use crate::{
    approver::key as approver_key,
    code::{Code, Severity},
    compile::{Checked, Compiled, Declared, compile, compile_with, secret_prefixes},
    diagnostic::{Diagnostic, Span, position},
    features::features,
    files::{ReadFile, beside},
    render::{excerpt, render},
    report::Report,
};
