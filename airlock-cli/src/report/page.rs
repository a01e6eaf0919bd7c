//! The page: one file of HTML without scripts, fonts or links to anything, in printable ASCII alone.

use super::chart::{self, columns, meter};
use super::gather::{Gathered, RISK_BINS, TIME_BINS};
use super::idle::Granted;
use crate::shown::plain;
use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::read::{Agent, Usage};
use airlock_runtime::ledger::verify::{Report, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Most columns of the table of agents and tools; a wider one cannot be read or printed.
const COLUMNS_MAX: usize = 16;
/// Most rows of any table; what is beyond is counted.
const ROWS_MAX: usize = 100;

const STYLE: &str = include_str!("style.css");

/// What a page is made of.
#[derive(Debug)]
pub(crate) struct Content<'a> {
    pub(crate) proof: &'a Report,
    pub(crate) found: &'a Gathered,
    /// Grants of the manifest, if one was named.
    pub(crate) granted: Option<&'a [Granted]>,
    /// When the page was made.
    pub(crate) made: Micros,
}

/// Text that others wrote, for HTML: markup has no effect, and no character moves, hides or turns another.
fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// As [`esc`], with line feeds as they are.
fn esc_lines(text: &str) -> String {
    text.lines().map(|line| esc(line) + "\n").collect()
}

/// The whole page.
pub(crate) fn page(content: &Content<'_>) -> String {
    let Content { proof, found, granted, made } = content;
    let name = esc(&proof.origin);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{name}: ledger report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    let period = found.since.zip(found.until).map(|(since, until)| format!("{} to {}", when(since), when(until)));
    let _ = writeln!(
        out,
        "<header><h1>{name}</h1><p>{} entries{}. Made {}.</p></header>",
        found.entries,
        period.map(|period| format!(", {period}")).unwrap_or_default(),
        when(*made)
    );
    totals(&mut out, found);
    if found.shadow > 0 {
        let _ = writeln!(
            out,
            "<p><strong>Shadow mode:</strong> {} of the calls shown as denied were recorded as that and made all the same.</p>",
            found.shadow
        );
    }
    proof_section(&mut out, proof, found);
    section(&mut out, "Decisions over time", &(LEGEND.to_owned() + &figure(&chart::course(&found.course))));
    section(&mut out, "Agents and tools", &matrix(&found.agents));
    section(&mut out, "Denials by reason", &denials(found));
    section(&mut out, "Risk", &risk(found));
    section(&mut out, "Durations", &durations(found));
    section(&mut out, "Hosts reached", &hosts(&found.hosts));
    section(&mut out, "Authority granted and used", &authority(&found.agents, *granted));
    section(&mut out, "Questions to users", &counts(&found.questions, "answer", "no user was asked"));
    section(&mut out, "Other entries", &events(found));
    out + "</main>\n</body>\n</html>\n"
}

const LEGEND: &str = "<p class=\"legend\"><span class=\"key allow\"></span>allowed <span class=\"key deny\"></span>denied</p>";

fn section(out: &mut String, title: &str, body: &str) {
    let _ = writeln!(out, "<section><h2>{title}</h2>\n{body}\n</section>");
}

fn figure(svg: &str) -> String {
    format!("<figure>{svg}</figure>")
}

fn when(at: Micros) -> String {
    format!("{} UTC", &at.rfc3339()[..19].replace('T', " "))
}

fn totals(out: &mut String, found: &Gathered) {
    let usages = || found.agents.iter().flat_map(|agent| &agent.tools);
    let counted: u64 = found.denials.values().map(|denials| denials.counted).sum();
    let sum = |of: fn(&Usage) -> u64| usages().map(of).sum::<u64>();
    let agents = found.agents.iter().filter(|agent| !agent.subject.is_empty()).count();
    let cards = [
        ("calls", sum(|usage| usage.calls) + counted),
        ("allowed", sum(|usage| usage.allowed)),
        ("denied", sum(|usage| usage.denied + usage.shadow) + counted),
        ("failed", sum(|usage| usage.failed)),
        ("agents", agents as u64),
        ("hosts", found.hosts.len() as u64),
    ];
    out.push_str("<dl class=\"cards\">");
    for (what, count) in cards {
        let _ = write!(out, "<div><dt>{what}</dt><dd>{count}</dd></div>");
    }
    out.push_str("</dl>\n");
}

