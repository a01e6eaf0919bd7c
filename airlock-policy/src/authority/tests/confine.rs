//! Sandboxes of upstreams: what is gained, what is lost.

use super::worlds::foreign::{proxied, world_of};
use super::*;
use crate::ir::{Confine, Egress, Feature, Net, OnRisk, ProcessLimits};

fn confined() -> Confine {
    let limits = ProcessLimits { data: 1 << 30, fsize: 1 << 20, cpu: Some(60), files: 64, processes: 32 };
    let list = |path: &str| vec![path.to_owned()];
    Confine {
        system: false,
        read: list("/opt/a"),
        write: list("/srv/w"),
        exec: list("/usr/bin/git"),
        net: Net::None,
        limits,
        allow_missing: Vec::new(),
    }
}

fn with(confine: Option<Confine>) -> Policy {
    let mut policy = world_of(0, proxied(0, 1000, OnRisk::Deny, 1), true, Vec::new());
    policy.upstreams[0].confine = confine;
    policy
}

fn reaches(hosts: &[(&str, u16)]) -> Net {
    let entry = |(host, port): &(&str, u16)| Egress {
        host: crate::host::rule(host).unwrap(),
        ports: vec![*port],
        stand_in: None,
        why: "x".to_owned(),
    };
    Net::Proxy(hosts.iter().map(entry).collect())
}

#[test]
fn a_network_is_compared_host_by_host() {
    let network = |net: Net| Some(Confine { net, ..confined() });
    let of = |hosts: &[(&str, u16)]| network(reaches(hosts));
    for (old, new, told) in [
        (of(&[("*.example.com", 443)]), of(&[("api.example.com", 443)]), None),
        (of(&[("api.example.com", 443)]), of(&[("*.example.com", 443)]), Some("connects to *.example.com:443")),
        (of(&[("api.example.com", 443)]), of(&[("api.example.com", 8443)]), Some("connects to api.example.com:8443")),
        (of(&[("*", 443)]), of(&[("*.example.com", 443)]), None),
        (
            of(&[("a.example.com", 443)]),
            of(&[("a.example.com", 443), ("b.example.com", 443)]),
            Some("connects to b.example.com:443"),
        ),
    ] {
        let told: Vec<String> = told.iter().map(|told| format!("Confinement: refused, u → {told}, u")).collect();
        assert_eq!(gained(old, new), told);
    }
}

/// What the second has and the first has not.
fn gained(old: Option<Confine>, new: Option<Confine>) -> Vec<String> {
    let rows = diff(&with(old), &with(new)).rows;
    let rows = rows.into_iter().filter(|row| row.status == Status::Gained);
    rows.map(|row| format!("{:?}: {} → {}", row.dimension, row.old, row.new)).collect()
}

/// What is done to a sandbox, and what is told of it.
type Change<'c> = (&'c dyn Fn(&mut Confine), &'c str);

#[test]
fn each_part_of_a_sandbox_is_a_row_of_its_own_in_one_direction() {
    let changes: [Change<'_>; 13] = [
        (&|c| c.system = true, "refused, u → reads libraries and shared data of the system, u"),
        (&|c| c.read.push("/opt/b".into()), "refused, u → reads /opt/b, u"),
        (&|c| c.read.push("/".into()), "refused, u → reads /, u"),
        (&|c| c.write.push("/opt/a/x".into()), "refused, u → writes /opt/a/x, u"),
        (&|c| c.exec.push("/usr/bin".into()), "refused, u → runs /usr/bin, u"),
        (&|c| c.net = reaches(&[("api.example.com", 443)]), "refused, u → connects to api.example.com:443, u"),
        (&|c| c.limits.data *= 2, "1GiB of memory, u → 2GiB of memory, u"),
        (&|c| c.limits.fsize *= 2, "1MiB of each file, u → 2MiB of each file, u"),
        (&|c| c.limits.cpu = Some(120), "1m on a processor, u → 2m on a processor, u"),
        (&|c| c.limits.processes = 64, "32 processes, u → 64 processes, u"),
        (&|c| c.limits.cpu = None, "1m on a processor, u → any time on a processor, u"),
        (&|c| c.limits.files = 65, "64 descriptors, u → 65 descriptors, u"),
        (
            &|c| c.allow_missing.push(Feature::Userns),
            "not started without namespaces, u → started without namespaces where the host refuses them, u",
        ),
    ];
    for (change, told) in changes {
        let mut new = confined();
        change(&mut new);
        assert_eq!(gained(Some(confined()), Some(new.clone())), [format!("Confinement: {told}")]);
        assert_eq!(gained(Some(new), Some(confined())), [""; 0], "{told}: only lost the other way round");
    }
    let all = "Confinement: what its sandbox allows, u → whatever the gateway's user may, u";
    assert_eq!(gained(Some(confined()), None), [all]);
    assert_eq!(gained(None, Some(confined())), [""; 0]);
}

#[test]
fn what_is_within_a_listed_path_is_nothing_new() {
    let mut new = confined();
    new.read = ["/opt/a/b", "/srv/w/x", "/usr/bin/git"].map(str::to_owned).to_vec();
    new.write = vec!["/srv/w/x".to_owned()];
    assert_eq!(gained(Some(confined()), Some(new.clone())), [""; 0]);
    new.read = vec!["/opt/ab".to_owned()];
    assert_eq!(gained(Some(confined()), Some(new)).len(), 1, "a name that begins alike is another");
}
