//! Which servers of a client can stand behind a gateway. The others are left where they are, each with the reason.

use crate::client::Server;
use crate::command::new::from_server;
use crate::{secret, shown};
use airlock_policy::ir::{Era, Upstream, Variable, VariableValue};
use airlock_policy::limits::{MESSAGE_DEFAULT, START_TIMEOUT_S};

/// How names of variables begin that would change the gateway itself, since it has the variables of its servers: its own, and those of
/// loaders, of the C library, of systemd and of Rust.
const RESERVED: [&str; 12] = [
    "AIRLOCK_",
    "LD_",
    "DYLD_",
    "GLIBC_",
    "GCONV_",
    "MALLOC_",
    "LISTEN_",
    "WATCHDOG_",
    "CREDENTIALS_",
    "RUST_",
    "XDG_",
    "SSL_CERT_",
];
/// Further names of that kind: where programs, files and hosts are found. Those of the C library are what it takes from no caller of a
/// program with more rights than the caller (its list `unsecvars`).
const RESERVED_WHOLE: [&str; 22] = [
    "PATH",
    "HOME",
    "PWD",
    "IFS",
    "ENV",
    "BASH_ENV",
    "SHELL",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "TMP",
    "TEMP",
    "NOTIFY_SOCKET",
    "GETCONF_DIR",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "LOCPATH",
    "NIS_PATH",
    "NLSPATH",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "TZDIR",
];

/// The upstream of a manifest for a server, all of it checked before anything of it is started.
///
/// # Errors
/// Why it is left where it is.
pub(super) fn upstream(gateway: &str, server: &Server) -> Result<Upstream, String> {
    if server.is_gateway() {
        return Err("it is a gateway".to_owned());
    }
    if let Some(doubt) = &server.doubt {
        return Err(doubt.clone());
    }
    if let Some((name, _)) = server.env.iter().find(|(name, _)| is_reserved(name)) {
        return Err(format!(
            "its variable {} would change the gateway itself, which has the variables of its servers",
            shown::line(name)
        ));
    }
    let command = server.command.as_deref().unwrap_or_default();
    let program = from_server::absolute(command).map_err(|failure| failure.to_string())?;
    // What a tool gives back is searched for the values of secrets.
    let value = |name: &String| match secret::is_named(name) {
        true => VariableValue::Secret(name.clone()),
        false => VariableValue::From(name.clone()),
    };
    let upstream = Upstream {
        name: name(&server.name),
        command: [program].into_iter().chain(server.args.iter().cloned()).collect(),
        dir: server.dir.clone(),
        env: server.env.iter().map(|(name, _)| Variable { name: name.clone(), value: value(name) }).collect(),
        era: Era::Auto,
        start_timeout: START_TIMEOUT_S,
        max_message: MESSAGE_DEFAULT,
        may_ask: Vec::new(),
        ask_hosts: Vec::new(),
        may_tell: Vec::new(),
        log: None,
        confine: None,
        why: String::new(),
    };
    from_server::demand_sayable(gateway, &upstream).map(|()| upstream)
}

fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    RESERVED.iter().any(|start| name.starts_with(start)) || RESERVED_WHOLE.contains(&name.as_str())
}

