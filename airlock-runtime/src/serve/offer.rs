//! Resources and prompts: what is listed of them, and which entry of the table of tools a request is judged by.

use crate::call::{Args, Call};
#[cfg(feature = "plan-upstream")]
use crate::json::json;
use crate::policy::Policy;
#[cfg(feature = "plan-upstream")]
use crate::policy::upstream::{Listed, Offer, Proxied};
#[cfg(feature = "plan-upstream")]
use crate::policy::{Tool, ToolKind};
use crate::reply;
#[cfg(feature = "plan-upstream")]
use crate::upstream::uri;
use crate::wire::Target;
#[cfg(feature = "plan-upstream")]
use crate::wire::offer::Offered;
use crate::wire::offer::Offers;
#[cfg(feature = "plan-upstream")]
use serde_json::{Map, Value};

/// What a read of a resource that nobody listed is called in the ledger: what a client sends is no name there.
const UNLISTED: &str = "resources/read";

/// The same of what nobody lets a server complete.
const UNLISTED_COMPLETION: &str = "completion/complete";

/// And of changes of which nobody is told.
const UNLISTED_SUBSCRIPTION: &str = "resources/subscribe";

/// The call that a request makes. A name of another kind is none.
pub(super) fn call(policy: &'static Policy, target: &Target, name: String, args: Args) -> Call {
    let name = match target {
        Target::Resource(uri) => resource(policy, uri).unwrap_or(UNLISTED).to_owned(),
        Target::Completion(prompt) => completion(policy, prompt).unwrap_or(UNLISTED_COMPLETION).to_owned(),
        Target::Template(template) => of_template(policy, template).unwrap_or(UNLISTED_COMPLETION).to_owned(),
        Target::Subscription(uri) => watched(policy, uri).unwrap_or(UNLISTED_SUBSCRIPTION).to_owned(),
        Target::Tool | Target::Prompt => name,
    };
    let mut call = Call::new(policy, reply::call_id(), name, args);
    call.tool = call.tool.filter(|tool| is_of(tool.kind, target));
    call
}

#[cfg(not(feature = "plan-upstream"))]
mod without {
    use super::{Offers, Policy, Target};
    use crate::policy::ToolKind;

    /// Without upstreams there is nothing.
    pub(in crate::serve) fn all(_: &'static Policy) -> Offers {
        Offers::default()
    }

