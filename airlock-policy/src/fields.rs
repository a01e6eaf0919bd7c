//! Reads the tables of a parsed document: every key is asked for by name, and what nobody asked for is an error.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::ir::Rate;
use crate::text::{fault, nearest, quote};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> At<T> {
    /// Replaces the value.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At { value: change(self.value), span: self.span }
    }
}

/// A table that is being read.
#[derive(Debug)]
pub(crate) struct Fields<'t> {
    table: &'t DeTable<'t>,
    /// Its header, key or braces.
    pub(crate) span: Span,
    /// How it is called in messages: `[gateway]`.
    place: String,
    known: Vec<&'static str>,
}

/// A key with its value.
#[derive(Debug)]
pub(crate) struct Field<'t> {
    pub(crate) key: Span,
    pub(crate) span: Span,
    pub(crate) value: &'t DeValue<'t>,
    /// How it is called in messages: `name`.
    name: String,
}

impl<'t> Fields<'t> {
    /// Starts to read a table.
    pub(crate) fn new(table: &'t DeTable<'t>, span: Span, place: impl Into<String>) -> Self {
        Self { table, span, place: place.into(), known: Vec::new() }
    }

    /// The value of a key, if it is there.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Field<'t>> {
        self.known.push(key);
        let (name, value) = self.table.get_key_value(key)?;
        Some(Field { key: name.span(), span: value.span(), value: value.get_ref(), name: key.to_owned() })
    }

    /// The value of a key that must be there.
    pub(crate) fn need(&mut self, key: &'static str, example: &str, faults: &mut Faults) -> Option<Field<'t>> {
        let field = self.take(key);
        if field.is_none() {
            let label = format!("`{key}` belongs here");
            faults.push(
                Diagnostic::new(Code::MissingKey, &self.span, format!("{} has no `{key}`", self.place), label)
                    .help(format!("add `{example}`")),
            );
        }
        field
    }

    /// All keys of a table whose keys are names, in the order of the file.
    pub(crate) fn entries(&self) -> Vec<(&'t str, Field<'t>)> {
        let field = |(name, value): (&'t Spanned<std::borrow::Cow<'t, str>>, &'t Spanned<DeValue<'t>>)| {
            let text: &'t str = name.get_ref();
            (text, Field { key: name.span(), span: value.span(), value: value.get_ref(), name: text.to_owned() })
        };
        let mut entries: Vec<_> = self.table.iter().map(field).collect();
        entries.sort_by_key(|(_, field)| field.key.start);
        entries
    }

    /// Reports every key that nobody asked for. `later` are keys of the language that this version does not compile.
    pub(crate) fn finish(self, later: &[&str], faults: &mut Faults) {
        for (name, field) in self.entries() {
            if self.known.contains(&name) {
                continue;
            }
            if later.contains(&name) {
                not_supported(&format!("`{name}` in {}", self.place), &field.key, faults);
                continue;
            }
            faults.push_with(Code::UnknownKey, || {
                let message = format!("{} has no key {}", self.place, quote(name));
                let help = meant_or(name, &self.known, || format!("keys of {} are {}", self.place, words(&self.known)));
                Diagnostic::new(Code::UnknownKey, &field.key, message, "unknown key").help(help)
            });
        }
    }
}

impl<'t> Field<'t> {
    /// Reports that the value should be something else.
    pub(crate) fn wrong_type(&self, wanted: &str, faults: &mut Faults) {
        let message = format!("{} must be {wanted}, not {}", quote(&self.name), article(self.value.type_str()));
        faults.error(Code::WrongType, &self.span, message, format!("expected {wanted}"));
    }