fn proof_section(out: &mut String, proof: &Report, found: &Gathered) {
    let (class, word) = match proof.verdict {
        Verdict::Proven => ("good", "PROVEN"),
        Verdict::Tampered => ("bad", "TAMPERED"),
        Verdict::Weaker => ("weak", "INTACT, BUT LESS IS PROVEN THAN ASKED"),
        Verdict::Truncated => ("bad", "TRUNCATED"),
    };
    let mut body = format!("<p class=\"verdict {class}\">{word}</p>\n<table class=\"facts\">");
    let policies: Vec<String> = found.policies.iter().map(|(digest, count)| format!("{} ({count})", esc(digest))).collect();
    let facts = [
        ("entries", proof.entries.to_string()),
        ("tree head", esc(&proof.root)),
        ("checkpoint", format!("covers {}, {} behind it", proof.anchored, proof.unsealed)),
        ("witness", proof.witnessed.map_or_else(|| "none was named".to_owned(), |seen| format!("has seen {seen}"))),
        ("seal", proof.sealed.map_or_else(|| "no seed was given".to_owned(), |sealed| format!("covers {sealed}"))),
        ("durability", esc(&proof.durability)),
        ("log key", esc(&proof.key)),
        ("policies", policies.join(", ")),
    ];
    for (what, value) in facts {
        let _ = write!(body, "<tr><th scope=\"row\">{what}</th><td><code>{value}</code></td></tr>");
    }
    body.push_str("</table>\n");
    for finding in &proof.findings {
        let seq = finding.seq.map(|seq| format!("entry {seq}, ")).unwrap_or_default();
        let _ = writeln!(body, "<p class=\"verdict bad\">{seq}{}: {}</p>", esc(&finding.file), esc(&finding.reason));
    }
    if found.damaged > 0 {
        let _ =
            writeln!(body, "<p class=\"verdict bad\">{} lines could not be read and are not counted below</p>", found.damaged);
    }
    for (title, sentences) in [("Proven", &proof.proven), ("Not proven", &proof.not_proven)] {
        let items: String = sentences.iter().map(|sentence| format!("<li>{}</li>", esc(sentence))).collect();
        let _ = write!(body, "<h3>{title}</h3><ul>{items}</ul>");
    }
    section(out, "Proof", &body);
}

/// A table with a heading row; rows are cells of HTML.
fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = "<div class=\"wide\"><table><thead><tr>".to_owned();
    heads.iter().for_each(|head| {
        let _ = write!(out, "<th scope=\"col\">{head}</th>");
    });
    out.push_str("</tr></thead><tbody>");
    for row in rows.iter().take(ROWS_MAX) {
        let cells: String = row.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        let _ = write!(out, "<tr>{cells}</tr>");
    }
    out.push_str("</tbody></table></div>");
    if rows.len() > ROWS_MAX {
        let _ = write!(out, "<p>and {} more</p>", rows.len() - ROWS_MAX);
    }
    out
}

fn subject(agent: &Agent) -> String {
    if agent.subject.is_empty() { "(no valid lease)".to_owned() } else { esc(&agent.subject) }
}

