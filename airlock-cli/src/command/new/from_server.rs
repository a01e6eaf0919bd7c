//! A starter policy from a live server: what it says that it only reads is allowed, everything else stands there as a comment.

use super::sandbox;
use crate::command::pin::remarks;
use crate::manifest::{Manifest, counted};
use crate::project::Start;
use crate::render::{Failure, note};
use crate::shown;
use crate::upstream::{self, Offer, Offered};
use airlock_policy::definitions::{Definition, Definitions, schema};
use airlock_policy::ir::{Era, Upstream, Variable, VariableValue};
use airlock_policy::limits::{MESSAGE_DEFAULT, START_TIMEOUT_S};
use airlock_policy::{Code, Diagnostic, Severity};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use toml_edit::{Array, Value};

/// Interpreters: what they run names the server.
const INTERPRETERS: [&str; 7] = ["node", "python", "python3", "deno", "bun", "ruby", "java"];
/// Parts of a path that name no server.
const PLAIN: [&str; 10] = ["index", "main", "server", "dist", "build", "src", "bin", "lib", "__main__", "app"];
/// Characters of a description that stand in a `why` or a comment.
const WORDS_MAX: usize = 160;

/// Asks a server and writes down what it offers as a manifest for a gateway of this name.
///
/// # Errors
/// The server cannot be asked.
pub(super) fn start(gateway: &str, asked: &super::Asked) -> Result<Start, Failure> {
    let (program, arguments) = asked.command.split_first().ok_or_else(|| Failure::new("there is no command behind `--`"))?;
    let program = absolute(program)?;
    let command: Vec<String> = [program].into_iter().chain(arguments.iter().cloned()).collect();
    let name = asked.upstream.clone().unwrap_or_else(|| name_of(&command));
    let variable =
        |name: &String, value: fn(String) -> VariableValue| Variable { name: name.clone(), value: value(name.clone()) };
    let from = asked.env.iter().map(|name| variable(name, VariableValue::From));
    let env = from.chain(asked.secret.iter().map(|name| variable(name, VariableValue::Secret))).collect();
    let declared = Upstream {
        name,
        command,
        dir: None,
        env,
        era: Era::Auto,
        start_timeout: START_TIMEOUT_S,
        max_message: MESSAGE_DEFAULT,
        may_ask: Vec::new(),
        ask_hosts: Vec::new(),
        may_tell: Vec::new(),
        log: None,
        confine: None,
        why: String::new(),
    };
    demand_sayable(gateway, &declared).map_err(|why| Failure::new(format_args!("the server is not asked: {why}")))?;
    remark_command(gateway, &declared);
    of_all(gateway, &[declared], &|_, name| std::env::var_os(name))
}

/// The manifest of a gateway for one server of which nothing is known yet.
pub(crate) fn outline(gateway: &str, upstream: &Upstream) -> String {
    manifest(gateway, &[(upstream, Sections::default())])
}

/// Whether a manifest can say what a server is: names, variables, words of its command, and no secret among them. Asked before anything is
/// started.
///
/// # Errors
/// Why it cannot, on one line.
pub(crate) fn demand_sayable(gateway: &str, upstream: &Upstream) -> Result<(), String> {
    let text = outline(gateway, upstream);
    let manifest = Manifest::of_text("airlock.toml", text, BTreeMap::new());
    let checked = manifest.check();
    let fault = checked.diagnostics().iter().find(|fault| fault.severity == Severity::Error);
    match (fault, checked.compiled()) {
        (Some(fault), _) => Err(shown::line(&format!("a manifest cannot say it: {}", fault.message))),
        (None, None) => Err("a manifest cannot say it".to_owned()),
        (None, Some(_)) => Ok(()),
    }
}

/// Says what `airlock check` will say of the command, before it is started: one that fetches a server may well not answer in time.
fn remark_command(gateway: &str, upstream: &Upstream) {
    let manifest = Manifest::of_text("airlock.toml", outline(gateway, upstream), BTreeMap::new());
    let checked = manifest.check();
    let of_command = |fault: &&Diagnostic| matches!(fault.code, Code::FetchedCommand | Code::ShellCommand);
    for fault in checked.diagnostics().iter().filter(of_command) {
        let help = fault.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
        note(format_args!("warning: {}{help}", shown::line(&fault.message)));
    }
}

