//! What the profiles come to.

use super::bpf::{Action, Rule};
use super::{Calls, Clerk, Egress, Judge, Launcher, profile};

/// The figures of `docs/sandbox.md`. One more is a decision.
#[test]
fn the_lists_are_as_long_as_the_page_says() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sandbox.md")).unwrap();
    for (name, filter) in [
        ("judge", profile::JUDGE_RULES),
        ("judge with upstreams", profile::JUDGE_UPSTREAMS_RULES),
        ("clerk", profile::CLERK_RULES),
        ("egress", profile::EGRESS_RULES),
        ("egress with a proxy", profile::EGRESS_PROXY_RULES),
    ] {
        let Calls { allowed, checked } = profile::counted(filter);
        let row = format!("| {name} | {allowed} | {checked} |");
        assert!(page.contains(&row), "docs/sandbox.md lacks: {row}");
    }
}

#[test]
fn no_judge_starts_programs_or_opens_sockets_or_takes_a_path() {
    let has = |groups: &[&[Rule]], nr: i64| {
        groups.iter().flat_map(|group| group.iter()).any(|rule| i64::from(rule.nr) == nr && rule.then == Action::Allow)
    };
    for groups in [profile::JUDGE_RULES.groups, profile::JUDGE_UPSTREAMS_RULES.groups] {
        for nr in [
            libc::SYS_execve,
            libc::SYS_execveat,
            libc::SYS_clone,
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_bind,
            libc::SYS_kill,
            libc::SYS_ptrace,
            libc::SYS_prctl,
            libc::SYS_ioctl,
            libc::SYS_open,
            libc::SYS_openat,
            libc::SYS_openat2,
            libc::SYS_creat,
            libc::SYS_rename,
            libc::SYS_renameat,
            libc::SYS_renameat2,
            libc::SYS_mkdirat,
            libc::SYS_stat,
            libc::SYS_newfstatat,
            libc::SYS_statx,
            libc::SYS_access,
            libc::SYS_readlinkat,
            libc::SYS_getdents64,
            libc::SYS_truncate,
            libc::SYS_ftruncate,
            libc::SYS_unlinkat,
            libc::SYS_fchmod,
            libc::SYS_fallocate,
        ] {
            assert!(!has(groups, nr), "{nr}");
        }
    }
}

#[test]
fn each_profile_has_a_digest_of_its_own() {
    let all = [
        Judge { egress: false, upstreams: false }.digest(),
        Judge { egress: true, upstreams: true }.digest(),
        Clerk.digest(),
        Egress { ports: vec![443], proxy: false }.digest(),
        Egress { ports: vec![443], proxy: true }.digest(),
        Launcher { sandboxes: false }.digest(),
        Launcher { sandboxes: true }.digest(),
    ];
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}
