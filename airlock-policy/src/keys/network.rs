//! Hosts and their groups.

use super::{Groups, Key, Kind, Section, why};
use crate::code::Code;
use crate::limits::{HOSTS_MAX, PORTS_MAX};

/// A list of hosts that may name groups.
pub(super) const HOST_LIST: Kind = Kind::List(&Kind::Host(Groups::Allowed), 0, HOSTS_MAX);

pub(super) static EGRESS: Section = Section {
    name: "[[egress]]",
    about: "The hosts that the gateway may reach at all. A tool reaches only those that its own `egress` names. Addresses, `localhost`, \
private names, names without a dot, and wildcards over names of different owners (`*.com`, `*.github.io`) are refused.",
    keys: &[
        Key::required(
            "host",
            Kind::Host(Groups::Refused),
            "\"*.example.com\"",
            "which hosts; once in the manifest",
            &[Code::DuplicateHost, Code::AnyHost, Code::UnusedHost, Code::UnicodeHost],
        ),
        Key::default(
            "ports",
            Kind::List(&Kind::Integer(1, 65_535), 1, PORTS_MAX),
            "[443]",
            "[443, 8443]",
            "ports of `https` URLs",
            &[],
        ),
        Key::optional(
            "stand_in",
            Kind::Text("`\"127.0.0.1:PORT\"`", "^127\\.0\\.0\\.1:[0-9]{1,5}$"),
            "none",
            "\"127.0.0.1:8080\"",
            "tests and demonstrations only: requests go to this local server instead, without TLS",
            &[Code::BadStandIn, Code::StandIn],
        ),
        why("why the gateway needs it"),
    ],
    also: None,
    example: "[[egress]]
host = \"*.example.com\"
ports = [443, 8443]
why = \"the services of our provider\"
",
    more: "",
};

pub(super) static HOSTS: Section = Section {
    name: "[hosts.<name>]",
    about: "A name for a list of hosts. `\"@name\"` stands for all of them in `egress` of a tool, `domains` of a grant and `host_in`. A \
group names no other group, and each of its hosts still needs its `[[egress]]` entry where a tool uses it as egress.",
    keys: &[
        Key::required(
            "hosts",
            Kind::List(&Kind::Host(Groups::Refused), 1, HOSTS_MAX),
            "[\"api.example.com\", \"data.example.com\"]",
            "the hosts of the group",
            &[],
        ),
        why("what they have in common"),
    ],
    also: None,
    example: "[hosts.weather]
hosts = [\"api.open-meteo.com\", \"geocoding-api.open-meteo.com\"]
why = \"the forecast service\"
[lints]
unused-group = { level = \"allow\", why = \"an example\" }
",
    more: "",
};
