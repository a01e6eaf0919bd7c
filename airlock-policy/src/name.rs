//! Names with a fixed alphabet: what is compiled into file names, leases and ledger lines. Each check says what is wrong.

use crate::limits::{
    ENV_MAX, KID_MAX, LABEL_NOUN_MAX, NAME_MAX, PATH_MAX, RULE_TEXT_MAX, SUBJECT_MAX, TOOL_NAME_MAX, UPSTREAM_NAME_MAX,
};

/// Verbs of a label.
const VERBS: &[&str] = &["reads", "ingests", "writes", "sends"];

/// A gateway name: it becomes a file name, the audience of leases and the origin of the ledger.
pub(crate) fn gateway(text: &str) -> Result<(), String> {
    let shape = lower(text, NAME_MAX) && text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
    match (shape, text) {
        (false, _) => {
            Err(format!("a gateway name is 1-{NAME_MAX} of `a-z 0-9 -`, begins with a letter and does not end with `-`"))
        }
        (true, "airlock") => Err("`airlock` is the compiler's own name; a gateway needs another".to_owned()),
        (true, _) => Ok(()),
    }
}

/// A key id as it stands in a lease.
pub(crate) fn kid(text: &str) -> Result<(), String> {
    match lower(text, KID_MAX) {
        true => Ok(()),
        false => Err(format!("a key id is 1-{KID_MAX} of `a-z 0-9 -`")),
    }
}

/// A subject: ASCII, so that two different subjects never look alike.
pub(crate) fn subject(text: &str) -> Result<(), String> {
    let shape = (1..=SUBJECT_MAX).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:@/+".contains(&b));
    match shape {
        true => Ok(()),
        false => Err(format!(
            "a subject is 1-{SUBJECT_MAX} of `A-Z a-z 0-9 - _ . : @ / +` and begins with a letter or digit; it is matched exactly"
        )),
    }
}

/// A key commitment: eight bytes as lower-case hex.
pub(crate) fn commitment(text: &str) -> Result<(), String> {
    match text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        true => Ok(()),
        false => Err("a commitment is 16 lower-case hex digits".to_owned()),
    }
}

/// The name of an environment variable.
pub(crate) fn variable(text: &str) -> Result<(), String> {
    let shape = (1..=ENV_MAX).contains(&text.len())
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
    match shape {
        true => Ok(()),
        false => Err(format!("a variable name is 1-{ENV_MAX} of `A-Z 0-9 _` and does not begin with a digit")),
    }
}

/// A directory. It is used as written: nothing is expanded.
pub(crate) fn directory(text: &str) -> Result<(), String> {
    if text.starts_with('~') || text.contains('$') {
        return Err(
            "`~` and `$` are not expanded; write the whole path, or name a variable with `{ env = …, default = … }`".to_owned()
        );
    }
    if text.len() > PATH_MAX {
        return Err(format!("a path has at most {PATH_MAX} bytes"));
    }
    crate::text::fault(text, PATH_MAX, false).map_or(Ok(()), |problem| Err(format!("the path {problem}")))
}

/// The name of a tool, of a host group or of a rule set: what every MCP client accepts as the name of a tool.
pub(crate) fn tool(text: &str) -> Result<(), String> {
    let shape =
        (1..=TOOL_NAME_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    match shape {
        true => Ok(()),
        false => Err(format!("a name here is 1-{TOOL_NAME_MAX} of `A-Z a-z 0-9 _ - .`")),
    }
}

/// The name of an argument of a REST tool: a plain identifier, so that it can stand in a URL template.
pub(crate) fn input(text: &str) -> Result<(), String> {
    let shape = (1..=TOOL_NAME_MAX).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    match shape {
        true => Ok(()),
        false => Err(format!("the name of an input is 1-{TOOL_NAME_MAX} of `A-Z a-z 0-9 _ -` and begins with a letter")),
    }
}

/// The name of an upstream: the beginning of the names of its tools.
pub(crate) fn upstream(text: &str) -> Result<(), String> {
    let shape = (1..=UPSTREAM_NAME_MAX).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && !text.to_ascii_lowercase().starts_with("airlock");
    match shape {
        true => Ok(()),
        false => Err(format!(
            "the name of an upstream is 1-{UPSTREAM_NAME_MAX} of `A-Z a-z 0-9 _ -`, begins with a letter and not with `airlock`"
        )),
    }
}

/// The path of a program, or of the directory that it starts in.
pub(crate) fn program(text: &str) -> Result<(), String> {
    under(text).map_err(|problem| format!("{problem}: nothing is looked up in `PATH` or relative to a directory"))?;
    match text.len() {
        1 => Err("`/` is no program".to_owned()),
        length if length > PATH_MAX => Err(format!("a path has at most {PATH_MAX} bytes")),
        _ => Ok(()),
    }
}

/// The name of a variable in the environment of a foreign program, whose makers chose it.
pub(crate) fn any_variable(text: &str) -> Result<(), String> {
    let shape = (1..=ENV_MAX).contains(&text.len())
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match shape {
        true => Ok(()),
        false => Err(format!("a variable name is 1-{ENV_MAX} of `A-Z a-z 0-9 _` and does not begin with a digit")),
    }
}

/// The path of a file beside the manifest: it stays below the manifest's directory.
pub(crate) fn beside(text: &str) -> Result<(), String> {
    let segment = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match text.len() <= PATH_MAX && text.ends_with(".json") && text.split('/').all(segment) {
        true => Ok(()),
        false => Err(
            "the path of definitions is relative to the manifest and stays below it: segments of `A-Z a-z 0-9 - _ .` that do \
not begin with a dot, ending in `.json`"
                .to_owned(),
        ),
    }
}

/// A pin: a digest with the name of its function.
pub(crate) fn pin(text: &str) -> Result<(), String> {
    let digits = text.strip_prefix("sha256:").filter(|digits| digits.len() == 64);
    match digits.is_some_and(|digits| digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))) {
        true => Ok(()),
        false => Err("a pin is `sha256:` and 64 lower-case hex digits, as `airlock pin` writes it".to_owned()),
    }
}

