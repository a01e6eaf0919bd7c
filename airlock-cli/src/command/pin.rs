//! `airlock pin`.

mod page;
mod write;

use crate::args::Format;
use crate::manifest::{self, Manifest};
use crate::render::{Failure, NO, Outcome, note, say};
use crate::upstream::{self, Offer, Offered};
use airlock_policy::definitions::screen::Remark;
use airlock_policy::definitions::{Definition, Definitions, changes, schema, screen};
use airlock_policy::{Declared, beside};
use airlock_runtime::risk;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Ask the upstreams of a manifest for the definitions of their tools, show what changed, and pin what was shown.
///
/// Each upstream is started as the manifest says, with its variables and nothing else of this environment, asked for its tools, and ended.
/// What stands in the manifest is compared with what it lists, word by word. Then the definitions are written beside the manifest and their
/// digests into it; comments stay. Read what is shown before you commit it: it is what models will be told.
/// Exit codes: 0 the pins are those of the servers, or were written · 1 with --check, they are not; or a server does not list a tool any
/// more · 2 a server could not be asked, or a file not be written.
#[derive(Debug, clap::Args)]
pub(crate) struct Pin {
    /// The manifest
    #[arg(default_value = "airlock.toml")]
    manifest: PathBuf,
    /// Upstreams to ask [default: all]
    upstreams: Vec<String>,
    /// Write nothing; exit with 1 if anything would change
    #[arg(long)]
    check: bool,
    /// Show what would be written
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// What was found out about one upstream.
#[derive(Debug)]
struct Asked {
    name: String,
    revision: &'static str,
    stray: usize,
    /// Path of its definitions, relative to the manifest.
    file: String,
    tools: Vec<Tool>,
    /// Tools that it offers and the manifest does not list.
    others: Vec<String>,
    /// The file as it should be, and whether it is.
    definitions: String,
    is_written: bool,
}

/// What was found out about one tool of the manifest.
#[derive(Debug)]
struct Tool {
    name: String,
    state: State,
    /// What a reviewer should look at.
    remarks: Vec<String>,
    /// The pin that belongs into the manifest, and whether it stands there.
    pin: Option<String>,
    is_pinned: bool,
}

#[derive(Debug)]
enum State {
    /// It was not defined before; what models will be told.
    New(Box<Definition>),
    /// It is as it was reviewed.
    Same,
    /// What changed, line by line.
    Changed(Vec<String>),
    /// The server does not list it.
    Gone,
    /// Its definition cannot be pinned, and why.
    Unusable(String),
}

impl Asked {
    /// Whether nothing has to be written, and nothing is missing.
    fn is_current(&self) -> bool {
        let is_fine = |tool: &Tool| tool.is_pinned && matches!(tool.state, State::Same);
        self.is_written && self.tools.iter().all(is_fine)
    }

    /// Whether some tool of the manifest cannot be had.
    fn lacks(&self) -> bool {
        self.tools.iter().any(|tool| matches!(tool.state, State::Gone | State::Unusable(_)))
    }
}

impl Pin {
    pub(crate) fn run(self) -> Outcome {
        if self.manifest == Path::new("-") {
            return Err(Failure::new("a manifest on standard input has no place for its definitions").help("name its file"));
        }
        let manifest = Manifest::read(&self.manifest)?;
        let checked = manifest.check();
        let Some(declared) = checked.upstreams() else {
            manifest::report(&checked);
            return Err(Failure::no(format_args!(
                "{}: {}; nothing was asked",
                self.manifest.display(),
                manifest::count(&checked)
            )));
        };
        let chosen = self.chosen(declared)?;
        let pins = write::pins(manifest.text(), &self.manifest)?;
        let others: Vec<&str> = checked.compiled().map(|compiled| own_names(compiled.policy())).unwrap_or_default();
        let mut asked = Vec::new();
        for declared in chosen {
            let variables = upstream::environment(&declared.upstream, &|name| std::env::var_os(name))?;
            let offer = upstream::ask(&declared.upstream, &variables)?;
            asked.push(self.compare(declared, offer, &pins, &others));
        }
        let writes = !self.check && !self.dry_run;
        let missing = asked.iter().any(Asked::lacks);
        let current = asked.iter().all(Asked::is_current);
        if writes && !missing && !current {
            write::all(&self.manifest, manifest.text(), &asked)?;
        }
        match self.format {
            Format::Json => say(page::json(&asked, writes && !missing && !current)),
            Format::Table => say(page::table(&asked)),
        }
        self.conclude(missing, current, writes)
    }

    fn conclude(&self, missing: bool, current: bool, writes: bool) -> Outcome {
        let table = self.format == Format::Table;
        if missing {
            let problem = "a server does not give a tool that the manifest lists; nothing was written";
            return Err(Failure::no(problem).help("take the tool out of the manifest, or mend the server"));
        }
        match (current, writes) {
            (true, _) => {
                if table {
                    say("The pins are those of the servers.");
                }
                Ok(ExitCode::SUCCESS)
            }
            (false, true) => {
                if table {
                    say(format_args!("Written to {} and the files of definitions.", self.manifest.display()));
                }
                // What else is wrong with the manifest shows now that the definitions are known.
                let checked = Manifest::read(&self.manifest)?;
                manifest::report(&checked.check());
                Ok(ExitCode::SUCCESS)
            }
            (false, false) => {
                if table {
                    note("Nothing was written.");
                }
                Ok(if self.check { ExitCode::from(NO) } else { ExitCode::SUCCESS })
            }
        }
    }

