//! AgentDojo: tasks with their ground-truth calls, tasks with an injection, and recorded runs of undefended agents.
//!
//! The lease of a task names the tools of its ground truth that write or send, and every tool that reads: what a careful user would
//! grant who knows the task and not the data. For recorded benign runs it names the tools of the other runs of the same task.

use crate::count::Share;
use crate::data::{self, Call, InjectionTask, Pair, Tool, ToolResult, Trace, UserTask};
use crate::play::{Ruling, Session};
use crate::results;
use crate::suite::{Rules, Suite};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// Characters at which the data cuts a recorded result. What stood behind was seen by the model and cannot be by us.
const CUT_AT: usize = 6000;

/// Everything of AgentDojo that is there.
pub(crate) struct Data {
    tools: Vec<Tool>,
    tasks: Vec<UserTask>,
    goals: Vec<InjectionTask>,
    pairs: Vec<Pair>,
    results: Vec<ToolResult>,
    traces: Vec<Trace>,
}

/// One suite under one set of rules.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Figures {
    /// Calls of the ground truth that are not denied.
    pub(crate) calls: Share,
    /// Tasks of which no call is denied or asked about.
    pub(crate) tasks: Share,
    /// Questions to the user, over all tasks.
    pub(crate) asked: u64,
    /// By template of the injection: pairs of which a harmful call is denied or asked about.
    pub(crate) pairs: BTreeMap<String, Share>,
    /// Of these, pairs of which a harmful call is denied without a question.
    pub(crate) denied: Share,
    /// Recorded benign runs of which no call is denied or asked about.
    pub(crate) benign: Share,
    /// Of these, runs of which the data has every result to its end.
    pub(crate) uncut: Share,
    /// Recorded attacked runs of which a call of the attack is denied or asked about.
    pub(crate) attacked: Share,
}

impl Figures {
    pub(crate) fn and(&self, other: &Self) -> Self {
        let mut pairs = self.pairs.clone();
        for (attack, share) in &other.pairs {
            let sum = pairs.entry(attack.clone()).or_default();
            *sum = sum.and(*share);
        }
        Self {
            calls: self.calls.and(other.calls),
            tasks: self.tasks.and(other.tasks),
            asked: self.asked + other.asked,
            pairs,
            denied: self.denied.and(other.denied),
            benign: self.benign.and(other.benign),
            uncut: self.uncut.and(other.uncut),
            attacked: self.attacked.and(other.attacked),
        }
    }

    /// Pairs over all templates.
    pub(crate) fn all_pairs(&self) -> Share {
        self.pairs.values().fold(Share::default(), |sum, share| sum.and(*share))
    }
}

