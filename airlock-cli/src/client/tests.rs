//! Files of clients as people have them: what is put in is there, what is taken out is gone, and everything else is as it was.

mod kept;

use super::file::ConfigFile;
use super::{Client, Server};
use jsonc_parser::JsonValue as Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// A file that is changed, whether it is the same again when the server is taken out, and why it is here.
struct Sample {
    client: Client,
    text: &'static str,
    is_same_again: bool,
    about: &'static str,
}

const fn sample(client: Client, about: &'static str, text: &'static str) -> Sample {
    Sample { client, text, is_same_again: true, about }
}

/// One that had no list of servers, so an empty one stays, or that was not there.
const fn grows(client: Client, about: &'static str, text: &'static str) -> Sample {
    Sample { client, text, is_same_again: false, about }
}

const SAMPLES: [Sample; 36] = [
    sample(
        Client::ClaudeDesktop,
        "two servers",
        "{\n  \"mcpServers\": {\n    \"a\": {\n      \"command\": \"a\"\n    },\n    \"b\": {\"command\": \"b\"}\n  }\n}\n",
    ),
    sample(
        Client::ClaudeDesktop,
        "unknown keys",
        "{\n  \"globalShortcut\": \"Ctrl+Space\",\n  \"mcpServers\": {\n    \"a\": {\n      \"command\": \"a\", \"x\": [1, 2.50, -0, 1e400, null, true]\n    }\n  },\n  \"z\": {}\n}\n",
    ),
    sample(Client::ClaudeDesktop, "an empty list", "{\n  \"mcpServers\": {}\n}\n"),
    sample(Client::ClaudeDesktop, "an empty list on one line", "{\"mcpServers\":{}}"),
    sample(Client::ClaudeDesktop, "all on one line", "{\"mcpServers\": {\"a\": {\"command\": \"a\"}}, \"b\": 1}"),
    sample(Client::ClaudeDesktop, "no newline at the end", "{\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}"),
    sample(
        Client::ClaudeDesktop,
        "CRLF",
        "{\r\n  \"mcpServers\": {\r\n    \"a\": {\r\n      \"command\": \"a\"\r\n    }\r\n  }\r\n}\r\n",
    ),
    sample(Client::ClaudeDesktop, "a byte order mark", "\u{feff}{\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}\n"),
    sample(
        Client::ClaudeDesktop,
        "a byte order mark and CRLF",
        "\u{feff}{\r\n\t\"mcpServers\": {\r\n\t\t\"a\": {}\r\n\t}\r\n}\r\n",
    ),
    sample(Client::Cursor, "tabs", "{\n\t\"mcpServers\": {\n\t\t\"a\": {\n\t\t\t\"command\": \"a\"\n\t\t}\n\t}\n}\n"),
    sample(
        Client::Cursor,
        "four spaces",
        "{\n    \"mcpServers\": {\n        \"a\": {\n            \"command\": \"a\"\n        }\n    }\n}\n\n\n",
    ),
    sample(
        Client::Cursor,
        "names that need escapes",
        "{\n  \"mcpServers\": {\n    \"a\\\"b\\u00e9\": {\"command\": \"C:\\\\x\"}\n  }\n}\n",
    ),
    sample(Client::Cursor, "words of another script", "{\n  \"mcpServers\": {\n    \"日本\": {\"command\": \"ü\"}\n  }\n}\n"),
    sample(
        Client::Vscode,
        "comments",
        "// top\n{\n  // about\n  \"servers\": {\n    /* one */ \"a\": {\n      \"command\": \"a\" // why\n    } // after\n    // the end\n  },\n  \"inputs\": [] // none\n}\n// bottom\n",
    ),
    sample(Client::Vscode, "trailing commas", "{\n  \"servers\": {\n    \"a\": {\n      \"command\": \"a\",\n    },\n  },\n}\n"),
    sample(
        Client::Vscode,
        "a comment before the comma",
        "{\n  \"servers\": {\n    \"a\": {} /* x, y */ , // z\n    \"b\": {} // , not this\n  }\n}\n",
    ),
    sample(
        Client::Vscode,
        "text that looks like a comment",
        "{\n  \"servers\": {\n    \"a\": {\"command\": \"// no } comment /*\"}\n  }\n}\n",
    ),
    sample(
        Client::Zed,
        "a long file",
        "// Zed settings\n{\n  \"theme\": {\n    \"mode\": \"system\",\n  },\n  \"context_servers\": {\n    \"a\": {\n      \"command\": \"a\",\n      \"args\": [],\n    },\n  },\n  \"vim_mode\": true,\n}\n",
    ),
    sample(
        Client::Gemini,
        "braces of their own lines",
        "{\n  \"mcpServers\":\n  {\n    \"a\":\n    {\n      \"command\": \"a\"\n    }\n  }\n}\n",
    ),
    sample(
        Client::ClaudeCode,
        "a project with servers of its own",
        "{\n  \"numStartups\": 3,\n  \"projects\": {\n    \"/x\": {\"mcpServers\": {\"gate\": {\"command\": \"other\"}}}\n  },\n  \"mcpServers\": {\n    \"a\": {\"type\": \"stdio\", \"command\": \"a\"}\n  }\n}\n",
    ),
    sample(
        Client::Windsurf,
        "a remote server",
        "{\n  \"mcpServers\": {\n    \"r\": {\"serverUrl\": \"https://example.com/mcp\"}\n  }\n}\n",
    ),
    grows(Client::ClaudeCode, "no servers", "{\n  \"numStartups\": 3\n}\n"),
    grows(Client::ClaudeDesktop, "an empty object", "{}"),
    grows(Client::Vscode, "a comment in an empty object", "{\n  // nothing yet\n}\n"),
    grows(Client::Cursor, "an empty file", ""),
    grows(Client::Zed, "comments alone", "// Zed settings\n"),
    sample(
        Client::Codex,
        "settings",
        "# mine\nmodel = \"o\" # this one\n\n[mcp_servers.a]\ncommand = \"a\"\nargs = [\"-y\", \"x\"]\n\n[mcp_servers.a.env]\nA = '''\n[mcp_servers.gate]\n'''\n",
    ),
    sample(Client::Codex, "CRLF", "model = \"o\"\r\n\r\n[tools]\r\nx = true\r\n"),
    sample(Client::Codex, "no newline at the end", "model = \"o\"\n[tools]\nx = 1.50"),
    sample(Client::Codex, "a list of tables", "[[hooks]]\nname = \"h\"\n\n[[hooks]]\nname = \"i\" # last\n\n# the end\n"),
    grows(Client::Codex, "an empty file", ""),
    sample(
        Client::Goose,
        "extensions",
        "# mine\nGOOSE_MODE: \"auto\"\nextensions:\n  developer:\n    type: builtin\n    enabled: true\n\n  fs:\n    type: stdio\n    cmd: npx\n    args: [\"-y\", \"x\"]\n    envs: {}\n\nslash_commands:\n  - command: \"a\"\n    recipe_path: \"/b\"\nlast:\n- 1\n",
    ),
    sample(
        Client::Goose,
        "extensions at the end, without a newline",
        "a: 1\nextensions:\n    developer:\n        type: builtin # own",
    ),
    sample(Client::Goose, "CRLF", "extensions:\r\n  a:\r\n    type: builtin\r\nb: 2\r\n"),
    grows(Client::Goose, "no extensions", "GOOSE_MODE: auto\nGOOSE_SEARCH_PATHS:\n  - \"/x\"\n"),
    grows(Client::Goose, "an empty file", ""),
];

