//! `[[egress]]`: the hosts that a gateway may reach at all.

use super::{host, sections, why};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, Field, Fields, refuse_twice};
use crate::ir::HostRule;
use crate::limits::{EGRESS_MAX, PORTS_MAX};

/// One entry.
#[derive(Debug)]
pub(crate) struct EgressDraft {
    pub(crate) host: At<HostRule>,
    pub(crate) ports: Vec<u16>,
    pub(crate) stand_in: Option<u16>,
    pub(crate) why: String,
}

/// All entries, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Egresses {
    pub(crate) known: Vec<EgressDraft>,
    /// Some entry was refused: a host without an entry may be that one.
    pub(crate) faulty: bool,
}

pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Egresses {
    let errors = faults.errors();
    let entries = sections(field, "[[egress]]", EGRESS_MAX, faults);
    let list: Vec<_> = entries.into_iter().filter_map(|fields| entry(fields, faults)).collect();
    let mut seen = std::collections::BTreeMap::new();
    for entry in &list {
        match seen.get(&entry.host.value) {
            None => {
                seen.insert(&entry.host.value, &entry.host.span);
            }
            Some(first) => {
                let message = format!("`{}` has two `[[egress]]` entries", crate::host::written(&entry.host.value));
                let diagnostic =
                    Diagnostic::new(Code::DuplicateHost, &entry.host.span, message, "again here").also(first, "first here");
                faults.push(diagnostic.help("merge them into one entry"));
            }
        }
    }
    Egresses { known: list, faulty: faults.errors() > errors }
}

fn entry(mut fields: Fields<'_>, faults: &mut Faults) -> Option<EgressDraft> {
    let host_field = fields.need("host", "host = \"api.example.com\"", faults);
    let host = host_field.as_ref().and_then(|field| host(field, faults));
    let ports = fields.take("ports").map_or(vec![443], |field| ports(&field, faults));
    let stand_in = fields.take("stand_in").and_then(|field| stand_in(&field, faults));
    let why = why(&mut fields, faults);
    fields.finish(&["methods", "auth", "pins", "tls"], faults);
    let host = host?;
    remark(&host, host_field.and_then(|field| field.value.as_str()).unwrap_or_default(), faults);
    Some(EgressDraft { host, ports, stand_in, why })
}

/// What a reviewer should know about an accepted host.
fn remark(host: &At<HostRule>, text: &str, faults: &mut Faults) {
    if host.value == HostRule::AnyPublic {
        let diagnostic = Diagnostic::new(Code::AnyHost, &host.span, "`*` allows every public host", "no host is excluded");
        faults.push(diagnostic.help("name the hosts; a tool that can reach any host can carry data to any host"));
    }
    if !text.is_ascii() {
        let message = format!("this host is compiled as `{}`", crate::host::written(&host.value));
        let diagnostic = Diagnostic::new(Code::UnicodeHost, &host.span, message, "letters beyond ASCII can look like others");
        faults.push(diagnostic.help("write the ASCII form, so that a reviewer sees which name it is"));
    }
}

fn ports(field: &Field<'_>, faults: &mut Faults) -> Vec<u16> {
    let list = field.list(1, PORTS_MAX, faults).unwrap_or_default();
    let ports: Vec<At<i64>> = list.iter().filter_map(|entry| entry.integer(1, i64::from(u16::MAX), faults)).collect();
    refuse_twice(&ports, i64::to_string, faults);
    let mut ports: Vec<u16> = ports.into_iter().filter_map(|port| u16::try_from(port.value).ok()).collect();
    ports.sort_unstable();
    ports
}

fn stand_in(field: &Field<'_>, faults: &mut Faults) -> Option<u16> {
    let text = field.string(faults)?;
    let port = crate::host::stand_in(text.value);
    let diagnostic = match port {
        Some(_) => Diagnostic::new(
            Code::StandIn,
            &text.span,
            "requests for this host go to a local stand-in, without TLS",
            "for tests only",
        )
        .help("remove `stand_in` before this gateway is used in earnest"),
        None => Diagnostic::new(Code::BadStandIn, &text.span, "a stand-in is a loopback address with a port", "not accepted")
            .help("write it as \"127.0.0.1:8080\""),
    };
    faults.push(diagnostic);
    port
}