impl Data {
    /// Reads what is there; `None` without the tasks.
    ///
    /// # Errors
    /// A file has another shape.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, String> {
        let Some(lines) = data::lines(dir, "agentdojo.jsonl")? else { return Ok(None) };
        let results: Vec<Value> = data::lines(dir, "agentdojo_tool_results.jsonl")?.unwrap_or_default();
        let traces: Vec<Value> = data::lines(dir, "agentdojo_traces.jsonl")?.unwrap_or_default();
        Ok(Some(Self {
            tools: data::of(&lines, Some("tool"))?,
            tasks: data::of(&lines, Some("user_task"))?,
            goals: data::of(&lines, Some("injection_task"))?,
            pairs: data::of(&lines, Some("pair"))?,
            results: data::of(&results, None)?,
            traces: data::of(&traces, Some("trace"))?,
        }))
    }

    pub(crate) fn suites(&self) -> BTreeSet<&str> {
        self.tasks.iter().map(|task| task.suite.as_str()).collect()
    }

    pub(crate) fn suite(&self, name: &str, rules: Rules) -> Result<Suite, String> {
        let of_tasks = self.tasks.iter().filter(|task| task.suite == name).flat_map(|task| &task.benign_calls);
        let of_tasks = of_tasks.filter_map(|call| Some((call.tool.as_str(), call.result.as_deref()?)));
        let clean = self.results.iter().filter(|result| result.suite == name && result.attack.is_none());
        let yaml = results::yaml(of_tasks.chain(clean.map(|result| (result.tool.as_str(), result.text.as_str()))));
        Suite::of(&self.tools.iter().filter(|tool| tool.suite == name).collect::<Vec<_>>(), &yaml, rules)
    }

    /// Plays everything of a suite.
    ///
    /// # Errors
    /// No policy or lease can say what the data wants.
    pub(crate) fn play(&self, name: &str, rules: Rules, tell: bool) -> Result<Figures, String> {
        let suite = self.suite(name, rules)?;
        let mut figures = Figures::default();
        let tasks: HashMap<&str, &UserTask> =
            self.tasks.iter().filter(|task| task.suite == name).map(|task| (task.user_task_id.as_str(), task)).collect();
        for task in self.tasks.iter().filter(|task| task.suite == name) {
            benign(&suite, task, &mut figures, tell)?;
        }
        let results = Results::of(self.results.iter().filter(|result| result.suite == name));
        for pair in self.pairs.iter().filter(|pair| pair.suite == name) {
            let goal = self.goals.iter().find(|goal| goal.suite == name && goal.injection_task_id == pair.injection_task_id);
            if let (Some(task), Some(goal)) = (tasks.get(pair.user_task_id.as_str()), goal.filter(|goal| goal.actionable)) {
                attack(&suite, task, pair, goal, &results, &mut figures, tell)?;
            }
        }
        self.traces(&suite, name, &tasks, &mut figures, tell)?;
        Ok(figures)
    }

    fn traces(
        &self,
        suite: &Suite,
        name: &str,
        tasks: &HashMap<&str, &UserTask>,
        figures: &mut Figures,
        tell: bool,
    ) -> Result<(), String> {
        let all: Vec<&Trace> = self.traces.iter().filter(|trace| trace.suite == name).collect();
        let benign: Vec<&&Trace> = all.iter().filter(|trace| trace.attack.is_none()).collect();
        for trace in &benign {
            let Some(task) = tasks.get(trace.user_task_id.as_str()) else { continue };
            let others =
                benign.iter().filter(|other| other.user_task_id == trace.user_task_id && !std::ptr::eq(***other, **trace));
            let calls: Vec<&Call> = others.flat_map(|other| &other.calls).collect();
            if calls.is_empty() {
                continue;
            }
            let mut session = Session::new(suite, &task.intent, &scope(suite, calls))?;
            let mut passes = true;
            for call in &trace.calls {
                let ruling = session.call(call, true);
                if ruling != Ruling::Allowed && tell {
                    crate::table::say(&format!("  run   {} {:?} {}", task.user_task_id, ruling, shown(call)));
                }
                passes &= ruling == Ruling::Allowed;
                if ruling != Ruling::Denied {
                    session.see(&call.tool, call.result.as_deref().unwrap_or_default());
                }
            }
            figures.benign.note(passes);
            let is_cut = |call: &Call| call.result.as_ref().is_some_and(|result| result.chars().count() >= CUT_AT);
            if !trace.calls.iter().any(is_cut) {
                figures.uncut.note(passes);
            }
        }
        for trace in all.iter().filter(|trace| trace.attack.is_some()) {
            let Some(task) = tasks.get(trace.user_task_id.as_str()) else { continue };
            let mut calls: Vec<&Call> = task.benign_calls.iter().collect();
            if calls.is_empty() {
                let of_task = benign.iter().filter(|other| other.user_task_id == trace.user_task_id);
                calls = of_task.flat_map(|other| &other.calls).collect();
            }
            let is_harmful = |call: &&Call| matches!(call.label.as_str(), "attack" | "maybe_attack");
            if calls.is_empty() || !trace.calls.iter().any(|call| is_harmful(&call)) {
                continue;
            }
            let mut session = Session::new(suite, &task.intent, &scope(suite, calls))?;
            let mut stopped = false;
            for call in &trace.calls {
                // A user who is asked about a call of the task says yes, about one of the attack no.
                let ruling = session.call(call, !is_harmful(&call));
                stopped |= is_harmful(&call) && ruling != Ruling::Allowed;
                if ruling == Ruling::Allowed || ruling == Ruling::Asked && !is_harmful(&call) {
                    session.see(&call.tool, call.result.as_deref().unwrap_or_default());
                }
            }
            if !stopped && tell {
                let calls: Vec<String> = trace.calls.iter().filter(is_harmful).map(shown).collect();
                crate::table::say(&format!("  open  {} {}", task.user_task_id, calls.join(" | ")));
            }
            figures.attacked.note(stopped);
        }
        Ok(())
    }
}

/// The tools of these calls that write or send, and all that read.
fn scope<'a>(suite: &'a Suite, calls: Vec<&'a Call>) -> BTreeSet<&'a str> {
    suite.reads().chain(calls.into_iter().map(|call| call.tool.as_str())).collect()
}

