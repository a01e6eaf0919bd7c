//! The goldens of `src/expand/tests.rs` compile against the runtime, and the constants are what the manifests say.

use airlock_runtime::builtin;
use airlock_runtime::call;
use airlock_runtime::policy::upstream::{EraRule, OnRisk};
use airlock_runtime::policy::{Approval, Builtin, Durability, FlowVerdict, HostRule, Issue, Policy, Rate, ToolKind};
use serde_json::{Value, json};

/// One gateway as a module; its `main` would serve.
macro_rules! gateway {
    ($name:ident, $path:literal) => {
        mod $name {
            airlock_macros::gateway!($path);

            pub(crate) fn policy() -> &'static super::Policy {
                let _serve: fn() -> std::process::ExitCode = main;
                &airlock_gateway::POLICY
            }
        }
    };
}

gateway!(weather, "../examples/weather/airlock.toml");
gateway!(rules, "tests/manifests/rules.toml");
gateway!(audit, "tests/manifests/audit.toml");
gateway!(everything, "../tests/manifests/good/everything.toml");
gateway!(upstreams, "../tests/manifests/good/upstreams.toml");

#[test]
fn the_index_finds_every_tool_and_nothing_else() {
    for policy in [weather::policy(), rules::policy(), audit::policy(), everything::policy()] {
        for (at, tool) in policy.tools.iter().enumerate() {
            assert_eq!(policy.tool_index.of(tool.name), Some(at));
            for other in [tool.name.to_uppercase(), format!("{} ", tool.name), tool.name[1..].to_owned(), String::new()] {
                assert_eq!(policy.tool_index.of(&other), None, "{other:?}");
            }
        }
    }
    assert_eq!(audit::policy().tool_index.of("http_get_json"), None);
}

#[test]
fn constants_are_what_the_manifest_says() {
    let weather = weather::policy();
    assert_eq!((weather.gateway, weather.lease.default_ttl, weather.lease.max_ttl), ("weather", 900, 1800));
    assert!(weather.lease.carrier_meta && weather.lease.carrier_arguments);
    assert_eq!(weather.ledger.dir_env, Some("AIRLOCK_LEDGER_DIR"));
    assert!(matches!(weather.tools[0].kind, ToolKind::Builtin(Builtin::WeatherHourly)));
    assert_eq!(weather.tools[0].risk_threshold, 700);
    assert_eq!(weather.grants[0].issue, Issue::SelfService);

    let rules = rules::policy();
    assert_eq!(rules.instructions, "Say \"please\".\nThen ask.");
    assert_eq!(rules.keys[0].commitment, Some([0x00, 0xff, 0x10, 0xaa, 0xbb, 0xcc, 0xdd, 0x07]));
    assert_eq!((rules.keys[1].kid, rules.keys[1].commitment), ("k2", None));
    assert_eq!((rules.ledger.dir_env, rules.ledger.dir_default), (None, "/var/lib/rules"));
    assert_eq!(rules.ledger.durability, Durability::Effect);
    let hosts: Vec<_> = rules.tools[0].egress.iter().map(|egress| (egress.host, egress.ports, egress.stand_in)).collect();
    assert!(hosts.contains(&(HostRule::OneLabel("example.com"), &[443, 8443], None)), "{hosts:?}");
    assert!(hosts.contains(&(HostRule::Exact("files.example.org"), &[443], Some(8080))), "{hosts:?}");
    assert!(hosts.iter().any(|(host, _, _)| *host == HostRule::AnyPublic), "{hosts:?}");
    assert_eq!((rules.grants[0].subject, rules.grants[0].uses), ("agent:clerk", 7));

    let digests = [weather.digest, rules.digest, audit::policy().digest];
    assert!(digests[0] != digests[1] && digests[1] != digests[2] && digests[0] != digests[2]);
}

