use super::*;
use crate::ledger::folder::Place;
use std::io::{Read, Write};
use std::thread::JoinHandle;

/// A clerk on a thread, which has not said yet that it is ready.
fn clerk(dir: &Path, before: Option<Said>) -> (Arc<Desk>, JoinHandle<io::Result<()>>) {
    let (ours, theirs) = passing::pair().unwrap();
    let dir = dir.to_owned();
    let thread = std::thread::spawn(move || {
        if let Some(said) = before {
            said.send(&theirs)?;
        }
        serve(&theirs, &dir)
    });
    (Arc::new(Desk(Mutex::new(Line::Starting(ours)))), thread)
}

fn gone_from(desk: &Desk) -> bool {
    matches!(*desk.0.lock().unwrap(), Line::Gone)
}

#[test]
fn files_come_through_the_socket_and_faults_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let (desk, thread) = clerk(dir.path(), Some(Said::Ready));
    std::fs::create_dir(dir.path().join("evidence")).unwrap();
    let Report::File(mut file) = desk.ask(Order::Begin(Place::Segment(3))).unwrap() else { panic!("a file") };
    file.write_all(b"a line\n").unwrap();
    let Report::File(mut file) = desk.ask(Order::Read(Place::Segment(3))).unwrap() else { panic!("a file") };
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "a line\n");
    assert!(file.write_all(b"x").is_err(), "it was opened to read");
    let fault = desk.ask(Order::Read(Place::Segment(4))).unwrap_err();
    assert_eq!(fault.kind(), io::ErrorKind::NotFound);
    std::fs::create_dir(dir.path().join("checkpoint")).unwrap();
    assert!(desk.ask(Order::Read(Place::Checkpoint)).unwrap_err().to_string().contains("is not a regular file"));
    assert_eq!(desk.ask(Order::Publish).unwrap_err().kind(), io::ErrorKind::NotFound, "without a draft");
    std::fs::remove_dir(dir.path().join("checkpoint")).unwrap();
    let Report::File(mut draft) = desk.ask(Order::Draft(Place::Checkpoint)).unwrap() else { panic!("a file") };
    draft.write_all(b"signed").unwrap();
    assert!(!dir.path().join("checkpoint").exists());
    assert!(matches!(desk.ask(Order::Publish), Ok(Report::Done)));
    assert_eq!(std::fs::read(dir.path().join("checkpoint")).unwrap(), b"signed");
    drop(desk);
    thread.join().unwrap().unwrap();
}

#[test]
fn an_order_waits_until_the_clerk_is_ready_and_one_that_is_not_confined_ends_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (desk, _) = clerk(dir.path(), Some(Said::Unready(UNCONFINED, "this kernel has none".into())));
    let Err(Stop { code, message }) = desk.await_ready() else { panic!("it is not ready") };
    assert_eq!((code, message.as_str()), (UNCONFINED, "this kernel has none"));
    assert!(gone_from(&desk) && desk.ask(Order::Sync).is_err());
    // Another code than that is none of a clerk's.
    let (desk, _) = clerk(dir.path(), Some(Said::Unready(0, "all is well".into())));
    assert_eq!(desk.await_ready().unwrap_err().code, CODE);
    let (desk, _) = clerk(dir.path(), Some(Said::Report(Ok(Report::Done))));
    assert!(desk.ask(Order::Sync).is_err(), "a report before it is ready");
}

#[test]
fn a_clerk_that_is_gone_or_silent_is_asked_once() {
    let (ours, theirs) = passing::pair().unwrap();
    sockopt::set_socket_timeout(&ours, sockopt::Timeout::Recv, Some(Duration::from_millis(50))).unwrap();
    Said::Ready.send(&theirs).unwrap();
    let desk = Desk(Mutex::new(Line::Starting(ours)));
    assert!(desk.ask(Order::Sync).unwrap_err().to_string().contains("has ended"), "nothing answers");
    // What comes now would be the answer to another order.
    assert!(Said::Report(Ok(Report::Is(false))).send(&theirs).is_err(), "nobody listens");
    assert!(gone_from(&desk) && desk.ask(Order::IsKilled).is_err());
}

#[test]
fn a_clerk_ends_when_it_is_told_what_no_gateway_tells() {
    let dir = tempfile::tempdir().unwrap();
    let secret = std::fs::File::open("/etc/passwd").unwrap();
    for (packet, with_file) in
        [(&b"x"[..], false), (&[0; ORDER][..], false), (&write_order(Order::Sync)[..], true), (&[9; 2 * ORDER][..], false)]
    {
        let (ours, theirs) = passing::pair().unwrap();
        let files = if with_file { vec![secret.as_fd()] } else { Vec::new() };
        passing::send(&ours, packet, &files).unwrap();
        // One that took it for an order would wait for the next one.
        sockopt::set_socket_timeout(&theirs, sockopt::Timeout::Recv, Some(Duration::from_millis(200))).unwrap();
        let fault = serve(&theirs, dir.path()).unwrap_err();
        let is_told =
            fault.to_string().contains("what no gateway says") || fault.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error());
        assert!(is_told, "{packet:?}: {fault}");
    }
}
