//! Calls that approvers sign: requests, signatures made by the command line, and every way of misusing them.

use super::{answering, call, told, verdicts, verify};
use airlock_runtime::approve::note::{Note, join};
use airlock_runtime::approve::request::Request;
use airlock_tests::built;
use airlock_tests::clients::{APPROVERS, said};
use airlock_tests::message::{CAPABILITIES_KEY, leased};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::web::web;
use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const TOOLS: [&str; 4] = ["http_get_json", "airlock_usage_stats", "airlock_audit_tail", "airlock_exposure_report"];

/// Key files of the approvers, made once by the command that people use, and their public keys.
fn people() -> &'static (TempDir, Vec<String>) {
    static PEOPLE: OnceLock<(TempDir, Vec<String>)> = OnceLock::new();
    PEOPLE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let key = |name: &str| {
            let file = dir.path().join(name);
            let output = built::run(&["approver", "new", "--name", name, "--out", file.to_str().unwrap(), "--format", "json"]);
            assert!(output.status.success(), "{}", said(&output));
            assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            told["key"].as_str().unwrap().to_owned()
        };
        let keys = NAMES.map(key).to_vec();
        (dir, keys)
    })
}

fn key_file(name: &str) -> PathBuf {
    people().0.path().join(name)
}

fn program() -> PathBuf {
    let mut manifest = include_str!("../../gateways/signed.toml").replace("{port}", &web().port().to_string());
    for (name, key) in NAMES.iter().zip(&people().1) {
        manifest = manifest.replace(&format!("{{{name}}}"), key);
    }
    built::gateway(&manifest)
}

/// Parameters of a modern call of a client that can ask its user.
fn params(tool: &str, arguments: &Value, lease: &str) -> Value {
    let mut meta = leased(lease);
    meta[CAPABILITIES_KEY] = json!({"elicitation": {}});
    json!({"name": tool, "arguments": arguments, "_meta": meta})
}

fn get(path: &str, lease: &str) -> Value {
    params("http_get_json", &json!({"url": format!("https://api.open-meteo.com{path}")}), lease)
}

/// The same parameters with signatures.
fn with(params: &Value, signatures: &[String]) -> Value {
    let mut params = params.clone();
    params["_meta"]["dev.airlock/approvals"] = json!(signatures);
    params
}

/// The request for signatures with which a call is refused.
fn asked(gateway: &mut Gateway, params: &Value) -> String {
    let reply = gateway.ask(&call("asked", params));
    assert_eq!(told(&reply), "signatures_required", "{reply}");
    let result = &reply["result"];
    let request = result["structuredContent"]["approval_request"].as_str().unwrap().to_owned();
    assert!(result["content"][0]["text"].as_str().unwrap().ends_with(&request), "clients that show the text alone have it too");
    request
}

