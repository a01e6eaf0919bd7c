//! Witnesses: what they sign of a ledger is shown, kept, and held against a host that was put back. The witness is a small real one in Python.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_runtime::ledger::{Decision, Entry, Ledger, Sync, note};
use airlock_runtime::policy::Durability;
use airlock_tests::built::run;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn code(words: &[&str]) -> i32 {
    run(words).status.code().unwrap()
}

/// A directory with a ledger in it.
struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn dir(&self) -> &Path {
        self.dir.path()
    }

    fn ledger(&self) -> PathBuf {
        self.dir().join("ledger")
    }
}

/// Adds an entry to a ledger, and a checkpoint over it, as a gateway does; gives the log key.
fn work(place: &Place, call: &str) -> String {
    let ledger = Ledger::open(&place.ledger(), "abuse", &[7; 32], Durability::Power).unwrap();
    let decision = Decision { allow: true, tool: "t", why: "ok", call, ..Decision::default() };
    let _ = ledger.record(&Entry::Decision(decision), Sync::Durable).wait().unwrap();
    let key = note::plain_key(ledger.key());
    ledger.shutdown().unwrap();
    key
}

/// A witness in plain Python, which shares no code with the product but `docs/verify.py`.
struct Witness {
    child: std::process::Child,
    key: String,
    port: u16,
}

impl Witness {
    fn start(log_key: &str) -> Self {
        Self::with(&[log_key, "9"])
    }

    fn with(words: &[&str]) -> Self {
        let script = format!("{}/witness.py", airlock_tests::clients::SCRIPTS);
        let mut child = Command::new("python3").arg("-B").arg(script).args(words).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (key, port) = line.trim().rsplit_once(' ').unwrap();
        Self { child, key: key.to_owned(), port: port.parse().unwrap() }
    }