#[test]
fn argument_rules_hold() {
    let policy = rules::policy();
    let refused = |tool: &str, arguments: Value| -> Option<(&str, String)> {
        let tool = policy.tool(tool).expect("a tool");
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        call::check(tool.rules, &arguments).err().map(|fault| (fault.arg, fault.problem))
    };
    assert_eq!(refused("http_get_json", json!({"url": "https://a.example.com/b.json"})), None);
    assert_eq!(refused("weather_hourly", json!({"city": "Zürich", "hours": 48})), None);
    assert_eq!(refused("weather_hourly", json!({"state": "anything"})), None);
    for (tool, arguments, arg, problem) in [
        ("http_get_json", json!({"url": "http://a.example.com/b.json"}), "url", "must start with \"https://\""),
        ("http_get_json", json!({"url": "https://a.example.com/b.xml"}), "url", "must end with \".json\""),
        ("http_get_json", json!({"url": [5]}), "url", "must hold nothing but strings"),
        ("weather_hourly", json!({"city": "Basel"}), "city", "must be one of \"Bern\", \"Zürich\""),
        ("weather_hourly", json!({"hours": 1}), "hours", "must be at least 2"),
        ("weather_hourly", json!({"hours": 49}), "hours", "must be at most 48"),
    ] {
        let shown = arguments.to_string();
        match refused(tool, arguments) {
            Some(fault) => assert_eq!(fault, (arg, problem.to_owned()), "{shown}"),
            None => panic!("{shown} passed"),
        }
    }
    let long = format!("https://a.example.com/{}.json", "a".repeat(200));
    assert_eq!(refused("http_get_json", json!({"url": long})), Some(("url", "must have at most 200 characters".to_owned())));
}

#[test]
fn what_the_everything_manifest_says_is_in_the_gateway() {
    let policy = everything::policy();
    assert_eq!((policy.limits.max_arguments, policy.limits.in_flight, policy.limits.timeout), (64 * 1024, 32, 8));
    assert_eq!((policy.limits.approval_timeout, policy.limits.quota.session_calls), (180, Some(500)));
    assert_eq!(policy.limits.quota.rate, Some(Rate { calls: 600, seconds: 60 }));
    let weather = policy.tool("weather_hourly").expect("a tool");
    assert_eq!((weather.ignored, weather.labels, weather.timeout), (&["oversized_arguments"][..], &["ingests:untrusted"][..], 5));
    let ticket = policy.tool("open_ticket").expect("a tool");
    assert_eq!(
        (ticket.approval, ticket.quota.session_calls, ticket.timeout, ticket.strict),
        (Some(Approval::Human), Some(20), 8, true)
    );
    assert!(!policy.tool("find_tickets").expect("a tool").strict);
    assert_eq!(policy.flows.iter().map(|flow| flow.verdict).collect::<Vec<_>>(), [FlowVerdict::Deny, FlowVerdict::Ask]);
    assert_eq!(policy.grants.iter().map(|grant| grant.issue).collect::<Vec<_>>(), [Issue::SelfService, Issue::Human]);
}

