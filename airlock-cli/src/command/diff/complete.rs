//! The arguments of a witness as a client would send them: what no rule speaks of and the tool demands all the same is made up.

use crate::cases::{arguments, good};
use crate::judge::Judge;
use crate::render::Failure;
use airlock_policy::authority::{Case, Dimension};
use airlock_policy::ir::{Tool, ToolKind};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Bytes of `,"":""` around the name and the text of an argument.
const FILLER_BYTES: usize = 6;
/// Bytes of `{"":""}` around the name and the text of the member of a query.
const QUERY_BYTES: usize = 7;
/// Longest text of a query in a filler: a URL has 8 KiB, and each byte may be written as three.
const QUERY_MAX: u64 = 2048;

/// Completes witnesses for the policy that lets them through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Complete<'a> {
    /// The policy that judges the calls more freely.
    pub(super) freer: &'a Judge<'a>,
    pub(super) other: &'a Judge<'a>,
    /// What the row is about.
    pub(super) dimension: &'a Dimension,
}

impl Complete<'_> {
    /// The arguments of a call of the witness.
    ///
    /// # Errors
    /// A rule that no checked policy has.
    pub(super) fn arguments(&self, case: &Case) -> Result<Map<String, Value>, Failure> {
        let mut args = plain(case);
        let [freer, other] = [self.freer, self.other].map(|judge| tool(judge, &case.tool));
        let Some(freer) = freer else { return Ok(args) };
        let about = self.about();
        let needed = |tool: &Tool, name: &str| {
            let required = arguments(tool).iter().any(|argument| argument.name == name && argument.required);
            (required || case.seen.contains_key(name)) && about != Some(name)
        };
        let mut made = good(freer)?;
        let known: BTreeSet<String> = arguments(freer).iter().map(|argument| argument.name.to_owned()).collect();
        let also = other.map(good).transpose()?.unwrap_or_default();
        made.extend(also.into_iter().filter(|(name, _)| !known.contains(name) && other.is_some_and(|other| needed(other, name))));
        for (name, value) in &made {
            let wanted =
                needed(freer, name) || other.is_some_and(|other| needed(other, name) && (!freer.strict || known.contains(name)));
            if wanted && !args.contains_key(name) {
                args.insert(name.clone(), value.clone());
            }
        }
        if is_foreign(freer) && self.refuses(case, &args) {
            args = self.repaired(case, args, &made);
        }
        if case.more_bytes > 0 {
            fill(freer, &mut args, case.more_bytes);
        }
        Ok(args)
    }

    /// The argument that the row is about: it stays as it is.
    fn about(&self) -> Option<&str> {
        match self.dimension {
            Dimension::Argument(name) => Some(name),
            _ => None,
        }
    }

    fn refuses(&self, case: &Case, args: &Map<String, Value>) -> bool {
        self.freer.takes(&case.tool, args).is_some_and(|taken| taken.is_err())
    }

    /// The same with values from the reviewed schema, of which the comparison reads the types alone, where that helps.
    fn repaired(&self, case: &Case, args: Map<String, Value>, made: &Map<String, Value>) -> Map<String, Value> {
        let mut better = args.clone();
        for (name, value) in made.iter().filter(|(name, _)| self.about() != Some(name.as_str())) {
            if better.contains_key(name) {
                better.insert(name.clone(), value.clone());
            }
        }
        if self.refuses(case, &better) { args } else { better }
    }
}

/// The arguments that a witness names.
pub(super) fn plain(case: &Case) -> Map<String, Value> {
    match serde_json::to_value(&case.args) {
        Ok(Value::Object(args)) => args,
        Ok(_) | Err(_) => Map::new(),
    }
}

fn tool<'p>(judge: &Judge<'p>, name: &str) -> Option<&'p Tool> {
    judge.policy.tools.iter().find(|tool| tool.name == name)
}

const fn is_foreign(tool: &Tool) -> bool {
    match tool.kind {
        ToolKind::Upstream(_) => true,
        ToolKind::Builtin(_) | ToolKind::Rest(_) => false,
    }
}

/// At least so many bytes of arguments that no rule speaks of.
fn fill(tool: &Tool, args: &mut Map<String, Value>, bytes: u64) {
    let size = usize::try_from(bytes).unwrap_or(usize::MAX);
    if let ToolKind::Builtin(_) = tool.kind {
        let name = "query";
        let around = FILLER_BYTES + name.len() + QUERY_BYTES;
        let most = usize::try_from(QUERY_MAX).unwrap_or(usize::MAX);
        args.insert(name.to_owned(), json!({"q": "a".repeat(size.saturating_sub(around).min(most))}));
        return;
    }
    let free = |name: &String| !args.contains_key(name) && arguments(tool).iter().all(|argument| argument.name != name);
    let name = (0..).map(|n: u32| if n == 0 { "more".to_owned() } else { format!("more{n}") }).find(free).unwrap_or_default();
    args.insert(name.clone(), Value::String("a".repeat(size.saturating_sub(FILLER_BYTES + name.len()))));
}
