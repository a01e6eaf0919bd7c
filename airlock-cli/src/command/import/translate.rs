//! From the original's JSON to a manifest and a report. Pure: text in, text out.
//!
//! The original's rules are wider than ours in places. Where the two differ the narrower one is taken, and the report says so.

use super::draft::{ISSUE_TOOL, LEDGER, Tool, manifest, name_fits, probe};
use serde_json::{Map, Value};
use std::fmt::Write;

/// The longest life of a lease that a manifest may name, seconds.
const TTL_MAX: u64 = airlock_policy::limits::TTL_MAX_S;
/// The hosts that `weather_hourly` calls.
const WEATHER: [&str; 2] = ["api.open-meteo.com", "geocoding-api.open-meteo.com"];
/// Tools that are the same in both, and what they are for.
const TOOLS: [(&str, &str); 6] = [
    ("http_get_json", "read JSON from the hosts above"),
    ("weather_hourly", "hourly forecasts"),
    (ISSUE_TOOL, "agents obtain leases within the grant below"),
    ("airlock_audit_tail", "see the newest decisions"),
    ("airlock_usage_stats", "count calls and denials"),
    ("airlock_exposure_report", "see what is granted and not used"),
];

/// A finished translation.
#[derive(Debug)]
pub(super) struct Translation {
    /// A manifest that compiles.
    pub(super) manifest: String,
    /// What became of every setting, one a line.
    pub(super) report: String,
}

/// Lines of the report.
#[derive(Debug, Default)]
struct Report(String);

impl Report {
    fn carried(&mut self, line: impl std::fmt::Display) {
        self.line("carried", &line);
    }
    fn changed(&mut self, line: impl std::fmt::Display) {
        self.line("changed", &line);
    }
    fn dropped(&mut self, line: impl std::fmt::Display) {
        self.line("not carried", &line);
    }
    fn to_do(&mut self, line: impl std::fmt::Display) {
        self.line("to do", &line);
    }
    fn line(&mut self, kind: &str, line: &dyn std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{kind:<12} {line}");
    }
}

/// Translates a configuration.
///
/// # Errors
/// The text is no JSON object of the known form (with line and column where JSON ends), names no tool that exists here, or the name is no gateway name.
pub(super) fn translate(text: &str, name: &str) -> Result<Translation, String> {
    let config: Map<String, Value> = serde_json::from_str(text).map_err(|error| format!("not a configuration: {error}"))?;
    let mut report = Report::default();
    secret(&config, &mut report);
    let ledger = ledger(config.get("provenance_log"), &mut report);
    let max_ttl = max_ttl(config.get("max_ttl_seconds"), &mut report);
    let standard = threshold(config.get("default_risk_threshold"), "default_risk_threshold", &mut report);
    let tools = tools(config.get("tools"), &mut report)?;
    for key in config.keys() {
        if !["secret_key", "provenance_log", "max_ttl_seconds", "default_risk_threshold", "tools"].contains(&key.as_str()) {
            report.dropped(format_args!("{}: no such setting here", quoted(key)));
        }
    }
    report.to_do("replace every `why` by the reason in your own words; a reviewer reads them");
    if tools.iter().any(|tool| tool.name == ISSUE_TOOL) {
        report.to_do(format_args!(
            "agents issue their own leases, as before; for operators only, remove {ISSUE_TOOL} and write `issue = \"operator\"`"
        ));
    }
    report.to_do("set the `subject` of the grant: the original let every subject ask for every tool");
    let manifest = manifest(name, max_ttl, standard.as_deref(), &ledger, &tools);
    let checked = airlock_policy::compile(&manifest, "airlock.toml");
    match checked.compiled() {
        Some(_) => {}
        None if !name_fits(name) => {
            return Err(format!("{} cannot be the name of a gateway: use a-z, 0-9 and '-', a letter first", quoted(name)));
        }
        None => return Err(format!("the manifest made from it does not compile:\n{}", checked.render(false))),
    }
    Ok(Translation { manifest, report: report.0.trim_end().to_owned() })
}

fn secret(config: &Map<String, Value>, report: &mut Report) {
    if config.contains_key("secret_key") {
        report
            .dropped("secret_key: a new random key was made; nothing is derived from the old one, and its leases are void here");
        report.to_do("delete the old secret_key wherever it is stored; treat it as known");
    }
}

/// The ledger is a directory; the old file stays where it is.
fn ledger(value: Option<&Value>, report: &mut Report) -> String {
    let Some(value) = value else { return LEDGER.to_owned() };
    let folder = value.as_str().and_then(|path| std::path::Path::new(path).parent()).and_then(std::path::Path::to_str);
    let folder = match folder {
        Some("") => Some(LEDGER.to_owned()),
        Some(folder) => Some(format!("{}/airlock-ledger", folder.trim_end_matches('/'))),
        None => None,
    };
    let fits = |path: &String| !path.starts_with('~') && !path.contains('$') && probe(path, None);
    match folder.filter(fits) {
        Some(folder) => {
            report.changed(format_args!(
                "provenance_log: the ledger is a directory, {}; the old file is not read or converted",
                quoted(&folder)
            ));
            folder
        }
        None => {
            report.dropped(format_args!("provenance_log: no path that a manifest may name; the ledger is {LEDGER}"));
            LEDGER.to_owned()
        }
    }
}