#[test]
fn rules_of_every_kind_hold_in_generated_code() {
    let policy = everything::policy();
    let fault = |tool: &str, arguments: Value| -> Option<&str> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        call::check(policy.tool(tool).expect("a tool").rules, &arguments).err().map(|fault| fault.arg)
    };
    for (tool, good, bad, arg) in [
        ("weather_hourly", json!({"city": "san-antonio"}), json!({"city": "San Antonio"}), "city"),
        ("weather_hourly", json!({"state": "TX"}), json!({"state": "NY"}), "state"),
        ("weather_hourly", json!({}), json!({"hours": 3}), "hours"),
        ("http_get_json", json!({"url": "https://api.open-meteo.com/x"}), json!({"url": "https://tickets.example.com/x"}), "url"),
        ("airlock_issue_capability", json!({"tools": ["find_tickets"]}), json!({"tools": ["open_ticket"]}), "tools"),
        (
            "airlock_issue_capability",
            json!({"tools": []}),
            json!({"tools": ["find_tickets", "find_tickets", "find_tickets"]}),
            "tools",
        ),
        ("open_ticket", json!({"labels": ["bug", "ui"]}), json!({"labels": ["bug", "UI"]}), "labels"),
        ("open_ticket", json!({"trace": 1000}), json!({"trace": 1001}), "trace"),
        ("find_tickets", json!({"score": 9.99}), json!({"score": 10.01}), "score"),
        ("find_tickets", json!({"score": 10}), json!({"score": -0.5}), "score"),
        ("remove_draft", json!({"id": 1}), json!({"id": 1, "path": null}), "path"),
    ] {
        assert_eq!(fault(tool, good.clone()), None, "{tool} {good}");
        assert_eq!(fault(tool, bad.clone()), Some(arg), "{tool} {bad}");
    }
}

#[test]
fn what_the_upstreams_manifest_says_is_in_the_gateway() {
    let policy = upstreams::policy();
    let [files, notes] = policy.upstreams else { panic!("two upstreams") };
    assert_eq!(
        (files.name, files.command, files.dir),
        ("files", &["/usr/bin/node", "/opt/mcp/files/index.js", "/srv/work"][..], Some("/srv/work"))
    );
    assert_eq!((files.era, notes.era, files.start_timeout, files.max_message), (EraRule::Legacy, EraRule::Modern, 45, 8 << 20));
    let env: Vec<_> = files.env.iter().map(|variable| format!("{}: {:?}", variable.name, variable.value)).collect();
    assert_eq!(
        env,
        ["EMPTY: Literal(\"\")", "FILES_KEY: Secret(\"FILES_KEY\")", "LANG: Literal(\"C.UTF-8\")", "TZ: From(\"TZ\")"]
    );
    let proxied = |name: &str| {
        let ToolKind::Upstream(proxied) = policy.tool(name).expect("a tool").kind else { panic!("{name}") };
        proxied
    };
    let (read, add) = (proxied("read_file"), proxied("add"));
    assert_eq!(
        (read.name, read.upstream, read.max_result, read.on_risk, read.result_threshold),
        ("read_text_file", 0, 256 << 10, OnRisk::Mark, 400)
    );
    assert_eq!((add.name, add.upstream, add.on_risk, add.result_threshold), ("add", 1, OnRisk::Deny, 600));
    assert_eq!(policy.tool("files.read_text_file").map(|tool| tool.name), None, "it has another name here");
    // The definition is the reviewed text, the pin the digest that the runtime takes of it.
    for tool in policy.tools {
        let ToolKind::Upstream(proxied) = tool.kind else { continue };
        let definition: Value = serde_json::from_str(proxied.definition).expect("JSON");
        let digest = airlock_runtime::upstream::definition::digest(definition.as_object().expect("an object"));
        assert_eq!(digest, Some(proxied.pin), "{}", tool.name);
    }
    let fault = |tool: &str, arguments: Value| {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        call::check(policy.tool(tool).expect("a tool").rules, &arguments).err().map(|fault| fault.arg)
    };
    assert_eq!(fault("read_file", json!({"path": "/srv/work/a"})), None);
    assert_eq!(fault("read_file", json!({"path": "/srv/works"})), Some("path"));
    assert_eq!(fault("files.search", json!({"path": "/srv/work", "score": 10.5})), Some("score"));
    assert_eq!(fault("files.search", json!({"path": "/srv/work", "filter": {}})), Some("filter"));
}

#[test]
fn rest_tools_list_their_inputs() {
    let listed =
        |tool: &str| builtin::definition(everything::policy().tool(tool).expect("a tool")).expect("a tool of ours").input_schema;
    let tools = ["open_ticket", "find_tickets", "remove_draft"];
    insta::assert_json_snapshot!(tools.map(listed));
}
