//! The table and the parser say the same, in both directions; the page in `docs/` is the one that the table makes.

use super::*;
use crate::code::Severity;
use std::collections::{BTreeMap, BTreeSet};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

const BASE: &str = include_str!("base.toml");
/// For the keys of the file itself: what replaces a section must fit the rest.
const SMALL: &str = "airlock = 1\n[gateway]\nname = \"small\"\n[keys]\naccept = [\"k1\"]\n[tools.airlock_usage_stats]\nlabels = [\"reads:private\"]\nwhy = \"x\"\n[tools.airlock_audit_tail]\nlabels = [\"sends:external\"]\nwhy = \"x\"\n[[grant]]\nsubject = \"agent:b\"\ntools = [\"airlock_usage_stats\"]\nissue = \"operator\"\nwhy = \"x\"\n";

/// Where a key is tried: steps into [`BASE`], and whether the table there is emptied first.
fn place(section: &str, key: &str) -> (&'static str, &'static [&'static str]) {
    let number = matches!(key, "min" | "max");
    match (section, key) {
        ("The file", _) => ("", &[]),
        ("[gateway]", _) => ("gateway", &[]),
        ("[keys]", _) => ("keys", &[]),
        ("An accepted key", _) => ("keys.accept.1", &[]),
        ("[lease]", _) => ("lease", &[]),
        ("[risk]", _) => ("risk", &[]),
        ("[ledger]", _) => ("ledger", &[]),
        ("[ledger.dir]", _) => ("ledger.dir", &[]),
        ("[limits]", _) => ("limits", &[]),
        ("[sandbox]", _) => ("sandbox", &[]),
        ("[[egress]]", "host") => ("egress.1", &["hosts"]),
        ("[[egress]]", _) => ("egress.0", &[]),
        ("[hosts.<name>]", _) => ("hosts.data", &[]),
        ("[args.<name>]", _) => ("args.short", &["max_length"]),
        ("[tools.<name>]", "http" | "title" | "description" | "effect" | "strict") => ("tools.status", &[]),
        ("[tools.<name>]", "input") => ("tools.note", &[]),
        ("[tools.<name>]", "labels") => ("tools.note", &[]),
        ("[tools.<name>]", "args") => ("tools.airlock_audit_tail", &[]),
        ("[tools.<name>]", _) => ("tools.http_get_json", &[]),
        ("[tools.<name>.args.<argument>]", "max_items") => ("tools.airlock_issue_capability.args.tools", &[]),
        ("[tools.<name>.args.<argument>]", "forbid") => ("tools.airlock_audit_tail.args.limit", &["max"]),
        ("[tools.<name>.args.<argument>]", _) if number => ("tools.airlock_audit_tail.args.limit", &["max"]),
        ("[tools.<name>.args.<argument>]", _) => ("tools.http_get_json.args.url", &["max_length"]),
        ("[approvers.<name>]", _) => ("approvers.alice", &[]),
        ("[tools.<name>.approval]", _) => ("tools.signed.approval", &[]),
        ("[tools.<name>.limits]", _) => ("tools.http_get_json.limits", &[]),
        ("[tools.<name>.risk]", _) => ("tools.http_get_json.risk", &[]),
        ("An ignored factor", _) => ("tools.http_get_json.risk.ignore.0", &[]),
        ("[tools.<name>.http]", "response") => ("tools.status.http", &[]),
        ("[tools.<name>.http]", _) => ("tools.open_ticket.http", &[]),
        ("An input as a header", _) => ("tools.note.http.headers.x-title", &[]),
        ("A constant", _) => ("tools.note.http.body.format", &[]),
        ("[tools.<name>.http.auth]", _) => ("tools.open_ticket.http.auth", &["bearer_env"]),
        ("[tools.<name>.http.response]", _) => ("tools.status.http.response", &[]),
        ("[tools.<name>.input.<argument>]", _) => ("tools.open_ticket.input.free", &[]),
        ("[upstreams.<name>]", _) => ("upstreams.files", &[]),
        ("[upstreams.<name>.confine]", _) => ("upstreams.files.confine", &[]),
        ("[upstreams.<name>.confine.limits]", _) => ("upstreams.files.confine.limits", &[]),
        ("A variable of an upstream", "from") => ("upstreams.files.env.KEY", &["secret"]),
        ("A variable of an upstream", _) => ("upstreams.files.env.KEY", &[]),
        ("[upstreams.<name>.tools.<tool>]", _) => ("upstreams.files.tools.read", &[]),
        ("[upstreams.<name>.resources.<entry>]", _) => ("upstreams.files.resources.work", &[]),
        ("[upstreams.<name>.prompts.<prompt>]", _) => ("upstreams.files.prompts.ask", &[]),
        ("[upstreams.<name>.completions.<entry>]", _) => ("upstreams.files.completions.topics", &[]),
        ("[upstreams.<name>.subscriptions.<entry>]", _) => ("upstreams.files.subscriptions.changes", &[]),
        ("[[flow]]", "ask") => ("flow.0", &["deny"]),
        ("[[flow]]", _) => ("flow.0", &[]),
        ("[[grant]]", "tools") => ("grant.1", &[]),
        ("[[grant]]", _) => ("grant.0", &[]),
        ("[[require]]", "never") => ("require.1", &[]),
        ("[[require]]", "mode") => ("require.0", &["every", "has"]),
        ("[[require]]", _) => ("require.0", &[]),
        ("A selector of tools" | "[require.every]", _) => ("require.0.every", &["tools"]),
        ("[require.has]", _) => ("require.0.has", &["max_risk_threshold"]),
        ("[require.never]", _) => ("require.1.never", &[]),
        ("[lints]", "warnings") => ("lints", &["stand-in"]),
        ("[lints]", _) => ("lints", &[]),
        ("A lint", _) => ("lints.stand-in", &[]),
        (other, _) => panic!("no place for {other}"),
    }
}

/// The table at a place.
fn table<'v>(root: &'v mut Table, path: &str) -> &'v mut Table {
    let mut steps = path.split('.').filter(|step| !step.is_empty());
    let Some(first) = steps.next() else { return root };
    let mut at = root.get_mut(first).unwrap_or_else(|| panic!("{path}"));
    for step in steps {
        at = match step.parse::<usize>() {
            Ok(place) => &mut at.as_array_mut().unwrap()[place],
            Err(_) => at.get_mut(step).unwrap_or_else(|| panic!("{path}: {step}")),
        };
    }
    at.as_table_mut().unwrap_or_else(|| panic!("{path} is no table"))
}