/// A file that is not touched: why it is here, its text, and what is said, with the place.
const REFUSED: [(Client, &str, &str, &str); 17] = [
    (Client::ClaudeDesktop, "a key twice", "{\n  \"mcpServers\": {},\n  \"mcpServers\": {}\n}", ":3:3"),
    (Client::ClaudeDesktop, "a server twice", "{\"mcpServers\": {\"a\": {}, \"a\": {}}}", ":1:26"),
    (
        Client::ClaudeDesktop,
        "a key of a server twice",
        "{\n\"mcpServers\": {\n\"a\": {\"command\": 1, \"command\": 2}}}",
        ":3:21",
    ),
    (Client::ClaudeDesktop, "a missing comma", "{\n  \"a\": 1\n  \"b\": 2\n}\n", ":2:9"),
    (Client::ClaudeDesktop, "a missing brace", "{\n  \"mcpServers\": {\n", ":2:17"),
    (Client::ClaudeDesktop, "text behind the end", "{}\n{}\n", ":2:1"),
    (Client::ClaudeDesktop, "single quotes", "{'mcpServers': {}}", ":1:2"),
    (Client::ClaudeDesktop, "a list", "[]", ":1:1"),
    (Client::ClaudeDesktop, "servers as a list", "{\"mcpServers\": []}", ":1:16"),
    (Client::Vscode, "a comment without an end", "{\n /* \"servers\": {} }", ":2:2"),
    (Client::Codex, "no TOML", "a = 1\nb = \n", ":2:5"),
    (Client::Codex, "a table twice", "[mcp_servers.a]\nx = 1\n[mcp_servers.a]\n", ":3:14"),
    (Client::Codex, "servers inline", "mcp_servers = { a = { command = \"a\" } }\n", ":1:1"),
    (Client::Goose, "a tab", "extensions:\n\ta:\n", ":2:1"),
    (Client::Goose, "extensions inline", "extensions: {a: {type: builtin}}\n", ":1:1"),
    (Client::Goose, "extensions twice", "extensions:\n  a:\n    x: 1\nextensions:\n", ":4:1"),
    (Client::Goose, "an anchor", "extensions:\n  a: &x\n    type: builtin\n", ":2:1"),
];

