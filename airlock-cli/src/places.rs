//! Lines of a manifest: where a clause of the policy was written.
//!
//! The compiled policy knows no lines, because nothing of a text may change it. So the text is read once more, and a path such as
//! `tools.read.args.url.prefix` leads to the line where its longest part stands that the text has.

use toml_edit::{Document, Item, Value};

/// A manifest whose lines can be asked for.
#[derive(Debug)]
pub(crate) struct Places<'t> {
    file: &'t str,
    text: &'t str,
    document: Option<Document<&'t str>>,
}

/// A line of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Name of the file.
    pub(crate) file: String,
    /// Number, from 1.
    pub(crate) number: usize,
    /// The line without spaces at its ends.
    pub(crate) text: String,
}

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A key of a table.
    Key(String),
    /// A place in a list.
    At(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(at: usize) -> Self {
        Self::At(at)
    }
}

/// Steps from keys and places: `steps!["grant", 0, "tools"]`.
macro_rules! steps {
    ($($step:expr),* $(,)?) => {
        vec![$($crate::places::Step::from($step)),*]
    };
}
pub(crate) use steps;

/// What a step leads to. Inline tables and lists hold values, others items.
#[derive(Clone, Copy)]
enum Found<'d> {
    Item(&'d Item),
    Value(&'d Value),
    Table(&'d toml_edit::Table),
}

impl<'t> Places<'t> {
    /// Reads the text of a manifest that compiled.
    pub(crate) fn of(file: &'t str, text: &'t str) -> Self {
        Self { file, text, document: Document::parse(text).ok() }
    }

    /// Whether the text has all of this path.
    pub(crate) fn has(&self, path: &[Step]) -> bool {
        self.walk(path).is_some_and(|(depth, _)| depth == path.len())
    }

    /// The line where the longest part of the path stands. Nothing when the text has none of it.
    pub(crate) fn line(&self, path: &[Step]) -> Option<Line> {
        let (_, start) = self.walk(path)?;
        let before = self.text.get(..start)?;
        let number = before.matches('\n').count() + 1;
        let text = self.text.lines().nth(number - 1)?.trim().to_owned();
        Some(Line { file: self.file.to_owned(), number, text })
    }

    /// The string at the end of a path.
    pub(crate) fn string(&self, path: &[Step]) -> Option<String> {
        let mut at = Found::Item(self.document.as_ref()?.as_item());
        for step in path {
            (at, _) = self::step(at, step)?;
        }
        match at {
            Found::Item(item) => item.as_str().map(str::to_owned),
            Found::Value(value) => value.as_str().map(str::to_owned),
            Found::Table(_) => None,
        }
    }

    /// How much of the path there is, and where its last part starts.
    fn walk(&self, path: &[Step]) -> Option<(usize, usize)> {
        let document = self.document.as_ref()?;
        let mut at = Found::Item(document.as_item());
        let mut reached = None;
        for (depth, step) in path.iter().enumerate() {
            let Some((next, start)) = self::step(at, step) else { break };
            // A table that only has tables has no place of its own.
            if let Some(start) = start {
                reached = Some((depth + 1, start));
            }
            at = next;
        }
        reached
    }
}

/// One step, and the byte where its key, or the entry itself in a list, starts.
fn step<'d>(at: Found<'d>, step: &Step) -> Option<(Found<'d>, Option<usize>)> {
    let start = |span: Option<std::ops::Range<usize>>| span.map(|span| span.start);
    match (at, step) {
        (Found::Item(Item::Table(table)) | Found::Table(table), Step::Key(key)) => {
            let (name, item) = table.get_key_value(key)?;
            Some((Found::Item(item), start(item.span()).filter(|_| item.is_table()).or(start(name.span()))))
        }
        (Found::Item(Item::Value(Value::InlineTable(table))) | Found::Value(Value::InlineTable(table)), Step::Key(key)) => {
            let (name, item) = table.get_key_value(key)?;
            Some((Found::Item(item), start(name.span())))
        }
        (Found::Item(Item::ArrayOfTables(list)), Step::At(place)) => {
            let table = list.get(*place)?;
            Some((Found::Table(table), start(table.span())))
        }
        (Found::Item(Item::Value(Value::Array(list))) | Found::Value(Value::Array(list)), Step::At(place)) => {
            let value = list.get(*place)?;
            Some((Found::Value(value), start(value.span())))
        }
        (Found::Item(_) | Found::Value(_) | Found::Table(_), Step::Key(_) | Step::At(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"airlock = 1
[tools.read]
egress = ["a.com"]
args.url = { prefix = "https://a.com/" }
[tools.read.args.query]
max_length = 2
[[grant]]
subject = "a"
[[grant]]
subject = "b"
domains = [
  "a.com",
  "b.com",
]
"#;

    #[test]
    fn clauses_lead_to_their_lines() {
        let places = Places::of("airlock.toml", TEXT);
        let line = |path: Vec<Step>| places.line(&path).map(|line| (line.number, line.text));
        let at = |number, text: &str| Some((number, text.to_owned()));
        assert_eq!(line(steps!["airlock"]), at(1, "airlock = 1"));
        assert_eq!(line(steps!["tools", "read", "args", "url", "prefix"]), at(4, "args.url = { prefix = \"https://a.com/\" }"));
        assert_eq!(line(steps!["tools", "read", "args", "query", "max_length"]), at(6, "max_length = 2"));
        assert_eq!(line(steps!["tools", "read", "risk_threshold"]), at(2, "[tools.read]"), "the longest part that is there");
        assert_eq!(line(steps!["grant", 1, "subject"]), at(10, "subject = \"b\""));
        assert_eq!(line(steps!["grant", 1]), at(9, "[[grant]]"));
        assert_eq!(line(steps!["grant", 1, "domains", 1]), at(13, "\"b.com\","));
        assert_eq!(line(steps!["flow", 0]), None);
        let (given, absent) = (steps!["tools", "read", "egress"], steps!["tools", "read", "labels"]);
        assert!(places.has(&given) && !places.has(&absent));
    }
}