/// Agents down, tools across; a cell has allowed and denied calls, and is the darker the more they are.
fn matrix(agents: &[Agent]) -> String {
    let mut calls: BTreeMap<&str, u64> = BTreeMap::new();
    let usages = || agents.iter().flat_map(|agent| &agent.tools);
    usages().for_each(|usage| *calls.entry(&usage.tool).or_default() += usage.calls);
    let mut tools: Vec<(&str, u64)> = calls.into_iter().collect();
    tools.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let others = tools.split_off(tools.len().min(COLUMNS_MAX)).len();
    if tools.is_empty() {
        return "<p>no calls</p>".to_owned();
    }
    let most = usages().map(|usage| usage.calls).max().unwrap_or(1).max(1);
    let heads: Vec<String> = std::iter::once("agent".to_owned()).chain(tools.iter().map(|(tool, _)| esc(tool))).collect();
    let cell = |usage: Option<&Usage>| match usage {
        None => String::new(),
        Some(usage) => {
            // Five shades: enough to see, few enough to tell apart in print.
            let shade = (usage.calls * 5).div_ceil(most);
            let denied = usage.denied + usage.shadow;
            let denied = if denied > 0 { format!(" <span class=\"no\">{denied}</span>") } else { String::new() };
            format!("<span class=\"heat h{shade}\">{}{denied}</span>", usage.allowed)
        }
    };
    let row = |agent: &Agent| {
        let cells = tools.iter().map(|(tool, _)| cell(agent.tools.iter().find(|usage| usage.tool == *tool)));
        std::iter::once(subject(agent)).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = agents.iter().filter(|agent| !agent.tools.is_empty()).map(row).collect();
    let more = if others > 0 { format!("<p>and {others} more tools</p>") } else { String::new() };
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    format!("<p class=\"legend\">allowed <span class=\"no\">denied</span></p>{}{more}", table(&heads, &rows))
}

fn denials(found: &Gathered) -> String {
    let mut all: Vec<_> = found.denials.iter().collect();
    all.sort_by(|a, b| b.1.count.cmp(&a.1.count).then(a.0.cmp(b.0)));
    let most = all.first().map_or(1, |(_, denials)| denials.count);
    let rows: Vec<Vec<String>> = all
        .into_iter()
        .map(|(reason, denials)| {
            let examples: String = denials
                .examples
                .iter()
                .map(|example| {
                    let who = if example.sub.is_empty() { "(no valid lease)".to_owned() } else { esc(&example.sub) };
                    let detail = if example.detail.is_empty() { String::new() } else { format!(": {}", esc(&example.detail)) };
                    format!(
                        "<li>{} entry {}: {who} called {}{detail}</li>",
                        esc(&example.ts[..19]),
                        example.seq,
                        esc(&example.tool)
                    )
                })
                .collect();
            let counted = if denials.counted > 0 { format!(" ({} only counted)", denials.counted) } else { String::new() };
            vec![
                format!("<code>{}</code>", esc(reason)),
                format!("{}{counted}", denials.count),
                meter(denials.count, most, "deny"),
                format!("<ul class=\"examples\">{examples}</ul>"),
            ]
        })
        .collect();
    if rows.is_empty() { "<p>nothing was denied</p>".to_owned() } else { table(&["reason", "calls", "", "newest"], &rows) }
}

fn risk(found: &Gathered) -> String {
    let label = |bin: usize| format!("{}.{:02}", bin / RISK_BINS, bin % RISK_BINS * 100 / RISK_BINS);
    let labels: Vec<_> = (0..RISK_BINS).step_by(2).map(|bin| (bin, label(bin))).collect();
    LEGEND.to_owned() + &figure(&columns("Calls by risk", &found.risk, &labels))
}

fn durations(found: &Gathered) -> String {
    let values: Vec<_> = found.times.iter().map(|count| (*count, 0)).collect();
    let label = |bin: usize| match 1u64 << bin {
        micros @ 0..1000 => format!("{micros} us"),
        micros @ 1000..1_000_000 => format!("{} ms", micros / 1000),
        micros => format!("{} s", micros / 1_000_000),
    };
    let labels: Vec<_> = (0..TIME_BINS).step_by(4).map(|bin| (bin, label(bin))).collect();
    let micros =
        |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |micros| format!("{}.{:03}", micros / 1000, micros % 1000));
    let rows: Vec<Vec<String>> = found
        .agents
        .iter()
        .flat_map(|agent| agent.tools.iter().filter(|usage| usage.p50_us.is_some()).map(move |usage| (agent, usage)))
        .map(|(agent, usage)| {
            vec![esc(&usage.tool), subject(agent), usage.failed.to_string(), micros(usage.p50_us), micros(usage.p95_us)]
        })
        .collect();
    let shown = if rows.is_empty() {
        "<p>no call came to an end</p>".to_owned()
    } else {
        table(&["tool", "agent", "failed", "p50 ms", "p95 ms"], &rows)
    };
    figure(&columns("Calls by duration", &values, &labels)) + &shown
}

