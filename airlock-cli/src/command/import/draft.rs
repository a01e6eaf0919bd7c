//! The manifest that an import writes.

/// The id of the new key.
pub(super) const KID: &str = "k1";
/// Where the ledger goes when the original's file tells nothing.
pub(super) const LEDGER: &str = "./airlock-ledger";
/// The tool that issues leases; a grant says `self` when it is there.
pub(super) const ISSUE_TOOL: &str = "airlock_issue_capability";
/// A tool as it goes into the manifest.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) why: &'static str,
    pub(super) threshold: Option<String>,
    pub(super) hosts: Vec<String>,
}

/// Whether the checker accepts a ledger directory and a host, asked with the smallest manifest that has them.
pub(super) fn probe(ledger: &str, host: Option<&str>) -> bool {
    let hosts = vec![host.unwrap_or("example.com").to_owned()];
    let tool = Tool { name: "http_get_json", why: "probe", threshold: None, hosts };
    airlock_policy::compile(&manifest("gateway", 60, None, ledger, &[tool]), "probe").compiled().is_some()
}

/// Whether the checker accepts a gateway name.
pub(super) fn name_fits(name: &str) -> bool {
    let tool = Tool { name: "airlock_usage_stats", why: "probe", threshold: None, hosts: Vec::new() };
    airlock_policy::compile(&manifest(name, 60, None, LEDGER, &[tool]), "probe").compiled().is_some()
}

/// The text of a manifest that grants all its tools in one grant.
pub(super) fn manifest(name: &str, max_ttl: u64, threshold: Option<&str>, ledger: &str, tools: &[Tool]) -> String {
    let text = |text: &str| toml_edit::Value::from(text).to_string();
    let list = |items: &[&str]| items.iter().map(|item| text(item)).collect::<Vec<_>>().join(", ");
    let mut out = format!(
        "# Made by `airlock import` from a configuration of the original MCP Airlock. Read it as a draft: each `why` is a placeholder.\n\
         airlock = 1\n\n[gateway]\nname = {}\n\n\
         [keys]\naccept = [\"{KID}\"]                # the key itself is in a file that is named at run time\n\n\
         [lease]\ndefault_ttl = \"{}\"\nmax_ttl = \"{}\"\ncarriers = [\"meta\", \"arguments\"]\n\n",
        text(name),
        duration(max_ttl.min(airlock_policy::limits::DEFAULT_TTL_S)),
        duration(max_ttl),
    );
    if let Some(threshold) = threshold {
        out.push_str(&format!("[risk]\nthreshold = {threshold}\n\n"));
    }
    out.push_str(&format!(
        "[ledger]\ndir = {{ env = \"AIRLOCK_LEDGER_DIR\", default = {} }}\ndurability = \"power\"           # a decision is on disk before its effect\n\n",
        text(ledger),
    ));
    let mut hosts: Vec<&str> = tools.iter().flat_map(|tool| tool.hosts.iter().map(String::as_str)).collect();
    hosts.sort_unstable();
    hosts.dedup();
    for host in hosts {
        out.push_str(&format!("[[egress]]\nhost = {}\nwhy = \"imported; say what is read there\"\n\n", text(host)));
    }
    for tool in tools {
        out.push_str(&format!("[tools.{}]\n", tool.name));
        if let Some(threshold) = &tool.threshold {
            out.push_str(&format!("risk_threshold = {threshold}\n"));
        }
        if !tool.hosts.is_empty() {
            let hosts: Vec<&str> = tool.hosts.iter().map(String::as_str).collect();
            out.push_str(&format!("egress = [{}]\n", list(&hosts)));
        }
        out.push_str(&format!("why = \"imported; {}\"\n\n", tool.why));
    }
    let granted: Vec<&str> = tools.iter().map(|tool| tool.name).filter(|name| *name != ISSUE_TOOL).collect();
    let issue = if granted.len() < tools.len() { "self" } else { "operator" };
    out.push_str(&format!(
        "# The original had no grants: whoever asked for a capability got it. Name the subjects, and split the tools between them.\n\
         [[grant]]\nsubject = \"agent:imported\"\ntools = [{}]\nissue = \"{issue}\"\nwhy = \"imported; say who this is and what for\"\n",
        list(&granted),
    ));
    out
}

/// Seconds in the largest unit that divides them.
fn duration(seconds: u64) -> String {
    match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{}h", seconds / 3600),
        (_, 0) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}
