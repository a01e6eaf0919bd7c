//! Decision and lease: CPU time of this thread.

use airlock_bench::table::{Bar, begin, row};
use airlock_bench::{Fault, chain, cpu, peer, scene};
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::{intent_hash, request_digest};
use airlock_runtime::risk;
use airlock_runtime::wire::scan::scan;
use serde_json::Value;

/// From the raw arguments to the verdict.
pub(crate) fn decision() {
    begin("Decision, CPU time per call");
    let mut judge = scene::Judge::default();
    let lease = scene::lease("agent:planner", 100, 1);
    for (name, arguments, bar) in
        [("an API query", scene::query(), Bar::Most(30.0)), ("English sentences", scene::prose(), Bar::Most(30.0))]
    {
        let raw = arguments.to_string();
        let decide = || judge.decide("http_get_json", &raw, scene::carried(&lease));
        assert!(scene::is_allow(&decide()), "{:?}", decide());
        let size = raw.len();
        row(&format!("lease + risk + policy, {size} B of arguments, {name}"), cpu::micros(decide), "µs", bar);
        row(&format!("… of it the risk score ({name})"), cpu::micros(|| score(&arguments)), "µs", Bar::None);
    }
    let raw = scene::query().to_string();
    let line = scene::line(1, "http_get_json", &scene::query(), Some(&lease));
    row("… of it reading and writing the arguments as JSON", cpu::micros(|| reparse(&raw)), "µs", Bar::None);
    row(
        &format!("before it: scanning the line, {} B", line.len()),
        cpu::micros(|| scan(line.as_bytes()).is_ok()),
        "µs",
        Bar::None,
    );
    row("before it: from line to call (with the scan)", cpu::micros(|| judge.receive(&line)), "µs", Bar::None);
}

fn reparse(raw: &str) -> Vec<u8> {
    let args: airlock_runtime::call::Args = serde_json::from_str(raw).unwrap_or_default();
    serde_json::to_vec(&args).unwrap_or_default()
}

fn score(arguments: &Value) -> u16 {
    let Value::Object(args) = arguments else { return 0 };
    risk::score(&risk::Input { base: 0, args, args_bytes: 1024, listed: &|_| true }).score
}

/// The check of a lease beside its floor and its peer.
pub(crate) fn lease() -> Result<(), Fault> {
    begin("Lease check, CPU time");
    let judge = scene::Judge::default();
    let intent = intent_hash(scene::INTENT).map_err(|fault| fault.to_string())?;
    let now = Micros::now();
    for caveats in [1, 3, 5] {
        let text = scene::lease("agent:planner", 100, caveats);
        let decoded = chain::decode(&text)?;
        assert!(decoded.holds(&scene::KEY) && !decoded.holds(&[8; 32]));
        let token = peer::token(usize::try_from(caveats)?)?;
        let floor = cpu::micros(|| decoded.holds(&scene::KEY));
        let full = cpu::micros(|| judge.verify(&text, intent, now));
        let biscuit = cpu::micros(|| token.authorize());
        row(&format!("{caveats} caveats: HMAC chain alone"), floor, "µs", Bar::None);
        row(&format!("{caveats} caveats: full check"), full, "µs", Bar::None);
        row(&format!("{caveats} caveats: biscuit-auth, bytes to answer"), biscuit, "µs", Bar::None);
        row(
            &format!("{caveats} caveats: full check / HMAC chain"),
            full / floor,
            "×",
            if caveats == 3 { Bar::Most(4.0) } else { Bar::None },
        );
        row(&format!("{caveats} caveats: biscuit-auth / full check"), biscuit / full, "×", Bar::Least(40.0));
    }
    let query = scene::query();
    let args = query.as_object().ok_or("arguments are an object")?;
    let digest = || request_digest("weather", scene::SESSION, "http_get_json", args).is_ok();
    assert!(digest());
    row(&format!("request digest, {} B of arguments", query.to_string().len()), cpu::micros(digest), "µs", Bar::None);
    row("intent hash", cpu::micros(|| intent_hash(scene::INTENT)), "µs", Bar::None);
    Ok(())
}