fn gate() -> Server {
    let env = [("AIRLOCK_KEY_FILE", "/home/me/gate.key"), ("AIRLOCK_LEDGER_DIR", "/home/me/a \"b\"\\c/gate")];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Server::gateway("gate".into(), "/opt/air lock/gate".into(), env)
}

/// What a client would read, by another reader than the one under test.
fn read(client: Client, text: &str) -> serde_json::Value {
    let row = client.row();
    let servers = match row.language {
        super::Language::Json => {
            let parsed =
                jsonc_parser::parse_to_value(text, &jsonc_parser::ParseOptions::default()).expect("JSON").expect("a value");
            let Value::Object(root) = parsed else { panic!("no object") };
            let Some(gate) = root.get_object(row.key).and_then(|servers| servers.get_object("gate")) else {
                return serde_json::Value::Null;
            };
            let members = gate.get_object("env").expect("variables").clone().take_inner().into_iter();
            let text = |value| if let Value::String(text) = value { text.into_owned() } else { panic!("no text") };
            let env: serde_json::Map<_, _> = members.map(|(name, value)| (name.to_string(), text(value).into())).collect();
            return serde_json::json!({"command": gate.get_string("command"), "env": env});
        }
        super::Language::Toml => serde_json::to_value(text.parse::<toml::Table>().expect("TOML")).expect("data")[row.key].clone(),
        super::Language::Yaml => yaml(text)[row.key].clone(),
    };
    let gate = &servers["gate"];
    if gate.is_null() {
        return serde_json::Value::Null;
    }
    let (command, env) = if client == Client::Goose { ("cmd", "envs") } else { ("command", "env") };
    serde_json::json!({"command": gate[command], "env": gate[env]})
}

fn yaml(text: &str) -> serde_json::Value {
    fn plain(value: &yaml_rust2::Yaml) -> serde_json::Value {
        match value {
            yaml_rust2::Yaml::String(text) => text.as_str().into(),
            yaml_rust2::Yaml::Integer(number) => (*number).into(),
            yaml_rust2::Yaml::Boolean(flag) => (*flag).into(),
            yaml_rust2::Yaml::Array(list) => list.iter().map(plain).collect(),
            yaml_rust2::Yaml::Hash(map) => {
                let member = |(key, value): (&yaml_rust2::Yaml, _)| (key.as_str().unwrap_or_default().to_owned(), plain(value));
                serde_json::Value::Object(map.iter().map(member).collect())
            }
            _ => serde_json::Value::Null,
        }
    }
    yaml_rust2::YamlLoader::load_from_str(text).expect("YAML").first().map_or(serde_json::Value::Null, plain)
}