/// A manifest with one more entry.
fn with(section: &Section, key: &str, value: Value) -> String {
    let (path, without) = place(section.name, key);
    let mut root: Table = if path.is_empty() { SMALL } else { BASE }.parse().unwrap();
    let table = table(&mut root, path);
    for other in without {
        table.remove(*other);
    }
    table.insert(key.to_owned(), value);
    companions(section.name, key, &mut root);
    toml::to_string(&root).unwrap()
}

/// What else must stand there for a key to make sense.
fn companions(section: &str, key: &str, root: &mut Table) {
    let set = |root: &mut Table, path: &str, key: &str, value: &str| {
        table(root, path).insert(key.to_owned(), Value::String(value.to_owned()));
    };
    match (section, key) {
        ("[tools.<name>.http.auth]", "header") => set(root, "tools.open_ticket.http.auth", "env", "TOKEN"),
        ("[tools.<name>.http.auth]", "env") => set(root, "tools.open_ticket.http.auth", "header", "x-api-key"),
        ("[tools.<name>.input.<argument>]", _) => {
            let body = vec!["title", "text", "free"].into_iter().map(|name| Value::String(name.to_owned()));
            table(root, "tools.open_ticket.http").insert("body".to_owned(), Value::Array(body.collect()));
            let kind = match key {
                "min" | "max" => "integer",
                "max_items" => "array",
                _ => "string",
            };
            set(root, "tools.open_ticket.input.free", "type", kind);
        }
        _ => {}
    }
    if section == "[upstreams.<name>]" {
        let files = table(root, "upstreams.files");
        match key {
            // Without them there is nothing to complete, or to subscribe to.
            "prompts" => drop(files.remove("completions")),
            "resources" => drop(files.remove("subscriptions")),
            "ask_hosts" => drop(files.insert("may_ask".to_owned(), Value::Array(vec![Value::String("elicitation".to_owned())]))),
            _ => {}
        }
    }
    if section == "[upstreams.<name>.confine]" {
        // A network and its hosts need each other.
        let confine = table(root, "upstreams.files.confine");
        match key {
            "net" if confine["net"].as_str() == Some("proxy") => {
                drop(confine.insert("hosts".to_owned(), Value::Array(vec![Value::String("api.example.com".to_owned())])))
            }
            "hosts" => drop(confine.insert("net".to_owned(), Value::String("proxy".to_owned()))),
            _ => {}
        }
    }
    let is_of_from = matches!(key, "otherwise" | "kind" | "inside");
    let place = match section {
        "[tools.<name>.args.<argument>]" => Some("tools.http_get_json.args.url"),
        "[tools.<name>.input.<argument>]" => Some("tools.open_ticket.input.free"),
        _ => None,
    };
    if let Some(place) = place.filter(|_| is_of_from) {
        table(root, place).insert("from".to_owned(), Value::Array(vec![Value::String("intent".to_owned())]));
    }
    rename(root);
    if !matches!(section, "[tools.<name>.input.<argument>]" | "The file") {
        table(root, "tools.open_ticket.input").remove("free");
    }
}