    /// A string.
    pub(crate) fn string(&self, faults: &mut Faults) -> Option<At<&'t str>> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong_type("a string", faults);
        }
        text.map(|value| At { value, span: self.span.clone() })
    }

    /// A string that people read: not empty, bounded, nothing hidden.
    pub(crate) fn prose(&self, longest: usize, lines: bool, faults: &mut Faults) -> Option<At<String>> {
        let text = self.string(faults)?;
        match fault(text.value, longest, lines) {
            None => Some(text.map(str::to_owned)),
            Some(problem) => {
                faults.error(Code::BadText, &text.span, format!("{} {problem}", quote(&self.name)), "not accepted");
                None
            }
        }
    }

    /// A string that a check accepts; the check says what is wrong.
    pub(crate) fn checked(
        &self,
        code: Code,
        check: impl FnOnce(&str) -> Result<(), String>,
        faults: &mut Faults,
    ) -> Option<At<String>> {
        let text = self.string(faults)?;
        match check(text.value) {
            Ok(()) => Some(text.map(str::to_owned)),
            Err(problem) => {
                faults.error(code, &text.span, problem, "not accepted");
                None
            }
        }
    }

    /// True or false.
    pub(crate) fn boolean(&self, faults: &mut Faults) -> Option<At<bool>> {
        let told = self.value.as_bool();
        if told.is_none() {
            self.wrong_type("true or false", faults);
        }
        told.map(|value| At { value, span: self.span.clone() })
    }

    /// A size in bytes within bounds.
    pub(crate) fn size(&self, least: u64, most: u64, faults: &mut Faults) -> Option<At<u64>> {
        let text = self.string(faults)?;
        let problem = match crate::amount::bytes(text.value) {
            Ok(value) if (least..=most).contains(&value) => return Some(text.map(|_| value)),
            Ok(_) => {
                format!("{} must be from {} to {}", quote(&self.name), crate::amount::size(least), crate::amount::size(most))
            }
            Err(problem) => problem,
        };
        faults.error(Code::BadSize, &text.span, problem, "not accepted");
        None
    }

    /// A rate.
    pub(crate) fn rate(&self, faults: &mut Faults) -> Option<At<Rate>> {
        let text = self.string(faults)?;
        match crate::amount::rate(text.value) {
            Ok(value) => Some(text.map(|_| value)),
            Err(problem) => {
                faults.error(Code::BadRate, &text.span, problem, "not accepted");
                None
            }
        }
    }

    /// A duration in seconds within bounds.
    pub(crate) fn period(&self, least: u64, most: u64, faults: &mut Faults) -> Option<At<u64>> {
        let period = self.seconds(faults)?;
        if (least..=most).contains(&period.value) {
            return Some(period);
        }
        let (least, most) = (crate::amount::duration(least), crate::amount::duration(most));
        let message = format!("{} must be from {least} to {most}", quote(&self.name));
        faults.error(Code::BadDuration, &period.span, message, "out of bounds");
        None
    }

    /// An integer within bounds.
    pub(crate) fn integer(&self, least: i64, most: i64, faults: &mut Faults) -> Option<At<i64>> {
        let Some(number) = self.value.as_integer() else {
            self.wrong_type("an integer", faults);
            return None;
        };
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) if (least..=most).contains(&value) => Some(At { value, span: self.span.clone() }),
            Ok(_) | Err(_) => {
                let message = format!("{} must be from {least} to {most}", quote(&self.name));
                faults.error(Code::BadNumber, &self.span, message, "out of bounds");
                None
            }
        }
    }

    /// A duration in seconds.
    pub(crate) fn seconds(&self, faults: &mut Faults) -> Option<At<u64>> {
        let text = self.string(faults)?;
        match crate::amount::seconds(text.value) {
            Ok(value) => Some(text.map(|_| value)),
            Err(problem) => {
                faults.error(Code::BadDuration, &text.span, problem, "not accepted");
                None
            }
        }
    }

    /// A risk in thousandths.
    pub(crate) fn risk(&self, faults: &mut Faults) -> Option<At<u16>> {
        let text = match self.value {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Integer(_)
            | DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.wrong_type("a number from 0 to 1", faults);
                return None;
            }
        };
        match crate::amount::thousandths(text) {
            Ok(value) => Some(At { value, span: self.span.clone() }),
            Err(problem) => {
                faults.error(Code::BadRisk, &self.span, problem, "not accepted");
                None
            }
        }
    }

    /// One of a few words. `later` are words of the language that this version does not compile.
    pub(crate) fn word<T: Copy>(
        &self,
        words_allowed: &[(&'static str, T)],
        later: &[&str],
        faults: &mut Faults,
    ) -> Option<At<T>> {
        let text = self.string(faults)?;
        if let Some((_, value)) = words_allowed.iter().find(|(word, _)| *word == text.value) {
            return Some(text.map(|_| *value));
        }
        if later.contains(&text.value) {
            not_supported(&format!("`{} = \"{}\"`", self.name, text.value), &text.span, faults);
            return None;
        }
        let known: Vec<&str> = words_allowed.iter().map(|(word, _)| *word).collect();
        let message = format!("{} cannot be {}", quote(&self.name), quote(text.value));
        let help = meant_or(text.value, &known, || format!("it is one of {}", words(&known)));
        faults.push(Diagnostic::new(Code::UnknownWord, &text.span, message, "unknown word").help(help));
        None
    }

    /// The entries of a list, with bounds on their number. Entries past the limit are not read.
    pub(crate) fn list(&self, least: usize, most: usize, faults: &mut Faults) -> Option<Vec<Field<'t>>> {
        let Some(array) = self.value.as_array() else {
            self.wrong_type("a list", faults);
            return None;
        };
        if !(least..=most).contains(&array.len()) {
            let message = format!("{} has {} entries; {least} to {most} are allowed", quote(&self.name), array.len());
            faults.error(Code::Count, &self.span, message, "this list");
            return None;
        }
        let entry = |value: &'t Spanned<DeValue<'t>>| Field {
            key: value.span(),
            span: value.span(),
            value: value.get_ref(),
            name: self.name.clone(),
        };
        Some(array.iter().map(entry).collect())
    }

    /// A table.
    pub(crate) fn table(&self, place: impl Into<String>, faults: &mut Faults) -> Option<Fields<'t>> {
        let table = self.value.as_table();
        if table.is_none() {
            self.wrong_type("a table", faults);
        }
        table.map(|table| Fields::new(table, self.span.clone(), place))
    }
}

