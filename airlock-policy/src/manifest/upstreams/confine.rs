//! `[upstreams.<name>.confine]`: what the kernel lets the process of an upstream touch.

use super::super::groups::Groups;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, Field, Fields, refuse_twice};
use crate::ir::{Confine, Feature, HostRule, Net, ProcessLimits};
use crate::limits::{
    CONFINE_PATHS_MAX, DATA_DEFAULT, DATA_MAX, DATA_MIN, FILES_DEFAULT, FILES_MAX, FILES_MIN, FSIZE_DEFAULT, FSIZE_MIN,
    HOSTS_MAX, PATH_MAX, PROCESSES_DEFAULT, PROCESSES_MAX, PROCESSES_MIN, TTL_MAX_S,
};
use crate::name;

/// Directories of which the kernel makes up the contents: to write or run what is in them is to steer it.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// A sandbox with the places that later checks speak of.
#[derive(Debug)]
pub(crate) struct ConfineDraft {
    pub(crate) read: Vec<At<String>>,
    pub(crate) write: Vec<At<String>>,
    pub(crate) exec: Vec<At<String>>,
    pub(crate) allow_missing: Vec<At<Feature>>,
    /// Hosts that it reaches through the gateway; `None` = it has no network.
    pub(crate) hosts: Option<Vec<At<HostRule>>>,
    system: bool,
    limits: ProcessLimits,
}

impl ConfineDraft {
    /// As it is compiled, but for its hosts, of which `[[egress]]` says more.
    pub(super) fn compiled(&self) -> Confine {
        let Self { read, write, exec, allow_missing, hosts: _, system, limits } = self;
        let sorted = |list: &[At<String>]| {
            let mut texts: Vec<String> = list.iter().map(|at| at.value.clone()).collect();
            texts.sort();
            texts
        };
        let mut missing: Vec<Feature> = allow_missing.iter().map(|at| at.value).collect();
        missing.sort_unstable();
        Confine {
            system: *system,
            read: sorted(read),
            write: sorted(write),
            exec: sorted(exec),
            net: Net::None,
            limits: limits.clone(),
            allow_missing: missing,
        }
    }
}

/// Is a path the same as another one, or below it?
pub(crate) fn holds(outer: &str, inner: &str) -> bool {
    let Some(rest) = inner.strip_prefix(outer) else { return false };
    rest.is_empty() || rest.starts_with('/') || outer == "/"
}

/// Reads the sandbox.
pub(super) fn read(upstream: &str, field: &Field<'_>, groups: &Groups, faults: &mut Faults) -> Option<ConfineDraft> {
    let mut fields = field.table(format!("`[upstreams.{upstream}.confine]`"), faults)?;
    let system = fields.take("system").and_then(|field| field.boolean(faults)).is_none_or(|at| at.value);
    let read = fields.take("read").map(|field| paths(&field, readable, faults)).unwrap_or_default();
    let write = fields.take("write").map(|field| paths(&field, changeable, faults)).unwrap_or_default();
    let exec = fields.take("exec").map(|field| paths(&field, changeable, faults)).unwrap_or_default();
    let hosts = network(&mut fields, groups, faults);
    let limits = fields.take("limits").map(|field| limits(upstream, &field, faults)).unwrap_or_else(defaults);
    let list = fields.take("allow_missing").and_then(|field| field.list(0, 1, faults)).unwrap_or_default();
    let features = [("userns", Feature::Userns)];
    let allow_missing: Vec<_> = list.iter().filter_map(|field| field.word(&features, &[], faults)).collect();
    fields.finish(&["view", "syscalls"], faults);
    refuse_both(&read, &write, faults);
    if let (Some(_), Some(missing)) = (&hosts, allow_missing.iter().find(|at| at.value == Feature::Userns)) {
        let message = format!("`{upstream}` would reach every host where it has no network namespace of its own");
        let diagnostic = Diagnostic::new(Code::ProxyNamespaces, &missing.span, message, "holds the proxy up");
        faults.push(diagnostic.help("remove it, or the network: `net = \"none\"`"));
    }
    Some(ConfineDraft { read, write, exec, allow_missing, hosts, system, limits })
}

/// Whether a process has a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    None,
    Proxy,
}

/// `net` and `hosts`, which need each other. `None`: no network.
fn network(fields: &mut Fields<'_>, groups: &Groups, faults: &mut Faults) -> Option<Vec<At<HostRule>>> {
    let words = [("none", Word::None), ("proxy", Word::Proxy)];
    let net = fields.take("net").and_then(|field| field.word(&words, &[], faults));
    let hosts = fields.take("hosts");
    match (net, hosts) {
        (Some(At { value: Word::Proxy, .. }), Some(field)) => Some(groups.host_list(&field, 1, HOSTS_MAX, faults).0),
        (Some(At { value: Word::Proxy, span }), None) => {
            let diagnostic = Diagnostic::new(Code::ProxyHosts, &span, "a proxy without `hosts` leads nowhere", "to which hosts?");
            faults.push(diagnostic.help("add `hosts = [\"api.example.com\"]`, or write `net = \"none\"`"));
            None
        }
        (Some(At { value: Word::None, .. }) | None, Some(field)) => {
            let message = "it has no network, so it reaches none of these hosts";
            let diagnostic = Diagnostic::new(Code::ProxyHosts, &field.key, message, "has no use");
            faults.push(diagnostic.help("add `net = \"proxy\"`, or remove `hosts`"));
            None
        }
        (Some(At { value: Word::None, .. }) | None, None) => None,
    }
}