    /// What it answers to a posted body: the status and the text.
    fn post(&self, body: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "POST /add-checkpoint HTTP/1.0\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), text.to_owned())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_host_that_is_rolled_back_is_found_by_its_witness() {
    let place = Place::new();
    let ledger = place.ledger();
    let dir = text(&ledger);
    let work = |call: &str| self::work(&place, call);
    let witness = Witness::start(&work("one"));
    let (posted, answer) = (place.dir().join("posted"), place.dir().join("answer"));
    let hand_over = |since: Option<&Path>| {
        let since = since.map(|since| vec!["--since", text(since)]).unwrap_or_default();
        let output = run(&[["proof", "consistency", dir].as_slice(), &since].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::write(&posted, &output.stdout).unwrap();
        witness.post(&output.stdout)
    };
    let add = |said: &str| {
        fs::write(&answer, said).unwrap();
        code(&["witness", "add", dir, "--witness", &witness.key, "--posted", text(&posted), "--answer", text(&answer)])
    };
    let witnessed = ledger.join("witnessed");
    let (status, said) = hand_over(None);
    assert_eq!((status, add(&said)), (200, 0));
    let verify = |more: &[&str]| code(&[["verify-log", dir, "--witness", &witness.key].as_slice(), more].concat());
    assert_eq!(verify(&[]), 0, "all entries were seen");
    // An older state of the whole host, as an attacker may put it back.
    let (early, copied) = (place.dir().join("early"), |from: &Path, to: &Path| {
        assert!(Command::new("cp").arg("-rT").arg(from).arg(to).status().unwrap().success());
    });
    copied(&ledger, &early);
    work("two");
    assert_eq!(verify(&[]), 3, "the newest entries were not seen yet");
    let (status, said) = hand_over(Some(&witnessed));
    assert_eq!(
        (status, add("no\n"), add(said.trim_end()), add(&said)),
        (200, 2, 2, 0),
        "no cosignature, one that was cut, and it"
    );
    assert_eq!(verify(&[]), 0);
    let kept = place.dir().join("kept");
    fs::copy(&witnessed, &kept).unwrap();
    // The witness signs no smaller tree and no other growth.
    fs::remove_dir_all(&ledger).unwrap();
    copied(&early, &ledger);
    assert_eq!(hand_over(Some(&witnessed)).0, 409);
    assert_eq!(verify(&["--checkpoint", text(&kept)]), 4, "the kept checkpoint knows of more");
    // Another history after the common beginning, signed with the log's own key and of more entries.
    work("other");
    work("more");
    let (status, said) = hand_over(Some(&kept));
    assert_eq!(status, 422, "{said}");
    assert_eq!(verify(&["--checkpoint", text(&kept)]), 1);
    assert_eq!(add(&said), 2, "it has signed nothing");
    // What it has signed is of the other history: that is a finding, and what lies there stays.
    let posted_before = fs::read(&posted).unwrap();
    fs::write(&posted, [b"old 0\n\n".as_slice(), &fs::read(&kept).unwrap()].concat()).unwrap();
    let lies = fs::read(&witnessed).unwrap();
    assert_eq!(add(&said), 1);
    assert_eq!(fs::read(&witnessed).unwrap(), lies);
    fs::write(&posted, posted_before).unwrap();
}

#[test]
fn a_witness_is_asked_by_one_command_and_finds_a_host_that_was_put_back() {
    let place = Place::new();
    let ledger = place.ledger();
    let dir = text(&ledger);
    let work = |call: &str| self::work(&place, call);
    let witness = Witness::start(&work("one"));
    let at = |url: &str, dir: &str| {
        let output = run(&["witness", "submit", dir, "--witness", &witness.key, "--url", url]);
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let url = format!("http://127.0.0.1:{}/", witness.port);
    let submit = || at(&url, dir);
    let verify = || code(&["verify-log", dir, "--witness", &witness.key]);
    assert_eq!((submit().0, verify()), (0, 0));
    assert_eq!(submit().0, 0, "nothing came since");
    let early = place.dir().join("early");
    let copied = |from: &Path, to: &Path| {
        assert!(Command::new("cp").arg("-rT").arg(from).arg(to).status().unwrap().success());
    };
    copied(&ledger, &early);
    work("two");
    assert_eq!((verify(), submit().0, verify()), (3, 0, 0));
    // What it has seen is lost here: the witness says how far it is, and is asked once more.
    fs::remove_file(ledger.join("witnessed")).unwrap();
    work("three");
    assert_eq!((submit().0, verify()), (0, 0));
    let kept = fs::read(ledger.join("witnessed")).unwrap();

    // The whole host is put back; then it goes on another way, to fewer entries than were seen, as many, and more.
    fs::remove_dir_all(&ledger).unwrap();
    copied(&early, &ledger);
    for (id, said) in
        [("", "put back to an earlier state"), ("a", "put back"), ("b", "another history"), ("c", "another history")]
    {
        if !id.is_empty() {
            work(id);
        }
        let (code, stderr) = submit();
        assert!(code == 1 && stderr.contains(said), "{id}: {code} {stderr}");
        assert_ne!(fs::read(ledger.join("witnessed")).unwrap(), kept, "nothing is kept of a refusal");
    }

    // Nobody there, a witness that does not know this ledger, and an address that is none: no answer, which is not a no.
    let other = Place::new();
    self::work(&other, "one");
    for (url, dir, said) in [
        (url.as_str(), text(&other.ledger()), "does not know the log key"),
        (&format!("{url}elsewhere"), dir, "does not know a ledger of the name"),
        ("http://127.0.0.1:1", dir, "does not answer"),
        ("http://witness.example", dir, "for this machine alone"),
    ] {
        let (code, stderr) = at(url, dir);
        assert!(code == 2 && stderr.contains(said), "{url}: {code} {stderr}");
    }
}

fn copied(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-rT").arg(from).arg(to).status().unwrap().success());
}

/// Runs `airlock witness submit` with more options; gives exit code and stderr.
fn submit(dir: &Path, key: &str, url: &str, more: &[&str]) -> (i32, String) {
    let output = run(&[["witness", "submit", text(dir), "--witness", key, "--url", url].as_slice(), more].concat());
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// One question to a server of the test's own.
fn question(listener: &TcpListener) -> (TcpStream, Vec<u8>) {
    let (stream, _) = listener.accept().unwrap();
    let (mut reader, mut length) = (BufReader::new(stream.try_clone().unwrap()), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(digits) = line.strip_prefix("Content-Length: ") {
            length = digits.trim().parse().unwrap();
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            return (stream, body);
        }
    }
}

fn say(mut stream: TcpStream, status: u16, body: &str) {
    write!(stream, "HTTP/1.0 {status} Said\r\n\r\n{body}").unwrap();
}

#[test]
fn an_answer_that_was_cut_or_contradicts_itself_is_no_finding() {
    let place = Place::new();
    let (witness, ledger) = (Witness::start(&work(&place, "one")), place.ledger());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let entries = fs::read_to_string(ledger.join("checkpoint")).unwrap().lines().nth(1).unwrap().parse::<u64>().unwrap();
    let proof = run(&["proof", "consistency", text(&ledger)]).stdout;
    let (_, cosignature) = witness.post(&proof);
    let cut = &cosignature[..cosignature.len() - 9];
    for (status, body, said) in [
        (200, "", "not a cosignature"),
        (200, cut, "not a cosignature"),
        (200, cosignature.trim_end(), "not a cosignature"),
        (409, "", "cannot be read"),
        (409, "1", "cannot be read"),
        (409, "0\n", "contradicts itself"),
        (500, "", "status 500"),
        (503, "later\n", "status 503"),
    ] {
        let (code, stderr) = std::thread::scope(|scope| {
            scope.spawn(|| say(question(&listener).0, status, body));
            submit(&ledger, &witness.key, &url, &[])
        });
        assert!(code == 2 && stderr.contains(said), "{status} {body:?}: {code} {stderr}");
        assert!(!ledger.join("witnessed").exists(), "nothing is kept of it");
    }
    // Of as many entries it has seen others: that is one.
    let (code, stderr) = std::thread::scope(|scope| {
        scope.spawn(|| {
            say(question(&listener).0, 409, &format!("{entries}\n"));
            say(question(&listener).0, 409, &format!("{entries}\n"));
        });
        submit(&ledger, &witness.key, &url, &[])
    });
    assert!(code == 1 && stderr.contains("another history"), "{code} {stderr}");
}

/// Two timers, or two machines that read one ledger, may show its checkpoints to one witness at a time.
#[test]
fn a_witness_that_is_shown_more_meanwhile_is_no_finding() {
    let place = Place::new();
    let (witness, ledger) = (Witness::start(&work(&place, "one")), place.ledger());
    let direct = format!("http://127.0.0.1:{}", witness.port);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let handed = |stream: TcpStream, body: &[u8]| {
        let (status, said) = witness.post(body);
        say(stream, status, &said);
        status
    };
    // The first question comes when somebody has just shown this checkpoint, the second when somebody has shown a later one, of a ledger that
    // had grown meanwhile.
    let elsewhere = place.dir().join("elsewhere");
    work(&place, "two");
    let (code, stderr) = std::thread::scope(|scope| {
        scope.spawn(|| {
            let (stream, body) = question(&listener);
            copied(&ledger, &elsewhere);
            assert_eq!(submit(&elsewhere, &witness.key, &direct, &[]).0, 0);
            assert_eq!(handed(stream, &body), 409);
            let (stream, body) = question(&listener);
            work(&place, "three");
            fs::remove_dir_all(&elsewhere).unwrap();
            copied(&ledger, &elsewhere);
            assert_eq!(submit(&elsewhere, &witness.key, &direct, &[]).0, 0);
            assert_eq!(handed(stream, &body), 409);
            let (stream, body) = question(&listener);
            assert_eq!(handed(stream, &body), 200);
        });
        submit(&ledger, &witness.key, &url, &[])
    });
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(self::code(&["verify-log", text(&ledger), "--witness", &witness.key]), 0);
}

#[test]
fn a_witness_is_asked_by_https_and_vouched_for_by_a_file() {
    let place = Place::new();
    let key = work(&place, "one");
    let at = |name: &str| place.dir().join(name);
    let openssl = |words: &str| {
        let output = Command::new("openssl").args(words.split(' ')).current_dir(place.dir()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    fs::write(at("names"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    for name in ["ca", "other"] {
        openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
        ));
    }
    openssl("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=witness -keyout own.key -out own.csr");
    openssl("x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile names -out own.pem");
    let witness = Witness::with(&[&key, "9", text(&at("own.pem")), text(&at("own.key"))]);
    let (url, ledger) = (format!("https://127.0.0.1:{}", witness.port), place.ledger());
    fs::write(at("none.pem"), "no certificate\n").unwrap();
    for (more, said) in [
        (vec![], "does not answer"),
        (vec!["--ca", text(&at("other.pem")).to_owned().leak()], "does not answer"),
        (vec!["--ca", text(&at("none.pem")).to_owned().leak()], "no certificate in PEM"),
        (vec!["--ca", "/nonexistent"], "cannot read"),
    ] {
        let (code, stderr) = submit(&ledger, &witness.key, &url, &more);
        assert!(code == 2 && stderr.contains(said), "{more:?}: {code} {stderr}");
    }
    let (code, stderr) = submit(&ledger, &witness.key, &url, &["--ca", text(&at("ca.pem"))]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(self::code(&["verify-log", text(&ledger), "--witness", &witness.key]), 0);
}

#[test]
fn a_quorum_of_witnesses_is_demanded_and_refuses_a_host_that_was_put_back() {
    let place = Place::new();
    let (key, ledger) = (work(&place, "one"), place.ledger());
    let all = ["9", "10", "11"].map(|seed| Witness::with(&[&key, seed]));
    let submit = |witness: &Witness| submit(&ledger, &witness.key, &format!("http://127.0.0.1:{}", witness.port), &[]);
    let verify = |witnesses: &[&Witness], more: &[&str]| {
        let keys: Vec<&str> = witnesses.iter().flat_map(|witness| ["--witness", witness.key.as_str()]).collect();
        code(&[["verify-log", text(&ledger)].as_slice(), &keys, more].concat())
    };
    let [a, b, c] = [&all[0], &all[1], &all[2]];
    assert_eq!((submit(a).0, submit(b).0), (0, 0));
    assert_eq!(verify(&[a, b], &[]), 0, "both lines are kept");
    assert_eq!((verify(&[a, b, c], &[]), verify(&[a, b, c], &["--quorum", "3"])), (3, 3));
    assert_eq!((verify(&[a, b, c], &["--quorum", "2"]), verify(&[a, c], &["--quorum", "1"])), (0, 0));
    for bad in ["0", "4", "x"] {
        assert_eq!(verify(&[a, b, c], &["--quorum", bad]), 2, "{bad}");
    }
    assert_eq!(
        (verify(&[a, a], &[]), verify(&[], &["--quorum", "1"])),
        (2, 2),
        "one witness is one; and a quorum is of witnesses"
    );
    let early = place.dir().join("early");
    copied(&ledger, &early);
    work(&place, "two");
    assert_eq!((submit(a).0, submit(b).0), (0, 0));
    let kept = place.dir().join("kept");
    fs::copy(ledger.join("witnessed"), &kept).unwrap();
    fs::remove_dir_all(&ledger).unwrap();
    copied(&early, &ledger);
    // Those that have seen more refuse; the one that has not lets itself be told, and is one of three.
    let codes = [submit(a), submit(b), submit(c)].map(|(code, _)| code);
    assert_eq!(codes, [1, 1, 0]);
    assert_eq!(verify(&[a, b, c], &["--quorum", "2", "--checkpoint", text(&kept)]), 4, "it was put back");
    work(&place, "another");
    assert_eq!(submit(a).0, 1);
    assert_eq!(verify(&[a, b, c], &["--quorum", "2"]), 3);
    assert_eq!(verify(&[a, b, c], &["--quorum", "2", "--checkpoint", text(&kept)]), 1, "of as many entries it is another one");
}