/// Grants speak of what an upstream has by the names that clients see.
fn rename(root: &mut Table) {
    let Some(upstream) = root.get("upstreams").and_then(|upstreams| upstreams["files"].as_table()) else { return };
    let bare = upstream.get("names").is_some_and(|names| names.as_str() == Some("bare"));
    let all = [
        ("tools", "read"),
        ("resources", "work"),
        ("prompts", "ask"),
        ("prompts", "summary"),
        ("completions", "topics"),
        ("subscriptions", "changes"),
    ];
    let names = all.map(|(table, own)| {
        let entry = upstream.get(table).and_then(|entries| entries.get(own));
        let given = entry.and_then(|entry| Some(entry.get("as")?.as_str()?.to_owned()));
        let prefixed = format!("files.{own}");
        let name = entry.map(|_| given.unwrap_or_else(|| if bare { own.to_owned() } else { prefixed.clone() }));
        (prefixed, name)
    });
    if let Some(tools) = root["grant"][0].get_mut("tools").and_then(Value::as_array_mut) {
        for (prefixed, name) in names {
            tools.retain(|tool| tool.as_str() != Some(&prefixed));
            tools.extend(name.map(Value::String));
        }
    }
}

/// The definitions of [`BASE`], whatever file is asked for.
fn pins(_: &str) -> Result<String, String> {
    Ok(include_str!("base.json").to_owned())
}

fn errors(text: &str) -> Vec<String> {
    let checked = crate::compile_with(text, "airlock.toml", &pins);
    let errors = checked.diagnostics().iter().filter(|fault| fault.severity == Severity::Error);
    errors.map(|fault| format!("{} {} {:?}", fault.code.text(), fault.message, fault.help)).collect()
}

