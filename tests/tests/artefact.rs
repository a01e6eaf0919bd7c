//! The file that `airlock build` makes: its hardening, that it needs nothing of its host, what it says of itself, and its papers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use airlock_tests::built::{abuse, gateway, origins, run, strict};
use airlock_tests::clients::{check_bill, said};
use airlock_tests::message::{call_with, initialize, leased, reason};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSection};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A gateway without network, whose leases travel in `_meta`.
fn bare() -> std::path::PathBuf {
    gateway(&include_str!("../gateways/audit.toml").replace("{name}", "bare"))
}

fn dynamic(bytes: &[u8]) -> Vec<(i64, u64)> {
    let file = object::read::elf::ElfFile64::<Endianness>::parse(bytes).expect("an ELF file");
    let endian = file.endian();
    let headers = FileHeader64::<Endianness>::parse(bytes).unwrap().program_headers(endian, bytes).unwrap();
    let entries =
        headers.iter().find_map(|header| header.dynamic(endian, bytes).unwrap()).expect("a dynamic section: it is a PIE");
    entries.iter().map(|entry| (entry.d_tag.get(endian).0, entry.d_val.get(endian))).collect()
}

#[test]
fn it_is_static_pie_hardened_and_stripped() {
    for path in [bare(), abuse()] {
        let bytes = fs::read(&path).unwrap();
        let header = FileHeader64::<Endianness>::parse(&*bytes).unwrap();
        let endian = header.endian().unwrap();
        assert_eq!(header.e_type(endian), elf::ET_DYN, "position-independent");
        let segments = header.program_headers(endian, &*bytes).unwrap();
        let flags = |kind: elf::ProgramType| {
            let of_kind = segments.iter().filter(|segment| segment.p_type(endian) == kind);
            of_kind.map(|segment| segment.p_flags(endian).0).collect::<Vec<_>>()
        };
        let (write, execute) = (elf::PF_W.0, elf::PF_X.0);
        assert!(flags(elf::PT_INTERP).is_empty(), "no loader of the host");
        assert_eq!(flags(elf::PT_GNU_RELRO).len(), 1, "relocations are read-only");
        assert_eq!(flags(elf::PT_GNU_STACK), [elf::PF_R.0 | write], "the stack is not executable");
        assert!(flags(elf::PT_LOAD).iter().all(|flags| flags & (write | execute) != write | execute), "nothing is both");
        let entries = dynamic(&bytes);
        assert!(entries.iter().all(|(tag, _)| *tag != elf::DT_NEEDED.0), "no libraries of the host");
        let flags = entries.iter().find(|(tag, _)| *tag == elf::DT_FLAGS_1.0).map_or(0, |(_, value)| *value);
        assert_ne!(flags & elf::DF_1_NOW.0, 0, "bound at start, so RELRO is full");
        let file = object::File::parse(&*bytes).unwrap();
        assert!(file.section_by_name(".symtab").is_none() && file.sections().all(|s| !s.name().unwrap().starts_with(".debug")));
        assert!(file.section_by_name(".note.gnu.build-id").is_none());
    }
}

/// Megabytes (10^6) that a gateway without HTTP and one with it may have: what they have now, and a little.
const SMALL: [f64; 2] = [2.3, 4.6];
/// What a C library that stays whole may add.
const WHOLE: f64 = 0.8;

/// Whether the C library is the one of which the linker's script knows what no gateway runs; another one stays whole.
fn is_known() -> bool {
    let ldd = Command::new("ldd").arg("--version").output().expect("ldd");
    String::from_utf8_lossy(&ldd.stdout).lines().next().is_some_and(|line| line.ends_with(" 2.36"))
}

#[test]
fn it_stays_small() {
    let more = if is_known() { 0.0 } else { WHOLE };
    for (path, most) in [bare(), abuse()].iter().zip(SMALL.map(|most| most + more)) {
        let bytes = fs::read(path).unwrap();
        #[allow(clippy::cast_precision_loss, reason = "sizes of files are far below 2^52")]
        let size = bytes.len() as f64 / 1e6;
        assert!(size <= most, "{size:.2} MB, at most {most} are expected: see what makes it small in docs/build.md");
        let file = object::File::parse(&*bytes).unwrap();
        for name in [".eh_frame", ".eh_frame_hdr", ".gcc_except_table"] {
            assert!(file.section_by_name(name).is_none(), "{name} is for unwinding, and nothing unwinds");
        }
    }
}

/// What the linker's script takes from the libraries: the reader of debug information everywhere, conversions of encodings where no name is looked
/// up. (`airlock-cli/tests/instead.rs` is about what such a program does.)
#[test]
fn what_nothing_runs_is_not_in_it() {
    if !is_known() {
        return;
    }
    let has = |path: &Path, mark: &[u8]| fs::read(path).unwrap().windows(mark.len()).any(|window| window == mark);
    for path in [bare(), abuse()] {
        assert!(!has(&path, b".debug_types.dwo"), "{}", path.display());
    }
    assert!(has(&abuse(), b"gconv-modules"), "it is not where names are looked up: its absence shows nothing");
    assert!(!has(&bare(), b"gconv-modules"));
}

