//! The environment of an upstream, from that of this command.

use crate::render::Failure;
use airlock_policy::ir::{Upstream, Variable, VariableValue};
use std::ffi::OsString;
use std::io::Read;

/// Longest secret, bytes.
const SECRET_MAX: u64 = 8 * 1024;

/// Every variable that the manifest declares, with its value.
///
/// # Errors
/// A variable that it refers to is not set, or the file of a secret cannot be read. No value is in the message.
pub(crate) fn environment(
    upstream: &Upstream,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Vec<(String, OsString)>, Failure> {
    let value = |Variable { name, value }: &Variable| {
        let value = match value {
            VariableValue::Literal(text) => Ok(OsString::from(text)),
            VariableValue::From(source) => variable(source).ok_or_else(|| format!("${source} is not set")),
            VariableValue::Secret(source) => secret(source, variable),
        };
        let failed = |problem| Failure::new(format_args!("the upstream {} has no {name}: {problem}", upstream.name));
        value.map(|value| (name.clone(), value)).map_err(failed)
    };
    upstream.env.iter().map(value).collect()
}

fn secret(source: &str, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<OsString, String> {
    let by_file = format!("{source}_FILE");
    match (variable(source), variable(&by_file)) {
        (Some(_), Some(_)) => Err(format!("${source} and ${by_file} are both set; set one")),
        (None, None) => Err(format!("neither ${source} nor ${by_file} is set")),
        (Some(value), None) => Ok(value),
        (None, Some(path)) => {
            let mut text = String::new();
            let read = std::fs::File::open(&path).and_then(|file| file.take(SECRET_MAX + 1).read_to_string(&mut text));
            read.map_err(|fault| format!("the file that ${by_file} names cannot be read: {fault}"))?;
            let text = text.strip_suffix('\n').unwrap_or(&text);
            match text.is_empty() || text.len() as u64 > SECRET_MAX {
                true => Err(format!("the file that ${by_file} names is empty or larger than {SECRET_MAX} bytes")),
                false => Ok(OsString::from(text)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airlock_policy::ir::Era;

    #[test]
    fn only_what_is_declared_is_there_and_what_is_missing_is_named() {
        let dir = tempfile::tempdir().expect("directory");
        let file = dir.path().join("secret");
        std::fs::write(&file, "s3cret\n").expect("written");
        let upstream = |value| Upstream {
            name: "u".to_owned(),
            command: vec!["/x".to_owned()],
            dir: None,
            env: vec![Variable { name: "A".to_owned(), value }],
            era: Era::Auto,
            start_timeout: 1,
            max_message: 1,
            may_ask: Vec::new(),
            ask_hosts: Vec::new(),
            may_tell: Vec::new(),
            log: None,
            confine: None,
            why: String::new(),
        };
        let set = |name: &str| match name {
            "HERE" => Some(OsString::from("x")),
            "KEY_FILE" => Some(file.clone().into_os_string()),
            "BOTH" | "BOTH_FILE" => Some(OsString::from("y")),
            _ => None,
        };
        let of = |value| environment(&upstream(value), &set).map_err(|failure| failure.to_string());
        let a = |text: &str| Ok(vec![("A".to_owned(), OsString::from(text))]);
        assert_eq!(of(VariableValue::Literal("$HOME".to_owned())), a("$HOME"), "nothing is expanded");
        assert_eq!(of(VariableValue::From("HERE".to_owned())), a("x"));
        assert_eq!(of(VariableValue::Secret("KEY".to_owned())), a("s3cret"));
        for (value, problem) in [
            (VariableValue::From("GONE".to_owned()), "$GONE is not set"),
            (VariableValue::Secret("GONE".to_owned()), "neither $GONE nor $GONE_FILE is set"),
            (VariableValue::Secret("BOTH".to_owned()), "both set"),
        ] {
            let found = of(value).expect_err(problem);
            assert!(found.contains(problem) && found.contains("has no A"), "{found}");
        }
    }
}