/// A label: what a tool does, and to what.
pub(crate) fn label(text: &str) -> Result<(), String> {
    let shape = text.split_once(':').is_some_and(|(verb, noun)| VERBS.contains(&verb) && lower(noun, LABEL_NOUN_MAX));
    match shape {
        true => Ok(()),
        false => Err(format!(
            "a label is `reads:`, `ingests:`, `writes:` or `sends:` and 1-{LABEL_NOUN_MAX} of `a-z 0-9 -`, as in \"sends:external\""
        )),
    }
}

/// An absolute path in normal form: what the gateway compares with, character for character.
pub(crate) fn under(text: &str) -> Result<(), String> {
    let Some(rest) = text.strip_prefix('/') else {
        return Err("a path here is absolute: it begins with `/`".to_owned());
    };
    if let Some(problem) = crate::text::fault(text, RULE_TEXT_MAX, false) {
        return Err(format!("the path {problem}"));
    }
    let plain = rest.is_empty() || rest.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
    match plain {
        true => Ok(()),
        false => Err("a path here is in normal form: no empty, `.` or `..` segment, and no slash at its end".to_owned()),
    }
}

fn lower(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_their_alphabet() {
        assert_eq!(gateway("weather-2"), Ok(()));
        for bad in ["", "Weather", "2weather", "weather-", "we ather", "../x", "wéather", "airlock", &"a".repeat(64)] {
            assert!(gateway(bad).is_err(), "{bad}");
        }
        assert_eq!(kid("k1"), Ok(()));
        for bad in ["", "K1", "k.1", "k_1", &"k".repeat(17)] {
            assert!(kid(bad).is_err(), "{bad}");
        }
        assert_eq!(subject("agent:planner"), Ok(()));
        assert_eq!(subject("alice@example.com"), Ok(()));
        for bad in ["", "agent planner", ":x", "аgent:planner", "a\u{202e}", "*", &"a".repeat(129)] {
            assert!(subject(bad).is_err(), "{bad}");
        }
        assert_eq!(commitment("00ff00ff00ff00ff"), Ok(()));
        assert!(commitment("00FF00FF00FF00FF").is_err());
        assert_eq!(variable("AIRLOCK_LEDGER_DIR"), Ok(()));
        assert!(variable("1A").is_err() && variable("a").is_err() && variable("").is_err() && variable("A=B").is_err());
        assert_eq!(label("sends:external"), Ok(()));
        for bad in ["", "sends", "sends:", "sends:External", "mails:x", "sends:a:b", &format!("sends:{}", "a".repeat(33))] {
            assert!(label(bad).is_err(), "{bad}");
        }
        assert!(under("/srv/work") == Ok(()) && under("/") == Ok(()) && under("/a b/ü") == Ok(()));
        for bad in ["", "srv", "/srv/", "//srv", "/srv//a", "/srv/./a", "/srv/..", "/a\0b", "/a\nb"] {
            assert!(under(bad).is_err(), "{bad}");
        }
        assert!(
            tool("Open-ticket_2.v1") == Ok(()) && tool("").is_err() && tool("a b").is_err() && tool(&"a".repeat(65)).is_err()
        );
        assert!(upstream("files-2") == Ok(()) && any_variable("npm_config_x") == Ok(()) && program("/usr/bin/node") == Ok(()));
        for bad in ["", "2a", "a.b", "Airlock", "airlock_x", &"a".repeat(33)] {
            assert!(upstream(bad).is_err(), "{bad}");
        }
        for bad in ["", "node", "./node", "/", "/usr/../bin/node", "/usr//bin", &format!("/{}", "a".repeat(1024))] {
            assert!(program(bad).is_err(), "{bad}");
        }
        assert!(beside("airlock-pins/files.json") == Ok(()) && any_variable("A-B").is_err());
        for bad in ["", "/a.json", "../a.json", "a/../b.json", ".a.json", "a.toml", "a//b.json", "a b.json", "a\\b.json"] {
            assert!(beside(bad).is_err(), "{bad}");
        }
        assert_eq!(pin(&format!("sha256:{}", "0a".repeat(32))), Ok(()));
        for bad in
            ["", "sha256:", &"0a".repeat(32), &format!("sha256:{}", "0A".repeat(32)), &format!("sha512:{}", "0a".repeat(32))]
        {
            assert!(pin(bad).is_err(), "{bad}");
        }
        assert!(input("page-size") == Ok(()) && input("2a").is_err() && input("a.b").is_err() && input("").is_err());
        assert_eq!(directory("./airlock-ledger"), Ok(()));
        assert!(
            directory("~/x").is_err() && directory("a\0b").is_err() && directory("$HOME/x").is_err() && directory("").is_err()
        );
    }
}
