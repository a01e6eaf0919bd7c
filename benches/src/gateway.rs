//! The whole gateway as a client meets it: built by the command line program, spawned, asked over its pipes.

use airlock_bench::cpu::{median, percentile};
use airlock_bench::table::{Bar, begin, row};
use airlock_bench::{Fault, scene};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Spawns of each kind.
const SPAWNS: usize = 100;
/// Calls of each throughput figure, and how many are open at once in the second kind.
const CALLS: u64 = 2000;
const OPEN: usize = 64;

/// A built gateway with a key.
pub(crate) struct Built {
    airlock: PathBuf,
    dir: PathBuf,
    gateway: PathBuf,
    key: PathBuf,
}

impl Built {
    /// Builds the weather gateway, which has HTTP tools, and writes its key.
    pub(crate) fn new(airlock: &Path, dir: &Path) -> Result<Self, Fault> {
        Self::of(airlock, dir, "weather", include_str!("../../examples/weather/airlock.toml"))
    }

    /// Builds the gateway of a manifest and writes its key.
    fn of(airlock: &Path, dir: &Path, name: &str, manifest: &str) -> Result<Self, Fault> {
        let key = dir.join(format!("{name}.key"));
        let built = Self { airlock: airlock.into(), dir: dir.into(), gateway: dir.join(name), key };
        built.build(manifest)?;
        let mut key = fs::File::options().write(true).create_new(true).mode(0o600).open(&built.key)?;
        writeln!(key, "airlock-audience-key-v1 kid=k1 aud={name} key={}", Base64UrlUnpadded::encode_string(&scene::KEY))?;
        Ok(built)
    }

    fn build(&self, manifest: &str) -> Result<(), Fault> {
        let file = self.dir.join("airlock.toml");
        fs::write(&file, manifest)?;
        let mut command = Command::new(&self.airlock);
        command.arg("build").arg(&file).arg("-o").arg(&self.gateway);
        // What the section before this one has compiled.
        let warm = self.dir.join("cache-1");
        if warm.is_dir() {
            command.env("AIRLOCK_CACHE", warm);
        }
        let out = command.output()?;
        if out.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned().into()) }
    }

    fn spawn(&self, ledger: &Path) -> Result<Client, Fault> {
        let mut child = Command::new(&self.gateway)
            .env_clear()
            .env("AIRLOCK_KEY_FILE", &self.key)
            .env("AIRLOCK_LEDGER_DIR", ledger)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no stdin")?;
        let stdout = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Client { child, stdin, stdout })
    }
}

/// A gateway under way.
struct Client {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Client {
    fn send(&mut self, line: &str) -> Result<(), Fault> {
        Ok(self.stdin.write_all(format!("{line}\n").as_bytes())?)
    }

    fn reply(&mut self) -> Result<Value, Fault> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    fn ask(&mut self, line: &str) -> Result<Value, Fault> {
        self.send(line)?;
        self.reply()
    }

    /// Kilobytes of a line of `/proc/<pid>/status`, as MB (10^6).
    fn memory(&self, field: &str) -> Result<f64, Fault> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
        let kib: f64 = line.trim_matches([':', ' ', '\t', 'k', 'B']).parse()?;
        Ok(kib * 1024.0 / 1e6)
    }

    /// CPU time of all its threads so far.
    fn cpu(&self) -> Result<Duration, Fault> {
        let mut sum = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            sum += text.split(' ').next().ok_or("no time")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(sum))
    }

    fn end(mut self) -> Result<(), Fault> {
        drop(self.stdin);
        if self.child.wait()?.success() { Ok(()) } else { Err("the gateway ended with an error".into()) }
    }
}

/// CPU time of ended children: ticks of a hundredth of a second, enough for builds.
pub(crate) fn children() -> Result<Duration, Fault> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().ok_or("no fields")?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).ok_or("no ticks");
    Ok(Duration::from_millis((ticks(13)? + ticks(14)?) * 10))
}

fn discover() -> String {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
                      "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "0"}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": meta}}).to_string()
}

fn initialize() -> String {
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "0"}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string()
}

