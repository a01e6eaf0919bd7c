//! Recorded results as a server gives them: text for the model.
//!
//! AgentDojo prints what its tools return as YAML, unless it is one text. Which of its tools do is seen from harmless results alone, as
//! somebody sees it who writes a manifest for a server and looks at what its tools answer.

use airlock_runtime::memory::YAML;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The result of a call of MCP.
pub(crate) fn of_mcp(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

/// The tools whose harmless results are YAML: some have several lines, and all that have can be read as it.
pub(crate) fn yaml<'d>(results: impl Iterator<Item = (&'d str, &'d str)>) -> BTreeSet<&'d str> {
    let mut tools: BTreeMap<&str, bool> = BTreeMap::new();
    for (tool, text) in results.filter(|(_, text)| text.trim_end().contains('\n')) {
        *tools.entry(tool).or_insert(true) &= (YAML.read)(text).is_some();
    }
    tools.into_iter().filter(|(_, is_yaml)| *is_yaml).map(|(tool, _)| tool).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;
    use std::path::Path;
    use yaml_rust2::{Yaml, YamlLoader};

    #[test]
    fn a_tool_prints_yaml_if_all_that_it_prints_is() {
        let results = [("a", "- x\n- y"), ("a", "None"), ("b", "- x\n- y"), ("b", "Dear all\nsee below"), ("c", "one line")];
        assert_eq!(yaml(results.into_iter()), BTreeSet::from(["a"]));
    }

    /// The texts of a document.
    fn texts(yaml: &Yaml, found: &mut Vec<String>) {
        match yaml {
            Yaml::Real(text) | Yaml::String(text) => found.push(text.clone()),
            Yaml::Integer(number) => found.push(number.to_string()),
            Yaml::Array(items) => items.iter().for_each(|item| texts(item, found)),
            Yaml::Hash(members) => members.iter().for_each(|(name, member)| {
                texts(name, found);
                texts(member, found);
            }),
            Yaml::Boolean(_) | Yaml::Alias(_) | Yaml::Null | Yaml::BadValue => {}
        }
    }

    /// What we take for members of recorded results, others read as values too, injected or not; and most of these texts are read.
    #[test]
    fn members_of_recorded_results_are_those_that_another_reader_finds() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
        let Some(lines) = data::lines(&dir, "agentdojo_tool_results.jsonl").unwrap() else {
            println!("skipped: no data");
            return;
        };
        let results: Vec<data::ToolResult> = data::of(&lines, None).unwrap();
        let (mut read, mut all) = (0, 0);
        for result in results.iter().filter(|result| result.tool != "get_webpage" && result.text.contains('\n')) {
            all += 1;
            let Some(pieces) = (YAML.read)(&result.text) else { continue };
            read += 1;
            let mut found = Vec::new();
            YamlLoader::load_from_str(&result.text).unwrap().iter().for_each(|document| texts(document, &mut found));
            for piece in pieces.iter().filter(|piece| piece.is_whole && !piece.text.is_empty()) {
                let is_found = found.iter().any(|text| *text == piece.text) || piece.text.parse::<f64>().is_ok();
                assert!(is_found, "{:?} of {}", piece.text, result.text);
            }
        }
        assert!(read * 100 >= all * 98, "{read} of {all} are read");
    }
}
