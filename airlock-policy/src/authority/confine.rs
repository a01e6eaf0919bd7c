//! Sandboxes of upstreams: what the kernel lets a process touch under the one policy and not under the other.

use super::compare::{Dimension, Row, Step};
use crate::amount::{duration, size};
use crate::host::{covers, written};
use crate::ir::{Confine, Egress, Feature, HostRule, Net, ProcessLimits, Upstream};
use crate::manifest::holds;

/// Rows for every upstream that both policies have; what a new one may do comes with the tools of it that are gained.
pub(super) fn rows(step: &Step<'_>, rows: &mut Vec<Row>) {
    for upstream in &step.to.policy.upstreams {
        let other = step.from.policy.upstreams.iter().find(|other| other.name == upstream.name);
        let more = other.map(|other| more(other, upstream)).unwrap_or_default();
        rows.extend(more.into_iter().map(|(old, new)| {
            let [old, new] = [old, new].map(|text| format!("{text}, {}", upstream.name));
            step.row_of(Dimension::Confinement, &old, &new, None, ("*", "*"))
        }));
    }
}

/// What the process of the second may do and that of the first may not: what the first says of it, and what the second says.
fn more(from: &Upstream, to: &Upstream) -> Vec<(String, String)> {
    let (from, to) = match (&from.confine, &to.confine) {
        (Some(from), Some(to)) => (from, to),
        (Some(_), None) => return vec![("what its sandbox allows".to_owned(), "whatever the gateway's user may".to_owned())],
        (None, Some(_) | None) => return Vec::new(),
    };
    // A new key breaks the build here until someone decides what it means.
    let Confine { system, read, write, exec, net, limits, allow_missing } = to;
    let mut found = Vec::new();
    let mut gained = |is: bool, old: &str, new: String| found.extend(is.then(|| (old.to_owned(), new)));
    gained(*system && !from.system, "refused", "reads libraries and shared data of the system".to_owned());
    let lacks = |lists: &[&Vec<String>], path: &str| !lists.iter().any(|list| list.iter().any(|known| holds(known, path)));
    for path in read {
        gained(lacks(&[&from.read, &from.write, &from.exec], path), "refused", format!("reads {path}"));
    }
    for path in write {
        gained(lacks(&[&from.write], path), "refused", format!("writes {path}"));
    }
    for path in exec {
        gained(lacks(&[&from.exec], path), "refused", format!("runs {path}"));
    }
    for entry in reached(net) {
        let Egress { host, ports, stand_in, why: _ } = entry;
        let known = |port: &&u16| {
            reached(&from.net)
                .iter()
                .any(|old| includes(&old.host, host) && old.ports.contains(port) && old.stand_in == *stand_in)
        };
        for port in ports.iter().filter(|port| !known(port)) {
            let through = stand_in.map_or_else(String::new, |port| format!(", which is port {port} of this host"));
            gained(true, "refused", format!("connects to {}:{port}{through}", written(host)));
        }
    }
    bounds(&from.limits, limits, &mut gained);
    for feature in allow_missing.iter().filter(|feature| !from.allow_missing.contains(feature)) {
        let Feature::Userns = feature;
        gained(true, "not started without namespaces", "started without namespaces where the host refuses them".to_owned());
    }
    found
}

/// Does one rule cover every host of the other?
fn includes(outer: &HostRule, inner: &HostRule) -> bool {
    match (outer, inner) {
        (HostRule::AnyPublic, _) => true,
        (_, HostRule::Exact(host)) => covers(outer, host),
        (HostRule::Exact(_) | HostRule::OneLabel(_), HostRule::OneLabel(_) | HostRule::AnyPublic) => outer == inner,
    }
}

/// The hosts of a network.
fn reached(net: &Net) -> &[Egress] {
    match net {
        Net::None => &[],
        Net::Proxy(hosts) => hosts,
    }
}

fn bounds(from: &ProcessLimits, to: &ProcessLimits, gained: &mut impl FnMut(bool, &str, String)) {
    let ProcessLimits { data, fsize, cpu, files, processes } = to;
    let bytes = |what: &str, most: u64| format!("{} of {what}", size(most));
    gained(*data > from.data, &bytes("memory", from.data), bytes("memory", *data));
    gained(*fsize > from.fsize, &bytes("each file", from.fsize), bytes("each file", *fsize));
    let time = |cpu: Option<u64>| {
        cpu.map_or_else(|| "any time on a processor".to_owned(), |cpu| format!("{} on a processor", duration(cpu)))
    };
    gained(cpu.unwrap_or(u64::MAX) > from.cpu.unwrap_or(u64::MAX), &time(from.cpu), time(*cpu));
    let open = |files: u64| format!("{files} descriptors");
    gained(*files > from.files, &open(from.files), open(*files));
    let count = |processes: u64| format!("{processes} processes");
    gained(*processes > from.processes, &count(from.processes), count(*processes));
}
