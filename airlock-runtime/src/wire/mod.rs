//! The client's side of the gateway: lines of JSON-RPC in, lines of JSON-RPC out.
//!
//! [`frame`] cuts a byte stream into bounded lines, [`scan`] refuses every text that two JSON readers might understand
//! differently, [`jsonrpc`] reads the envelope and [`mcp`] holds the one piece of state, the era of the connection. Nothing here
//! does I/O of its own, looks at a lease or knows a tool: a call comes out as [`CallRequest`] with its argument bytes untouched.
//!
//! `docs/wire.md` has a row for every input that is not plainly right, and says what the client sees.

pub mod ask;
#[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams have foreign tools"))]
pub mod foreign;
pub mod frame;
pub mod jsonrpc;
#[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams tell of changes"))]
pub mod listen;
pub mod mcp;
pub mod offer;
#[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams ask"))]
pub mod question;
pub mod reply;
pub mod revision;
pub mod scan;

pub(crate) mod members;
mod params;
#[cfg(test)]
mod tests;

pub use ask::{Answer, Asking, Retry};
pub use foreign::ForeignListing;
pub use frame::{Frame, Lines};
pub use jsonrpc::{Code, Id};
pub use listen::ListenRequest;
pub use mcp::{Connection, Quiet, Received};
pub use offer::{Catalogue, Offered, Offers, Target, URI_MAX};
pub use params::{CallRequest, Carried, ListRequest, META_APPROVALS, META_INTENT, META_LEASE, META_SESSION, ProgressToken};
pub use question::{Able, Resume};
pub use reply::{Annotations, CACHE_TTL_MS, Listing, ServerInfo, ToolListing, ToolReply};
pub use revision::Revision;
