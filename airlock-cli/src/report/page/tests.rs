use super::*;
use crate::report::gather::gather;
use airlock_runtime::ledger::verify::{Trust, verify};
use airlock_runtime::ledger::{Decision, Entry, Ledger, Outcome, Sync};
use airlock_runtime::policy::Durability;
use std::path::Path;

const HOSTILE: [&str; 5] =
    ["<script>alert(1)</script>", "\u{1b}[2J\u{1b}]0;x\u{7}", "a\u{202e}b\u{200b}", "\"onload='x", "x\n<img src=//evil>"];

fn made(dir: &Path) -> String {
    let proof = verify(dir, &Trust::default()).unwrap();
    let found = gather(dir, Micros(0)).unwrap();
    page(&Content { proof: &proof, found: &found, granted: None, made: Micros(1_795_330_000_000_000) })
}

/// Opening and closing tags in order; a page of ours has no others than these.
fn assert_balanced(page: &str) {
    let mut open = Vec::new();
    for tag in page.split('<').skip(1) {
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '/' && c != '!').next().unwrap();
        match name.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed), "{tag}"),
            None if matches!(name, "!doctype" | "meta" | "rect" | "line") => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn the_page_of_the_vectors() {
    let page = made(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/ledger")));
    assert_balanced(&page);
    for outside in ["http:", "https:", "src=", "url(", "@import", "href="] {
        assert!(!page.contains(outside), "{outside}: the page needs nothing from elsewhere");
    }
    insta::assert_snapshot!(page.split("</style>").nth(1).unwrap());
}

#[test]
fn what_others_wrote_is_shown_and_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), "weather", &[0; 32], Durability::Process).unwrap();
    for text in HOSTILE {
        let decision =
            Decision { sid: text, sub: text, tool: text, why: text, detail: Some(text), call: text, ..Decision::default() };
        let allowed = Entry::Decision(Decision { allow: true, hosts: vec![text.to_owned()], ..decision.clone() });
        let outcome = Entry::Outcome(Outcome { call: text, status: text, hosts: vec![text.to_owned()], ..Outcome::default() });
        for entry in [Entry::Decision(decision), allowed, outcome] {
            let _ = ledger.record(&entry, Sync::Written).wait().unwrap();
        }
    }
    ledger.shutdown().unwrap();
    let page = made(dir.path());
    assert_balanced(&page);
    assert!(page.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')), "printable ASCII alone");
    for tag in ["<script", "<img", "onload='"] {
        assert!(!page.contains(tag), "{tag}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("a\\u{202e}b\\u{200b}"));
}

#[test]
fn many_names_make_a_long_ledger_and_no_long_page() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), "weather", &[0; 32], Durability::Process).unwrap();
    let names: Vec<String> = (0..1500).map(|n| format!("name-{n}")).collect();
    // Not all at once: so many may not wait for the ledger.
    for names in names.chunks(256) {
        let record = |name: &String| {
            let decision = Decision { sub: name, tool: name, why: name, call: name, ..Decision::default() };
            ledger.record(&Entry::Decision(decision), Sync::Written)
        };
        let tickets: Vec<_> = names.iter().map(record).collect();
        tickets.into_iter().for_each(|ticket| drop(ticket.wait().unwrap()));
    }
    ledger.shutdown().unwrap();
    let page = made(dir.path());
    assert!(page.len() < 200_000, "{}", page.len());
    assert!(page.contains("and 1484 more tools") && page.contains("and 1400 more"), "what is left out is said");
}
