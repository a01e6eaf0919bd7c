//! Where values come from: what a rule costs when a session has seen much, and what remembering costs.

use airlock_bench::cpu;
use airlock_bench::table::{Bar, begin, row};
use airlock_runtime::call::{Args, Call};
use airlock_runtime::memory::{Memory, TRACING};
use airlock_runtime::policy::Policy;
use airlock_runtime::policy::origin::ValueKind;
use serde_json::{Value, json};

/// A gateway with a rule for each kind that is measured.
mod origins {
    airlock_macros::gateway!("origins.toml");

    pub(super) fn policy() -> &'static airlock_runtime::policy::Policy {
        let _serve: fn() -> std::process::ExitCode = main;
        &airlock_gateway::POLICY
    }
}

/// Values that the session has seen before.
const SEEN: usize = 10_000;

/// CPU time of a lookup for each kind, and of what is remembered.
pub(crate) fn measure() {
    let policy = origins::policy();
    begin(&format!("Provenance, CPU time, {SEEN} remembered values"));
    let mut memory = Memory::of(policy);
    let people: Vec<Value> = (0..SEEN / 4).map(person).collect();
    memory.learn("s", &call(policy), &json!(people));
    let intent = "Mail Ann Lee <ann@x.example> the page https://pages.example/2026/report and the file file-77.";
    let seen = memory.seen("s", "hash", intent);
    for (name, kind, text) in [
        ("a mail address, seen in a result", ValueKind::Email, "person1234@mail.example"),
        ("a mail address, seen nowhere", ValueKind::Email, "nobody@mail.example"),
        ("a URL", ValueKind::Url, "https://pages.example/people/1234?view=full"),
        ("a name of three words", ValueKind::Name, "Person Number 1234"),
        ("an identifier", ValueKind::Id, "file-1234"),
    ] {
        let found = seen.sighting(&TRACING, kind, text).is_some_and(|sighting| !sighting.sources.is_empty());
        assert_eq!(found, !text.starts_with("nobody"), "{text}");
        row(&format!("lookup of {name}"), cpu::micros(|| seen.sighting(&TRACING, kind, text)), "µs", Bar::Most(2.0));
    }
    row("reading an intent of 94 B", cpu::micros(|| Memory::of(policy).seen("s", "hash", intent).has_gap()), "µs", Bar::None);
    let page =
        json!({"page": "The team met at the north gate on Saturday and saw https://pages.example/2026/report. ".repeat(780)});
    let learn = || {
        let mut memory = Memory::of(policy);
        memory.learn("s", &call(policy), &page);
        memory
    };
    row(&format!("learning a result of {} KiB of prose", page.to_string().len() / 1024), cpu::micros(learn), "µs", Bar::None);
}

fn person(number: usize) -> Value {
    json!({
        "name": format!("Person Number {number}"),
        "mail": format!("person{number}@mail.example"),
        "page": format!("https://pages.example/people/{number}?view=full"),
        "file_id": format!("file-{number}"),
    })
}

fn call(policy: &'static Policy) -> Call {
    Call::new(policy, "c".to_owned(), "send".to_owned(), Args::new())
}
