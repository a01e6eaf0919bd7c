//! A policy whose tools reach the network, and both sides of the connection over a real socket.

mod last;

use super::client::Errands;
use super::message::{Order, Report};
use super::*;
use crate::call::{Demand, Rule};
use crate::decide::Errand;
use crate::effect::Failure;
use crate::policy::evidence::Evidence;
use crate::policy::{
    Auth, AuthScheme, Durability, EffectClass, Egress as Entry, HostRule, Input, InputKind, LeaseRules, LedgerRules, Method,
    Pair, Piece, Response, Rest, Select, Slot, ToolIndex, sample,
};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::net::UnixStream as Stream;

/// Places in the policy of the tests.
pub(super) const GET: u32 = 0;
pub(super) const WEATHER: u32 = 1;
pub(super) const TICKET: u32 = 2;
pub(super) const TAIL: u32 = 3;
/// The credential of the ticket tool.
const TOKEN: &str = "tok-of-the-unit-tests";

/// A policy whose hosts are a local port, where there is one.
pub(super) fn policy(port: Option<u16>) -> &'static Policy {
    policy_with(port, &[])
}

fn policy_with(port: Option<u16>, upstreams: &'static [crate::policy::upstream::Upstream]) -> &'static Policy {
    let entry = |host| Entry { host: HostRule::Exact(host), ports: &[443], stand_in: port };
    let egress = |hosts: &[&'static str]| -> &'static [Entry] { hosts.iter().map(|host| entry(host)).collect::<Vec<_>>().leak() };
    let tools: &'static [Tool] = vec![
        Tool {
            name: "http_get_json",
            kind: ToolKind::Builtin(Builtin::HttpGetJson),
            egress: egress(&["api.example.com"]),
            rules: &[Rule { arg: "url", demand: Demand::MaxLength(200) }],
            timeout: 1,
            ..sample::TOOL
        },
        Tool {
            name: "weather_hourly",
            kind: ToolKind::Builtin(Builtin::WeatherHourly),
            egress: egress(&["geocoding-api.open-meteo.com", "api.open-meteo.com"]),
            ..sample::TOOL
        },
        Tool {
            name: "ticket",
            kind: ToolKind::Rest(&REST),
            effect: EffectClass::Send,
            egress: egress(&["tickets.example.com"]),
            ..sample::TOOL
        },
        sample::TOOL,
    ]
    .leak();
    Box::leak(Box::new(Policy {
        gateway: "gw",
        instructions: "",
        mode: crate::policy::Mode::Enforce,
        digest: [0; 32],
        compiled_by: "test",
        keys: &[],
        lease: LeaseRules { default_ttl: 300, max_ttl: 600, carrier_meta: true, carrier_arguments: true, carrier_ambient: false },
        ledger: LedgerRules { dir_env: None, dir_default: "ledger", durability: Durability::Process, evidence: Evidence::HASHES },
        limits: crate::policy::Limits { max_arguments: 4096, ..sample::LIMITS },
        sandbox: sample::SANDBOX,
        approvers: &[],
        tools,
        tool_index: ToolIndex(&|name| ["http_get_json", "weather_hourly", "ticket"].iter().position(|known| *known == name)),
        upstreams,
        flows: &[],
        grants: &[],
    }))
}

static REST: Rest = Rest {
    title: "",
    description: "",
    input: &[
        Input { name: "id", kind: InputKind::String { most: 20 }, required: true },
        Input { name: "trace", kind: InputKind::String { most: 20 }, required: false },
    ],
    schema: "{}",
    method: Method::Post,
    host: "tickets.example.com",
    port: 443,
    path: &[Piece::Literal("/v1/"), Piece::Input("id")],
    query: &[],
    headers: &[Pair { name: "x-trace", value: Slot::Input("trace") }],
    body: &[Pair { name: "id", value: Slot::Input("id") }],
    auth: Some(Auth { scheme: AuthScheme::Bearer, env: "TOKEN" }),
    response: Response { select: Select::Whole, max_bytes: 1024 * 1024 },
};

/// A service that hands every request on and answers it when it is told the answer. Without one it waits until the other side is gone,
/// and says so.
struct Service {
    port: u16,
    come: Receiver<(String, Sender<Vec<u8>>)>,
    left: Receiver<()>,
}

fn service() -> Service {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ((tell, come), (leave, left)) = (channel(), channel());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, tell, leave) = (stream.unwrap(), tell.clone(), leave.clone());
            std::thread::spawn(move || {
                let mut head = vec![0; 8192];
                let length = stream.read(&mut head).unwrap();
                let (answer, told) = channel::<Vec<u8>>();
                tell.send((String::from_utf8_lossy(&head[..length]).into_owned(), answer)).unwrap();
                match told.recv() {
                    Ok(answer) => stream.write_all(&answer).unwrap(),
                    Err(_) => {
                        assert_eq!(stream.read(&mut head).unwrap_or(0), 0);
                        leave.send(()).unwrap();
                    }
                }
            });
        }
    });
    Service { port, come, left }
}

