//! A manifest as large organisations have it; the benches measure the same one.

use std::fmt::Write;

/// Tools that share one `[[egress]]` entry.
const TOOLS_PER_HOST: usize = 5;
/// Tools of one grant.
const TOOLS_PER_GRANT: usize = 10;

/// A manifest of so many REST tools with four argument rules each, and hosts, groups, rule sets, labels, quotas, flows, grants and
/// requirements to match. The same number gives the same text.
pub(crate) fn manifest(tools: usize) -> String {
    let mut text = HEAD.to_owned();
    // Writing to a string cannot fail.
    for host in 0..tools.div_ceil(TOOLS_PER_HOST) {
        let _ = writeln!(text, "[[egress]]\nhost = \"api-{host}.example.com\"\nwhy = \"service {host}\"");
    }
    for tool in 0..tools {
        let _ = write!(text, "{}", rest_tool(tool));
    }
    for (grant, first) in (0..tools).step_by(TOOLS_PER_GRANT).enumerate() {
        let names: Vec<String> = (first..tools.min(first + TOOLS_PER_GRANT)).map(|tool| format!("\"service-{tool}\"")).collect();
        let _ = writeln!(
            text,
            "[[grant]]\nsubject = \"agent:team-{grant}\"\ntools = [{}]\nissue = \"operator\"\nmax_ttl = \"10m\"\nwhy = \"team {grant}\"",
            names.join(", ")
        );
    }
    text
}

fn rest_tool(number: usize) -> String {
    let host = number / TOOLS_PER_HOST;
    let (labels, effect) = match number % 3 {
        0 => ("reads:private", "read"),
        1 => ("ingests:untrusted", "read"),
        _ => ("sends:external", "send"),
    };
    let (method, approval) = if effect == "send" { ("POST", "approval = \"human\"\n") } else { ("GET", "") };
    let at = if effect == "send" { "body" } else { "query" };
    format!(
        "[tools.service-{number}]\ndescription = \"calls service {number}\"\n\
         http = {{ method = \"{method}\", url = \"https://api-{host}.example.com/v1/{{project}}/items-{number}\", {at} = [\"text\", \"state\"] }}\n\
         input.project = {{ type = \"string\", matches = '[A-Z]{{2,8}}-{number}' }}\n\
         input.text = {{ type = \"string\", max_length = {} }}\n\
         input.state = {{ type = \"string\", use = \"state\", required = false }}\n\
         effect = \"{effect}\"\nlabels = [\"{labels}\"]\n{approval}limits = {{ rate = \"10/1m\" }}\nwhy = \"service {number}\"\n",
        100 + number
    )
}

const HEAD: &str = "airlock = 1
[gateway]
name = \"large\"
[keys]
accept = [\"k1\"]
[args.state]
one_of = [\"open\", \"closed\"]
[[flow]]
deny = [\"reads:private\", \"ingests:untrusted\", \"sends:external\"]
why = \"no exfiltration after an injection\"
[[flow]]
ask = [\"reads:private\", \"sends:external\"]
why = \"a person looks at what leaves\"
[[require]]
every = { labels = [\"sends:external\"] }
has = { approval = \"human\", exact_hosts = true, limits = true, max_ttl = \"15m\" }
why = \"nothing leaves unseen\"
[[require]]
never = { subject = \"agent:intern\" }
why = \"no grant for interns\"
";