    /// The upstreams that were named; all of them without names.
    fn chosen<'d>(&self, declared: &'d [Declared]) -> Result<Vec<&'d Declared>, Failure> {
        if declared.is_empty() {
            return Err(Failure::new(format_args!("{} has no upstreams", self.manifest.display())));
        }
        let find = |name: &String| {
            let known: Vec<&str> = declared.iter().map(|declared| declared.upstream.name.as_str()).collect();
            let found = declared.iter().find(|declared| declared.upstream.name == *name);
            found.ok_or_else(|| {
                Failure::new(format_args!("there is no upstream {name:?}")).help(format_args!("there are {}", known.join(", ")))
            })
        };
        match self.upstreams.is_empty() {
            true => Ok(declared.iter().collect()),
            false => self.upstreams.iter().map(find).collect(),
        }
    }

    fn compare(&self, declared: &Declared, offer: Offer, pins: &write::Pins, others: &[&str]) -> Asked {
        let Declared { upstream, definitions: file, tools } = declared;
        let dir = self.manifest.parent().map(Path::to_owned).unwrap_or_default();
        let text = beside(dir)(file).ok();
        let before = text.as_deref().and_then(|text| Definitions::parse(text).ok()).unwrap_or_default();
        let mut after = Definitions::default();
        let (stray, revision) = (offer.stray, offer.revision);
        let mut offered: BTreeMap<String, Offered> = offer.tools.into_iter().map(|tool| (tool.name().to_owned(), tool)).collect();
        let listed: Vec<String> = offered.keys().cloned().collect();
        let siblings: Vec<&str> = listed.iter().map(String::as_str).collect();
        let mut compare = |name: &String| {
            let old = before.get(name);
            let (state, found) = match offered.remove(name) {
                None => (State::Gone, None),
                Some(Offered::Unusable(_, problem)) => (State::Unusable(problem), None),
                Some(Offered::Tool(new)) => match old {
                    None => (State::New(new.clone()), Some(new)),
                    Some(old) if old.digest() == new.digest() => (State::Same, Some(Box::new(old.clone()))),
                    Some(old) => (State::Changed(changes(old, &new)), Some(new)),
                },
            };
            let pin = found.as_ref().map(|definition| definition.pin());
            let is_pinned = pins.get(&(upstream.name.clone(), name.clone())) == pin.as_ref();
            let remarks = found.as_ref().map(|definition| remarks(definition, others, &siblings)).unwrap_or_default();
            found.into_iter().for_each(|definition| after.insert(*definition));
            Tool { name: name.clone(), state, remarks, pin, is_pinned }
        };
        let tools: Vec<Tool> = tools.iter().map(&mut compare).collect();
        let definitions = after.to_text();
        // Without tools there is no file to have.
        let is_written = tools.is_empty() || text.as_ref() == Some(&definitions);
        Asked {
            name: upstream.name.clone(),
            revision,
            stray,
            file: file.clone(),
            tools,
            others: offered.into_keys().collect(),
            definitions,
            is_written,
        }
    }
}

/// Names of the tools of the gateway itself: a definition that speaks of them speaks of others.
fn own_names(policy: &airlock_policy::ir::Policy) -> Vec<&str> {
    use airlock_policy::ir::ToolKind;
    let own = policy.tools.iter().filter(|tool| !matches!(tool.kind, ToolKind::Upstream(_)));
    own.map(|tool| tool.name.as_str()).collect()
}

/// What a reviewer should look at: its form, its schemas, and phrases that attacks use. `others` are names of tools of other servers and of
/// the gateway itself, `siblings` those of the same server.
pub(crate) fn remarks(definition: &Definition, others: &[&str], siblings: &[&str]) -> Vec<String> {
    let told = |Remark { place, what, is_grave: _ }: Remark| format!("{what} at {place}");
    let is_other = |word: &str| others.iter().any(|other| other.eq_ignore_ascii_case(word));
    let is_sibling = |word: &str| {
        siblings.iter().any(|sibling| sibling.eq_ignore_ascii_case(word) && !sibling.eq_ignore_ascii_case(definition.name()))
    };
    let form = screen::screen(definition.value(), &is_other, &|word| is_other(word) || is_sibling(word)).into_iter().map(told);
    let schemas = schema::faults(definition.value()).into_iter();
    let text = serde_json::Map::from_iter([("definition".to_owned(), definition.value().clone())]);
    let input = risk::Input { base: 0, args: &text, args_bytes: definition.text().len(), listed: &|_| true };
    let scored = risk::score(&input).factors.into_iter().filter(|factor| SPOKEN.contains(&factor.name));
    let scored = scored.map(|factor| format!("{} (risk factor {})", factor.note, factor.name));
    form.chain(schemas).chain(scored).collect()
}

/// Factors of risk that mean the words of a text; others mean its size and shape.
pub(crate) const SPOKEN: [&str; 9] = [
    "override_instructions",
    "false_authority",
    "role_play",
    "exfiltrate_secret",
    "hidden_action",
    "prompt_leak",
    "tool_abuse",
    "reads_like_an_injection",
    "obfuscation",
];