/// Asks several servers. `variable` gives the value of a variable that an upstream refers to.
///
/// # Errors
/// One of the servers cannot be asked.
pub(crate) fn of_all(
    gateway: &str,
    all: &[Upstream],
    variable: &dyn Fn(&Upstream, &str) -> Option<OsString>,
) -> Result<Start, Failure> {
    let (mut asked, mut files) = (Vec::new(), BTreeMap::new());
    for declared in all {
        let variables = upstream::environment(declared, &|name| variable(declared, name))?;
        let offer = upstream::ask(declared, &variables)?;
        let (tools, definitions) = sections(declared, &offer);
        let (offered, allowed) = (counted(offer.tools.len(), "tool"), tools.allowed.len());
        note(format_args!("{} offers {offered} in MCP {}, of which {allowed} are allowed", declared.name, offer.revision));
        if !tools.allowed.is_empty() {
            files.insert(format!("airlock-pins/{}.json", declared.name), definitions.to_text());
        }
        asked.push((declared, tools));
    }
    Ok(Start { manifest: manifest(gateway, &asked), files })
}

/// What becomes of the tools of a server.
#[derive(Debug, Default)]
struct Sections {
    /// Names as clients see them.
    allowed: Vec<String>,
    text: String,
}

fn sections(upstream: &Upstream, offer: &Offer) -> (Sections, Definitions) {
    let (mut sections, mut definitions) = (Sections::default(), Definitions::default());
    let mut refused = String::new();
    let siblings: Vec<&str> = offer.tools.iter().map(Offered::name).collect();
    for tool in &offer.tools {
        let Offered::Tool(definition) = tool else {
            let Offered::Unusable(name, problem) = tool else { continue };
            refused.push_str(&format!("\n# {} cannot be pinned: {problem}\n", shown::words(name)));
            continue;
        };
        match objection(upstream, definition, &siblings) {
            None => {
                sections.allowed.push(format!("{}.{}", upstream.name, definition.name()));
                sections.text.push_str(&allowed(upstream, definition));
                definitions.insert((**definition).clone());
            }
            Some(because) => refused.push_str(&commented(upstream, definition, &because)),
        }
    }
    sections.text.push_str(&refused);
    (sections, definitions)
}

/// Why a tool is not allowed from the start.
fn objection(upstream: &Upstream, definition: &Definition, siblings: &[&str]) -> Option<String> {
    let hints = &definition.value()["annotations"];
    let remarks = remarks(definition, &[], siblings);
    let name = format!("{}.{}", upstream.name, definition.name());
    let is_plain = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if let Some(remark) = remarks.first() {
        return Some(format!("its definition has {remark}"));
    }
    if !is_plain {
        return Some("clients could not call it by this name; `as` gives it another".to_owned());
    }
    match hints["readOnlyHint"] == true && hints["destructiveHint"] != true {
        true => None,
        false if hints["readOnlyHint"] == false => Some("the server says that it changes things".to_owned()),
        false => Some("the server does not say that it only reads".to_owned()),
    }
}

fn allowed(upstream: &Upstream, definition: &Definition) -> String {
    let why = format!("the server says that it only reads: {}", words(definition));
    format!(
        "\n[upstreams.{}.tools.{}]\npin = \"{}\"\neffect = \"read\"                # by the server's own hint, which proves nothing\n\
         labels = [\"ingests:untrusted\"]   # what it returns was written by others\n{}why = {}\n",
        key(&upstream.name),
        key(definition.name()),
        definition.pin(),
        arguments(definition),
        Value::from(why),
    )
}

/// The arguments that rules could narrow, as a comment.
fn arguments(definition: &Definition) -> String {
    let names: Vec<String> = schema::arguments(definition.value()).iter().map(|argument| shown::words(&argument.name)).collect();
    if names.is_empty() { String::new() } else { format!("# args that rules can narrow: {}\n", names.join(", ")) }
}

fn commented(upstream: &Upstream, definition: &Definition, because: &str) -> String {
    format!(
        "\n# Not allowed: {}. To allow it: remove the `# `, say what it does, run `airlock pin`.\n# [upstreams.{}.tools.{}]\n\
         # effect = \"send\"              # the worst case; `write` if nothing leaves this machine by it\n# approval = \"human\"\n# why = {}\n",
        shown::words(because),
        shown::words(&key(&upstream.name)),
        shown::words(&key(definition.name())),
        Value::from(words(definition)),
    )
}

