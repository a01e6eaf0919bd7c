//! Some hundred attacks, each in a fresh process, outside and inside the profile of each role.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_airlock-attack");
/// Roles, with their letters in the list.
const ROLES: [(&str, char); 5] = [("judge", 'j'), ("upstreams", 'j'), ("clerk", 'c'), ("egress", 'e'), ("launcher", 'l')];
/// Whom attacks are made as where the tests are run by root: who may do everything is refused nothing without a profile, and harms the host.
const NOBODY: u32 = 65534;
const REFUSED: i32 = 100;
const SIGSYS: i32 = 31;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Succeeded,
    Refused(i32),
    Killed,
}

impl End {
    fn word(self) -> String {
        match self {
            Self::Succeeded => "succeeds".to_owned(),
            Self::Refused(error) => format!("error {error}"),
            Self::Killed => "killed".to_owned(),
        }
    }
}

struct Listed {
    name: String,
    kind: String,
    roles: String,
}

fn listed() -> Vec<Listed> {
    let output = Command::new(PROGRAM).arg("list").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let entry = |line: &str| {
        let mut words = line.rsplitn(3, ' ').map(str::to_owned);
        let (roles, kind, name) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        Listed { name, kind, roles }
    };
    text.lines().map(entry).collect()
}

/// As somebody without privileges.
fn plain(command: &mut Command) -> &mut Command {
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// A process that attacks may reach for; killed when dropped.
struct Victim(Child);

impl Victim {
    fn new() -> Self {
        Self(plain(&mut Command::new("sleep")).arg("60").spawn().unwrap())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Two ports in a row that are listened on: the policy has the first.
fn listeners() -> [TcpListener; 2] {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let next = first.local_addr().unwrap().port().checked_add(1);
        if let Some(Ok(second)) = next.map(|port| TcpListener::bind(("127.0.0.1", port))) {
            return [first, second];
        }
    }
}

fn attempt(role: &str, name: &str, port: u16) -> End {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let victim = Victim::new();
    let mut command = Command::new(PROGRAM);
    command.args([role, name]).arg(dir.path()).args([victim.0.id().to_string(), port.to_string()]);
    let output = plain(&mut command).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    match (output.status.code(), output.status.signal()) {
        (Some(0), _) => End::Succeeded,
        (Some(REFUSED), _) => End::Refused(text.split_whitespace().last().unwrap().parse().unwrap()),
        (_, Some(SIGSYS)) => End::Killed,
        (code, signal) => {
            panic!("{role}, {name}: {code:?} {signal:?} {text} {}", String::from_utf8_lossy(&output.stderr))
        }
    }
}

/// What became of each attempt, as a table.
#[test]
fn nothing_succeeds_inside_that_is_no_business_of_the_role() {
    let [first, _second] = listeners();
    let port = first.local_addr().unwrap().port();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sandbox.md")).unwrap();
    let all = listed();
    let outside: BTreeMap<&str, End> =
        all.iter().map(|entry| (entry.name.as_str(), attempt("none", &entry.name, port))).collect();
    assert_eq!(outside.len(), all.len(), "each attack has a name of its own");
    let (mut table, mut faults) = (String::new(), Vec::new());
    for (role, letter) in ROLES {
        let mut tally = BTreeMap::<String, usize>::new();
        for entry in all.iter().filter(|entry| entry.roles.contains(letter)) {
            let (before, inside) = (outside[entry.name.as_str()], attempt(role, &entry.name, port));
            let _ = writeln!(table, "{role:9} {:7} {:45} {:10} → {}", entry.kind, entry.name, before.word(), inside.word());
            match (entry.kind.as_str(), inside) {
                ("attack", End::Succeeded) | ("control", End::Refused(_) | End::Killed) => {
                    faults.push(format!("{role}: {} {}: {}", entry.kind, entry.name, inside.word()));
                }
                _ => {}
            }
            if entry.kind == "attack" {
                let real = usize::from(before == End::Succeeded);
                *tally.entry("succeed without".to_owned()).or_default() += real;
                *tally.entry("tried".to_owned()).or_default() += 1;
                let how = if inside == End::Killed { "killed" } else { "refused" };
                *tally.entry(how.to_owned()).or_default() += 1;
            }
        }
        let _ = writeln!(table, "{role}: {tally:?}\n");
        let (tried, real) = (tally["tried"], tally["succeed without"]);
        let least = if role == "launcher" { (121, 40) } else { (121, 80) };
        assert!(tried >= least.0 && real >= least.1, "{role}: {tally:?}");
        let row = format!("| {role} | {tried} | 0 |");
        assert!(page.contains(&row), "docs/sandbox.md lacks: {row}");
    }
    println!("{table}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