#[test]
fn the_parser_takes_the_example_of_every_key() {
    let mut refused = Vec::new();
    for section in SECTIONS {
        for key in section.all_keys() {
            let value: Table = format!("value = {}", key.example).parse().unwrap_or_else(|e| panic!("{}: {e}", key.name));
            let text = with(section, key.name, value["value"].clone());
            let errors = errors(&text);
            refused.extend(errors.first().map(|fault| format!("{} {}: {fault}", section.name, key.name)));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn the_table_has_every_key_that_the_parser_takes() {
    let mut known: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for section in SECTIONS {
        let of_section = known.entry(section.name).or_default();
        for key in section.all_keys() {
            let (path, _) = place(section.name, key.name);
            let mut root: Table = if path.is_empty() { SMALL } else { BASE }.parse().unwrap();
            table(&mut root, path).insert("zzzzzzzzzzzz".to_owned(), Value::Boolean(true));
            let errors = errors(&toml::to_string(&root).unwrap());
            let fault = errors.iter().find(|fault| fault.contains("zzzzzzzzzzzz")).unwrap_or_else(|| panic!("{errors:?}"));
            let list = fault.split_once("Some(").map(|(_, help)| help).unwrap_or_else(|| panic!("{fault}"));
            let list = list.split_once(" are ").unwrap_or_else(|| panic!("{fault}")).1;
            of_section.extend(list.split('`').skip(1).step_by(2).map(str::to_owned));
        }
        let table: BTreeSet<String> = section.all_keys().iter().map(|key| key.name.to_owned()).collect();
        assert_eq!(table, *of_section, "{}", section.name);
    }
}

#[test]
fn defaults_are_what_the_parser_makes_of_nothing() {
    let mut compared = 0;
    for section in SECTIONS {
        for key in section.all_keys() {
            let Absent::Default(default) = key.absent else { continue };
            let value: Table = format!("value = {default}").parse().unwrap();
            let told = with(section, key.name, value["value"].clone());
            let mut untold: Table = told.parse().unwrap();
            table(&mut untold, place(section.name, key.name).0).remove(key.name);
            let policy =
                |text: &str| crate::compile_with(text, "a.toml", &pins).into_compiled().map(|compiled| compiled.policy().clone());
            let (told, untold) = (policy(&told), policy(&toml::to_string(&untold).unwrap()));
            assert!(told.is_some(), "{} {}", section.name, key.name);
            assert_eq!(told, untold, "{} {}", section.name, key.name);
            compared += 1;
        }
    }
    assert!(compared >= 15, "{compared}");
}

#[test]
fn every_lint_is_a_key() {
    let lints: BTreeSet<&str> = Code::ALL.iter().filter_map(|code| code.lint()).collect();
    let section = SECTIONS.iter().find(|section| section.name == "[lints]").unwrap();
    let keys: BTreeSet<&str> = section.keys.iter().map(|key| key.name).filter(|name| *name != "warnings").collect();
    assert_eq!(keys, lints);
}

/// The keys on the way to a place in a document, innermost last. Headers of tables lie outside their contents, so every table is
/// looked through.
fn keys_at(section: &'static Section, value: &Spanned<DeValue<'_>>, at: usize, found: &mut Vec<(&'static str, &'static Key)>) {
    for (name, inner) in value.get_ref().as_table().into_iter().flat_map(|table| table.iter()) {
        if let Some(key) = section.all_keys().into_iter().find(|key| key.name == name.get_ref()) {
            if name.span().contains(&at) || inner.span().contains(&at) {
                found.push((section.name, key));
            }
            within(&key.kind, inner, at, found);
        }
    }
}

/// Goes on into a value.
fn within(kind: &Kind, value: &Spanned<DeValue<'_>>, at: usize, found: &mut Vec<(&'static str, &'static Key)>) {
    let list = value.get_ref().as_array().into_iter().flat_map(|list| list.iter());
    let table = value.get_ref().as_table().into_iter().flat_map(|table| table.iter());
    match kind {
        Kind::Table(section) => keys_at(section, value, at, found),
        Kind::Either(forms) => forms.iter().for_each(|form| within(form, value, at, found)),
        Kind::List(entry, ..) => list.for_each(|inner| within(entry, inner, at, found)),
        Kind::Named(_, entry, _) => table.for_each(|(_, inner)| within(entry, inner, at, found)),
        Kind::Version(_)
        | Kind::Prose(..)
        | Kind::Text(..)
        | Kind::Word(_)
        | Kind::Integer(..)
        | Kind::Boolean
        | Kind::Yes
        | Kind::Duration(..)
        | Kind::Risk
        | Kind::Size(..)
        | Kind::Rate
        | Kind::Host(_) => {}
    }
}

/// Diagnostics that any key can have.
const ANY: &[Code] = &[
    Code::DuplicateKey,
    Code::Syntax,
    Code::NotSupported,
    Code::UnknownKey,
    Code::MissingKey,
    Code::WrongType,
    Code::BadText,
    Code::UnknownLint,
    Code::Secret,
];

#[test]
fn keys_name_the_diagnostics_that_manifests_get_there() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/manifests");
    let files = [root.to_owned(), format!("{root}/good")];
    let files = files.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let mut missing: BTreeSet<String> = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for file in files.filter(|file| file.extension().is_some_and(|ending| ending == "toml")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let (document, mistakes) = DeTable::parse_recoverable(&text);
        if !mistakes.is_empty() {
            continue;
        }
        let span = document.span();
        let document = Spanned::new(span, DeValue::Table(document.into_inner()));
        let read = crate::beside(file.parent().unwrap());
        for fault in crate::compile_with(&text, "a.toml", &read).diagnostics().iter().filter(|fault| !ANY.contains(&fault.code)) {
            let mut found = Vec::new();
            keys_at(&ROOT, &document, fault.span.start, &mut found);
            let Some((section, key)) = found.last() else { continue };
            seen.insert((*section, key.name, fault.code));
            if !key.all_codes().contains(&fault.code) && key.name != fault.code.lint().unwrap_or_default() {
                missing.insert(format!("{section} {}: {:?} ({})", key.name, fault.code, file.display()));
            }
        }
    }
    assert!(missing.is_empty(), "the table does not name\n{}", missing.into_iter().collect::<Vec<_>>().join("\n"));
    assert!(seen.len() >= 50, "{}", seen.len());
}

#[test]
fn the_page_is_the_one_in_docs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/manifest.md");
    let found = std::fs::read_to_string(path).unwrap_or_default();
    let help = "docs/manifest.md is not what the table of keys makes; `cargo run -p airlock-cli -- schema --format markdown > docs/manifest.md`";
    assert!(found == page(), "{help}");
}
