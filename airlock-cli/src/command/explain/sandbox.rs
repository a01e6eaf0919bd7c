//! `airlock explain --sandbox`: what the kernel leaves to each process of a gateway.

use crate::args::Format;
use crate::judge::Judge;
use crate::manifest::Accepted;
use crate::render::{Failure, say};
use airlock_policy::ir::{Confine, HostRule, Net, Policy, Upstream};
use airlock_runtime::confine::{Calls, Clerk, Egress, Judge as JudgeProfile, Launcher};
use serde::Serialize;

/// One process, or the processes of one kind.
#[derive(Debug, Serialize)]
struct Process {
    process: String,
    files: Vec<String>,
    network: Vec<String>,
    starts: Vec<String>,
    /// System calls: how many may be made at all, and how many of them with certain arguments only. Nothing where all but some may be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<Counted>,
    /// SHA-256 over filter and rules, as the gateway's `--version` and `--policy` say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
}

#[derive(Debug, Serialize)]
struct Counted {
    allowed: usize,
    checked: usize,
}

/// Prints every process that the gateway of a policy has.
///
/// # Errors
/// The system gives no random bytes, which a judge needs for its keys.
pub(super) fn show(accepted: &Accepted, format: Format) -> Result<(), Failure> {
    let policy = accepted.compiled.policy();
    let processes = processes(policy, &Judge::of(&accepted.compiled)?);
    match format {
        Format::Json => say(serde_json::json!({"policy_digest": accepted.compiled.digest_hex(), "processes": processes})),
        Format::Table => say(page(policy, &processes)),
    }
    Ok(())
}

fn processes(policy: &Policy, judge: &Judge<'_>) -> Vec<Process> {
    let profile = JudgeProfile::of(judge.compiled());
    let mut all = vec![
        Process {
            process: "judge".into(),
            // What is open when it begins to serve, and what the clerk opens for it.
            files: Vec::new(),
            network: Vec::new(),
            starts: Vec::new(),
            calls: Some(counted(profile.counted())),
            profile: Some(hex(&profile.digest())),
        },
        Process {
            process: "clerk".into(),
            files: texts(&["the ledger's directory: read, list, write, make and replace files"]),
            network: Vec::new(),
            starts: Vec::new(),
            calls: Some(counted(Clerk.counted())),
            profile: Some(hex(&Clerk.digest())),
        },
    ];
    if profile.egress {
        let egress = Egress::of(judge.compiled());
        let ports: Vec<String> = egress.ports.iter().map(u16::to_string).collect();
        all.push(Process {
            process: "egress".into(),
            files: texts(&["the files of the resolver, to read"]),
            network: vec![format!("TCP to port {}", ports.join(", ")), "UDP, for lookups of names".into()],
            starts: Vec::new(),
            calls: Some(counted(egress.counted())),
            profile: Some(hex(&egress.digest())),
        });
    }
    if profile.upstreams {
        all.push(Process {
            process: "launcher".into(),
            files: texts(&["as the user"]),
            network: texts(&["as the user; nothing raw"]),
            starts: policy.upstreams.iter().map(|upstream| format!("upstream {}", upstream.name)).collect(),
            calls: None,
            profile: Some(hex(&Launcher::of(judge.compiled()).digest())),
        });
        all.extend(policy.upstreams.iter().map(foreign));
    }
    all
}

fn foreign(upstream: &Upstream) -> Process {
    let process = format!("upstream {}", upstream.name);
    let Some(confine) = &upstream.confine else {
        let as_user = || texts(&["as the user"]);
        return Process { process, files: as_user(), network: as_user(), starts: as_user(), calls: None, profile: None };
    };
    let Confine { system, read, write, exec, net, limits: _, allow_missing: _ } = confine;
    let mut files: Vec<String> = read.iter().map(|path| format!("{path}: read")).collect();
    files.extend(write.iter().map(|path| format!("{path}: read and write")));
    files.extend(system.then(|| "libraries and shared data of the system: read".to_owned()));
    let network = match net {
        Net::None => Vec::new(),
        Net::Proxy(hosts) => hosts.iter().map(|entry| format!("TLS to {}, through egress", host(&entry.host))).collect(),
    };
    let starts = upstream.command.iter().take(1).chain(exec).cloned().collect();
    Process { process, files, network, starts, calls: None, profile: None }
}

fn host(rule: &HostRule) -> String {
    match rule {
        HostRule::Exact(host) => host.clone(),
        HostRule::OneLabel(parent) => format!("*.{parent}"),
        HostRule::AnyPublic => "*".to_owned(),
    }
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const fn counted(Calls { allowed, checked }: Calls) -> Counted {
    Counted { allowed, checked }
}

fn page(policy: &Policy, processes: &[Process]) -> String {
    let mut page = String::new();
    for Process { process, files, network, starts, calls, profile } in processes {
        page += &format!("{process}\n");
        for (what, list) in [("files", files), ("network", network), ("starts", starts)] {
            let said = if list.is_empty() { "nothing".to_owned() } else { list.join("; ") };
            page += &format!("  {what:<9} {said}\n");
        }
        let said = match calls {
            Some(Counted { allowed, checked }) => {
                format!("{allowed}, {checked} of them with certain arguments only; any other one ends the process")
            }
            None => "all but those that administer a host or reach into other processes".to_owned(),
        };
        page += &format!("  {:<9} {said}\n", "calls");
        page += &profile.as_ref().map(|digest| format!("  {:<9} {digest}\n", "profile")).unwrap_or_default();
        page.push('\n');
    }
    for part in &policy.sandbox.allow_missing {
        page += &format!("The gateway starts also on a kernel without {}: {}\n", part.word(), policy.sandbox.why);
    }
    if policy.sandbox.unconfined {
        page += &format!("The gateway starts also where nothing confines it: {}\n", policy.sandbox.why);
    }
    page.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(manifest: &str) -> String {
        let manifest = manifest.replace("{name}", "gate");
        let checked = airlock_policy::compile(&manifest, "airlock.toml");
        let report = checked.render(false);
        let compiled = checked.into_compiled().unwrap_or_else(|| panic!("{report}"));
        page(compiled.policy(), &processes(compiled.policy(), &Judge::of(&compiled).unwrap()))
    }

    /// The digests change with every change of a profile, and are other ones on other machines.
    #[test]
    fn every_process_is_shown_with_what_is_left_to_it() {
        let shown = |manifest: &str| {
            let lines = shown(manifest);
            let lines = lines.lines().map(|line| if line.starts_with("  profile") { "  profile   <SHA-256>" } else { line });
            lines.collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!("sandbox_locked", shown(include_str!("../../../../templates/new/locked.toml")));
        insta::assert_snapshot!("sandbox_rest", shown(include_str!("../../../../templates/new/rest.toml")));
    }

    #[test]
    fn a_part_that_may_be_missing_is_said() {
        let manifest = include_str!("../../../../templates/new/locked.toml").to_owned();
        let shown = shown(&(manifest + "\n[sandbox]\nallow_missing = [\"landlock\"]\nwhy = \"old hosts\"\n"));
        assert!(shown.ends_with("The gateway starts also on a kernel without landlock: old hosts"), "{shown}");
    }
}