/// A new root directory with the gateway, its key and an empty directory for its ledger: no libraries, no `/dev`, no `/proc`.
#[test]
fn it_serves_in_an_empty_root() {
    let place = Place::new("bare");
    let root = place.dir().join("root");
    fs::create_dir_all(root.join("ledger")).unwrap();
    fs::copy(bare(), root.join("gateway")).unwrap();
    fs::copy(place.key_file(), root.join("key")).unwrap();
    // A user's own namespace allows it to everybody, where the system has them; the superuser needs none.
    let own = Command::new("unshare").args(["--user", "--map-root-user", "true"]).status().is_ok_and(|status| status.success());
    let mut command = if own { Command::new("unshare") } else { Command::new("chroot") };
    if own {
        command.args(["--user", "--map-root-user", "chroot"]);
    }
    command.arg(&root).arg("/gateway").env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("AIRLOCK_KEY_FILE", "/key").env("AIRLOCK_LEDGER_DIR", "/ledger");
    let mut gateway = Gateway::start(command);
    let hello = gateway.ask(&initialize(1, "2025-11-25"));
    assert_eq!(hello["result"]["serverInfo"]["name"], "bare", "{hello}");
    let mut claims = place.claims(&["airlock_audit_tail"]);
    (claims.sub, claims.dom, claims.risk, claims.uses) = ("agent:auditor".into(), Vec::new(), 400, 10);
    // After a handshake, a request does not name its revision.
    let mut meta = leased(&place.mint(&claims));
    meta.as_object_mut().unwrap().retain(|key, _| key.starts_with("dev.airlock/"));
    let reply = gateway.ask(&call_with(2, "airlock_audit_tail", &json!({"limit": 1}), &meta));
    assert_eq!(reason(&reply), "ok", "{reply}");
    assert!(fs::read_dir(root.join("ledger")).unwrap().count() > 0, "the ledger is in the new root");
}