fn hosts(hosts: &BTreeMap<String, u64>) -> String {
    counts(hosts, "host", "no host was reached")
}

/// Names with their numbers, the largest first.
fn counts(map: &BTreeMap<String, u64>, what: &str, none: &str) -> String {
    let mut all: Vec<_> = map.iter().collect();
    all.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let most = all.first().map_or(1, |(_, count)| **count);
    let row = |(name, count): (&String, &u64)| vec![esc(name), count.to_string(), meter(*count, most, "allow")];
    let rows: Vec<Vec<String>> = all.into_iter().map(row).collect();
    if rows.is_empty() { format!("<p>{none}</p>") } else { table(&[what, "calls", ""], &rows) }
}

fn authority(agents: &[Agent], granted: Option<&[Granted]>) -> String {
    let Some(granted) = granted else {
        let held: Vec<Vec<String>> = agents
            .iter()
            .filter(|agent| !agent.unused.is_empty())
            .map(|agent| vec![subject(agent), agent.unused.iter().map(|tool| esc(tool)).collect::<Vec<_>>().join(", ")])
            .collect();
        let held = if held.is_empty() {
            "<p>every tool that a lease names was used</p>".to_owned()
        } else {
            table(&["agent", "in its leases, not used"], &held)
        };
        return held + "<p>With <code>--manifest</code> this compares with the grants, and says what to change.</p>";
    };
    let mut out = String::new();
    let rows: Vec<Vec<String>> = granted
        .iter()
        .map(|grant| {
            let tools = |used: bool| {
                let named = grant.tools.iter().filter(|(_, count)| (*count > 0) == used);
                named
                    .map(|(tool, count)| if used { format!("{} ({count})", esc(tool)) } else { esc(tool) })
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            vec![esc(&grant.subject), esc(&grant.why), tools(true), tools(false)]
        })
        .collect();
    out.push_str(&table(&["subject", "why it was granted", "used", "not used"], &rows));
    for grant in granted {
        if let Some(patch) = &grant.patch {
            let _ =
                write!(out, "<h3>To take from {} what it does not use</h3><pre>{}</pre>", esc(&grant.subject), esc_lines(patch));
        }
    }
    let known: BTreeSet<&str> = granted.iter().map(|grant| grant.subject.as_str()).collect();
    let strangers: Vec<String> =
        agents.iter().filter(|agent| !agent.subject.is_empty() && !known.contains(agent.subject.as_str())).map(subject).collect();
    if !strangers.is_empty() {
        let _ = write!(out, "<p>In the ledger, but in no grant of this manifest: {}</p>", strangers.join(", "));
    }
    out
}

fn events(found: &Gathered) -> String {
    let rows: Vec<Vec<String>> =
        found.events.iter().rev().map(|event| vec![event.seq.to_string(), esc(&event.ts[..19]), esc(&event.what)]).collect();
    if rows.is_empty() { "<p>none</p>".to_owned() } else { table(&["entry", "time", "what"], &rows) }
}

#[cfg(test)]
mod tests;
