//! `airlock demo`: builds the weather example, uses it as an MCP client, attacks it, and proves what happened.
//!
//! Nothing is told that was not checked: each step is a real call to a real gateway, and the demo fails if an answer is not the
//! one that it promises.

mod account;
mod attack;
mod client;
mod proof;
mod stage;

use crate::args::Format;
use crate::gateway::{Gateway, Link, Options};
use crate::render::Failure;
use account::Account;
use client::{Answer, Carried, Client};
use proof::Tally;
use serde_json::{Value, json};
use stage::Stage;
use std::path::Path;
use std::time::Instant;

const SUBJECT: &str = "agent:planner";
const SESSION: &str = "picnic-1";
/// Hours of the forecast that is asked for, and rows of it that are shown.
const HOURS: usize = 24;
const ROWS: usize = 4;

/// When the user's own words are refused: they are judged like everything else.
const PLAIN_WORDS: &str = "a city and a state in plain words pass, as in --city Boston --state MA";

/// What the user chose.
#[derive(Debug)]
pub(crate) struct Wish {
    /// City of the forecast.
    pub(crate) city: String,
    /// Its state or country.
    pub(crate) state: String,
    /// Ask the real service.
    pub(crate) online: bool,
    /// Print every message.
    pub(crate) raw: bool,
    /// Leave the files where they are.
    pub(crate) keep: bool,
    /// How it is told.
    pub(crate) format: Format,
}

/// Runs the demo from its first line to its last.
///
/// # Errors
/// Something that the demo promises did not happen (exit 1), or a file, process, toolchain or network failed (exit 2).
pub(crate) fn run(wish: &Wish, options: &Options) -> Result<(), Failure> {
    let mut account = Account::new(wish.format);
    account.heading("airlock demo: a gateway is built from a manifest, used once, and attacked.");
    let stage = Stage::set(wish.online)?;
    account.text(match stage.is_offline() {
        true => {
            "The forecast comes from a stand-in on this machine: its values are made up, and no call leaves the machine. With \
                 --online the gateway asks Open-Meteo."
        }
        false => "The forecast comes from Open-Meteo (api.open-meteo.com), over the network.",
    });
    build(&account, &stage, options)?;
    let (key_file, ledger) = (stage.gateway_key(), stage.ledger());
    let variables: [(&str, &Path); 2] = [("AIRLOCK_KEY_FILE", &key_file), ("AIRLOCK_LEDGER_DIR", &ledger)];
    let mut client = Client::start(&stage.path("weather"), &variables, wish.raw)?;
    let mut seen = Tally::default();
    let (leases, trouble) = used(&mut account, &mut client, wish, &mut seen)?;
    attacked(&mut account, &mut client, &leases, &mut seen)?;
    proved(&mut account, client, &stage, seen)?;
    next(&account, stage, wish.keep);
    trouble.map_or(Ok(()), Err)?;
    account.end();
    Ok(())
}

/// Part one: the manifest becomes a program.
fn build(account: &Account, stage: &Stage, options: &Options) -> Result<(), Failure> {
    account.part("BUILD", "The manifest becomes a program of its own");
    let policy = stage.accepted.compiled.policy();
    let hosts: std::collections::BTreeSet<_> =
        policy.tools.iter().flat_map(|tool| &tool.egress).map(|egress| format!("{:?}", egress.host)).collect();
    let size = format!(
        "{}: {} lines name {} tools, {} hosts, {} grants",
        stage::MANIFEST_PATH,
        stage::reviewed_lines(),
        policy.tools.len(),
        hosts.len(),
        policy.grants.len()
    );
    account.line("manifest", &size);
    account.line(
        "compiler",
        "the first time, it compiles some 140 libraries (fetched if missing) in 1 to 4 minutes; later, it takes a second",
    );
    let started = Instant::now();
    let Gateway { size, link, .. } = stage.build(options)?;
    let (whole, tenth) = (size / 1_000_000, size / 100_000 % 10);
    let linked = match link {
        Link::Static => "statically linked",
        Link::Dynamic => "dynamically linked",
    };
    let took = started.elapsed().as_secs_f32();
    account.allowed("gateway", &format!("built in {took:.1} s: one file of {whole}.{tenth} MB, {linked}"));
    account.line("policy", &format!("digest {}…, also in the file itself", short(&stage.accepted.compiled.digest_hex())));
    Ok(())
}

/// The leases that the agent obtained.
struct Leases {
    weather: Carried,
    fetch: Carried,
}

