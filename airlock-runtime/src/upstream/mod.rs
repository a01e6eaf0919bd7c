//! Tools, resources and prompts of foreign MCP servers: what the judge knows of them, and how the gateway starts the servers and speaks with them.
//!
//! The judge's part is pure: arguments are checked against the reviewed schema, and what is forwarded are exactly the bytes that were
//! checked and that the ledger commits to. Everything that an upstream says is foreign text.

#[cfg(feature = "upstream")]
mod answer;
#[cfg(feature = "upstream")]
mod client;
mod drift;
#[cfg(feature = "plan-upstream")]
pub(crate) mod uri;

#[cfg(feature = "plan-upstream")]
pub mod definition;
#[cfg(feature = "upstream")]
mod fingerprint;
#[cfg(feature = "upstream")]
pub(crate) mod launcher;
#[cfg(feature = "upstream")]
pub(crate) mod question;
#[cfg(feature = "upstream")]
mod result;
#[cfg(feature = "plan-upstream")]
mod schema;
#[cfg(feature = "upstream")]
mod screen;

#[cfg(feature = "upstream")]
pub use answer::Answer;
#[cfg(feature = "upstream")]
pub use client::Upstreams;
#[cfg(feature = "upstream")]
pub(crate) use client::{Change, Log, Progress, Watch};
pub use drift::Drift;
#[cfg(feature = "upstream")]
pub(crate) use fingerprint::Secrets;
#[cfg(feature = "upstream")]
pub(crate) use screen::{may_be_logged, may_be_told};

#[cfg(feature = "plan-upstream")]
pub use plan::Plan;
#[cfg(feature = "plan-upstream")]
pub(crate) use plan::plan;

#[cfg(feature = "plan-upstream")]
mod plan {
    use super::{schema, uri};
    use crate::call::{ArgFault, Args};
    use crate::policy::upstream::{Offer, Proxied};

    /// One call of a tool of an upstream.
    #[derive(Debug, Clone)]
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "a judge without upstreams forwards nothing"))]
    pub struct Plan {
        /// Its name, as clients know it.
        pub(crate) tool: &'static str,
        /// The tool.
        pub(crate) proxied: &'static Proxied,
        /// The arguments as they are forwarded: the same bytes as [`crate::call::Call::args_bytes`].
        pub(crate) arguments: String,
    }

    /// Checks arguments against the reviewed schema of the tool. A strict tool takes no argument that the schema does not name.
    ///
    /// # Errors
    /// The first fault, by its place in the arguments; or the schema cannot be used, and then no call can be made.
    pub(crate) fn plan(tool: &'static str, proxied: &'static Proxied, strict: bool, args: &Args) -> Result<Plan, ArgFault> {
        schema::check(proxied, strict, args)?;
        if matches!(proxied.what, Offer::Resource | Offer::Subscription) {
            uri::check(proxied.name, args)?;
        }
        let unwritable = |_| ArgFault { arg: crate::builtin::schema::ALL, problem: "they cannot be written as JSON".to_owned() };
        Ok(Plan { tool, proxied, arguments: serde_json::to_string(args).map_err(unwritable)? })
    }
}
