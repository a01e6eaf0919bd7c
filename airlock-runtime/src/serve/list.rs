//! `tools/list` of a caller who shows a lease: what that lease can call, and nothing else.

use super::{Gateway, Share};
use crate::account::Context;
use crate::builtin;
use crate::call::{Args, Call};
use crate::carrier;
use crate::clock::Micros;
use crate::decide::{listed, not_revoked};
use crate::lease::present::LIST;
use crate::ledger::{LedgerError, Require};
#[cfg(feature = "plan-upstream")]
use crate::policy::ToolKind;
#[cfg(feature = "plan-upstream")]
use crate::policy::upstream::Offer;
use crate::policy::{LeaseRules, Mode, Tool};
use crate::reason::Reason;
use crate::reply::{self, Judged};
use crate::risk::Risk;
#[cfg(feature = "plan-upstream")]
use crate::wire::ForeignListing;
use crate::wire::{CACHE_TTL_MS, Carried, ListRequest, Listing, ToolListing};
#[cfg(feature = "plan-upstream")]
use serde_json::{Map, Value};
use std::rc::Rc;
use tokio::sync::mpsc;

/// A tool as the list has it; resources and prompts have lists of their own. A tool of an upstream whose definition cannot be read is not listed; no call of it can be checked either.
pub(super) fn entry(tool: &'static Tool, lease: &LeaseRules) -> Option<Listing> {
    #[cfg(feature = "plan-upstream")]
    if let ToolKind::Upstream(proxied) = tool.kind {
        if proxied.what != Offer::Tool {
            return None;
        }
        let announce = |schema: &mut Value| {
            if let Some(schema) = schema.as_object_mut().filter(|_| lease.carrier_arguments) {
                schema.entry("properties").or_insert_with(|| Value::Object(Map::new()));
            }
            carrier::announce(schema, lease);
            lease.carrier_arguments
        };
        return ForeignListing::new(tool.name, proxied.definition, announce).map(Listing::Foreign);
    }
    let mut definition = builtin::definition(tool)?;
    if tool.needs_lease() {
        carrier::announce(&mut definition.input_schema, lease);
    }
    Some(Listing::Ours(ToolListing {
        name: tool.name.to_owned(),
        title: Some(definition.title.to_owned()).filter(|title| !title.is_empty()),
        description: definition.description.to_owned(),
        input_schema: definition.input_schema,
        annotations: Some(definition.annotations),
    }))
}

/// What a lease may see of the list, and for how long a client may keep it, milliseconds.
struct Seen {
    tools: Vec<&'static str>,
    ttl: u64,
}

impl Gateway {
    /// One list from request to reply. A cancelled one is not answered.
    pub(super) async fn list(self: Rc<Self>, request: ListRequest, share: Share, output: mpsc::Sender<String>) {
        let ListRequest { what, id, revision, memory: _, meta } = request;
        let seen = self.seen_by(&meta).await;
        let reply = {
            let mut connection = self.connection.borrow_mut();
            connection.finish(&id).then(|| match seen {
                Ok(Seen { tools, ttl }) => connection.reply_list(revision, &id, what, &tools, ttl),
                Err(refused) => reply::refused_list(&connection, &id, &refused),
            })
        };
        if let Some(reply) = reply {
            let _ = output.send(reply).await;
        }
        drop(share);
    }

    /// A refused lease is an entry here as it is in a call, so that nobody tries out leases unseen; nothing else is recorded, since a
    /// list has no effect. For the same reason nonces and budgets are not touched.
    async fn seen_by(&self, meta: &Carried) -> Result<Seen, Judged> {
        let policy = self.world.policy;
        // What is around counts for a list as it does for a call.
        let is_bare = *meta == Carried::default();
        let meta = if is_bare && policy.lease.carrier_ambient { &self.world.ambient } else { meta };
        let call = Call::new(policy, reply::call_id(), LIST.into(), Args::new());
        let now = Micros::now();
        let authority = match policy.lease.carrier_meta || is_bare {
            true => self.authority(meta, &call, now),
            false => Err(Reason::CarrierRefused { carrier: "_meta" }),
        };
        let seen = authority.as_ref().map_err(Clone::clone).and_then(|authority| {
            let left = authority.exp.saturating_sub(now.seconds()).saturating_mul(1000);
            Ok(Seen { tools: listed(policy, authority)?, ttl: CACHE_TTL_MS.min(left) })
        });
        // The same as for a call: what is revoked, killed or of an earlier epoch shows nothing.
        let holds = match (&authority, &seen) {
            (Ok(authority), Ok(_)) => self.world.ledger.test(vec![Require::NotKilled, not_revoked(authority)]).await,
            (Ok(_) | Err(_), Ok(_) | Err(_)) => Ok(()),
        };
        let seen = match holds {
            Ok(()) => seen,
            Err(LedgerError::Unmet(unmet)) => Err(Reason::of_unmet(&unmet, &[], policy)),
            Err(_) => return Err(Judged::unrecorded(0)),
        };
        match seen {
            Ok(seen) => Ok(seen),
            Err(reason) => {
                let risk = Risk { score: 0, factors: Vec::new(), ignored: Vec::new() };
                let context = Context::new(&call, Some(meta), authority.as_ref().ok(), &risk, None);
                let denied = self.deny(&context, reason).await;
                // Its calls would be let through, so the whole list is shown, as to a client without a lease. The refusal of the lease is recorded.
                let all = || Seen { tools: policy.tools.iter().map(|tool| tool.name).collect(), ttl: CACHE_TTL_MS };
                // Whoever ended everything is heard whatever is wrong with a lease.
                let goes_on = policy.mode == Mode::Shadow && !denied.is_held();
                if goes_on && self.world.ledger.test(vec![Require::NotKilled]).await.is_ok() { Ok(all()) } else { Err(denied) }
            }
        }
    }
}