/// A signature, made by the command that people use.
fn sign(name: &str, request: &str) -> String {
    let output = built::run(&["approve", request, "--key-file", key_file(name).to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A signature over any note, by somebody who does not use our command.
fn signed(name: &str, note: &Note) -> String {
    use std::io::Write;
    let text = std::fs::read_to_string(key_file(name)).unwrap();
    let seed = text.trim().rsplit('=').next().unwrap();
    let script = "import base64,sys;sys.path.insert(0,sys.argv[1]);import approval_check as c;seed=c.unb64(sys.argv[2]);\
                  sys.stdout.write(c.sign(seed,sys.stdin.buffer.read()).hex())";
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut python = Command::new("python3")
        .args(["-B", "-c", script, vectors.to_str().unwrap(), seed])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(note.text().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    let hex = String::from_utf8(output.stdout).unwrap();
    let signature = std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap());
    join(name, note, &signature)
}

fn ask(gateway: &mut Gateway, params: &Value) -> String {
    told(&gateway.ask(&call("call", params)))
}

#[test]
fn two_of_three_sign_and_the_call_is_made_once() {
    let (place, program) = (Place::new("signed"), program());
    let params = get("/signed", &place.lease(&TOOLS));
    let mut gateway = place.start(&program);
    let request = asked(&mut gateway, &params);
    let (alice, carol) = (sign("alice", &request), sign("carol", &request));
    assert_eq!(asked(&mut gateway, &params), request, "who asks again gets the same request");
    let again = gateway.ask(&call("one", &with(&params, std::slice::from_ref(&alice))));
    assert_eq!(again["result"]["structuredContent"]["approval_request"], json!(request), "the same request is still open");
    assert!(again["result"]["structuredContent"]["detail"].as_str().unwrap().contains("(alice signed)"), "{again}");
    let twice = [alice.clone(), alice.clone()];
    assert_eq!(ask(&mut gateway, &with(&params, &twice)), "signatures_required", "one person counts once");
    assert_eq!(web().come("/signed"), 0);
    let both = with(&params, &[carol, alice]);
    assert_eq!(ask(&mut gateway, &both), "ok");
    assert_eq!(ask(&mut gateway, &both), "signature_used");
    assert_eq!(web().come("/signed"), 1);
    gateway.finish();
    assert_eq!(verdicts(&place), ["asked", "accepted"]);
    let approve = place.entries_of("approve");
    let accepted = &approve[1];
    assert_eq!((accepted["how"].as_str(), accepted["sub"].as_str()), (Some("signature"), Some("agent:planner")));
    let signers: Vec<_> = accepted["by"].as_array().unwrap().iter().map(|by| by[0].as_str().unwrap()).collect();
    assert_eq!(signers, ["carol", "alice"]);
    assert!(
        accepted["ac"].is_string() && !accepted.to_string().contains("/signed"),
        "a commitment to the arguments, not their text"
    );
    let allow = place.entries_of("decision").into_iter().find(|entry| entry["d"] == "allow").unwrap();
    assert_eq!((&allow["by"], &allow["question"]), (&json!("approval"), &approve[0]["question"]));
    verify(&place);
}

#[test]
fn a_signature_for_something_else_is_refused_with_its_reason() {
    let (place, elsewhere, program) = (Place::new("signed"), Place::new("signed"), program());
    let lease = place.lease(&TOOLS);
    let good = get("/not-signed", &lease);
    let (mut gateway, mut other) = (place.start(&program), elsewhere.start(&program));
    let request = asked(&mut gateway, &good);
    let both = ["alice", "bob"].map(|name| sign(name, &request)).to_vec();
    let note = Request::read(&request).unwrap().note().unwrap();
    let resigned = |note: Note| ["alice", "bob"].map(|name| signed(name, &note)).to_vec();

    let claims = airlock_runtime::lease::RootClaims { sid: "s-2".into(), ..place.claims(&TOOLS) };
    let mut foreign = get("/not-signed", &place.mint(&claims));
    foreign["_meta"]["dev.airlock/session"] = json!("s-2");
    let altered = both[0].replace(&both[0][both[0].len() - 20..], "AAAAAAAAAAAAAAAAAAAA");
    let mut beside = place.start(&program);
    let later = asked(&mut beside, &good);
    beside.finish();
    let usage = params("airlock_usage_stats", &json!({}), &lease);
    let cases = [
        ("signature_arguments", with(&get("/not-signed?x=1", &lease), &both)),
        ("signature_tool", with(&usage, &both)),
        ("signature_session", with(&foreign, &both)),
        ("signature_lease", with(&get("/not-signed", &place.lease(&TOOLS)), &both)),
        ("signature_approver", with(&usage, &[sign("bob", &asked(&mut gateway, &usage))])),
        ("signature_invalid", with(&good, &[altered, both[1].clone()])),
        ("signature_form", with(&good, &[both[0].clone(), lease.clone()])),
        ("signature_form", with(&good, &vec![both[0].clone(); 17])),
        ("signature_mixed", with(&good, &[both[0].clone(), sign("bob", &later)])),
        ("signature_expired", with(&good, &resigned(Note { exp: 1_700_000_000, ..note.clone() }))),
        // Approvers may sign whatever somebody shows them: a request that the gateway never made is none.
        ("signature_used", with(&good, &resigned(Note { nonce: "0".repeat(32), ..note.clone() }))),
    ];
    for (expected, params) in cases {
        assert_eq!(ask(&mut gateway, &params), expected);
    }
    // The same program, key and lease, and a ledger of its own.
    assert_eq!(ask(&mut other, &with(&good, &both)), "signature_gateway");
    assert_eq!(web().come("/not-signed"), 0, "nothing was done");
    // A longer time than was asked for is not given: the ledger knows when the request ends.
    let longer = resigned(Note { exp: note.exp + 3600, ..note });
    assert_eq!(ask(&mut gateway, &with(&good, &longer)), "ok", "and nothing of all that used the request up");
    gateway.finish();
    other.finish();
    verify(&place);
}

#[test]
fn a_request_outlives_its_gateway_and_counts_once_over_all_processes() {
    let (place, program) = (Place::new("signed"), program());
    let params = get("/shared", &place.lease(&TOOLS));
    let mut first = place.start(&program);
    let request = asked(&mut first, &params);
    first.kill();
    let both = with(&params, &["alice", "bob"].map(|name| sign(name, &request)));
    let mut gateways: Vec<_> = (0..4).map(|_| place.start(&program)).collect();
    gateways.iter().for_each(|gateway| gateway.send(&call("race", &both)));
    let mut replies: Vec<String> = gateways.iter_mut().map(|gateway| told(&gateway.reply("race"))).collect();
    replies.sort();
    assert_eq!(replies, ["ok", "signature_used", "signature_used", "signature_used"]);
    gateways.into_iter().for_each(|mut gateway| gateway.kill());
    let mut last = place.start(&program);
    assert_eq!(ask(&mut last, &both), "signature_used");
    last.finish();
    assert_eq!(web().come("/shared"), 1);
    verify(&place);
}

/// The user is asked when the signatures are there, and a no leaves them as they were.
#[test]
fn user_and_approvers_both_have_to_say_yes() {
    let (place, program) = (Place::new("signed"), program());
    let params = params("airlock_usage_stats", &json!({}), &place.lease(&TOOLS));
    let mut gateway = place.start(&program);
    let request = asked(&mut gateway, &params);
    let params = with(&params, &[sign("alice", &request)]);
    let state = super::state(&mut gateway, "q", &params);
    assert_eq!(ask(&mut gateway, &answering(&params, &state, "decline")), "approval_refused");
    let state = super::state(&mut gateway, "q2", &params);
    let mut unsigned = answering(&params, &state, "accept");
    unsigned["_meta"].as_object_mut().unwrap().remove("dev.airlock/approvals");
    assert_eq!(ask(&mut gateway, &unsigned), "signatures_required", "the user's yes alone is not enough");
    assert_eq!(ask(&mut gateway, &answering(&params, &state, "accept")), "ok");
    assert_eq!(ask(&mut gateway, &answering(&params, &state, "accept")), "-32602 approval_invalid");
    gateway.finish();
    assert_eq!(verdicts(&place), ["asked", "asked", "declined", "asked", "accepted", "accepted"]);
    verify(&place);
}

/// What the session did may ask for the user as well; the signatures wait until that is answered.
#[test]
fn a_flow_that_asks_is_asked_about_before_signatures_are_spent() {
    let (place, program) = (Place::new("signed"), program());
    let lease = place.lease(&TOOLS);
    let mut gateway = place.start(&program);
    assert_eq!(ask(&mut gateway, &params("airlock_audit_tail", &json!({}), &lease)), "ok");
    let params = get("/carried-over", &lease);
    let request = asked(&mut gateway, &params);
    let params = with(&params, &["bob", "carol"].map(|name| sign(name, &request)));
    let reply = gateway.ask(&call("flow", &params));
    assert_eq!(reply["result"]["resultType"], "input_required", "{reply}");
    let message = reply["result"]["inputRequests"]["approve"]["params"]["message"].as_str().unwrap();
    assert!(message.contains("the user looks at what is carried over"), "{message}");
    let state = reply["result"]["requestState"].as_str().unwrap();
    assert_eq!(ask(&mut gateway, &answering(&params, state, "accept")), "ok");
    assert_eq!(web().come("/carried-over"), 1);
    gateway.finish();
    verify(&place);
}

#[test]
fn a_lease_may_demand_signatures() {
    let (place, program) = (Place::new("signed"), program());
    let lease = place.lease(&TOOLS);
    let narrowed = |options: &[&str]| {
        let output = built::run(&[&["attenuate", &lease], options].concat());
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let report = |lease: &str| params("airlock_exposure_report", &json!({"lookback_hours": 1}), lease);
    let mut gateway = place.start(&program);
    let demanding = report(&narrowed(&["--signed-by", "alice,bob", "--signatures", "1", "--signed-within", "60"]));
    let request = asked(&mut gateway, &demanding);
    assert_eq!(ask(&mut gateway, &with(&demanding, &[sign("carol", &request)])), "signature_approver");
    assert_eq!(ask(&mut gateway, &with(&demanding, &[sign("bob", &request)])), "ok");
    assert_eq!(ask(&mut gateway, &report(&narrowed(&["--signed-by", "alice", "--signed-from-risk", "0.9"]))), "ok");
    assert_eq!(ask(&mut gateway, &report(&narrowed(&["--signed-by", "alice,mallory"]))), "lease_approval");
    gateway.finish();
    verify(&place);
}

/// What an approver sees before signing, and what the command refuses.
#[test]
fn an_approver_sees_the_call_before_signing() {
    let (place, program) = (Place::new("signed"), program());
    let mut gateway = place.start(&program);
    let request = asked(&mut gateway, &get("/shown?q=1", &place.lease(&TOOLS)));
    gateway.finish();
    let shown = built::run(&["approve", &request, "--show"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    for part in
        ["The gateway signed ", "tool:      http_get_json", "\"url\": \"https://api.open-meteo.com/shown?q=1\"", "lease:  "]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    for (given, code) in [("alr1.e30", 1), ("alk1.k1.a.b", 1), ("", 1)] {
        let output = built::run(&["approve", given, "--key-file", key_file("alice").to_str().unwrap()]);
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(code), true), "{given}");
    }
    let readable = place.dir().join("readable");
    std::fs::copy(key_file("alice"), &readable).unwrap();
    std::fs::set_permissions(&readable, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let output = built::run(&["approve", &request, "--key-file", readable.to_str().unwrap()]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("chmod 600"), "{}", said(&output));
}

/// Both eras, both languages: the client calls, has the request signed by two people, and calls again.
#[test]
fn official_clients_bring_signatures() {
    let program = program();
    for client in APPROVERS {
        let place = Place::new("signed");
        let mut command = client.session(&program);
        let files = ["alice", "bob"].map(|name| key_file(name).to_str().unwrap().to_owned()).join(":");
        command
            .env("AIRLOCK_KEY_FILE", place.key_file())
            .env("AIRLOCK_LEDGER_DIR", place.ledger())
            .env("AIRLOCK_LEASE", place.lease(&TOOLS))
            .env("AIRLOCK_ANSWER", "none")
            .env("AIRLOCK_SIGNERS", files)
            .env("AIRLOCK_CLI", built::cli());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}: {}\n{}", client.name, output.status, said(&output));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["version"], client.revision, "{}", client.name);
        assert_eq!(told["reply"]["result"]["structuredContent"]["json"]["path"], "/approved", "{}: {told}", client.name);
        assert_eq!(verdicts(&place), ["asked", "accepted"], "{}", client.name);
        verify(&place);
    }
}
