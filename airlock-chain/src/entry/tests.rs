use super::super::line::{self, LINE_MAX};
use super::*;
use airlock_core::clock::Micros;
use proptest::prelude::*;

/// The bodies as a serializer writes them: what [`decision_body`] and [`outcome_body`] are compared with.
mod serialized;

fn line_of(entry: &Entry<'_>) -> Vec<u8> {
    line::build(u64::MAX, &[0; 32], Micros::now(), &entry.seal("0123456789abcdef", [7; 32]).body)
}

#[test]
fn a_decision_has_the_documented_form() {
    let entry = Entry::Decision(Decision {
        allow: true,
        sid: "s-1",
        sub: "agent:planner",
        tool: "http_get_json",
        rid: vec!["00ff".into()],
        kid: "k1",
        risk: 120,
        factors: vec![("new_domain".into(), 80)],
        args: b"{}",
        why: "ok",
        call: "c-1",
        ..Decision::default()
    });
    let ac = hex(&commitment(&[7; 32], b"{}"));
    let expected = format!(
        "\"t\":\"decision\",\"d\":\"allow\",\"sid\":\"s-1\",\"sub\":\"agent:planner\",\"tool\":\"http_get_json\",\"rid\":[\"00ff\"],\
         \"kid\":\"k1\",\"risk\":120,\"factors\":[[\"new_domain\",80]],\"ac\":\"{ac}\",\"pol\":\"0123456789abcdef\",\"why\":\"ok\",\
         \"call\":\"c-1\"}}"
    );
    assert_eq!(String::from_utf8(entry.seal("0123456789abcdef", [7; 32]).body).unwrap(), expected);
}

#[test]
fn a_long_text_becomes_its_digest() {
    assert_eq!(clip("short"), "short");
    assert_eq!(clip(&"x".repeat(400)), digest("x".repeat(400).as_bytes()));
    let many: Vec<String> = (0..5000).map(|n| format!("host-{n}.example.com")).collect();
    let clipped = clip_list(&many, LIST_MAX);
    assert!(clipped.len() > 10 && clipped.len() < 200, "{}", clipped.len());
    assert_eq!(clipped.last(), Some(&digest(&ascii_json(&many))));
}

/// Names of a client's choosing: a megabyte, with escape sequences, line feeds and marks that turn the direction of text.
#[test]
fn a_name_of_a_megabyte_that_misleads_terminals_is_one_line_of_ascii() {
    for name in
        ["\u{1b}[2J\u{1b}]0;owned\u{7}\r\n\u{202e}\u{9b}31m\0".repeat(30_000), "\n\u{1b}[31m".into(), "\"}\n{\"seq\":0".into()]
    {
        let entry =
            Entry::Decision(Decision { tool: &name, sid: &name, sub: &name, call: &name, why: &name, ..Decision::default() });
        let line = line_of(&entry);
        assert!(line.len() <= LINE_MAX && line.iter().all(|byte| matches!(byte, b' '..=b'~')), "{}", line.len());
        assert!(line::parse(&line).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_entry_exceeds_a_line(text in ".{0,700}", item in ".{0,300}", count in 0usize..150) {
        let (list, t) = (vec![item.clone(); count], text.as_str());
        let factors = vec![(item, u16::MAX); count];
        let signers = vec![("a-name-of-thirty-two-characters-", "x".repeat(86)); count];
        let entries = [
            Entry::Decision(Decision {
                sid: t, sub: t, tool: t, kid: t, why: t, detail: Some(t), call: t, args: t.as_bytes(), risk: u16::MAX,
                rid: list.clone(), to: list.clone(), scope: Some(list.clone()), allow: false, through: true, has_lease: false,
                exp: Some(u64::MAX), spends: Some(vec![usize::MAX; count]), presented: Some((t.to_owned(), u64::MAX)),
                ignored: factors.clone(), factors, labels: &[], question: Some(t), hosts: list.clone(),
                from: vec![(t.to_owned(), t.to_owned()); count],
            }),
            Entry::Outcome(Outcome {
                call: t, status: t, hosts: list.clone(), micros: u64::MAX, result: Some([9; 32]), bytes: u64::MAX, ok: true, text: None,
            }),
            Entry::Issue(Issue {
                sid: t, sub: t, ih: t, rid: t, kid: t, by: t, tools: list.clone(), dom: list, exp: u64::MAX, risk: 1, uses: u64::MAX,
            }),
            Entry::Approve(Approve {
                question: t, sid: t, sub: t, client: t, tool: t, rid: t, how: "signature", by: &signers, call: t, args: Some(t.as_bytes()), exp: Some(u64::MAX),
                verdict: Verdict::Cancelled,
            }),
        ];
        for entry in &entries {
            let line = line_of(entry);
            let stamp = if matches!(entry, Entry::Decision(_)) { STAMP_MAX } else { 0 };
            prop_assert!(line.len() + stamp <= LINE_MAX, "{}", line.len());
            prop_assert!(line::parse(&line).is_ok());
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
        }
    }

    #[test]
    fn hot_entries_have_the_bytes_that_a_serializer_gives(
        texts in proptest::collection::vec(prop_oneof!["[ -~]{0,60}", ".{0,60}", "[a-z\"\\\\é]{0,400}"], 10),
        lists in proptest::collection::vec(proptest::collection::vec("[a-z.\"é]{0,40}", 0..40), 6),
        flags: [bool; 4], some: [bool; 6], numbers: [u64; 4], risk: u16,
    ) {
        let t: Vec<&str> = texts.iter().map(String::as_str).collect();
        let factors = |list: &[String]| -> Vec<(String, u16)> { list.iter().map(|name| (name.clone(), risk)).collect() };
        let places: Vec<usize> = (0..lists[0].len()).collect();
        let decision = Decision {
            allow: flags[0], through: flags[1], has_lease: flags[2], sid: t[0], sub: t[1], tool: t[2], kid: t[3], why: t[4], call: t[5],
            args: t[6].as_bytes(), detail: some[0].then_some(t[7]), question: some[1].then_some(t[8]), exp: some[2].then_some(numbers[0]),
            spends: some[3].then_some(places), presented: some[4].then(|| (t[9].to_owned(), numbers[1])), risk,
            scope: some[5].then(|| lists[0].clone()), rid: lists[1].clone(), to: lists[2].clone(), hosts: lists[3].clone(),
            factors: factors(&lists[4]), ignored: factors(&lists[5]), labels: &[],
            from: lists[5].iter().zip(&lists[4]).map(|(one, other)| (one.clone(), other.clone())).collect(),
        };
        let salt = [7; 32];
        let wanted = serialized::decision(&decision, "0123456789abcdef", &salt);
        prop_assert_eq!(String::from_utf8(decision_body(&decision, "0123456789abcdef", &salt)).unwrap(), String::from_utf8(wanted).unwrap());
        let outcome = Outcome {
            call: t[0], ok: flags[0], status: t[1], hosts: lists[0].clone(), micros: numbers[2], result: some[0].then_some(salt),
            bytes: numbers[3], text: None,
        };
        let wanted = serialized::outcome(&outcome, "0123456789abcdef");
        prop_assert_eq!(String::from_utf8(outcome_body(&outcome, "0123456789abcdef")).unwrap(), String::from_utf8(wanted).unwrap());
    }
}