/// Spawn, memory and throughput.
pub(crate) fn measure(built: &Built, dir: &Path) -> Result<(), Fault> {
    begin("Gateway: spawn to first reply");
    let ledger = dir.join("ledger");
    let plain =
        Built::of(&built.airlock, dir, "gate", &include_str!("../../tests/gateways/audit.toml").replace("{name}", "gate"))?;
    spawns(&plain, "without HTTP: server/discover", &discover(), &mut || Ok(dir.join("ledger-gate")), Bar::Most(2.5))?;
    let mut again = || Ok(ledger.clone());
    spawns(built, "with HTTP, a process more: server/discover", &discover(), &mut again, Bar::Most(2.5))?;
    spawns(built, "with HTTP: initialize", &initialize(), &mut again, Bar::Most(2.5))?;
    let mut number = 0;
    let mut fresh = || {
        number += 1;
        Ok(dir.join(format!("new-{number}")))
    };
    spawns(built, "with HTTP: server/discover, first start (new ledger and key)", &discover(), &mut fresh, Bar::None)?;
    let mut floor: Vec<f64> = Vec::new();
    for _ in 0..SPAWNS {
        let begin = Instant::now();
        Command::new("true").env_clear().status()?;
        floor.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    row("for comparison: `true`, spawn to end, p50", median(&mut floor), "ms", Bar::None);
    begin("Gateway: memory");
    memory(built, &ledger)?;
    begin("Gateway: calls through the pipe, one client");
    throughput(built, &ledger)
}

fn spawns(
    built: &Built,
    name: &str,
    line: &str,
    ledger: &mut dyn FnMut() -> Result<PathBuf, Fault>,
    bar: Bar,
) -> Result<(), Fault> {
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for n in 0..=SPAWNS {
        let ledger = ledger()?;
        let begin = Instant::now();
        let mut client = built.spawn(&ledger)?;
        let reply = client.ask(line)?;
        let took = begin.elapsed();
        if reply.get("result").is_none() {
            return Err(format!("{name} was refused: {reply}").into());
        }
        // The first one reads the program from the disk.
        if n > 0 {
            wall.push(took.as_secs_f64() * 1e3);
            cpu.push(client.cpu()?.as_secs_f64() * 1e3);
        }
        client.end()?;
    }
    row(&format!("{name}: wall clock, p50 of {SPAWNS}"), median(&mut wall), "ms", bar);
    row(&format!("{name}: wall clock, p95"), percentile(&mut wall, 95), "ms", Bar::None);
    row(&format!("{name}: CPU time of the gateway, p50"), median(&mut cpu), "ms", Bar::None);
    Ok(())
}

fn memory(built: &Built, ledger: &Path) -> Result<(), Fault> {
    let mut client = built.spawn(ledger)?;
    client.ask(&discover())?;
    row("RSS after the first reply", client.memory("VmRSS")?, "MB", Bar::Most(5.0));
    row("… of it anonymous (not pages of the program file)", client.memory("RssAnon")?, "MB", Bar::None);
    let lease = scene::lease("operator:auditor", 100, 1);
    for id in 0..100 {
        allowed(&client.ask(&scene::line(id, "airlock_audit_tail", &json!({"limit": 1}), Some(&lease)))?)?;
    }
    row("RSS after 100 allowed calls", client.memory("VmRSS")?, "MB", Bar::Most(6.0));
    row("… of it anonymous", client.memory("RssAnon")?, "MB", Bar::None);
    client.end()
}

fn allowed(reply: &Value) -> Result<(), Fault> {
    let is_allow = reply["result"]["_meta"]["dev.airlock/decision"]["decision"] == "allow" && reply["result"]["isError"] != true;
    if is_allow { Ok(()) } else { Err(format!("a call was not allowed: {reply}").into()) }
}

fn denied(reply: &Value) -> Result<(), Fault> {
    let is_deny = reply["result"]["structuredContent"]["reason"] == "lease_missing";
    if is_deny { Ok(()) } else { Err(format!("a call without a lease was not refused as such: {reply}").into()) }
}

fn throughput(built: &Built, ledger: &Path) -> Result<(), Fault> {
    let query = scene::query();
    let refused = |ids: Range<u64>| ids.map(|id| scene::line(id, "http_get_json", &query, None)).collect();
    let uses = scene::policy().grants.iter().find(|grant| grant.subject == "operator:auditor").map_or(1, |grant| grant.uses);
    let asked = |ids: Range<u64>| {
        // A new lease whenever the grant's number of calls is used up.
        let mut lease = String::new();
        let line = |id| {
            if id % uses == 0 {
                lease = scene::lease("operator:auditor", uses, 1);
            }
            scene::line(id, "airlock_audit_tail", &json!({"limit": 1}), Some(&lease))
        };
        ids.map(line).collect()
    };
    calls(built, ledger, "denied, recorded", &refused, denied)?;
    calls(built, ledger, "allowed (`airlock_audit_tail`), each on the disk before its effect", &asked, allowed)
}

fn calls(
    built: &Built,
    ledger: &Path,
    name: &str,
    lines: &dyn Fn(Range<u64>) -> Vec<String>,
    check: fn(&Value) -> Result<(), Fault>,
) -> Result<(), Fault> {
    for open in [1, OPEN] {
        let mut client = built.spawn(ledger)?;
        client.ask(&discover())?;
        let lines = lines(0..CALLS);
        let (begin, cpu) = (Instant::now(), client.cpu()?);
        let (first, rest) = lines.split_at(open.min(lines.len()));
        for line in first {
            client.send(line)?;
        }
        for line in rest {
            check(&client.reply()?)?;
            client.send(line)?;
        }
        for _ in first {
            check(&client.reply()?)?;
        }
        let (took, used) = (begin.elapsed(), client.cpu()?.saturating_sub(cpu));
        let calls = f64::from(u32::try_from(CALLS)?);
        row(&format!("{name}: {open} open"), calls / took.as_secs_f64(), "/s", Bar::None);
        row("… CPU time of the gateway per call", used.as_secs_f64() * 1e6 / calls, "µs", Bar::None);
        client.end()?;
    }
    Ok(())
}