/// The beginning of a description, on one line.
fn words(definition: &Definition) -> String {
    let text = definition.value()["description"].as_str().unwrap_or("it says nothing about itself");
    let text = shown::words(text).replace(['"', '\\'], "'");
    let cut: String = text.chars().take(WORDS_MAX).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

fn key(name: &str) -> String {
    toml_edit::Key::new(name).to_string()
}

/// The manifest of a gateway for servers that were asked.
fn manifest(gateway: &str, asked: &[(&Upstream, Sections)]) -> String {
    let head = include_str!("../../../carried/templates/new/from-server.toml").replace("{name}", gateway);
    let names: Array = asked.iter().flat_map(|(_, tools)| &tools.allowed).map(String::as_str).collect();
    let rest = match names.is_empty() {
        false => format!(
            "\n[[grant]]\nsubject = \"agent:a\"\ntools = {names}\nissue = \"operator\"\nmax_ttl = \"15m\"\nmax_risk = 0.4\n\
             why = \"replace this by the reason in your own words\"\n"
        ),
        true => "\n# The server says of none of its tools that it only reads, so nothing of it is allowed yet.\n[tools.airlock_usage_stats]\n\
                 why = \"a gateway has at least one tool\"\n\n[[grant]]\nsubject = \"operator:auditor\"\ntools = [\"airlock_usage_stats\"]\n\
                 issue = \"operator\"\nwhy = \"a gateway has at least one grant\"\n"
            .to_owned(),
    };
    let idle = asked.iter().any(|(_, tools)| tools.allowed.is_empty());
    let lints = "\n[lints]\nunused-upstream = { level = \"allow\", why = \"its tools are to be reviewed\" }\n";
    let sections: String = asked.iter().map(|(upstream, tools)| section(upstream, tools)).collect();
    format!("{head}{sections}{rest}{}", if idle { lints } else { "" })
}

fn section(upstream: &Upstream, tools: &Sections) -> String {
    let command: Array = upstream.command.iter().map(String::as_str).collect();
    let env = upstream.env.iter().map(|Variable { name, value }| match value {
        VariableValue::Literal(text) => format!("env.{} = {}\n", key(name), Value::from(text.as_str())),
        VariableValue::From(source) => format!("env.{} = {{ from = {} }}\n", key(name), Value::from(source.as_str())),
        VariableValue::Secret(source) => format!("env.{} = {{ secret = {} }}\n", key(name), Value::from(source.as_str())),
    });
    let dir = upstream.dir.as_ref().map(|dir| format!("dir = {}\n", Value::from(dir.as_str()))).unwrap_or_default();
    format!(
        "\n[upstreams.{}]\ncommand = {command}\n{dir}{}why = \"replace this by the reason in your own words\"\n{}{}",
        key(&upstream.name),
        env.collect::<String>(),
        sandbox::section(&key(&upstream.name), &upstream.command),
        tools.text,
    )
}

/// The whole path of a program, as a shell would find it.
pub(crate) fn absolute(program: &str) -> Result<String, Failure> {
    let is_file = |path: &PathBuf| path.is_file();
    let found = match program.contains('/') {
        true => std::path::absolute(program).ok().filter(is_file),
        false => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path)
                .map(|dir| dir.join(program))
                .find(is_file)
                .and_then(|path| std::path::absolute(path).ok())
        }
    };
    let found = found.and_then(|path| path.to_str().map(str::to_owned));
    found.ok_or_else(|| {
        let failure = Failure::new(format_args!("there is no program {program:?}"));
        match program.contains("://") {
            true => failure.help("a gateway starts its servers as programs and speaks with them over stdio, not over a network"),
            false => failure.help("name it by its whole path"),
        }
    })
}

/// A name for a server, from its program or what its interpreter runs.
fn name_of(command: &[String]) -> String {
    let file = |path: &str| Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let program = command.first().map(|program| file(program)).unwrap_or_default();
    let script = command.iter().skip(1).find(|argument| argument.contains('/'));
    let path = match (INTERPRETERS.contains(&program.as_str()), script) {
        (true, Some(script)) => script.clone(),
        (true, None) | (false, _) => program,
    };
    let stem = |part: &str| part.rsplit_once('.').map_or(part, |(stem, _)| stem).to_ascii_lowercase();
    let part = path.split('/').rev().map(stem).find(|part| !part.is_empty() && !PLAIN.contains(&part.as_str()));
    let part = part.unwrap_or_default();
    let short =
        ["mcp-server-", "server-", "mcp-", "mcp_server_"].iter().find_map(|prefix| part.strip_prefix(prefix)).unwrap_or(&part);
    let name: String = short.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').take(32).collect();
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.starts_with("airlock");
    if fits { name } else { "server".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_short_names() {
        for (command, name) in [
            (&["/usr/local/bin/mcp-server-time"][..], "time"),
            (
                &["/usr/bin/node", "/opt/x/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js", "/srv"],
                "filesystem",
            ),
            (&["/usr/bin/python3", "/opt/notes.py"], "notes"),
            (&["/usr/bin/python3", "-m", "x"], "python3"),
            (&["/opt/9"], "server"),
            (&["/opt/airlock-x"], "server"),
        ] {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(name_of(&command), name);
        }
    }
}
