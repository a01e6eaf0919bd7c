//! Where a call may go, decided from texts alone: [`url`] says which URLs may be fetched, [`addr`] which addresses may be dialled.
//!
//! Nothing here reaches a network, so the judge needs no network code to decide about it.

pub mod addr;
pub mod url;
