//! `command = [ … ]`: which program, with which arguments. It is started as it stands here: no shell reads it, nothing is looked up.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, Field};
use crate::limits::{COMMAND_MAX, COMMAND_TEXT_MAX};
use crate::name;

/// Programs that take a program as text, or look one up.
const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ash", "ksh", "fish", "busybox", "env", "xargs"];
/// Programs that fetch what they run.
const FETCHERS: &[&str] = &["npx", "uvx", "bunx", "pnpx", "pipx"];
/// Programs that fetch what they run when they are given one of these words.
const FETCHING: &[(&str, &[&str])] = &[
    ("npm", &["exec", "x"]),
    ("pnpm", &["dlx", "exec"]),
    ("yarn", &["dlx"]),
    ("bun", &["x"]),
    ("uv", &["run", "tool"]),
    ("deno", &["run"]),
    ("docker", &["run"]),
    ("podman", &["run"]),
];

/// The command; empty when it was refused.
pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Vec<String> {
    let list = field.list(1, COMMAND_MAX, faults).unwrap_or_default();
    let (Some(first), rest) = (list.first(), list.get(1..).unwrap_or_default()) else { return Vec::new() };
    let program = first.checked(Code::BadCommand, name::program, faults);
    let rest: Vec<At<String>> = rest.iter().filter_map(|entry| entry.prose(COMMAND_TEXT_MAX, false, faults)).collect();
    let Some(program) = program else { return Vec::new() };
    remarks(&program, &rest, faults);
    [program.value].into_iter().chain(rest.into_iter().map(|at| at.value)).collect()
}

fn remarks(program: &At<String>, rest: &[At<String>], faults: &mut Faults) {
    let name = program.value.rsplit('/').next().unwrap_or_default();
    if SHELLS.contains(&name) {
        let message = format!("`{name}` runs another program, which it takes from a text or looks up");
        let diagnostic = Diagnostic::new(Code::ShellCommand, &program.span, message, "not the server itself");
        faults.push(diagnostic.help("write the program of the server and its arguments"));
    }
    let is_pinned = |at: &&At<String>| at.value.contains("@sha256:");
    let fetching = FETCHING.iter().find(|(program, _)| *program == name).and_then(|(_, words)| {
        // Containers of a fixed digest are what was reviewed.
        let first = rest.iter().find(|at| words.contains(&at.value.as_str()))?;
        (!rest.iter().any(|at| is_pinned(&at))).then_some(first)
    });
    if FETCHERS.contains(&name) || fetching.is_some() {
        let span = fetching.map_or(&program.span, |at| &at.span);
        let message = format!("`{name}` fetches the server when the gateway starts it: what runs is not what was reviewed");
        let diagnostic = Diagnostic::new(Code::FetchedCommand, span, message, "fetches code");
        faults.push(diagnostic.help("install a fixed version and name its program"));
    }
}
