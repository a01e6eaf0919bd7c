//! Asking the connected user about one exact call.

mod printable;
pub(crate) mod seal;
pub(crate) mod text;