fn inspect(path: &Path) -> Value {
    let output = run(&["inspect", path.to_str().unwrap(), "--format", "json"]);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Names of linked crates as the file lists them; `airlock build` has compared the list with what cargo compiled.
fn linked(report: &Value) -> Vec<&str> {
    let packages = report["crates"].as_array().unwrap().iter().filter(|package| package["kind"] != "build");
    packages.map(|package| package["name"].as_str().unwrap()).collect()
}

#[test]
fn crates_that_the_manifest_does_not_need_are_not_linked() {
    let (full, bare) = (inspect(&abuse()), inspect(&strict()));
    for name in ["reqwest", "hyper", "rustls", "ring", "webpki-roots", "url", "idna"] {
        assert!(linked(&full).contains(&name), "{name} is not in a gateway with HTTP tools: its absence shows nothing");
        assert!(!linked(&bare).contains(&name), "{name} is linked into a gateway without HTTP tools");
    }
    for report in [&full, &bare] {
        for name in ["airlock-core", "airlock-chain", "airlock-runtime"] {
            assert!(linked(report).contains(&name));
        }
        for name in ["airlock-policy", "airlock-macros", "toml", "syn"] {
            assert!(!linked(report).contains(&name), "{name}: nothing in a gateway reads manifests");
        }
    }
    assert_eq!(bare["parts"]["HTTP client"], json!([]));
    assert_eq!(
        (&full["build"]["features"], &bare["build"]["features"]),
        (&json!(["gateway", "http", "issue"]), &json!(["gateway"]))
    );
}

/// Nothing but a rule with `from` names the code that traces values, so the linker leaves it out. It has these characters of mail addresses, and
/// no other code does.
#[test]
fn code_that_traces_values_is_only_where_a_rule_asks() {
    let has = |path: &Path| {
        let bytes = fs::read(path).unwrap();
        let mark = b"!#$%&'*+/=?^_`{|}~.-";
        bytes.windows(mark.len()).any(|window| window == mark)
    };
    assert!(has(&origins()), "it is not in a gateway with such rules: its absence shows nothing");
    assert!(!has(&bare()) && !has(&abuse()));
}

/// The compiled list in the file is cargo-auditable's: zlib, JSON, one root.
#[test]
fn one_package_is_the_root_and_indices_lead_somewhere() {
    let report = inspect(&bare());
    let packages = report["crates"].as_array().unwrap();
    assert_eq!(packages.iter().filter(|package| package["root"] == true).count(), 1);
    let indices = packages.iter().flat_map(|package| package["dependencies"].as_array().into_iter().flatten());
    assert!(indices.map(|at| usize::try_from(at.as_u64().unwrap()).unwrap()).all(|at| at < packages.len()));
    let names: Vec<_> = packages.iter().map(|package| (package["name"].as_str(), package["version"].as_str())).collect();
    assert!(names.is_sorted());
}

#[test]
fn bill_and_provenance_are_what_other_tools_read() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("airlock.toml"), include_str!("../gateways/audit.toml").replace("{name}", "bare")).unwrap();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).current_dir(dir.path()).output().expect("openssl");
        assert!(output.status.success(), "{}", said(&output));
    };
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "key.pem"]);
    openssl(&["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"]);
    let (manifest, file, key) = (at("airlock.toml"), at("bare"), at("key.pem"));
    let built = run(&["build", &manifest, "-o", &file, "--offline", "--sbom", "--provenance", "--sign-key", &key]);
    assert!(built.status.success(), "{}", said(&built));

    let bill = dir.path().join("bare.cdx.json");
    let valid = check_bill(&bill).output().unwrap();
    assert!(valid.status.success(), "{}", said(&valid));
    let mut broken: Value = serde_json::from_slice(&fs::read(&bill).unwrap()).unwrap();
    broken["components"][0]["type"] = json!("crate");
    fs::write(at("broken.json"), broken.to_string()).unwrap();
    assert!(!check_bill(Path::new(&at("broken.json"))).status().unwrap().success(), "the check finds a fault");
    assert_eq!(broken["metadata"]["component"]["hashes"][0]["content"], inspect(Path::new(&file))["sha256"]);

    // The signature is over DSSE's encoding of the payload, put together here from the specification, and openssl accepts it.
    let envelope: Value = serde_json::from_slice(&fs::read(at("bare.intoto.json")).unwrap()).unwrap();
    fs::write(at("payload64"), envelope["payload"].as_str().unwrap()).unwrap();
    fs::write(at("sig64"), envelope["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    openssl(&["base64", "-d", "-A", "-in", "payload64", "-out", "payload"]);
    openssl(&["base64", "-d", "-A", "-in", "sig64", "-out", "sig"]);
    let payload = fs::read(at("payload")).unwrap();
    let mut message = format!("DSSEv1 28 application/vnd.in-toto+json {} ", payload.len()).into_bytes();
    message.extend_from_slice(&payload);
    fs::write(at("message"), message).unwrap();
    openssl(&["pkeyutl", "-verify", "-pubin", "-inkey", "key.pub", "-rawin", "-in", "message", "-sigfile", "sig"]);

    let (provenance, public) = (at("bare.intoto.json"), at("key.pub"));
    let verify = |gateway: &str| {
        run(&[
            "verify-build",
            gateway,
            "--manifest",
            &manifest,
            "--offline",
            "--provenance",
            &provenance,
            "--public-key",
            &public,
        ])
    };
    let verified = verify(&file);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));

    // One byte of the code: neither the build nor the provenance is of this file any more.
    let mut bytes = fs::read(&file).unwrap();
    let text = object::File::parse(&*bytes).unwrap().section_by_name(".text").unwrap().file_range().unwrap();
    bytes[usize::try_from(text.0 + text.1 / 2).unwrap()] ^= 1;
    fs::write(at("forged"), bytes).unwrap();
    let refused = verify(&at("forged"));
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    for part in ["NOT what a build", ".text", "subject/bare/digest/sha256", "C tools"] {
        assert!(said(&refused).contains(part), "{part} is not in {}", said(&refused));
    }
    // Another manifest is named as such.
    fs::write(&manifest, fs::read_to_string(&manifest).unwrap().replace("count calls", "tally calls")).unwrap();
    let other = verify(&file);
    assert_eq!(other.status.code(), Some(1), "{}", said(&other));
    assert!(
        said(&other).contains("another policy") && said(&other).contains("externalParameters/policyDigest"),
        "{}",
        said(&other)
    );
}

#[test]
fn a_gateway_stands_for_its_manifest() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let text = include_str!("../gateways/audit.toml").replace("{name}", "bare");
    fs::write(at("airlock.toml"), &text).unwrap();
    let (file, manifest) = (bare(), at("airlock.toml"));
    let file = file.to_str().unwrap();
    assert_eq!(run(&["explain", file]).stdout, run(&["explain", &manifest]).stdout);
    let same = run(&["diff", &manifest, file, "--fail-on", "widening", "--format", "json"]);
    assert_eq!(serde_json::from_slice::<Value>(&same.stdout).unwrap()["widens"], false, "{}", said(&same));
    assert_eq!(run(&["inspect", file, "--manifest", &manifest]).status.code(), Some(0));

    // Its text and its digest are held against each other.
    let mut bytes = fs::read(file).unwrap();
    let place = bytes.windows(11).position(|window| window == b"count calls").expect("the text");
    bytes[place..place + 5].copy_from_slice(b"tally");
    fs::write(at("forged"), bytes).unwrap();
    let refused = run(&["explain", &at("forged")]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("but the gateway's note says"), "{}", said(&refused));

    let quiet = run(&["build", &manifest, "-o", &at("quiet"), "--offline", "--note", "digest"]);
    assert!(quiet.status.success(), "{}", said(&quiet));
    assert!(!fs::read(at("quiet")).unwrap().windows(11).any(|window| window == b"[[grant]]\ns"), "the text is not in it");
    let without = run(&["explain", &at("quiet")]);
    assert_eq!(without.status.code(), Some(2));
    assert!(said(&without).contains("only its policy digest"), "{}", said(&without));
    assert_eq!(run(&["verify-build", &at("quiet"), "--manifest", &manifest, "--offline"]).status.code(), Some(0));
}
