//! The ledger as its operator meets it: made with a seal, filled by a gateway, verified, proven, followed and shown.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_runtime::lease::RootClaims;
use airlock_tests::built::{abuse, airlock, run};
use airlock_tests::message::{call, get};
use airlock_tests::place::Place;
use airlock_tests::proof::log_key;
use airlock_tests::web::web;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The manifest of the gateway `abuse`, as it was built.
fn manifest(place: &Place) -> PathBuf {
    let path = place.dir().join("airlock.toml");
    fs::write(&path, include_str!("../gateways/abuse.toml").replace("{port}", &web().port().to_string())).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Makes the sealed ledger of a place; gives the file with its seed.
fn init(place: &Place) -> PathBuf {
    let manifest = manifest(place);
    let output = run(&["ledger", "init", text(&place.ledger()), "--manifest", text(&manifest)]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(stdout(&output).trim().len(), 44, "the seed alone");
    let seed = place.dir().join("seed");
    fs::write(&seed, output.stdout).unwrap();
    seed
}

fn code(words: &[&str]) -> i32 {
    run(words).status.code().unwrap()
}

/// `docs/verify.py` with its exit code.
fn python(words: &[&str]) -> i32 {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/verify.py");
    Command::new("python3").arg(script).args(words).output().unwrap().status.code().unwrap()
}

#[test]
fn a_sealed_ledger_from_its_making_to_its_proof() {
    let place = Place::new("abuse");
    let (seed, ledger) = (init(&place), place.ledger());
    let dir = text(&ledger);
    assert_eq!(code(&["ledger", "init", dir, "--manifest", text(&manifest(&place))]), 2, "never over another one");
    let lease = place.lease(&["http_get_json"]);
    let mut gateway = place.start(&abuse());
    for n in 0..5 {
        gateway.ask(&get(format!("c{n}"), "/sealed", &lease));
    }
    gateway.finish();
    let key = log_key(&place);
    let early = place.dir().join("early");
    fs::copy(ledger.join("checkpoint"), &early).unwrap();
    let mut gateway = place.start(&abuse());
    gateway.ask(&get("later", "/sealed", &lease));
    gateway.finish();
    let trust = ["--seed-file", text(&seed), "--key", &key];
    assert_eq!(code(&[["verify-log", dir].as_slice(), &trust].concat()), 0);
    assert_eq!(python(&[[dir].as_slice(), &trust].concat()), 0, "and by the second verifier");

    // One entry is proven to somebody who has the key alone, and so is the growth.
    let file = |name: &str, output: Output| {
        let path = place.dir().join(name);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::write(&path, output.stdout).unwrap();
        path
    };
    let inclusion = file("inclusion", run(&["proof", "inclusion", dir, "--seq", "3"]));
    let consistency = file("consistency", run(&["proof", "consistency", dir, "--since", text(&early)]));
    let lines = fs::read_to_string(ledger.join("seg-00000000000000000000.jsonl")).unwrap();
    let entry = |n: usize| {
        let path = place.dir().join(format!("entry-{n}"));
        fs::write(&path, format!("{}\n", lines.lines().nth(n).unwrap())).unwrap();
        path
    };
    let verify = |words: &[&str]| code(&[["proof", "verify"].as_slice(), words, &["--key", &key]].concat());
    assert_eq!(verify(&[text(&inclusion), "--entry", text(&entry(3))]), 0);
    assert_eq!(verify(&[text(&inclusion), "--entry", text(&entry(2))]), 1);
    assert_eq!(verify(&[text(&consistency), "--since", text(&early)]), 0);
    assert_eq!(verify(&[text(&consistency), "--since", text(&ledger.join("checkpoint"))]), 1);
    assert_eq!(verify(&[text(&consistency)]), 2);
    assert_eq!(code(&["proof", "inclusion", dir, "--seq", "999"]), 2);

    // Whoever has all files, and takes the last entry out of them with the head's own words, is found by the seed.
    fs::remove_file(ledger.join("checkpoint")).unwrap();
    let cut = lines[..lines.len() - 1].rfind('\n').unwrap() + 1;
    fs::write(ledger.join("seg-00000000000000000000.jsonl"), &lines[..cut]).unwrap();
    assert_eq!(code(&["verify-log", dir, "--seed-file", text(&seed)]), 4);
    assert_eq!(python(&[dir, "--seed-file", text(&seed)]), 4);
    fs::write(&seed, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
    assert_eq!(code(&["verify-log", dir, "--seed-file", text(&seed)]), 1, "another seed");
}

#[test]
fn a_flood_of_refusals_is_answered_and_counted() {
    const FLOOD: u64 = airlock_runtime::ledger::DENIALS_AT_ONCE + 500;
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    let lease = place.lease(&["http_get_json"]);
    for n in 0..FLOOD {
        gateway.send(&call(n, "http_get_json", &json!({}), "alk1.no.lease"));
    }
    let replies: Vec<Value> = (0..FLOOD).map(|n| gateway.reply(n)).collect();
    let said = |reply: &Value| reply["result"]["structuredContent"].clone();
    assert!(replies.iter().all(|reply| said(reply)["reason"] == "lease_invalid"), "each is told its reason");
    let folded = replies.iter().filter(|reply| said(reply)["ledger_seq"].is_null()).count() as u64;
    assert!(folded > 0 && folded <= 500, "{folded}");
    let allowed = gateway.ask(&get("allowed", "/flood", &lease));
    assert!(allowed["result"]["_meta"]["dev.airlock/decision"]["ledger_seq"].is_u64(), "an allow has its line: {allowed}");
    gateway.finish();
    let counted: u64 = place.entries_of("denials").iter().map(|entry| entry["why"]["lease_invalid"].as_u64().unwrap()).sum();
    let recorded = place.entries_of("decision").iter().filter(|entry| entry["d"] == "deny").count() as u64;
    assert_eq!((counted, recorded), (folded, FLOOD - folded));
    let stats: Value = serde_json::from_slice(&run(&["stats", text(&place.ledger()), "--format", "json"]).stdout).unwrap();
    assert_eq!(stats["counted"]["lease_invalid"], folded);
    assert_eq!(code(&["verify-log", text(&place.ledger()), "--key", &log_key(&place)]), 0);
}

/// A disk of 4 MiB in memory, in a mount namespace of its own.
#[test]
fn a_gateway_on_a_full_disk_refuses_and_says_why() {
    let place = Place::new("abuse");
    let lease = place.lease(&["http_get_json"]);
    let script = "mount -t tmpfs -o size=4m none \"$AIRLOCK_LEDGER_DIR\" && chmod 700 \"$AIRLOCK_LEDGER_DIR\" && \
                  head -c 2500000 /dev/zero > \"$AIRLOCK_LEDGER_DIR/ballast\" && \"$0\"; code=$?; \
                  cp -r \"$AIRLOCK_LEDGER_DIR\" \"$1\"; exit $code";
    fs::create_dir(place.ledger()).unwrap();
    let kept = place.dir().join("kept");
    let mut command = place.command(Path::new("unshare"));
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(abuse()).arg(&kept);
    let mut gateway = airlock_tests::process::Gateway::start(command);
    let mut refused = None;
    for n in 0..4000 {
        let reply = gateway.ask(&get(format!("c{n}"), "/full", &lease));
        let structured = &reply["result"]["structuredContent"];
        if structured["decision"] == "deny" {
            refused = Some(structured.clone());
            break;
        }
    }
    let refused = refused.expect("the disk fills up");
    assert_eq!((&refused["reason"], refused["ledger_seq"].is_null()), (&"ledger_unavailable".into(), true), "{refused}");
    let again = gateway.ask(&get("again", "/full", &lease));
    assert_eq!(again["result"]["structuredContent"]["reason"], "ledger_unavailable");
    gateway.close();
    let (status, stderr) = gateway.end();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("there is no room for the ledger") && stderr.contains("started again"), "{stderr}");
    let last: Value =
        serde_json::from_str(fs::read_to_string(kept.join("seg-00000000000000000000.jsonl")).unwrap().lines().last().unwrap())
            .unwrap();
    assert_eq!(last["t"], "disk_full");
    assert_eq!(code(&["verify-log", text(&kept), "--checkpoint", text(&kept.join("checkpoint"))]), 0);
}

#[test]
fn who_follows_a_ledger_sees_what_comes() {
    let place = Place::new("abuse");
    let lease = place.lease(&["http_get_json"]);
    let mut gateway = place.start(&abuse());
    gateway.ask(&get("before", "/follow", &lease));
    let mut tail = airlock(&["tail", text(&place.ledger()), "-f", "-n", "1", "--format", "json"]);
    let mut tail = tail.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let begin = next()["seq"].as_u64().unwrap();
    gateway.ask(&get("after", "/follow", &lease));
    let (one, two) = (next(), next());
    assert_eq!((one["seq"].as_u64(), two["seq"].as_u64()), (Some(begin + 1), Some(begin + 2)));
    assert_eq!(one["d"], "allow");
    tail.kill().unwrap();
    tail.wait().unwrap();
    gateway.finish();
}

/// A browser that can be driven from the command line. `AIRLOCK_BROWSER` names one, and then it must work.
fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("AIRLOCK_BROWSER").filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name))).find(|path| path.is_file())
}