fn max_ttl(value: Option<&Value>, report: &mut Report) -> u64 {
    let standard = airlock_policy::limits::MAX_TTL_S;
    match value.map(Value::as_u64) {
        None => standard,
        Some(Some(seconds @ 1..=TTL_MAX)) => {
            report.carried(format_args!("max_ttl_seconds = {seconds}"));
            seconds
        }
        Some(Some(seconds)) if seconds > TTL_MAX => {
            report.changed(format_args!("max_ttl_seconds = {seconds} is beyond the longest lease here; now {TTL_MAX}"));
            TTL_MAX
        }
        Some(_) => {
            report.dropped(format_args!("max_ttl_seconds: not a number of seconds above 0; now {standard}"));
            standard
        }
    }
}

/// A threshold as a manifest writes it: cut to three decimals, which denies no later than before.
fn threshold(value: Option<&Value>, key: &str, report: &mut Report) -> Option<String> {
    let value = value?;
    let Some(number) = value.as_f64().filter(|number| number.is_finite()) else {
        report.dropped(format_args!("{key}: not a number; the standard threshold holds"));
        return None;
    };
    let thousandths = (number.clamp(0.0, 1.0) * 1000.0 + 1e-6).floor();
    let text = if thousandths < 1.0 { "0.001".to_owned() } else { format!("{:.3}", thousandths / 1000.0) };
    let short = text.trim_end_matches('0');
    let text = if short.ends_with('.') { format!("{short}0") } else { short.to_owned() };
    if number > 1.0 {
        report.changed(format_args!("{key} = {number} is out of range; now 1.0, which denies only the highest score"));
    } else if number < 0.001 {
        report.changed(format_args!("{key} = {number} would deny every call; now {text}, which denies every call with any risk"));
    } else if text.parse() == Ok(number) {
        report.carried(format_args!("{key} = {text}"));
    } else {
        report.changed(format_args!("{key} = {number} has more than three decimals; now {text}"));
    }
    Some(text)
}

fn tools(value: Option<&Value>, report: &mut Report) -> Result<Vec<Tool>, String> {
    let listed = value.ok_or("it has no `tools`")?.as_object().ok_or("`tools` is not an object")?;
    let mut tools = Vec::new();
    for (name, settings) in listed {
        let Some((name, why)) = TOOLS.into_iter().find(|(known, _)| known == name) else {
            report.dropped(format_args!("tool {}: not part of this gateway; its code is not in the binary", quoted(name)));
            continue;
        };
        let Some(settings) = settings.as_object() else {
            report.dropped(format_args!("tool {name}: its settings are not an object"));
            continue;
        };
        tools.extend(tool(name, why, settings, report));
    }
    match tools.iter().any(|tool| tool.name != ISSUE_TOOL) {
        true => Ok(tools),
        false => Err(format!("no tool is left that a lease could name\n{}", report.0.trim_end())),
    }
}

fn tool(name: &'static str, why: &'static str, settings: &Map<String, Value>, report: &mut Report) -> Option<Tool> {
    let threshold = threshold(settings.get("risk_threshold"), &format!("{name}.risk_threshold"), report);
    match settings.get("require_capability") {
        None | Some(Value::Bool(true)) => {}
        Some(_) => report.changed(format_args!("{name}.require_capability: every call needs a lease here; none is exempt")),
    }
    for key in settings.keys().filter(|key| !["require_capability", "risk_threshold", "allowed_domains"].contains(&key.as_str()))
    {
        report.dropped(format_args!("{name}.{}: no such setting here", quoted(key)));
    }
    let domains = match settings.get("allowed_domains") {
        None => &[],
        Some(Value::Array(domains)) => domains.as_slice(),
        Some(_) => {
            report.dropped(format_args!("{name}.allowed_domains: not a list"));
            &[]
        }
    };
    let mut hosts: Vec<String> = domains.iter().filter_map(|domain| host(name, domain, report)).collect();
    hosts.sort();
    hosts.dedup();
    if name == "weather_hourly" {
        for host in WEATHER.iter().filter(|host| !hosts.iter().any(|known| known == *host)) {
            report.changed(format_args!("{name}: {host} added, which it calls"));
        }
        hosts = WEATHER.map(str::to_owned).to_vec();
    }
    if name == "http_get_json" && hosts.is_empty() {
        report.dropped(format_args!("tool {name}: no host is left that it may reach; list hosts and import again"));
        return None;
    }
    report.carried(format_args!("tool {name}"));
    Some(Tool { name, why, threshold, hosts })
}

/// A host that a manifest accepts and that the tool calls.
fn host(tool: &str, domain: &Value, report: &mut Report) -> Option<String> {
    let Some(domain) = domain.as_str() else {
        report.dropped(format_args!("{tool}.allowed_domains: an entry that is no text"));
        return None;
    };
    let shown = quoted(domain);
    let host = domain.trim_end_matches('.').to_ascii_lowercase();
    let problem = match tool {
        "weather_hourly" if !WEATHER.contains(&host.as_str()) => Some("it never calls this host"),
        "weather_hourly" | "http_get_json" if domain == "*" => Some("a wildcard for every host; name the hosts"),
        "weather_hourly" | "http_get_json" if !probe(LEDGER, Some(&host)) => Some("not a host of the public internet"),
        "weather_hourly" | "http_get_json" => None,
        _ => Some("it uses no network"),
    };
    if let Some(problem) = problem {
        report.dropped(format_args!("{tool}.allowed_domains {shown}: {problem}"));
        return None;
    }
    if host.starts_with("*.") {
        report.changed(format_args!("{tool}.allowed_domains {shown}: the star stands for exactly one label, over HTTPS only"));
    } else {
        report.carried(format_args!("{tool}.allowed_domains {shown}: exactly this host, over HTTPS only"));
    }
    Some(host)
}

/// Text of the configuration, safe to show on a terminal and cut to a line.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{dots}\"", short.escape_default())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