/// Part two: what a well-behaved agent does. A forecast that does not come is told and remembered; the attacks need none.
fn used(account: &mut Account, client: &mut Client, wish: &Wish, seen: &mut Tally) -> Result<(Leases, Option<Failure>), Failure> {
    account.part("USE", "An agent connects, as any MCP client does: stdin and stdout, no port");
    account.step("Handshake and tools");
    let found = client.request("server/discover", json!({ "_meta": client::meta(None) }))?;
    let server = &found["_meta"]["io.modelcontextprotocol/serverInfo"];
    let versions = &found["supportedVersions"];
    if !versions.as_array().is_some_and(|versions| versions.contains(&json!(client::REVISION))) {
        return Err(Failure::no(format_args!("the gateway does not speak MCP {}, only {versions}", client::REVISION)));
    }
    let listed = client.request("tools/list", json!({ "_meta": client::meta(None) }))?;
    let names: Vec<&str> = listed["tools"].as_array().into_iter().flatten().filter_map(|tool| tool["name"].as_str()).collect();
    account.line("agent", "server/discover, tools/list");
    let name = format!("{} {}", word(&server["name"]), word(&server["version"]));
    account.allowed("gateway", &format!("{name}, MCP {}: {}", client::REVISION, names.join(", ")));
    account.why("What the manifest does not list cannot be called, and there is no configuration that could add it.");

    account.step("A lease: a signed, short-lived right for one session and one intent");
    let intent = format!("Plan a picnic in {}, {}", wish.city, wish.state);
    account.line("agent", &format!("airlock_issue_capability as {SUBJECT}, tool weather_hourly, intent \"{intent}\""));
    let (weather, granted) = lease(client, "weather_hourly", &intent, seen)?;
    account.allowed("gateway", &granted);
    account.why("The grant in the manifest allows this agent to ask, and bounds what it can get.");

    account.step("The call that the lease is for");
    account.line("agent", &format!("weather_hourly, city \"{}\", state \"{}\"", wish.city, wish.state));
    let arguments = json!({ "city": wish.city, "state": wish.state, "hours": HOURS });
    let trouble = match client.call("weather_hourly", &arguments, Some(&weather))? {
        Answer::Done { result, decision } => {
            seen.allowed += 1;
            forecast(account, &result);
            let (seq, risk) = (&decision["ledger_seq"], word(&decision["risk"]));
            account.why(&format!("Judged first (risk {risk}), written to the ledger as entry {seq}, and only then done."));
            None
        }
        Answer::Failed { code, detail } => {
            seen.allowed += 1;
            account.refused("gateway", &format!("allowed, but no forecast came ({code})"), &detail);
            Some(no_forecast(&code, &detail, wish.online))
        }
        Answer::Refused { code, detail, .. } => {
            seen.denied += 1;
            account.refused("gateway", &code, &detail);
            let failure = Failure::no(format_args!("the gateway refused the call that should pass ({code})"));
            Some(failure.help(PLAIN_WORDS))
        }
    };
    let (fetch, _) = lease(client, "http_get_json", &intent, seen)?;
    Ok((Leases { weather, fetch }, trouble))
}

/// Asks for a lease; gives it, and what it says in words.
fn lease(client: &mut Client, tool: &str, intent: &str, seen: &mut Tally) -> Result<(Carried, String), Failure> {
    let arguments = json!({ "session_id": SESSION, "subject": SUBJECT, "tools": [tool], "intent": intent });
    let result = match client.call("airlock_issue_capability", &arguments, None)? {
        Answer::Done { result, .. } => result,
        Answer::Failed { detail, .. } | Answer::Refused { detail, .. } => {
            return Err(Failure::no(format_args!("the gateway gave no lease for {tool}: {detail}")).help(PLAIN_WORDS));
        }
    };
    seen.allowed += 1;
    let lease = result["lease"].as_str().ok_or_else(|| Failure::no("the gateway's lease is no text"))?.to_owned();
    let until = result["expires_at"].as_str().and_then(|text| text.get(11..16)).unwrap_or("?");
    let granted = format!(
        "a lease of {} characters until {until} UTC for {tool}, session {SESSION}, {} uses, risk up to {}",
        lease.len(),
        result["uses"],
        result["max_risk"]
    );
    Ok((Carried { lease: Some(lease), session: SESSION.to_owned(), intent: intent.to_owned() }, granted))
}

/// The summary and the first hours.
fn forecast(account: &Account, result: &Value) {
    account.allowed("gateway", &word(&result["summary"]));
    let unit = |name: &str| word(&result["units"][name]);
    for hour in result["hours"].as_array().into_iter().flatten().take(ROWS) {
        let number = |name: &str| hour[name].as_f64().map_or("?".to_owned(), |number| format!("{number:.1}"));
        let at = hour["time"].as_str().and_then(|text| text.get(11..)).unwrap_or("?");
        account.row(&format!(
            "{at}  {:>5} {}  wind {:>4} {}  {}",
            number("temperature_2m"),
            unit("temperature_2m"),
            number("wind_speed_10m"),
            unit("wind_speed_10m"),
            word(&hour["weather"])
        ));
    }
}