#[test]
fn a_report_is_shown_by_a_browser_in_light_dark_and_print() {
    let place = Place::new("abuse");
    let lease = place.lease(&["http_get_json"]);
    let mut gateway = place.start(&abuse());
    for n in 0..6 {
        gateway.ask(&get(format!("c{n}"), "/report", &lease));
        // A right of the right key for somebody whom no grant names; the name is the signer's to choose.
        let named = RootClaims { sub: "<img src=x onerror=alert(1)>".into(), ..place.claims(&["http_get_json"]) };
        gateway.ask(&get(format!("h{n}"), "/report", &place.mint(&named)));
    }
    gateway.finish();
    let (page, manifest) = (place.dir().join("report.html"), manifest(&place));
    let (ledger, key) = (place.ledger(), log_key(&place));
    let output = run(&["report", text(&ledger), "-o", text(&page), "--manifest", text(&manifest), "--key", &key]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains(">PROVEN<") && html.contains("To take from"), "{html}");
    let Some(browser) = browser() else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"no browser on this machine: the page was not looked at\n");
        return;
    };
    let drive = |words: &[&str]| {
        let mut command = Command::new(&browser);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,2600"]);
        let output = command.args(words).arg(format!("file://{}", text(&page))).current_dir(place.dir()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    };
    let shown = |name: &str, words: &[&str]| -> Value {
        let path = place.dir().join(name);
        drive(&[words, &[&format!("--screenshot={}", text(&path))]].concat());
        let script = format!("{}/png.py", airlock_tests::clients::SCRIPTS);
        let output = Command::new("python3").arg(script).arg(&path).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    };
    let (light, dark) = (shown("light.png", &[]), shown("dark.png", &["--blink-settings=preferredColorScheme=0"]));
    assert!(light["edge"].as_u64() > Some(240) && dark["edge"].as_u64() < Some(40), "{light} {dark}");
    // Text, two colours of columns and the shades of a table: a blank or unstyled page has a few greys.
    assert!(light["colours"].as_u64() > Some(60) && dark["colours"].as_u64() > Some(60), "{light} {dark}");
    assert_eq!((&light["width"], &light["height"]), (&1000.into(), &2600.into()));
    drive(&["--print-to-pdf=report.pdf", "--no-pdf-header-footer"]);
    assert!(fs::read(place.dir().join("report.pdf")).unwrap().starts_with(b"%PDF"));
    // What the browser made of it: the hostile name is text, and no element.
    let dom = stdout(&drive(&["--dump-dom"]));
    assert!(dom.contains("&lt;img src=x onerror=alert(1)&gt;") && !dom.contains("<img"), "{dom}");
    if let Some(keep) = std::env::var_os("AIRLOCK_KEEP_SHOTS") {
        for name in ["light.png", "dark.png", "report.pdf", "report.html"] {
            fs::copy(place.dir().join(name), Path::new(&keep).join(name)).unwrap();
        }
    }
}

#[test]
fn a_gateway_does_not_start_on_a_read_only_file_system() {
    let place = Place::new("abuse");
    let mut gateway = place.start(&abuse());
    gateway.ask(&get("one", "/read-only", &place.lease(&["http_get_json"])));
    gateway.finish();
    let before = fs::read(place.ledger().join("seg-00000000000000000000.jsonl")).unwrap();
    let script = "mount --bind \"$AIRLOCK_LEDGER_DIR\" \"$AIRLOCK_LEDGER_DIR\" && \
                  mount -o remount,bind,ro \"$AIRLOCK_LEDGER_DIR\" && exec \"$0\"";
    let mut command = place.command(Path::new("unshare"));
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(abuse());
    let mut gateway = airlock_tests::process::Gateway::start(command);
    let (status, stderr) = gateway.end();
    assert_eq!(status.code(), Some(4), "{stderr}");
    assert!(stderr.contains("the ledger cannot be opened") && stderr.contains("Read-only file system"), "{stderr}");
    assert_eq!(fs::read(place.ledger().join("seg-00000000000000000000.jsonl")).unwrap(), before);
    assert_eq!(code(&["verify-log", text(&place.ledger()), "--key", &log_key(&place)]), 0);
}