fn answer(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn pair() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
}

fn secrets(policy: &'static Policy) -> Secrets {
    Secrets::read(policy, |name| (name == "TOKEN").then(|| TOKEN.into())).unwrap()
}

/// A process that is nobody's business: waited for, it is gone at once.
fn nobody() -> Pid {
    static CHILD: OnceLock<Pid> = OnceLock::new();
    *CHILD.get_or_init(|| {
        let mut child = Command::new("/bin/true").spawn().unwrap();
        child.wait().unwrap();
        i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap()
    })
}

/// The judge's side of a socket.
fn judge(policy: &'static Policy, socket: OwnedFd) -> Errands {
    let errands = Errands::new(policy, Some(Egress(Helper { socket, process: nobody() }))).with_ready_egress();
    assert!(errands.begin().is_ok());
    errands
}

#[tokio::test]
async fn nothing_begins_before_egress_has_said_that_it_is_ready() {
    let begun = |said: &[u8]| {
        let (ours, theirs) = pair();
        UnixStream::from(theirs).write_all(said).unwrap();
        let errands = Errands::new(policy(None), Some(Egress(Helper { socket: ours, process: nobody() })));
        errands.begin().map_err(|stop| (stop.code, stop.message))
    };
    let local = LocalSet::new();
    let _entered = local.enter();
    assert_eq!(begun(&Report::Ready.write()), Ok(()));
    assert_eq!(begun(&Report::Unready(UNCONFINED, "no filters".into()).write()), Err((UNCONFINED, "no filters".into())));
    let (code, message) = begun(b"").unwrap_err();
    assert!(code == CODE && message.ends_with("it has ended"), "{message}");
    let (code, _) = begun(&Report::Connections(String::new()).write()).unwrap_err();
    assert_eq!(code, CODE, "it says what no egress says at first");
}

/// Both sides in one event loop; `with` gets the judge's, and a task that ends with the other.
async fn both<T>(
    policy: &'static Policy,
    with: impl AsyncFnOnce(Errands, tokio::task::JoinHandle<std::io::Result<()>>) -> T,
) -> T {
    let local = LocalSet::new();
    local
        .run_until(async {
            let (ours, theirs) = pair();
            let egress = tokio::task::spawn_local(serve::serve(policy, secrets(policy), Outside(()), alone(theirs), || None));
            with(judge(policy, ours), egress).await
        })
        .await
}

fn errand(policy: &'static Policy, tool: u32, arguments: &Value) -> Errand {
    Errand { tool: &policy.tools[tool as usize], arguments: arguments.to_string().into_bytes(), hosts: Vec::new() }
}

fn get(policy: &'static Policy, path: &str) -> Errand {
    errand(policy, GET, &json!({"url": format!("https://api.example.com{path}")}))
}