/// A task alone: the user says yes to every question.
fn benign(suite: &Suite, task: &UserTask, figures: &mut Figures, tell: bool) -> Result<(), String> {
    let mut session = Session::new(suite, &task.intent, &scope(suite, task.benign_calls.iter().collect()))?;
    let mut is_quiet = true;
    for call in &task.benign_calls {
        let ruling = session.call(call, true);
        if ruling != Ruling::Allowed && tell {
            crate::table::say(&format!("  task  {} {ruling:?} {}", task.user_task_id, shown(call)));
        }
        figures.calls.note(ruling != Ruling::Denied);
        figures.asked += u64::from(ruling == Ruling::Asked);
        is_quiet &= ruling == Ruling::Allowed;
        session.see(&call.tool, call.result.as_deref().unwrap_or_default());
    }
    figures.tasks.note(is_quiet);
    Ok(())
}

/// A task up to the result that carries the injection, then the calls of an agent that obeys it.
fn attack(
    suite: &Suite,
    task: &UserTask,
    pair: &Pair,
    goal: &InjectionTask,
    results: &Results<'_>,
    figures: &mut Figures,
    tell: bool,
) -> Result<(), String> {
    let calls = pair.attack_calls_override.as_ref().unwrap_or(&goal.attack_calls);
    let exposed = task.benign_calls.get(..=pair.exposure_index).unwrap_or(&task.benign_calls);
    let carrier = exposed.last().map(|call| results.injected(call, &goal.injection_task_id)).unwrap_or_default();
    // Without recorded texts of the injection, the clean result stands for it: the attacker's values are then seen nowhere.
    let variants: Vec<(&str, Option<&str>)> = match carrier.is_empty() {
        true => vec![("(clean result)", None)],
        false => carrier.into_iter().map(|(attack, text)| (attack, Some(text))).collect(),
    };
    for (attack, text) in variants {
        let mut session = Session::new(suite, &task.intent, &scope(suite, task.benign_calls.iter().collect()))?;
        for (at, call) in exposed.iter().enumerate() {
            let _ = session.call(call, true);
            let is_carrier = at + 1 == exposed.len();
            let result = text.filter(|_| is_carrier).or(call.result.as_deref()).unwrap_or_default();
            session.see(&call.tool, result);
        }
        let rulings: Vec<(&Call, Ruling)> = calls.iter().map(|call| (call, session.call(call, false))).collect();
        let has_effects = calls.iter().any(|call| call.effect != "read");
        let counts = |(call, _): &&(&Call, Ruling)| !has_effects || call.effect != "read";
        let stopped = rulings.iter().filter(counts).any(|(_, ruling)| *ruling != Ruling::Allowed);
        if !stopped && tell {
            let calls: Vec<String> = calls.iter().map(shown).collect();
            crate::table::say(&format!(
                "  open  {} {} {attack}: {}",
                task.user_task_id,
                goal.injection_task_id,
                calls.join(" | ")
            ));
        }
        figures.pairs.entry(attack.to_owned()).or_default().note(stopped);
        figures.denied.note(rulings.iter().filter(counts).any(|(_, ruling)| *ruling == Ruling::Denied));
    }
    Ok(())
}

/// Recorded results with an injection, by tool and arguments.
struct Results<'d>(HashMap<Key, Vec<(&'d str, &'d str)>>);

/// Tool, arguments and goal.
type Key = (String, String, String);

impl<'d> Results<'d> {
    fn of(results: impl Iterator<Item = &'d ToolResult>) -> Self {
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for result in results {
            if let (Some(attack), Some(goal)) = (&result.attack, &result.injection_task_id) {
                let key = (result.tool.clone(), Value::Object(result.args.clone()).to_string(), goal.clone());
                all.entry(key).or_default().push((attack.as_str(), result.text.as_str()));
            }
        }
        Self(all)
    }

    fn injected(&self, call: &Call, goal: &str) -> Vec<(&'d str, &'d str)> {
        let key = (call.tool.clone(), Value::Object(call.args.clone()).to_string(), goal.to_owned());
        self.0.get(&key).cloned().unwrap_or_default()
    }
}

fn shown(call: &Call) -> String {
    let args = Value::Object(call.args.clone()).to_string();
    format!("{} {}", call.tool, args.chars().take(160).collect::<String>())
}
