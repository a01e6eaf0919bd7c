//! The goldens of `src/expand/tests.rs` compile against the runtime, and the constants are what the manifests say.

use airlock_runtime::policy::{Builtin, Durability, HostRule, Issue, Policy};
use serde_json::{Value, json};

/// One gateway as a module; its `main` would serve.
macro_rules! gateway {
    ($name:ident, $path:literal) => {
        mod $name {
            airlock_macros::gateway!($path);

            pub(crate) fn policy() -> &'static super::Policy {
                let _serve: fn() -> std::process::ExitCode = main;
                &POLICY
            }
        }
    };
}

gateway!(weather, "../examples/weather/airlock.toml");
gateway!(rules, "tests/manifests/rules.toml");
gateway!(audit, "tests/manifests/audit.toml");

#[test]
fn the_index_finds_every_tool_and_nothing_else() {
    for policy in [weather::policy(), rules::policy(), audit::policy()] {
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
    assert_eq!(weather.tools[0].builtin, Builtin::WeatherHourly);
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
        tool.check_args.check(&arguments).err().map(|fault| (fault.arg, fault.problem))
    };
    assert_eq!(refused("http_get_json", json!({"url": "https://a.example.com/b.json"})), None);
    assert_eq!(refused("weather_hourly", json!({"city": "Zürich", "hours": 48})), None);
    assert_eq!(refused("weather_hourly", json!({"state": "anything"})), None);
    for (tool, arguments, arg, problem) in [
        ("http_get_json", json!({"url": "http://a.example.com/b.json"}), "url", "must start with \"https://\""),
        ("http_get_json", json!({"url": "https://a.example.com/b.xml"}), "url", "must end with \".json\""),
        ("http_get_json", json!({"url": ["https://a.example.com/b.json"]}), "url", "must be a string"),
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