/// A name for the manifest: letters, digits and two signs, a letter first.
fn name(server: &str) -> String {
    let plain: String = server.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    let fits = plain.starts_with(|c: char| c.is_ascii_alphabetic()) && !plain.to_ascii_lowercase().starts_with("airlock");
    let whole = if fits { plain } else { format!("server-{}", plain.trim_start_matches('-')) };
    whole.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;

    /// What becomes of one server of a client's file.
    fn vetted(client: Client, text: &str) -> Result<Upstream, String> {
        let servers = client.servers(text).unwrap_or_else(|fault| panic!("{}: {text}", fault.message));
        upstream("gate", &servers[0])
    }

    fn of_env(name: &str, value: &str) -> Result<Upstream, String> {
        let entry = serde_json::json!({"mcpServers": {"s": {"command": "/bin/true", "env": {name: value}}}});
        vetted(Client::Cursor, &entry.to_string())
    }

    #[test]
    fn variables_that_would_change_the_gateway_are_left() {
        for name in [
            "AIRLOCK_LEDGER_DIR",
            "AIRLOCK_X",
            "LD_PRELOAD",
            "ld_preload",
            "PATH",
            "Path",
            "HOME",
            "GLIBC_TUNABLES",
            "CREDENTIALS_DIRECTORY",
            "LISTEN_FDS",
            "TMPDIR",
            "SSL_CERT_FILE",
            "RUST_BACKTRACE",
        ] {
            let refused = of_env(name, "x").unwrap_err();
            assert!(refused.contains("would change the gateway itself"), "{name}: {refused}");
        }
        assert!(
            of_env("API_TOKEN", "x").is_ok_and(|upstream| upstream.env[0].value == VariableValue::Secret("API_TOKEN".into()))
        );
        assert!(of_env("PATHS", "x").is_ok() && of_env("REGION", "x").is_ok());
    }

    #[test]
    fn nothing_of_an_entry_becomes_another_line_of_the_manifest() {
        for name in ["A = \"x\"\n[keys]\naccept = [\"evil\"]\n#", "A\"", "A.B", "A=B", "", "a b", "Ä", "lower"] {
            let refused = of_env(name, "x").unwrap_err();
            assert!(refused.contains("a manifest cannot say it"), "{name:?}: {refused}");
            assert!(!refused.contains('\n'), "{refused}");
        }
        for server in ["\u{1b}[2J", "x]\n[keys", "a.b", "21st", "airlock-x", ""] {
            let text =
                serde_json::json!({"mcpServers": {server: {"command": "/bin/true", "args": ["'''\"\"\"\\\n".trim_end(), "]"]}}})
                    .to_string();
            let upstream = vetted(Client::Cursor, &text).unwrap_or_else(|why| panic!("{server:?}: {why}"));
            let outline = from_server::outline("gate", &upstream);
            let table: toml::Table = outline.parse().expect("TOML");
            let keys: Vec<&String> = table["upstreams"].as_table().unwrap().keys().collect();
            assert_eq!(keys, [&upstream.name]);
            assert_eq!(table["keys"]["accept"].as_array().unwrap().len(), 1, "{outline}");
        }
        let args = serde_json::json!({"mcpServers": {"s": {"command": "/bin/true", "args": ["--token", "ghp_0123456789abcdefghijABCDEFGHIJ012345"]}}});
        assert!(
            vetted(Client::Cursor, &args.to_string()).unwrap_err().contains("a manifest cannot say it"),
            "a secret is not written down"
        );
        let dir = serde_json::json!({"mcpServers": {"s": {"command": "/bin/true", "cwd": "../x"}}});
        assert!(vetted(Client::Cursor, &dir.to_string()).unwrap_err().contains("a manifest cannot say it"));
    }

    #[test]
    fn lists_of_goose_are_read_whole_or_not_at_all() {
        let goose =
            |members: &str| vetted(Client::Goose, &format!("extensions:\n  s:\n    type: stdio\n    cmd: /bin/true\n{members}"));
        let args = |members: &str| goose(members).map(|upstream| upstream.command[1..].to_vec());
        let both = Ok(vec!["-y".to_owned(), "a b # c".to_owned()]);
        for good in [
            "    args:\n      - -y\n      - \"a b # c\"   # why\n",
            "    args:\n    - '-y'\n    - 'a b # c'\n    enabled: true\n",
            "    args: [\"-y\", \"a b # c\"] # both\n",
        ] {
            assert_eq!(args(good), both, "{good}");
        }
        for bad in [
            "    args: [-y, x]\n",
            "    args:\n      - -y\n      - a: b\n",
            "    args:\n      - -y\n        more\n",
            "    args:\n      - |\n        x\n",
            "    args:\n      - *x\n",
            "    args:\n      - 8080\n",
            "    args: -y\n      more\n",
            "    args: \"a\" b\n",
            "    args:\n      -\n",
            "    args:\n      - 'a\n",
            "    envs:\n      A: yes\n",
            "    envs:\n      A: {b: c}\n",
            "    envs:\n      A: b\n      A: c\n",
            "    args:\n      - a\n    args:\n      - b\n",
            "    env_keys:\n      - TOKEN\n",
            "    enabled: false\n",
            "    ? x\n",
        ] {
            assert!(args(bad).is_err(), "{bad}: {:?}", args(bad));
        }
        let builtin = "extensions:\n  s:\n    type: builtin\n    enabled: true\n";
        assert!(vetted(Client::Goose, builtin).unwrap_err().contains("does not start it as a program"));
    }
}
