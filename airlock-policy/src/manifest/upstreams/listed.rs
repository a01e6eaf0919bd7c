//! `resources` and `prompts`: what else of an upstream clients may have.

use crate::code::Code;
use crate::diagnostic::Faults;
use crate::fields::{At, Field, refuse_twice};
use crate::limits::{LISTED_MAX, LISTED_TEXT_MAX};

/// Resources, sorted.
pub(super) fn resources(field: &Field<'_>, faults: &mut Faults) -> Vec<String> {
    all(field, resource, faults)
}

/// Prompts, sorted.
pub(super) fn prompts(field: &Field<'_>, faults: &mut Faults) -> Vec<String> {
    all(field, prompt, faults)
}

fn all(field: &Field<'_>, check: fn(&str) -> Result<(), String>, faults: &mut Faults) -> Vec<String> {
    let list = field.list(0, LISTED_MAX, faults).unwrap_or_default();
    let read: Vec<At<String>> = list.iter().filter_map(|entry| entry.checked(Code::BadResource, check, faults)).collect();
    refuse_twice(&read, String::clone, faults);
    let mut texts: Vec<String> = read.into_iter().map(|at| at.value).collect();
    texts.sort();
    texts
}

/// An exact URI, or a prefix that ends in `*` behind a character that separates parts.
fn resource(text: &str) -> Result<(), String> {
    let is_plain = text.len() <= LISTED_TEXT_MAX && text.bytes().all(|b| b.is_ascii_graphic());
    let uri = text.strip_suffix('*').unwrap_or(text);
    let scheme = uri.split_once(':').is_some_and(|(scheme, rest)| {
        let letters = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && letters && !rest.is_empty()
    });
    if !is_plain || !scheme || uri.contains('*') {
        return Err(
            "a resource is a URI with its scheme, or the beginning of one and `*`, as in \"file:///srv/work/*\"".to_owned()
        );
    }
    if uri.len() < text.len() && !uri.ends_with(['/', ':', '?', '#', '=', '&']) {
        return Err(
            "the beginning of a URI ends with `/`, or where else a part of it ends: `…/work*` is also `…/work-secret`".to_owned()
        );
    }
    match uri.split(['/', '?', '#']).any(|part| matches!(part, "." | "..")) {
        true => Err("a resource has no `.` or `..` in its path".to_owned()),
        false => Ok(()),
    }
}

fn prompt(text: &str) -> Result<(), String> {
    match crate::text::fault(text, crate::limits::TITLE_MAX, false) {
        None => Ok(()),
        Some(problem) => Err(format!("the name of a prompt {problem}")),
    }
}
