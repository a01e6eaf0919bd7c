//! Any text: no panic, never an authority (the key is unknown to the fuzzer), and blocks have one spelling. Requests for signatures too
//! have one, and what a person is shown of them is printable.

use airlock_runtime::approve::request::Request;
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::inspect::inspect;
use airlock_runtime::lease::{AudienceKey, Caveat, Expect, KeyRing, Root, attenuate, intent_hash, verify_call};

/// Feeds one input.
pub fn run(data: &[u8]) {
    if let Ok(root) = Root::parse(data) {
        assert_eq!(root.to_bytes(), data);
    }
    if let Ok(caveat) = Caveat::parse(data, 1) {
        assert_eq!(caveat.to_bytes(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let ring = KeyRing::new(vec![AudienceKey::new("k1", "weather", [0x5a; 32]).expect("a key")]).expect("a ring");
    let expect = Expect { aud: "weather", sid: "s1", intent: [0; 32], now: Micros(1_795_326_600_000_000) };
    assert!(verify_call(text, &ring, &expect, || Some([1; 32])).is_err());
    if inspect(text).is_ok()
        && let Ok(narrowed) = attenuate(text, &Caveat { uses: Some(1), ..Caveat::default() })
    {
        assert!(inspect(&narrowed).is_ok_and(|seen| seen.caveats.last().is_some_and(|last| last.uses == Some(1))));
    }
    if let Ok(request) = Request::read(text) {
        assert_eq!(request.text(), text);
        let shown = request.shown(0);
        assert!(!shown.chars().any(|c| c != '\n' && c.is_control()), "{shown:?}");
        if let Ok(note) = request.note() {
            assert_eq!(note.text().lines().count(), 11);
        }
    }
    if let Ok(hash) = intent_hash(text) {
        assert_eq!(intent_hash(&format!("\r\n{text} ")), Ok(hash), "space around an intent counts for nothing");
    }
}
