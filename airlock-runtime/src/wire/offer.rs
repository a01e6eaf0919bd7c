//! What a gateway has beside tools: resources and prompts of its upstreams. The lists are constants of the program, made of what the manifest says.

use super::revision::Revision;
use crate::json::json;
use crate::policy::upstream::Listed;
use serde_json::{Map, Value};

/// Longest URI of a resource that is asked for, in bytes; twice the longest that a manifest has.
pub const URI_MAX: usize = 2048;

/// What a request that is judged asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `tools/call`.
    Tool,
    /// `resources/read` of this URI.
    Resource(String),
    /// `prompts/get`.
    Prompt,
    /// `completion/complete` of the prompt of this name.
    Completion(String),
    /// `completion/complete` of this template of URIs.
    Template(String),
    /// `resources/subscribe`, or a resource of `subscriptions/listen`: being told that this URI changed.
    Subscription(String),
}

/// A list that clients may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catalogue {
    /// `tools/list`.
    Tools,
    /// `resources/list`: those with one URI.
    Resources,
    /// `resources/templates/list`: those whose URI begins alike.
    Templates,
    /// `prompts/list`.
    Prompts,
}

impl Catalogue {
    /// The member of a result that holds the list.
    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }
}

/// An entry of such a list.
#[derive(Debug, Clone)]
pub struct Offered {
    /// Name of the entry in the table of tools: leases speak of it by this.
    pub tool: String,
    /// Name for people; sent from revision 2025-06-18 on.
    pub title: Option<String>,
    /// All other members.
    pub members: Map<String, Value>,
}

impl Offered {
    /// The entry as JSON text, in the form of a revision.
    pub(crate) fn listed(&self, revision: Revision) -> String {
        let mut members = self.members.clone();
        members.extend(
            self.title.iter().filter(|_| revision.has_structured_content()).map(|title| ("title".to_owned(), json!(title))),
        );
        Value::Object(members).to_string()
    }
}

/// Everything beside tools.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    /// Resources with one URI.
    pub resources: Vec<Offered>,
    /// Resources whose URI begins alike.
    pub templates: Vec<Offered>,
    /// Prompts.
    pub prompts: Vec<Offered>,
    /// Are there arguments of prompts or parts of URIs that can be completed?
    pub completes: bool,
    /// Is there an upstream whose log messages clients may have?
    pub logs: bool,
    /// Are there resources of whose changes clients can be told?
    pub watches: bool,
    /// Lists of which clients are told that they changed.
    pub tells: Vec<Listed>,
}

impl Offers {
    /// Are there resources, of either kind?
    pub(crate) const fn has_resources(&self) -> bool {
        !self.resources.is_empty() || !self.templates.is_empty()
    }

    /// Can a client be told of any change?
    pub(crate) const fn listens(&self) -> bool {
        self.watches || !self.tells.is_empty()
    }

    /// What the gateway can do, as it tells clients.
    pub(crate) fn capabilities(&self, revision: Revision) -> Value {
        let mut capabilities = json!({"tools": {}});
        if self.has_resources() {
            capabilities["resources"] = json!({});
        }
        if !self.prompts.is_empty() {
            capabilities["prompts"] = json!({});
        }
        for list in self.tells.iter().filter(|list| self.has(**list)) {
            capabilities[list.word()]["listChanged"] = json!(true);
        }
        if self.watches {
            capabilities["resources"]["subscribe"] = json!(true);
        }
        if self.logs {
            capabilities["logging"] = json!({});
        }
        if self.completes && revision.has_annotations() {
            capabilities["completions"] = json!({});
        }
        capabilities
    }

    /// Is there such a list?
    const fn has(&self, list: Listed) -> bool {
        match list {
            Listed::Tools => true,
            Listed::Resources => self.has_resources(),
            Listed::Prompts => !self.prompts.is_empty(),
        }
    }

    /// What a method asks for; nothing for a method that is not advertised.
    pub(crate) fn method(&self, method: &str) -> Option<Method> {
        match method {
            "tools/list" => Some(Method::List(Catalogue::Tools)),
            "tools/call" => Some(Method::Judge(Kind::Tool)),
            "resources/list" if self.has_resources() => Some(Method::List(Catalogue::Resources)),
            "resources/templates/list" if self.has_resources() => Some(Method::List(Catalogue::Templates)),
            "resources/read" if self.has_resources() => Some(Method::Judge(Kind::Resource)),
            "prompts/list" if !self.prompts.is_empty() => Some(Method::List(Catalogue::Prompts)),
            "prompts/get" if !self.prompts.is_empty() => Some(Method::Judge(Kind::Prompt)),
            "completion/complete" if self.completes => Some(Method::Judge(Kind::Completion)),
            _ => None,
        }
    }
}

/// A method that both eras have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    List(Catalogue),
    Judge(Kind),
}

/// What a request that is judged asks for, before its parameters are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Tool,
    Resource,
    Prompt,
    Completion,
    Subscription,
}
