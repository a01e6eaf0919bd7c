//! Being told of changes: what a client wants to be told of, and the lines that tell it.
//!
//! Before revision 2026-07-28 a client subscribes to one resource after the other, and is told of changed lists unasked. Since then it is told
//! what an open `subscriptions/listen` names, and every line says which one it is for.

use super::jsonrpc::{Id, Problem};
use super::members::{is_object, pick, string};
use super::offer::URI_MAX;
use super::params::{CallRequest, Params};
use super::question::Able;
use super::reply::{ServerInfo, render, result};
use super::revision::Revision;
use crate::policy::upstream::Listed;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Most subscriptions to resources of one client, and of one request: each is a task, a URI, and one more at its upstream.
pub const WATCHED_MAX: usize = 64;
/// Most `subscriptions/listen` that one client may have open: clients of today open one.
pub const LISTENS_MAX: usize = 16;
/// `_meta` key of the request that a notification is for.
const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// The member of a filter for a list.
const fn filter(list: Listed) -> &'static str {
    match list {
        Listed::Tools => "toolsListChanged",
        Listed::Resources => "resourcesListChanged",
        Listed::Prompts => "promptsListChanged",
    }
}

/// A `subscriptions/listen` whose envelope is right. Nothing is decided yet of its resources.
#[derive(Debug)]
pub struct ListenRequest {
    /// To be given to [`crate::wire::Connection::finish`] and every line.
    pub id: Id,
    /// Memory that the request may take while it is judged, in bytes.
    pub memory: usize,
    /// The lists of which it wants to be told, as far as this gateway tells.
    pub lists: Vec<Listed>,
    /// For each resource that it names what is to be judged.
    pub watches: Vec<CallRequest>,
}

impl ListenRequest {
    /// Reads the filter: `lists` are those of which this gateway tells, and `watch` makes what is judged of a URI.
    pub(super) fn read(
        id: Id,
        params: &Params<'_>,
        lists: &[Listed],
        watch: impl Fn(String) -> Result<CallRequest, Problem>,
    ) -> Result<Self, Problem> {
        let wrong = |why: &'static str| Problem::invalid_params(why);
        let wanted = params.notifications.filter(|wanted| is_object(wanted));
        let wanted = wanted.ok_or_else(|| wrong("`params.notifications` must be an object."))?;
        let lists = lists.iter().copied().filter_map(|list| match says(wanted, filter(list)) {
            Ok(says) => says.then_some(Ok(list)),
            Err(problem) => Some(Err(problem)),
        });
        let lists = lists.collect::<Result<Vec<Listed>, Problem>>()?;
        let [uris] = pick(wanted.get(), ["resourceSubscriptions"]).values;
        let uris: Vec<String> = uris
            .map_or(Ok(Vec::new()), |uris| serde_json::from_str(uris.get()))
            .map_err(|_| wrong("`params.notifications.resourceSubscriptions` must be a list of URIs."))?;
        if uris.len() > WATCHED_MAX || uris.iter().any(|uri| uri.is_empty() || uri.len() > URI_MAX) {
            let why =
                format!("`params.notifications.resourceSubscriptions` has at most {WATCHED_MAX} URIs of 1 to {URI_MAX} bytes.");
            return Err(Problem::invalid_params(why));
        }
        let mut once: Vec<String> = Vec::with_capacity(uris.len());
        for uri in uris {
            if !once.contains(&uri) {
                once.push(uri);
            }
        }
        let watches = once.into_iter().map(watch).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { id, memory: params.memory, lists, watches })
    }
}

/// Is a member of a filter true? One that is absent is not.
fn says(filter: &RawValue, name: &'static str) -> Result<bool, Problem> {
    let [value] = pick(filter.get(), [name]).values;
    match value.map(RawValue::get) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::invalid_params(format!("`params.notifications.{name}` must be true or false."))),
    }
}

/// The first line of a listen: what of it is honoured.
pub(crate) fn acknowledged(id: &Id, lists: &[Listed], uris: &[String]) -> String {
    let mut honoured: Map<String, Value> = lists.iter().map(|list| (filter(*list).to_owned(), json!(true))).collect();
    if !uris.is_empty() {
        honoured.insert("resourceSubscriptions".to_owned(), json!(uris));
    }
    notification("notifications/subscriptions/acknowledged", json!({"notifications": honoured}), Some(id))
}

/// That a resource changed; `listen`: the request that it is for, in revision 2026-07-28.
pub(crate) fn updated(uri: &str, listen: Option<&Id>) -> String {
    notification("notifications/resources/updated", json!({"uri": uri}), listen)
}

/// That a list changed.
pub(crate) fn list_changed(list: Listed, listen: Option<&Id>) -> String {
    notification(&format!("notifications/{}/list_changed", list.word()), json!({}), listen)
}

fn notification(method: &str, mut params: Value, listen: Option<&Id>) -> String {
    if let Some(id) = listen {
        params["_meta"] = json!({META_SUBSCRIPTION: id});
    }
    let mut line = json!({"jsonrpc": "2.0", "method": method});
    if params.as_object().is_some_and(|params| !params.is_empty()) {
        line["params"] = params;
    }
    render(&line)
}

/// The id in `_meta` of a notification that is for a listen of ours.
pub(crate) fn subscription(params: &RawValue) -> Option<Id> {
    let [meta] = pick(params.get(), ["_meta"]).values;
    let [id] = pick(meta?.get(), [META_SUBSCRIPTION]).values;
    Id::read(id?)
}

/// The resources that an acknowledgement of an upstream honours.
pub(crate) fn honoured(params: &RawValue) -> Vec<String> {
    let [honoured] = pick(params.get(), ["notifications"]).values;
    let [uris] = honoured.map_or([None], |honoured| pick(honoured.get(), ["resourceSubscriptions"]).values);
    uris.and_then(|uris| serde_json::from_str(uris.get()).ok()).unwrap_or_default()
}

/// The resource that a notification is about.
pub(crate) fn about(params: &RawValue) -> Option<String> {
    let [uri] = pick(params.get(), ["uri"]).values;
    uri.and_then(string)
}

impl ServerInfo {
    /// The end of a listen.
    pub(super) fn listened(&self, id: &Id) -> String {
        let meta = Map::from_iter([(META_SUBSCRIPTION.to_owned(), json!(id))]);
        result(id, self.finish(Revision::MODERN, Map::new(), meta))
    }
}

/// A client whose request cannot be answered with a question.
pub(super) const UNABLE: Able = Able { elicitation: false, url: false, sampling: false, roots: false };
