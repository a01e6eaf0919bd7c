//! The evaluation data: JSON Lines, one case a line. Any of the files may be absent.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Arguments of a call.
pub(crate) type Args = Map<String, Value>;

/// A tool of a suite.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Tool {
    #[serde(default)]
    pub(crate) suite: String,
    pub(crate) tool: String,
    pub(crate) input_schema: Value,
    /// `read`, `write` or `egress`; absent in InjecAgent.
    #[serde(default)]
    pub(crate) effect: String,
    /// Parameter and kind of its value.
    #[serde(default)]
    pub(crate) sensitive_params: Map<String, Value>,
}

/// A call with its recorded result.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Call {
    pub(crate) tool: String,
    pub(crate) args: Args,
    #[serde(default)]
    pub(crate) effect: String,
    #[serde(default)]
    pub(crate) result: Option<String>,
    /// Of a trace: `read`, `user`, `attack` or `maybe_attack`.
    #[serde(default)]
    pub(crate) label: String,
}

/// A task of a user.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct UserTask {
    pub(crate) suite: String,
    pub(crate) user_task_id: String,
    pub(crate) intent: String,
    pub(crate) benign_calls: Vec<Call>,
}

/// A goal of an attacker.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct InjectionTask {
    pub(crate) suite: String,
    pub(crate) injection_task_id: String,
    pub(crate) attack_calls: Vec<Call>,
    pub(crate) actionable: bool,
}

/// A task with a goal put into one of its results.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pair {
    pub(crate) suite: String,
    pub(crate) user_task_id: String,
    pub(crate) injection_task_id: String,
    pub(crate) exposure_index: usize,
    pub(crate) attack_calls_override: Option<Vec<Call>>,
}

/// What a model sees of a call, with or without an injection.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ToolResult {
    pub(crate) suite: String,
    pub(crate) tool: String,
    pub(crate) args: Args,
    pub(crate) attack: Option<String>,
    #[serde(default)]
    pub(crate) injection_task_id: Option<String>,
    pub(crate) text: String,
}

/// A recorded run of an undefended agent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Trace {
    pub(crate) suite: String,
    pub(crate) user_task_id: String,
    pub(crate) attack: Option<String>,
    pub(crate) calls: Vec<Call>,
}

/// A user of InjecAgent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct UserCase {
    pub(crate) user_case_id: String,
    pub(crate) intent: String,
    pub(crate) user_call: Call,
}

/// An attacker of InjecAgent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AttackerCase {
    pub(crate) attacker_case_id: String,
    pub(crate) attack_calls: Vec<Call>,
}

/// A pair of InjecAgent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct InjecCase {
    pub(crate) setting: String,
    pub(crate) user_case_id: String,
    pub(crate) attacker_case_id: String,
    pub(crate) tool_response: String,
}

/// The lines of a file with their kinds; nothing if there is no such file.
///
/// # Errors
/// It cannot be read, or a line is no JSON object.
pub(crate) fn lines(dir: &Path, name: &str) -> Result<Option<Vec<Value>>, String> {
    let path = dir.join(name);
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(format!("{}: {fault}", path.display())),
    };
    let parse = |(number, line): (usize, std::io::Result<String>)| {
        let line = line.map_err(|fault| format!("{}: {fault}", path.display()))?;
        serde_json::from_str(&line).map_err(|fault| format!("{}, line {}: {fault}", path.display(), number + 1))
    };
    BufReader::new(file).lines().enumerate().map(parse).collect::<Result<_, _>>().map(Some)
}

/// The lines of the first of these files that is there.
///
/// # Errors
/// It cannot be read, or a line is no JSON object.
pub(crate) fn first(dir: &Path, names: &[&str]) -> Result<Option<Vec<Value>>, String> {
    names.iter().find_map(|name| lines(dir, name).transpose()).transpose()
}

/// The lines of one kind; `None`: all.
///
/// # Errors
/// A line has another shape.
pub(crate) fn of<T: DeserializeOwned>(lines: &[Value], kind: Option<&str>) -> Result<Vec<T>, String> {
    let wanted = lines.iter().filter(|line| kind.is_none_or(|kind| line["kind"] == kind));
    wanted.map(|line| serde_json::from_value(line.clone()).map_err(|fault| format!("{kind:?}: {fault}"))).collect()
}
