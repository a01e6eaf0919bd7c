//! `airlock unit`.

use crate::args::Format;
use crate::manifest::{is_program, policy_of};
use crate::render::{Failure, Outcome, note, say};
use airlock_policy::ir::{Net, Policy, ToolKind, Upstream, VariableValue};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where systemd makes and owns a directory for a service.
const STATE: &str = "/var/lib/";
/// Users of Linux have names of at most so many bytes.
const USER_MAX: usize = 31;

/// Hardening that takes nothing from any gateway. The calls by which it confines itself (docs/sandbox.md) are allowed by name: not every
/// systemd has a set of them. `ProcSubset=pid` is left out: the ledger's seal reads the boot id below /proc/sys.
const HARDENING: &str = "\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateUsers=yes
DevicePolicy=closed
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp
SystemCallErrorNumber=EPERM
LimitCORE=0
LimitMEMLOCK=256K
MemorySwapMax=0
UMask=0077";

/// Print a hardened systemd service for a gateway, and the socket that starts it.
///
/// Reads what the gateway needs from its policy: address families, the network, credentials, memory that is written and run. Nothing is
/// installed; put the two texts where the first line of each says, or let --out write them. Exit codes: 0 printed · 1 the manifest has
/// errors · 2 a path that no unit can name, or a file could not be read or written.
#[derive(Debug, clap::Args)]
pub(crate) struct Unit {
    /// The manifest, or a built gateway
    #[arg(default_value = "airlock.toml")]
    policy: PathBuf,
    /// Where the gateway will stand [default: /opt/airlock/NAME, or where the built gateway is]
    #[arg(long, value_name = "FILE")]
    exec: Option<PathBuf>,
    /// Its audience key [default: /etc/airlock/NAME.key]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Its ledger [default: /var/lib/airlock-NAME]
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
    /// Where the credentials stand that the manifest names, each in a file of its variable's name
    #[arg(long, value_name = "DIR", default_value = "/etc/airlock")]
    credentials: PathBuf,
    /// The socket [default: /run/NAME.sock]
    #[arg(long, value_name = "FILE")]
    socket: Option<PathBuf>,
    /// Group that may connect
    #[arg(long, value_name = "GROUP", default_value = "agents")]
    group: String,
    /// Write NAME.socket and NAME@.service into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the result is printed; json has the units as texts
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Unit {
    pub(crate) fn run(self) -> Outcome {
        let accepted = policy_of(&self.policy)?;
        let policy = accepted.compiled.policy();
        let name = &policy.gateway.name;
        let built = match is_program(&self.policy) {
            true => Some(std::fs::canonicalize(&self.policy).map_err(Failure::new)?),
            false => None,
        };
        let place = |given: Option<&PathBuf>, standard: String| given.map_or(Ok(standard), |path| written(path));
        let places = Places {
            exec: place(self.exec.as_ref().or(built.as_ref()), format!("/opt/airlock/{name}"))?,
            key: place(self.key.as_ref(), format!("/etc/airlock/{name}.key"))?,
            ledger: place(self.ledger.as_ref(), format!("{STATE}airlock-{name}"))?,
            credentials: written(&self.credentials)?,
            socket: place(self.socket.as_ref(), format!("/run/{name}.sock"))?,
            group: word(&self.group)?,
        };
        if let Some(dir) = hidden(&places.exec) {
            note(format_args!(
                "warning: the service does not see {dir}, so it cannot start {}; put the gateway elsewhere, as /opt/airlock/{name}, and name \
                 the place with --exec",
                places.exec
            ));
        }
        let units =
            [(format!("{name}.socket"), socket(policy, &places)), (format!("{name}@.service"), service(policy, &places)?)];
        let mut told = Vec::new();
        for (file, text) in units {
            let path = self.out.as_ref().map(|dir| dir.join(&file));
            if let Some(path) = &path {
                let cannot = |e: std::io::Error| Failure::new(format_args!("cannot write {}: {e}", path.display()));
                std::fs::write(path, &text).map_err(cannot)?;
            }
            match (self.format, &path) {
                (Format::Json, _) => {
                    told.push(json!({"place": format!("/etc/systemd/system/{file}"), "file": path, "text": text}))
                }
                (Format::Table, Some(path)) => say(path.display()),
                (Format::Table, None) => say(format_args!("# /etc/systemd/system/{file}\n{text}")),
            }
        }
        if self.format == Format::Json {
            say(json!({"gateway": name, "units": told}));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The directory that the hardening takes from the service, if a program is in one: `ProtectHome` and `PrivateTmp`.
fn hidden(exec: &str) -> Option<&'static str> {
    ["/home", "/root", "/run/user", "/tmp", "/var/tmp"].into_iter().find(|dir| Path::new(exec).starts_with(dir))
}

/// Paths and names as units have them.
#[derive(Debug)]
struct Places {
    exec: String,
    key: String,
    ledger: String,
    credentials: String,
    socket: String,
    group: String,
}

/// A path that means the same to systemd as it stands: absolute, and of letters, digits and a few signs. Spaces end words, and `%` begins a
/// specifier.
fn written(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().filter(|text| text.starts_with('/') && is_plain(text) && !text.split('/').any(|part| part == ".."));
    text.map(|text| text.trim_end_matches('/').to_owned()).filter(|text| !text.is_empty()).ok_or_else(|| {
        Failure::new(format_args!("{} cannot stand in a unit", path.display()))
            .help("name an absolute path of letters, digits and the signs / . _ - + @")
    })
}

fn word(text: &str) -> Result<String, Failure> {
    let fits = !text.is_empty() && is_plain(text) && !text.contains('/');
    fits.then(|| text.to_owned()).ok_or_else(|| Failure::new(format_args!("{text:?} is no name of a group")))
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte))
}

fn socket(policy: &Policy, places: &Places) -> String {
    let Places { socket, group, .. } = places;
    let name = &policy.gateway.name;
    // One client is meant to be connected; more share the ledger and its budgets.
    format!(
        "[Unit]\nDescription=Clients of the MCP gateway {name}\n\n[Socket]\nListenStream={socket}\nSocketMode=0660\nSocketGroup={group}\n\
         Accept=yes\nMaxConnections=1\n\n[Install]\nWantedBy=sockets.target\n"
    )
}

/// The service of one connection.
///
/// # Errors
/// The manifest fixes the ledger's place, and it is not an absolute path that a unit can name.
fn service(policy: &Policy, places: &Places) -> Result<String, Failure> {
    let Places { exec, key, ledger, credentials, .. } = places;
    let name = &policy.gateway.name;
    let user: String = format!("airlock-{name}").chars().take(USER_MAX).collect();
    let mut lines = vec![
        "[Unit]".to_owned(),
        format!("Description=The MCP gateway {name}"),
        String::new(),
        "[Service]".to_owned(),
        format!("ExecStart={exec}"),
        "StandardInput=socket".to_owned(),
        "StandardOutput=socket".to_owned(),
        "StandardError=journal".to_owned(),
        format!("User={}", user.trim_end_matches('-')),
        format!("LoadCredential=key:{key}"),
        "Environment=AIRLOCK_KEY_FILE=%d/key".to_owned(),
    ];
    for variable in secrets(policy) {
        lines.push(format!("LoadCredential={variable}:{credentials}/{variable}"));
        lines.push(format!("Environment={variable}_FILE=%d/{variable}"));
    }
    lines.extend(
        taken(policy)
            .into_iter()
            .map(|(variable, upstream)| format!("# The upstream {upstream} gets this variable:\n# Environment={variable}=")),
    );
    lines.extend(of_ledger(policy, ledger)?);
    lines.push(HARDENING.to_owned());
    lines.extend(of_parts(policy));
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// Where the ledger is, and that it may be written.
fn of_ledger(policy: &Policy, ledger: &str) -> Result<Vec<String>, Failure> {
    let (place, variable) = match &policy.ledger.dir_env {
        Some(variable) => (ledger.to_owned(), Some(format!("Environment={variable}={ledger}"))),
        // The manifest says where it is, and nothing can change it.
        None => (written(Path::new(&policy.ledger.dir_default))?, None),
    };
    let below = place.strip_prefix(STATE).filter(|below| !below.is_empty());
    let access = match below {
        Some(below) => vec![format!("StateDirectory={below}"), "StateDirectoryMode=0700".to_owned()],
        None => vec![format!("ReadWritePaths={place}")],
    };
    Ok(variable.into_iter().chain(access).collect())
}

/// Variables with credentials, each once: the gateway reads the file that `NAME_FILE` names.
fn secrets(policy: &Policy) -> BTreeSet<&str> {
    let of_tools = policy.tools.iter().filter_map(|tool| match &tool.kind {
        ToolKind::Rest(rest) => rest.auth.as_ref().map(|auth| auth.env.as_str()),
        ToolKind::Builtin(_) | ToolKind::Upstream(_) => None,
    });
    let variables = policy.upstreams.iter().flat_map(|upstream| &upstream.env);
    let of_upstreams = variables.filter_map(|variable| match &variable.value {
        VariableValue::Secret(source) => Some(source.as_str()),
        VariableValue::Literal(_) | VariableValue::From(_) => None,
    });
    of_tools.chain(of_upstreams).collect()
}

/// Variables that upstreams get from the gateway's own, with the upstream.
fn taken(policy: &Policy) -> Vec<(&str, &str)> {
    let all = policy.upstreams.iter().flat_map(|upstream| upstream.env.iter().map(move |variable| (variable, &upstream.name)));
    all.filter_map(|(variable, upstream)| match &variable.value {
        VariableValue::From(source) => Some((source.as_str(), upstream.as_str())),
        VariableValue::Literal(_) | VariableValue::Secret(_) => None,
    })
    .collect()
}

/// Has its sandbox a network?
fn is_proxied(upstream: &Upstream) -> bool {
    upstream.confine.as_ref().is_some_and(|confine| matches!(confine.net, Net::Proxy(_)))
}

/// What depends on the parts that the gateway has.
fn of_parts(policy: &Policy) -> Vec<String> {
    let features = airlock_policy::features(policy);
    let (http, upstream) = (features.contains(&"http"), features.contains(&"upstream"));
    let mut lines = Vec::new();
    match upstream {
        false => lines.push("MemoryDenyWriteExecute=yes".to_owned()),
        true => lines.push(
            "# Without MemoryDenyWriteExecute: programs of upstreams may compile while they run, as Node.js does.".to_owned(),
        ),
    }
    match policy.upstreams.iter().any(|upstream| upstream.confine.is_some()) {
        false => lines.push("RestrictNamespaces=yes".to_owned()),
        true => {
            lines.push("# Sandboxes of upstreams: namespaces of their own, and giving up what one has in them.".to_owned());
            lines.push("RestrictNamespaces=user net ipc".to_owned());
            lines.push("SystemCallFilter=capset".to_owned());
        }
    }
    match http || upstream {
        true if policy.upstreams.iter().any(is_proxied) => {
            lines.push("# The loopback device of a sandbox with a network is brought up by way of netlink.".to_owned());
            lines.push("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK".to_owned());
        }
        true => lines.push("RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6".to_owned()),
        false => {
            lines.push("RestrictAddressFamilies=AF_UNIX".to_owned());
            lines.push("PrivateNetwork=yes".to_owned());
            lines.push("IPAddressDeny=any".to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(name: &str) -> Places {
        Places {
            exec: format!("/opt/airlock/{name}"),
            key: format!("/etc/airlock/{name}.key"),
            ledger: format!("/var/lib/airlock-{name}"),
            credentials: "/etc/airlock".to_owned(),
            socket: format!("/run/{name}.sock"),
            group: "agents".to_owned(),
        }
    }

    fn units(manifest: &str) -> String {
        let manifest = manifest.replace("{name}", "gate");
        let checked = airlock_policy::compile(&manifest, "airlock.toml");
        let report = checked.render(false);
        let compiled = checked.into_compiled().unwrap_or_else(|| panic!("{report}"));
        let policy = compiled.policy();
        format!("{}\n{}", socket(policy, &places("gate")), service(policy, &places("gate")).unwrap())
    }

    #[test]
    fn a_unit_gives_a_gateway_what_its_policy_needs() {
        insta::assert_snapshot!("unit_locked", units(include_str!("../../../templates/new/locked.toml")));
        insta::assert_snapshot!("unit_rest", units(include_str!("../../../templates/new/rest.toml")));
    }

    #[test]
    fn a_sandbox_with_a_network_can_bring_its_loopback_device_up() {
        let manifest = |confine: &str| {
            include_str!("../../../templates/new/locked.toml").to_owned()
                + "\n[[egress]]\nhost = \"api.example.com\"\nwhy = \"x\"\n[upstreams.u]\ncommand = [\"/opt/u\"]\nwhy = \"x\"\n"
                + &format!("confine = {{ {confine} }}\n")
        };
        assert!(units(&manifest("net = \"proxy\", hosts = [\"api.example.com\"]")).contains(" AF_NETLINK\n"));
        assert!(!units(&manifest("net = \"none\"")).contains("AF_NETLINK"));
    }

    #[test]
    fn a_path_that_systemd_reads_otherwise_is_refused() {
        for path in ["relative", "/a b", "/a%h", "/a/../b", "/", "/a\nb", "/ü", ""] {
            assert!(written(Path::new(path)).is_err(), "{path:?}");
        }
        assert_eq!(written(Path::new("/var/lib/x/")).unwrap(), "/var/lib/x");
        assert!(word("agents").is_ok() && word("a/b").is_err() && word("").is_err());
    }

    #[test]
    fn a_program_that_the_hardening_hides_is_told() {
        for (line, dirs) in [
            ("ProtectHome=yes", ["/home/me/g", "/root/g", "/run/user/1/g"]),
            ("PrivateTmp=yes", ["/tmp/g", "/var/tmp/g", "/tmp/a/g"]),
        ] {
            assert!(HARDENING.lines().any(|it| it == line) && dirs.into_iter().all(|exec| hidden(exec).is_some()), "{line}");
        }
        assert!(["/opt/airlock/g", "/homes/g", "/usr/bin/g", "/tmpfs/g"].into_iter().all(|exec| hidden(exec).is_none()));
    }

    #[test]
    fn a_ledger_elsewhere_may_be_written_and_nothing_else() {
        let manifest = include_str!("../../../templates/new/locked.toml").replace("{name}", "gate");
        let compiled = airlock_policy::compile(&manifest, "airlock.toml").into_compiled().unwrap();
        let text = service(compiled.policy(), &Places { ledger: "/srv/ledger".to_owned(), ..places("gate") }).unwrap();
        assert!(text.contains("\nReadWritePaths=/srv/ledger\n") && !text.contains("StateDirectory"), "{text}");
    }

    /// Where the tool is. What it counts is documented with it; the figures stand in docs/deploy.md.
    #[test]
    fn systemd_finds_little_exposure() {
        let has = std::process::Command::new("systemd-analyze").arg("--version").output().is_ok_and(|it| it.status.success());
        if !has {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let locked = include_str!("../../../templates/new/locked.toml");
        for manifest in
            [locked, include_str!("../../../templates/new/weather.toml"), include_str!("../../../templates/new/rest.toml")]
        {
            let manifest = manifest.replace("{name}", "gate");
            let compiled = airlock_policy::compile(&manifest, "airlock.toml").into_compiled().unwrap();
            // It looks whether the program is there.
            let places = Places { exec: "/bin/true".to_owned(), ..places("gate") };
            let path = dir.path().join("gate@.service");
            std::fs::write(&path, service(compiled.policy(), &places).unwrap()).unwrap();
            let analysed = std::process::Command::new("systemd-analyze")
                .args(["security", "--offline=true", "--threshold=15", "--no-pager"])
                .arg(&path)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&analysed.stdout);
            assert!(analysed.status.success() && said.contains("Overall exposure"), "{said}");
        }
    }
}
