//! Asking the connected user about one exact call.

mod printable;
mod refusal;
pub(crate) mod seal;
pub(crate) mod text;

pub use refusal::Refusal;