/// Why there is no forecast, and what to do.
fn no_forecast(code: &str, detail: &str, online: bool) -> Failure {
    let failure = Failure::new(format_args!("all refusals are as promised, but the forecast did not come: {detail}"));
    match (online, code) {
        (_, "not_found") if !online => {
            failure.help("the stand-in knows Austin TX, Boston MA and Seattle WA; --online knows all cities")
        }
        (true, "not_found") => failure.help("check --city and --state"),
        (true, _) => failure.help("without --online the demo needs no network"),
        (false, _) => failure.help("the stand-in on this machine did not answer; is another program filtering loopback?"),
    }
}

/// Part three: what must not pass.
fn attacked(account: &mut Account, client: &mut Client, leases: &Leases, seen: &mut Tally) -> Result<(), Failure> {
    let attacks = attack::attacks(&leases.weather, &leases.fetch);
    account.part("ATTACK", &format!("The agent misbehaves {} times", attacks.len()));
    for attack in &attacks {
        account.step(attack.title);
        account.line("agent", &attack.tried);
        let answer = client.call(attack.tool, &attack.arguments, attack.carried.as_ref())?;
        let detail = attack::refusal(attack, answer)?;
        seen.denied += 1;
        account.refused("gateway", attack.expected, &detail);
        account.why(attack.why);
    }
    Ok(())
}

/// Part four: the ledger, and a changed byte in a copy of it.
fn proved(account: &mut Account, client: Client, stage: &Stage, seen: Tally) -> Result<(), Failure> {
    account.part("PROVE", "The agent is gone. What did it do?");
    let ended = client.finish()?;
    if !ended.status.success() {
        return Err(Failure::no(format_args!("the gateway ended with {}: {}", ended.status, ended.stderr.trim_end())));
    }
    let key = proof::announced_key(&ended.stderr)?;
    let counted = proof::tally(&stage.ledger())?;
    if counted != seen {
        return Err(Failure::no(format_args!("the ledger counts {counted:?}, the agent saw {seen:?}")));
    }
    account.step("The ledger, verified with the key that the gateway printed when it began");
    account.line("you", "airlock verify-log <ledger> --key <key>");
    let report = proof::proven(&stage.ledger(), key)?;
    let Tally { allowed, denied } = counted;
    let verdict = format!(
        "PROVEN: {} entries, {allowed} calls allowed and {denied} denied; a signed checkpoint covers {} of them",
        report.entries, report.anchored
    );
    account.allowed("verdict", &verdict);
    account.why("These are the numbers that the agent saw, too. A decision is recorded before anything happens.");

    let tampering = proof::tamper(&stage.ledger(), &stage.path("tampered-copy"), key)?;
    account.step("In a copy, one byte is changed to blame another agent");
    account.line("somebody", &format!("entry {}: {} becomes {}", tampering.seq, tampering.before, tampering.after));
    let finding = &tampering.finding;
    let place = finding.seq.map_or_else(|| finding.file.clone(), |seq| format!("entry {seq}"));
    account.refused("verdict", &format!("TAMPERED, {place}"), &finding.reason);
    account.why("Each entry holds the hash of the one before it, so a change shows at the next one; a ledger rewritten as a whole no longer \
                 fits a checkpoint that was kept elsewhere.");
    Ok(())
}

/// Where to go from here.
fn next(account: &Account, stage: Stage, keep: bool) {
    account.part("NEXT", "Your own gateway");
    let manifest = stage::checkout().map_or_else(|| stage::MANIFEST_PATH.to_owned(), |path| path.display().to_string());
    account.line("read", &format!("{manifest} (the policy you saw enforced)"));
    account.line("start", "airlock new my-gateway --template weather, then airlock build my-gateway/airlock.toml");
    account.line("learn", "docs/manifest.md, docs/lease.md, docs/demo.md; `cargo install --path airlock-cli` installs airlock");
    if keep {
        let dir = stage.keep();
        account
            .line("kept", &format!("{} (airlock.toml, weather, weather.key, issuer.key, ledger, tampered-copy)", dir.display()));
    }
}

/// The first digits of a digest.
fn short(digest: &str) -> &str {
    digest.get(..16).unwrap_or(digest)
}

/// Text of a JSON string; anything else as it is written.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