    pub(super) const fn resource(_: &'static Policy, _: &str) -> Option<&'static str> {
        None
    }

    pub(super) const fn completion(_: &'static Policy, _: &str) -> Option<&'static str> {
        None
    }

    pub(super) const fn of_template(_: &'static Policy, _: &str) -> Option<&'static str> {
        None
    }

    pub(super) const fn watched(_: &'static Policy, _: &str) -> Option<&'static str> {
        None
    }

    pub(super) fn is_of(_: ToolKind, target: &Target) -> bool {
        *target == Target::Tool
    }
}
#[cfg(not(feature = "plan-upstream"))]
pub(super) use without::all;
#[cfg(not(feature = "plan-upstream"))]
use without::{completion, is_of, of_template, resource, watched};

#[cfg(feature = "plan-upstream")]
fn is_of(kind: ToolKind, target: &Target) -> bool {
    let what = match kind {
        ToolKind::Upstream(proxied) => proxied.what,
        ToolKind::Builtin(_) => Offer::Tool,
        #[cfg(feature = "plan-http")]
        ToolKind::Rest(_) => Offer::Tool,
    };
    match target {
        Target::Tool => what == Offer::Tool,
        Target::Resource(_) => what == Offer::Resource,
        Target::Prompt => what == Offer::Prompt,
        Target::Completion(_) | Target::Template(_) => what == Offer::Completion,
        Target::Subscription(_) => what == Offer::Subscription,
    }
}

#[cfg(feature = "plan-upstream")]
const fn proxied(tool: &'static Tool) -> Option<&'static Proxied> {
    match tool.kind {
        ToolKind::Upstream(proxied) => Some(proxied),
        ToolKind::Builtin(_) => None,
        #[cfg(feature = "plan-http")]
        ToolKind::Rest(_) => None,
    }
}

/// The entry that a URI is judged by: the one that speaks of it most closely; of two alike the first.
#[cfg(feature = "plan-upstream")]
fn resource(policy: &'static Policy, uri: &str) -> Option<&'static str> {
    closest(policy, Offer::Resource, uri)
}

/// The subscription that a URI is judged by, in the same way.
#[cfg(feature = "plan-upstream")]
fn watched(policy: &'static Policy, uri: &str) -> Option<&'static str> {
    closest(policy, Offer::Subscription, uri)
}

#[cfg(feature = "plan-upstream")]
fn closest(policy: &'static Policy, what: Offer, uri: &str) -> Option<&'static str> {
    let known = policy.tools.iter().filter_map(|tool| Some((tool.name, proxied(tool)?)));
    let fit = known
        .filter(|(_, proxied)| proxied.what == what)
        .filter_map(|(name, proxied)| Some((uri::fit(proxied.name, uri)?, name)));
    fit.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, name)| name)
}

/// The entry that completes arguments of the prompt that clients know by this name.
#[cfg(feature = "plan-upstream")]
fn completion(policy: &'static Policy, prompt: &str) -> Option<&'static str> {
    let prompt = policy.tool(prompt).and_then(proxied).filter(|proxied| proxied.what == Offer::Prompt)?;
    let known = policy.tools.iter().filter_map(|tool| Some((tool.name, proxied(tool)?)));
    let mut of =
        known.filter(|(_, one)| one.what == Offer::Completion && one.upstream == prompt.upstream && one.name == prompt.name);
    of.next().map(|(name, _)| name)
}

/// The entry that completes parts of this template.
#[cfg(feature = "plan-upstream")]
fn of_template(policy: &'static Policy, template: &str) -> Option<&'static str> {
    let mut known = policy.tools.iter().filter_map(|tool| Some((tool.name, proxied(tool)?)));
    let is_it = |one: &Proxied| one.what == Offer::Completion && uri::is_template(one.name) && one.name == template;
    known.find(|(_, one)| is_it(one)).map(|(name, _)| name)
}

/// The template that the completions of an upstream are of and that begins so: clients are shown the one that the server itself has.
#[cfg(feature = "plan-upstream")]
fn template(policy: &'static Policy, resource: &Proxied, start: &str) -> Option<&'static str> {
    let known = policy.tools.iter().filter_map(proxied);
    let of = |one: &&Proxied| one.what == Offer::Completion && one.upstream == resource.upstream && uri::is_template(one.name);
    known.filter(of).map(|one| one.name).find(|name| name.split('{').next().is_some_and(|literal| literal.starts_with(start)))
}

/// The lists of a gateway.
#[cfg(feature = "plan-upstream")]
pub(super) fn all(policy: &'static Policy) -> Offers {
    let told = |list: &Listed| policy.upstreams.iter().any(|upstream| upstream.may_tell.contains(list));
    let mut offers = Offers {
        logs: policy.upstreams.iter().any(|upstream| upstream.log.is_some()),
        tells: Listed::ALL.into_iter().filter(told).collect(),
        ..Offers::default()
    };
    for tool in policy.tools {
        let Some(proxied) = proxied(tool) else { continue };
        match proxied.what {
            Offer::Tool => {}
            Offer::Completion => offers.completes = true,
            Offer::Subscription => offers.watches = true,
            Offer::Prompt => offers.prompts.extend(entry(policy, tool, proxied)),
            Offer::Resource if proxied.name.ends_with('*') => offers.templates.extend(entry(policy, tool, proxied)),
            Offer::Resource => offers.resources.extend(entry(policy, tool, proxied)),
        }
    }
    offers
}

/// An entry as its list has it.
#[cfg(feature = "plan-upstream")]
fn entry(policy: &'static Policy, tool: &'static Tool, proxied: &'static Proxied) -> Option<Offered> {
    let definition: Value = serde_json::from_str(proxied.definition).ok()?;
    let text = |name: &str| definition[name].as_str().map(str::to_owned);
    let mut members = Map::from_iter([("name".to_owned(), json!(tool.name))]);
    members.extend(text("description").map(|description| ("description".to_owned(), json!(description))));
    let (member, value) = match (proxied.what, proxied.name.strip_suffix('*')) {
        (Offer::Tool | Offer::Completion | Offer::Subscription, _) => return None,
        (Offer::Prompt, _) => ("arguments", arguments(&definition["inputSchema"])),
        (Offer::Resource, None) => ("uri", json!(proxied.name)),
        // RFC 6570: whatever follows, with its slashes.
        (Offer::Resource, Some(start)) => {
            let own = template(policy, proxied, start).map(str::to_owned);
            ("uriTemplate", json!(own.unwrap_or_else(|| format!("{start}{{+rest}}"))))
        }
    };
    members.insert(member.to_owned(), value);
    Some(Offered { tool: tool.name.to_owned(), title: text("title"), members })
}

/// The arguments of a prompt, which its schema has as texts; those that must be given come first.
#[cfg(feature = "plan-upstream")]
fn arguments(schema: &Value) -> Value {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let all = schema["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str);
    let optional = all.filter(|name| !required.contains(name));
    let entry = |name: &str| json!({"name": name, "required": required.contains(&name)});
    required.iter().copied().chain(optional).map(entry).collect()
}