#[tokio::test]
async fn a_call_is_made_by_the_other_side() {
    let service = service();
    let policy = policy(Some(service.port));
    both(policy, async |errands, _| {
        let call = errand(policy, TICKET, &json!({"id": "a/b", "trace": "t"}));
        let (result, ()) = tokio::join!(errands.run(call), async {
            let (request, told) = tokio::task::spawn_blocking(move || service.come.recv().unwrap()).await.unwrap();
            let lower = request.to_ascii_lowercase();
            assert!(request.starts_with("POST /v1/a%2Fb HTTP/1.1\r\n"), "{request}");
            assert!(lower.contains(&format!("authorization: bearer {TOKEN}\r\n")), "{request}");
            assert!(lower.contains("host: tickets.example.com\r\n") && lower.contains("x-trace: t\r\n"), "{request}");
            told.send(answer(r#"{"n":0.30000000000000004}"#)).unwrap();
        });
        let result = result.unwrap();
        assert_eq!(result["json"]["n"].to_string(), "0.30000000000000004");
        assert_eq!((result["host"].as_str(), result["status"].as_u64()), (Some("tickets.example.com"), Some(200)));
    })
    .await;
}

#[tokio::test]
async fn a_failure_has_the_words_that_it_had_there() {
    let policy = policy(Some(TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()));
    let Failure { code, detail } = both(policy, async |errands, _| errands.run(get(policy, "/")).await.unwrap_err()).await;
    assert_eq!(code, "connect_failed");
    assert_eq!(detail, "The fetch failed: the connection to api.example.com failed or broke off; try again later.");
}

#[tokio::test]
async fn what_nobody_waits_for_is_called_back() {
    let service = service();
    let policy = policy(Some(service.port));
    both(policy, async |errands, _| {
        let mut call = Box::pin(errands.run(get(policy, "/held")));
        let came = tokio::task::spawn_blocking(move || (service.come.recv().unwrap().0, service.left));
        let left = tokio::select! {
            _ = &mut call => panic!("nothing answers it"),
            came = came => {
                let (request, left) = came.unwrap();
                assert!(request.starts_with("GET /held "));
                left
            }
        };
        drop(call);
        // The service sees the end of the connection, well before the request's own time is over.
        tokio::task::spawn_blocking(move || left.recv_timeout(Duration::from_millis(800)).unwrap()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn many_calls_are_told_apart() {
    let service = service();
    let policy = policy(Some(service.port));
    both(policy, async |errands, _| {
        let answers = tokio::task::spawn_blocking(move || {
            let mut come: Vec<_> = (0..40).map(|_| service.come.recv_timeout(Duration::from_secs(20)).unwrap()).collect();
            // The last one is answered first.
            while let Some((request, told)) = come.pop() {
                let path = request.split(' ').nth(1).unwrap();
                told.send(answer(&json!(path).to_string())).unwrap();
            }
        });
        let calls = (0..40).map(|n| {
            let errands = errands.clone();
            tokio::task::spawn_local(async move { (n, errands.run(get(policy, &format!("/{n}"))).await.unwrap()) })
        });
        for call in calls.collect::<Vec<_>>() {
            let (n, result) = call.await.unwrap();
            assert_eq!(result["json"], json!(format!("/{n}")));
        }
        answers.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn whichever_side_ends_the_other_one_knows() {
    let policy = policy(None);
    both(policy, async |errands, egress| {
        egress.abort();
        tokio::time::timeout(Duration::from_secs(10), errands.broken()).await.unwrap();
        assert!(errands.is_broken());
        assert_eq!(errands.run(get(policy, "/")).await.unwrap_err().code, "egress_ended");
    })
    .await;
    both(policy, async |errands, egress| {
        errands.end();
        tokio::time::timeout(Duration::from_secs(10), egress).await.unwrap().unwrap().unwrap();
        assert!(!errands.is_broken(), "the gateway has ended it");
    })
    .await;
}

/// Egress as a test writes it, by hand.
async fn by_hand(stream: &Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        stream.writable().await.unwrap();
        if let Ok(length) = stream.try_write(bytes) {
            bytes = &bytes[length..];
        }
    }
}

/// What the judge makes of an egress that says this.
async fn told(frames: Vec<Vec<u8>>) -> (Result<Value, Failure>, bool) {
    let policy = policy(None);
    let local = LocalSet::new();
    local
        .run_until(async {
            let (ours, theirs) = pair();
            let errands = judge(policy, ours);
            let theirs = std::os::unix::net::UnixStream::from(theirs);
            theirs.set_nonblocking(true).unwrap();
            let theirs = Stream::from_std(theirs).unwrap();
            let (result, ()) = tokio::join!(errands.run(get(policy, "/")), async {
                for frame in frames {
                    by_hand(&theirs, &frame).await;
                }
            });
            // It is a moment until the reader has seen the end of what it closed itself.
            let broken = tokio::time::timeout(Duration::from_millis(50), errands.broken()).await.is_ok();
            (result, broken)
        })
        .await
}

#[tokio::test]
async fn an_egress_that_was_taken_over_is_not_believed() {
    let done = |result: &str| Report::Done { id: 0, result: result.into() }.write();
    let (result, broken) = told(vec![Report::Done { id: 7, result: "1".into() }.write(), done("[1]")]).await;
    assert_eq!((result.unwrap(), broken), (json!([1]), false), "an answer to nobody is nothing");
    let many = format!("[{}0]", "0,".repeat(crate::limits::JSON_VALUES_MAX + 256));
    let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
    for bad in [
        done("{"),
        done(""),
        done(r#"{"a":1,"a":2}"#),
        done(&many),
        done(&deep),
        Report::Ready.write(),
        Report::Unready(NO_CREDENTIAL, "x".into()).write(),
        // Nobody asked for it.
        Report::Last.write(),
        u32::MAX.to_le_bytes().to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        let (result, broken) = told(vec![bad.clone()]).await;
        assert_eq!((result.unwrap_err().code, broken), ("egress_ended", true), "{:?}", &bad[..bad.len().min(40)]);
    }
}

/// Egress has a limit of its own for each request. One that does not keep it does not keep the judge either.
#[tokio::test]
async fn an_egress_that_says_nothing_is_not_waited_for() {
    let begun = Instant::now();
    let (result, broken) = told(Vec::new()).await;
    assert_eq!((result.unwrap_err().code, broken), ("timeout", false));
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

/// Sends bytes as a judge; gives what comes back until egress closes, or until it has been silent for long.
fn as_judge(bytes: Vec<u8>) -> (Vec<Report>, bool) {
    let policy = policy(None);
    let (ours, theirs) = pair();
    let (stop, stopped) = channel::<()>();
    let egress = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, serve::serve(policy, secrets(policy), Outside(()), alone(theirs), || None)).unwrap();
        drop(stop);
    });
    let mut socket = UnixStream::from(ours);
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket.write_all(&bytes).unwrap();
    let (mut frames, mut reports, mut buffer) = (message::Frames::with_max(message::REPORT_MAX), Vec::new(), [0; 4096]);
    let has_ended = loop {
        match socket.read(&mut buffer) {
            Ok(0) => break true,
            Ok(length) => {
                let mut chunk = &buffer[..length];
                while let Some(frame) = frames.feed(&mut chunk).unwrap() {
                    reports.push(Report::read(&frame).unwrap());
                }
            }
            Err(_) => break false,
        }
    };
    drop(socket);
    // The end of the judge is the end of egress, whatever it does.
    assert!(stopped.recv_timeout(Duration::from_secs(20)).is_err());
    egress.join().unwrap();
    (reports, has_ended)
}

fn call(id: u64, tool: u32, arguments: &str) -> Vec<u8> {
    Order::Call { id, tool, arguments: arguments.as_bytes() }.write()
}

/// Egress without servers.
fn alone(judge: OwnedFd) -> Sockets {
    Sockets { judge, doors: std::fs::File::open("/dev/null").unwrap().into() }
}

#[test]
fn a_judge_that_was_taken_over_is_refused() {
    let (reports, has_ended) = as_judge(call(3, GET, r#"{"url":"https://evil.example.org/"}"#));
    assert!(matches!(&reports[..], [Report::Failed { id: 3, failure }] if failure.code == "egress_refused"), "{reports:?}");
    assert!(!has_ended, "other calls go on");
}

#[test]
fn who_asks_for_the_last_is_answered_when_there_is_nothing() {
    let (reports, has_ended) = as_judge(Order::Last.write());
    assert!(matches!(&reports[..], [Report::Last]) && !has_ended, "{reports:?}");
}

#[test]
fn what_no_judge_says_is_the_end() {
    let too_long = (message::order_max(4096) + 1).to_le_bytes()[..4].to_vec();
    let unknown = Report::Unready(NO_CREDENTIAL, "x".into()).write();
    let held = call(1, GET, r#"{"url":"https://api.example.com/"}"#);
    for (what, bytes) in [
        ("too long", too_long),
        ("a report", unknown),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n".to_vec()),
        ("nothing in a frame", vec![0; 4]),
        ("one number twice", [held.clone(), held].concat()),
    ] {
        let (reports, has_ended) = as_judge(bytes);
        assert!(reports.is_empty() && has_ended, "{what}: {reports:?}");
    }
    // The beginning of a frame is waited for, and forgotten with its sender.
    let (reports, has_ended) = as_judge(call(1, GET, "{}")[..9].to_vec());
    assert!(reports.is_empty() && !has_ended);
}

#[test]
fn requests_without_end_are_the_end() {
    // Nobody answers them: the name is one that no resolver knows in time.
    let flood: Vec<u8> = (0..600).flat_map(|id| call(id, TICKET, r#"{"id":"x"}"#)).collect();
    assert!(as_judge(flood).1);
}