fn defaults() -> ProcessLimits {
    ProcessLimits { data: DATA_DEFAULT, fsize: FSIZE_DEFAULT, cpu: None, files: FILES_DEFAULT, processes: PROCESSES_DEFAULT }
}

fn limits(upstream: &str, field: &Field<'_>, faults: &mut Faults) -> ProcessLimits {
    let Some(mut fields) = field.table(format!("`[upstreams.{upstream}.confine.limits]`"), faults) else { return defaults() };
    let data = fields.take("data").and_then(|field| field.size(DATA_MIN, DATA_MAX, faults));
    let fsize = fields.take("fsize").and_then(|field| field.size(FSIZE_MIN, DATA_MAX, faults));
    let cpu = fields.take("cpu").and_then(|field| field.period(1, TTL_MAX_S, faults));
    let files = fields.take("files").and_then(|field| field.integer(FILES_MIN, FILES_MAX, faults));
    let processes = fields.take("processes").and_then(|field| field.integer(PROCESSES_MIN, PROCESSES_MAX, faults));
    fields.finish(&[], faults);
    ProcessLimits {
        data: data.map_or(DATA_DEFAULT, |at| at.value),
        fsize: fsize.map_or(FSIZE_DEFAULT, |at| at.value),
        cpu: cpu.map(|at| at.value),
        files: files.and_then(|at| u64::try_from(at.value).ok()).unwrap_or(FILES_DEFAULT),
        processes: processes.and_then(|at| u64::try_from(at.value).ok()).unwrap_or(PROCESSES_DEFAULT),
    }
}

fn paths(field: &Field<'_>, check: fn(&str) -> Result<(), String>, faults: &mut Faults) -> Vec<At<String>> {
    let list = field.list(0, CONFINE_PATHS_MAX, faults).unwrap_or_default();
    let read: Vec<At<String>> = list.iter().filter_map(|entry| entry.checked(Code::ConfinePath, check, faults)).collect();
    refuse_twice(&read, String::clone, faults);
    read
}

fn readable(text: &str) -> Result<(), String> {
    name::under(text)?;
    if text.len() > PATH_MAX {
        return Err(format!("a path has at most {PATH_MAX} bytes"));
    }
    Ok(())
}

/// What may be written or run is never everything, nor what the kernel makes up.
fn changeable(text: &str) -> Result<(), String> {
    readable(text)?;
    if text == "/" {
        return Err("`/` is everything: name what is needed of it".to_owned());
    }
    match KERNEL.iter().find(|dir| holds(dir, text)) {
        Some(dir) => Err(format!("what is below `{dir}` is the kernel's own")),
        None => Ok(()),
    }
}

/// What is run is never what is written: nobody has reviewed that. A program or directory that the upstream can put a link in the place of
/// would besides be opened where the link leads.
pub(super) fn refuse_writable(upstream: &str, command: &[String], draft: &ConfineDraft, faults: &mut Faults) {
    let programs = || command.first().into_iter().chain(draft.exec.iter().map(|path| &path.value));
    for path in &draft.write {
        let Some(program) = programs().find(|program| holds(&path.value, program) || holds(program, &path.value)) else {
            continue;
        };
        let message = format!("`{upstream}` may run `{program}` and overwrite it");
        let diagnostic = Diagnostic::new(Code::WritableProgram, &path.span, message, "writable");
        faults.push(diagnostic.help("keep what is run apart from what is written"));
    }
}

/// What may be written may be read: a path in both lists says less than it seems to.
fn refuse_both(read: &[At<String>], write: &[At<String>], faults: &mut Faults) {
    for path in read {
        let Some(other) = write.iter().find(|other| holds(&other.value, &path.value)) else { continue };
        let message = format!("`{}` is writable already, by `{}` in `write`", path.value, other.value);
        let diagnostic = Diagnostic::new(Code::ConfinePath, &path.span, message, "says that it is only read");
        faults.push(diagnostic.also(&other.span, "writable by this").help("remove the one that is not meant"));
    }
    for path in write {
        let is_outer = |other: &&At<String>| other.value != path.value && holds(&other.value, &path.value);
        let Some(other) = write.iter().find(is_outer) else { continue };
        let message = format!("`{}` is within `{}`, where the upstream could put a link in its place", path.value, other.value);
        let diagnostic = Diagnostic::new(Code::ConfinePath, &path.span, message, "writable already");
        faults.push(diagnostic.also(&other.span, "by this").help("remove it"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_holds_itself_and_what_is_below() {
        for (outer, inner) in [("/", "/a"), ("/", "/"), ("/a", "/a"), ("/a", "/a/b")] {
            assert!(holds(outer, inner), "{outer} {inner}");
        }
        for (outer, inner) in [("/a", "/ab"), ("/a/b", "/a"), ("/a", "/")] {
            assert!(!holds(outer, inner), "{outer} {inner}");
        }
    }

    #[test]
    fn everything_is_neither_written_nor_run() {
        assert!(readable("/") == Ok(()) && readable("/proc/self") == Ok(()) && changeable("/procs") == Ok(()));
        for bad in ["", "a", "/a/", "/a/../b", "/", "/proc", "/sys/fs/cgroup", "/dev/shm", &format!("/{}", "a".repeat(1024))] {
            assert!(changeable(bad).is_err(), "{bad}");
        }
    }
}