#[test]
fn a_server_is_put_in_and_taken_out_and_the_rest_stays() {
    let gate = gate();
    let wanted = serde_json::json!({"command": gate.command, "env": gate.env.iter().cloned().map(|(n, v)| (n, serde_json::Value::from(v))).collect::<serde_json::Map<_, _>>()});
    for Sample { client, text, is_same_again, about } in SAMPLES {
        let text = text.trim_start_matches('\u{feff}');
        let with = client.with(text, &gate).unwrap_or_else(|fault| panic!("{about}: {}", fault.message));
        assert_eq!(read(client, &with), wanted, "{about}\n{with}");
        assert_eq!(client.with(&with, &gate).as_deref(), Ok(with.as_str()), "{about}: a second install changes nothing");
        // Every line that was there is there, in the same order: but for commas, and for the line of an empty object.
        let mut left = with.lines();
        for line in text.lines().filter(|line| !line.contains("{}") && !text.trim().lines().count().eq(&1)) {
            let bare = |line: &str| line.replace(',', "");
            assert!(left.any(|other| bare(other).contains(bare(line).trim_end())), "{about}: {line:?} is lost in\n{with}");
        }
        let is_crlf = text.contains('\n').then(|| text.contains("\r\n"));
        assert!(
            is_crlf.is_none_or(
                |is| with.matches('\n').count() == if is { with.matches("\r\n").count() } else { with.matches('\n').count() }
            ),
            "{about}"
        );
        let other = Server { command: Some("/opt/other".into()), ..gate.clone() };
        let replaced = client.with(&with, &other).expect("replaced");
        assert_eq!(read(client, &replaced)["command"], "/opt/other", "{about}");
        let without = client.without(&replaced, "gate").expect("understood").expect("there");
        match is_same_again {
            true => assert_eq!(without, text, "{about}"),
            false => assert!(!without.contains("gate") && client.without(&without, "gate") == Ok(None), "{about}\n{without}"),
        }
        assert_eq!(
            client.servers(&without).map(|servers| servers.len()),
            client.servers(text).map(|servers| servers.len()),
            "{about}"
        );
    }
}

#[test]
fn what_is_not_understood_is_not_touched() {
    let path = Path::new("/c");
    for (client, about, text, place) in REFUSED {
        let fault = client.with(text, &gate()).expect_err(about);
        let said = fault.in_file(path, text, client.row().language).to_string();
        assert!(said.contains(&format!("--> /c{place}\n")) && said.ends_with('^'), "{about}:\n{said}");
    }
}

#[test]
fn a_server_among_others_is_taken_out_wherever_it_stands() {
    let texts = [
        "{\n  \"servers\": {\n    // of a\n    \"a\": {}, // after a\n    \"gate\": {\n      \"command\": \"x\"\n    },\n    // of b\n    \"b\": {}\n  }\n}\n",
        "{\"servers\": {\"gate\": {}, \"a\": {}}}",
        "{\"servers\": {\"a\": {}, \"gate\": {} /* own */, \"b\": {},}}",
        "{\"servers\": {\"a\": {}, /* of gate */ \"gate\": {}}}",
    ];
    for text in texts {
        let without = Client::Vscode.without(text, "gate").expect("understood").expect("there");
        for kept in ["// of a", "// after a", "// of b", "\"a\"", "\"b\"", "/* own */", "/* of gate */"] {
            assert_eq!(without.contains(kept), text.contains(kept), "{kept}\n{without}");
        }
        assert!(!without.contains("\"gate\""));
    }
    let toml =
        "[mcp_servers.gate]\ncommand = \"x\"\n\n[mcp_servers.gate.env]\nA = \"b\"\n\n# of b\n[mcp_servers.b]\ncommand = \"b\"\n";
    assert_eq!(
        Client::Codex.without(toml, "gate").expect("understood").as_deref(),
        Some("\n# of b\n[mcp_servers.b]\ncommand = \"b\"\n")
    );
    let yaml = "extensions:\n  gate:\n    type: stdio\n    envs:\n      A: b\n  # of b\n  b:\n    type: builtin\n";
    assert_eq!(
        Client::Goose.without(yaml, "gate").expect("understood").as_deref(),
        Some("extensions:\n  # of b\n  b:\n    type: builtin\n")
    );
}

fn config(dir: &Path, bytes: &[u8], mode: u32) -> std::path::PathBuf {
    let path = dir.join("mcp.json");
    fs::write(&path, bytes).expect("written");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode");
    path
}

fn change(client: Client, path: &Path) {
    let file = ConfigFile::read(path).expect("read");
    let text = client.with(&file.text, &gate()).expect("understood");
    file.write(&text).expect("written");
}

