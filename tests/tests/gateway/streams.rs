//! What stdin and stdout may be: a client meets the same gateway behind pipes, sockets and files, and whatever it shares of them with others stays
//! as it was.

use airlock_tests::DEADLINE;
use airlock_tests::built::gateway;
use airlock_tests::message::{call, discover};
use airlock_tests::place::Place;
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn program() -> PathBuf {
    gateway(&include_str!("../../gateways/audit.toml").replace("{name}", "streams"))
}

/// Starts the gateway on these.
fn start(place: &Place, stdin: impl Into<Stdio>, stdout: impl Into<Stdio>) -> Child {
    place.command(&program()).stdin(stdin).stdout(stdout).stderr(Stdio::null()).spawn().unwrap()
}

fn threads(child: &Child) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap().trim().to_owned()).collect()
}

/// Its exit code.
fn end(child: &mut Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begun.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("the gateway does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Requests that are answered while they are read, so in their order, calls that are refused, lines that are no requests, and half a line.
fn session() -> String {
    let mut text = String::new();
    for n in 0..400 {
        text += &match n % 4 {
            0 => discover(n),
            1 => call(n, "airlock_usage_stats", &json!({"x": "y".repeat(n * 20)}), "none"),
            2 => "no message".into(),
            _ => discover(n).replace("server/discover", &"x".repeat(1000)),
        };
        text.push('\n');
    }
    text + &discover("half")
}

/// Ids of the replies: of those in order, and sorted of the others.
fn ids(replies: impl Read) -> (Vec<u64>, Vec<u64>) {
    let replies: Vec<Value> = BufReader::new(replies).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    let all = replies.iter().map(|reply| reply["id"].as_u64().unwrap());
    let (mut calls, others): (Vec<u64>, Vec<u64>) = all.partition(|id| id % 4 == 1);
    calls.sort_unstable();
    (others, calls)
}

fn expected() -> (Vec<u64>, Vec<u64>) {
    ((0..400).filter(|id| id % 4 == 0 || id % 4 == 3).collect(), (0..400).filter(|id| id % 4 == 1).collect())
}

#[test]
fn pipes_sockets_and_files_are_read_and_answered_alike() {
    let place = Place::new("streams");
    // Files: a thread each.
    let (asked, answered) = (place.dir().join("asked"), place.dir().join("answered"));
    fs::write(&asked, session()).unwrap();
    let mut child = start(&place, File::open(&asked).unwrap(), File::create(&answered).unwrap());
    assert_eq!(end(&mut child), Some(0));
    assert_eq!(ids(File::open(&answered).unwrap()), expected(), "files");
    // Sockets, and one socket for both.
    for is_one in [false, true] {
        let (mut client, theirs) = UnixStream::pair().unwrap();
        let (reader, stdout) = match is_one {
            false => UnixStream::pair().unwrap(),
            true => (client.try_clone().unwrap(), theirs.try_clone().unwrap()),
        };
        let mut child = start(&place, OwnedFd::from(theirs), OwnedFd::from(stdout));
        let writer = std::thread::spawn(move || {
            client.write_all(session().as_bytes()).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
        });
        assert_eq!(ids(reader), expected(), "sockets, one for both: {is_one}");
        writer.join().unwrap();
        assert_eq!(end(&mut child), Some(0));
    }
    // Pipes, and pipes with a name: again a thread.
    let mut child = start(&place, Stdio::piped(), Stdio::piped());
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(session().as_bytes()).unwrap());
    assert_eq!(ids(child.stdout.take().unwrap()), expected(), "pipes");
    writer.join().unwrap();
    assert_eq!(end(&mut child), Some(0));
    let named = place.dir().join("named");
    assert!(Command::new("mkfifo").arg(&named).status().unwrap().success());
    let both = || File::options().read(true).write(true).open(&named).unwrap();
    let (mut client, mut child) = {
        let hold = both();
        let child = start(&place, File::open(&named).unwrap(), Stdio::piped());
        (hold, child)
    };
    let writer = std::thread::spawn(move || client.write_all(session().as_bytes()).unwrap());
    let replies = ids(child.stdout.take().unwrap());
    writer.join().unwrap();
    assert_eq!((replies, end(&mut child)), (expected(), Some(0)), "a pipe with a name");
}

#[test]
fn no_thread_stands_between_the_client_and_the_event_loop() {
    let place = Place::new("streams");
    let ask = |child: &Child, to: &dyn Fn(&[u8]), from: &mut dyn Read| {
        to(format!("{}\n", discover(1)).as_bytes());
        let mut line = String::new();
        BufReader::new(from).read_line(&mut line).unwrap();
        assert!(line.contains("\"result\""), "{line}");
        threads(child)
    };
    // Sockets, as a client in Node gives them. The client's own flags are those of a descriptor that both have.
    let ((client, theirs), (mut reader, stdout)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    let shared = [theirs.try_clone().unwrap(), stdout.try_clone().unwrap()];
    let mut child = start(&place, OwnedFd::from(theirs), OwnedFd::from(stdout));
    let found = ask(&child, &|bytes| (&client).write_all(bytes).unwrap(), &mut reader);
    assert!(!found.iter().any(|name| name == "stdin" || name == "stdout"), "{found:?}");
    for end in &shared {
        assert!(!fcntl_getfl(end).unwrap().contains(OFlags::NONBLOCK), "what others have waits no more");
    }
    drop((client, shared));
    assert_eq!(end(&mut child), Some(0));
    // Pipes.
    let ((theirs, client), (mut reader, stdout)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
    let (read, write) = (theirs.try_clone().unwrap(), stdout.try_clone().unwrap());
    let mut child = start(&place, OwnedFd::from(theirs), OwnedFd::from(stdout));
    let found = ask(&child, &|bytes| (&client).write_all(bytes).unwrap(), &mut reader);
    assert!(!found.iter().any(|name| name == "stdin" || name == "stdout"), "{found:?}");
    assert!(!fcntl_getfl(&read).unwrap().contains(OFlags::NONBLOCK), "what others have waits no more");
    assert!(!fcntl_getfl(&write).unwrap().contains(OFlags::NONBLOCK), "what others have waits no more");
    drop((client, read, write));
    assert_eq!(end(&mut child), Some(0));
    // A file is what threads are for.
    let asked = place.dir().join("asked");
    fs::write(&asked, "").unwrap();
    let mut child = start(&place, Stdio::piped(), File::create(&asked).unwrap());
    let begun = Instant::now();
    while !threads(&child).iter().any(|name| name == "stdout") {
        assert!(begun.elapsed() < DEADLINE, "no thread writes a file");
        std::thread::yield_now();
    }
    drop(child.stdin.take());
    assert_eq!(end(&mut child), Some(0));
}

#[test]
fn a_socket_that_nobody_reads_keeps_no_signal_from_being_heard_and_loses_nothing() {
    const LINES: usize = 5000;
    let place = Place::new("streams");
    for is_read in [true, false] {
        let ((mut client, theirs), (reader, stdout)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
        let mut child = start(&place, OwnedFd::from(theirs), OwnedFd::from(stdout));
        let writer = std::thread::spawn(move || {
            let text = (0..LINES).map(|n| format!("{}\n", discover(n))).collect::<String>();
            // A gateway that ends takes no more.
            client.write_all(text.as_bytes()).and_then(|()| client.shutdown(Shutdown::Write)).is_ok()
        });
        // The replies fill both sockets by far, so that the gateway reads no more, and waits.
        if is_read {
            let replies = BufReader::new(&reader).lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
            let ids: Vec<u64> = replies.map(|reply| reply["id"].as_u64().unwrap()).collect();
            assert_eq!(ids, (0..LINES as u64).collect::<Vec<_>>());
        } else {
            // It serves once it has answered.
            (&reader).read_exact(&mut [0]).unwrap();
            kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        }
        assert_eq!(end(&mut child), Some(0));
        assert!(writer.join().unwrap() || !is_read, "all of it was taken");
    }
}

#[test]
fn a_client_that_has_gone_ends_the_gateway() {
    let place = Place::new("streams");
    let ((client, theirs), (reader, stdout)) = (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    let mut child = start(&place, OwnedFd::from(theirs), OwnedFd::from(stdout));
    drop(reader);
    (&client).write_all(format!("{}\n", discover(1)).as_bytes()).unwrap();
    assert_eq!(end(&mut child), Some(0), "a socket");
    let ((theirs, mut client), (reader, stdout)) = (std::io::pipe().unwrap(), std::io::pipe().unwrap());
    let mut child = start(&place, OwnedFd::from(theirs), OwnedFd::from(stdout));
    drop(reader);
    client.write_all(format!("{}\n", discover(1)).as_bytes()).unwrap();
    assert_eq!(end(&mut child), Some(0), "a pipe");
}
