//! The kernel sandbox of an upstream.

use super::{Absent, Groups, Key, Kind, Section};
use crate::code::Code;
use crate::limits::{
    CONFINE_PATHS_MAX, DATA_MAX, DATA_MIN, FILES_MAX, FILES_MIN, FSIZE_MIN, HOSTS_MAX, PROCESSES_MAX, PROCESSES_MIN, TTL_MAX_S,
};

/// A list of paths.
const PATHS: Kind = Kind::List(&Kind::Text("an absolute path in normal form", "^/"), 0, CONFINE_PATHS_MAX);

pub(super) static CONFINE: Section = Section {
    name: "[upstreams.<name>.confine]",
    about: "What the kernel lets the process of an upstream touch (Landlock, seccomp, namespaces, resource limits), and with it whatever it \
starts. What does not stand here is refused: paths, programs, the network, processes and signals outside, and some ninety system calls that no \
server needs. A gateway does not start the upstream where the kernel lacks a part of it. [upstreams.md](upstreams.md#what-the-kernel-confines) \
has the rules, and what real servers need.",
    keys: &[
        Key::default(
            "system",
            Kind::Boolean,
            "true",
            "false",
            "whether it may read the system's libraries, shared data, certificates and time zones, and use `/dev/null`; \
[the list](upstreams.md#what-the-kernel-confines)",
            &[],
        ),
        Key::default(
            "read",
            PATHS,
            "[]",
            "[\"/opt/mcp\"]",
            "files and directories that it may read, with all below",
            &[Code::ConfinePath, Code::BroadPath, Code::ExposedLedger],
        ),
        Key::default(
            "write",
            PATHS,
            "[]",
            "[\"/srv/work\"]",
            "files and directories that it may read and write, with all below; nothing of them can be run",
            &[Code::ConfinePath, Code::BroadPath, Code::WritableProgram, Code::ExposedLedger],
        ),
        Key::default(
            "exec",
            PATHS,
            "[]",
            "[\"/usr/bin/git\"]",
            "programs that it may read and run besides the one of `command`; of each, its interpreter and loader too",
            &[Code::ConfinePath, Code::BroadPath, Code::ConfinedShell, Code::ExposedLedger],
        ),
        Key::default(
            "net",
            Kind::Word(&["none", "proxy"]),
            "\"none\"",
            "\"proxy\"",
            "what of the network it has: nothing, or TLS connections to `hosts` by way of the gateway, whose address it finds in \
`HTTPS_PROXY`",
            &[Code::ProxyHosts],
        ),
        Key::optional(
            "hosts",
            Kind::List(&Kind::Host(Groups::Allowed), 1, HOSTS_MAX),
            "none",
            "[\"api.example.com\"]",
            "hosts that it reaches with `net = \"proxy\"`, each as in `[[egress]]`",
            &[Code::ProxyHosts, Code::UndeclaredHost, Code::UnknownGroup],
        ),
        Key {
            name: "limits",
            kind: Kind::Table(&LIMITS),
            absent: Absent::Means("every default"),
            example: "{ data = \"512MiB\" }",
            meaning: "bounds on each of its processes",
            codes: &[],
        },
        Key::default(
            "allow_missing",
            Kind::List(&Kind::Word(&["userns"]), 0, 1),
            "[]",
            "[\"userns\"]",
            "features of the kernel without which it is started all the same: `userns`, the namespaces for users, network and IPC, which some \
hosts and containers refuse",
            &[Code::MissingNamespaces, Code::ProxyNamespaces],
        ),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static LIMITS: Section = Section {
    name: "[upstreams.<name>.confine.limits]",
    about: "Bounds on each process of an upstream, and on their number, as the kernel counts them.",
    keys: &[
        Key::default("data", Kind::Size(DATA_MIN, DATA_MAX), "\"2GiB\"", "\"512MiB\"", "its private writable memory", &[]),
        Key::default("fsize", Kind::Size(FSIZE_MIN, DATA_MAX), "\"64MiB\"", "\"1MiB\"", "the largest file that it writes", &[]),
        Key::optional(
            "cpu",
            Kind::Duration(1, TTL_MAX_S),
            "no bound",
            "\"1h\"",
            "time on a processor, over its whole life; then it is ended, and started again when it is next needed",
            &[],
        ),
        Key::default("files", Kind::Integer(FILES_MIN, FILES_MAX), "256", "64", "descriptors that it has open at once", &[]),
        Key::default(
            "processes",
            Kind::Integer(PROCESSES_MIN, PROCESSES_MAX),
            "256",
            "32",
            "processes and threads of all of it together; where it has its own namespaces, and the gateway is not run by root",
            &[],
        ),
    ],
    also: None,
    example: "",
    more: "",
};
