//! Which crates cargo compiled for a target, from its own messages.

use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

/// A message of `--message-format json`; of other kinds only the first field is here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    filenames: Vec<String>,
}

/// Name and version of every crate with a library or program for the target `host`.
pub(crate) fn linked(messages: &str, host: &str) -> BTreeSet<(String, String)> {
    let is_linked = |file: &String| {
        let path = Path::new(file);
        // Macros and build scripts are compiled to `release/`, without the target's name.
        path.components().any(|part| part.as_os_str() == host) && !file.ends_with(".rmeta") && !file.contains("/build-script-")
    };
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    let artifacts = messages.filter(|message| message.reason == "compiler-artifact" && message.filenames.iter().any(is_linked));
    artifacts.filter_map(|message| name_and_version(&message.package_id)).collect()
}

/// `registry+https://…#serde@1.0.228`, `path+file:///…/airlock-runtime#0.1.0`, `path+file:///…/a1b2#gateway@0.0.0+m.00`.
fn name_and_version(id: &str) -> Option<(String, String)> {
    let (place, fragment) = id.rsplit_once('#')?;
    let (name, version) = fragment.split_once('@').unwrap_or((place.rsplit('/').next()?, fragment));
    Some((name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_and_scripts_are_not_linked() {
        let artifact = |id: &str, file: &str| {
            format!("{{\"reason\":\"compiler-artifact\",\"package_id\":\"{id}\",\"filenames\":[\"{file}\"]}}\n")
        };
        let messages = artifact("registry+x#serde@1.0.228", "/b/t-l/release/deps/libserde-1.rlib")
            + &artifact("registry+x#syn@3.0.1", "/b/release/deps/libsyn-1.rlib")
            + &artifact("path+file:///w/airlock-runtime#0.1.0", "/b/t-l/release/deps/libairlock_runtime-1.rlib")
            + &artifact("registry+x#ring@0.17.14", "/b/release/build/ring-1/build-script-build")
            + "{\"reason\":\"build-finished\",\"success\":true}\nnot JSON\n";
        let found = linked(&messages, "t-l");
        let found: Vec<(&str, &str)> = found.iter().map(|(name, version)| (name.as_str(), version.as_str())).collect();
        assert_eq!(found, [("airlock-runtime", "0.1.0"), ("serde", "1.0.228")]);
    }
}