/// Reports something that belongs to the language but not to this version.
pub(crate) fn not_supported(what: &str, span: &Span, faults: &mut Faults) {
    let diagnostic = Diagnostic::new(
        Code::NotSupported,
        span,
        format!("{what} is not supported by this version of Airlock"),
        "not supported yet",
    );
    faults.push(diagnostic.help("remove it: a policy is compiled completely or not at all"));
}

/// Reports entries that stand twice. Keys are compared; the first stays.
pub(crate) fn refuse_twice<T: Ord>(list: &[At<T>], name: impl Fn(&T) -> String, faults: &mut Faults) {
    let mut seen = std::collections::BTreeMap::new();
    for entry in list {
        match seen.get(&entry.value) {
            None => {
                seen.insert(&entry.value, &entry.span);
            }
            Some(first) => {
                let message = format!("{} stands twice", quote(&name(&entry.value)));
                faults.push(
                    Diagnostic::new(Code::DuplicateEntry, &entry.span, message, "again here")
                        .also(first, "first here")
                        .help("remove one"),
                );
            }
        }
    }
}

/// `did you mean …?`, or what else helps.
pub(crate) fn meant_or(word: &str, known: &[&str], otherwise: impl FnOnce() -> String) -> String {
    nearest(word, known.iter().copied()).map_or_else(otherwise, |meant| format!("did you mean `{meant}`?"))
}

/// Words for a message: `a`, `b`, `c`.
pub(crate) fn words(words: &[&str]) -> String {
    if words.is_empty() {
        return "none".to_owned();
    }
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn article(word: &str) -> String {
    match word.starts_with(['a', 'i']) {
        true => format!("an {word}"),
        false => format!("a {word}"),
    }
}