fn back(path: &Path, force: bool) -> Result<(), String> {
    let file = ConfigFile::read(path).map_err(|failure| failure.to_string())?;
    let back = file.undo(force).and_then(|backup| file.roll_back(&backup, backup.read()?.as_deref()));
    back.map_err(|failure| failure.to_string())
}

#[test]
fn every_change_is_taken_back_byte_for_byte() {
    for Sample { client, text, about, .. } in SAMPLES {
        let dir = tempfile::tempdir().expect("directory");
        let path = config(dir.path(), text.as_bytes(), 0o640);
        change(client, &path);
        let now = fs::read(&path).expect("read");
        assert_eq!(now.starts_with("\u{feff}".as_bytes()), text.starts_with('\u{feff}'), "{about}");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o7777, 0o640, "{about}");
        assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 2, "{about}: the file and its backup");
        back(&path, false).expect(about);
        assert_eq!(fs::read(&path).expect("read"), text.as_bytes(), "{about}");
        assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 1, "{about}: the backup is used up");
        assert!(back(&path, false).is_err(), "{about}");
    }
}

#[test]
fn a_missing_file_is_made_and_gone_again() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("new/mcp.json");
    change(Client::Cursor, &path);
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o7777, 0o600);
    back(&path, false).expect("taken back");
    assert!(!path.exists());
}

#[test]
fn a_file_that_was_changed_since_stays_unless_forced() {
    let dir = tempfile::tempdir().expect("directory");
    let path = config(dir.path(), b"{}", 0o600);
    change(Client::Cursor, &path);
    let mut text = fs::read_to_string(&path).expect("read");
    text.push('\n');
    fs::write(&path, &text).expect("written");
    assert!(back(&path, false).expect_err("changed").contains("was changed after"));
    assert_eq!(fs::read_to_string(&path).expect("read"), text);
    back(&path, true).expect("forced");
    assert_eq!(fs::read(&path).expect("read"), b"{}");
    // What was shown is what is replaced.
    let file = ConfigFile::read(&path).expect("read");
    fs::write(&path, "{ }").expect("written");
    assert!(file.write("{\"a\": 1}").expect_err("changed").to_string().contains("has changed meanwhile"));
    assert_eq!(fs::read(&path).expect("read"), b"{ }");
    assert!(file.backups().is_empty());
}

#[test]
fn two_changes_are_taken_back_one_after_the_other() {
    let dir = tempfile::tempdir().expect("directory");
    let path = config(dir.path(), b"{}", 0o600);
    change(Client::Cursor, &path);
    let first = fs::read(&path).expect("read");
    change(Client::Vscode, &path);
    back(&path, false).expect("the second");
    assert_eq!(fs::read(&path).expect("read"), first);
    back(&path, false).expect("the first");
    assert_eq!(fs::read(&path).expect("read"), b"{}");
}

#[test]
fn a_link_stays_and_its_target_changes() {
    let dir = tempfile::tempdir().expect("directory");
    let real = dir.path().join("dotfiles");
    fs::create_dir(&real).expect("made");
    let target = config(&real, b"{}\n", 0o644);
    let link = dir.path().join("mcp.json");
    symlink("dotfiles/mcp.json", &link).expect("linked");
    change(Client::Cursor, &link);
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    assert!(fs::read_to_string(&target).expect("read").contains("gate"));
    back(&link, false).expect("taken back");
    assert_eq!(fs::read(&target).expect("read"), b"{}\n");
    let nowhere = dir.path().join("nowhere");
    symlink("gone.json", &nowhere).expect("linked");
    assert!(
        ConfigFile::read(&nowhere).expect_err("a link to nothing").to_string().contains("a link to a file that is not there")
    );
}

#[test]
fn files_that_are_not_ours_to_change_are_refused() {
    let dir = tempfile::tempdir().expect("directory");
    let path = config(dir.path(), b"{}", 0o444);
    let said = ConfigFile::read(&path).expect("read").demand_writable().expect_err("read-only").to_string();
    assert!(said.contains("is read-only"), "{said}");
    assert!(ConfigFile::read(dir.path()).expect_err("a directory").to_string().contains("is not a file"));
    let path = config(
        &{
            fs::create_dir(dir.path().join("l")).expect("made");
            dir.path().join("l")
        },
        b"{\"a\": \"\xff\"}",
        0o600,
    );
    assert!(ConfigFile::read(&path).expect_err("Latin-1").to_string().contains("is not UTF-8"));
}
