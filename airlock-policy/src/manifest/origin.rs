//! `from`, `otherwise`, `kind` and `inside` of an argument: where its value must have been seen before.

use super::rules::{Argument, Kind};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, Fields, refuse_twice};
use crate::ir::{Form, Look, Origin, Otherwise, Source, ValueKind};

/// Sources as the manifest writes them.
pub(crate) const SOURCES: &[(&str, Source)] = &[
    ("intent", Source::Intent),
    ("trusted", Source::Trusted),
    ("structured", Source::Structured),
    ("screened", Source::Screened),
    ("text", Source::Text),
];

/// Forms of results as the manifest writes them.
pub(super) const FORMS: &[(&str, Form)] =
    &[("text", Form::Text), ("json", Form::Json), ("yaml", Form::Yaml), ("csv", Form::Csv), ("table", Form::Table)];

/// Kinds as the manifest writes them.
pub(crate) const KINDS: &[(&str, ValueKind)] = &[
    ("email", ValueKind::Email),
    ("iban", ValueKind::Iban),
    ("url", ValueKind::Url),
    ("host", ValueKind::Host),
    ("path", ValueKind::Path),
    ("id", ValueKind::Id),
    ("name", ValueKind::Name),
    ("amount", ValueKind::Amount),
    ("date", ValueKind::Date),
];

/// The keys as they were written.
#[derive(Debug, Clone)]
pub(crate) struct OriginDraft {
    pub(crate) key: Span,
    from: Vec<At<Source>>,
    otherwise: Otherwise,
    kind: Option<At<ValueKind>>,
    inside: Option<At<bool>>,
}

/// A compiled rule with the place of its `from`.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) origin: Origin,
    pub(crate) from: Span,
}

/// Takes the four keys out of a table.
pub(super) fn take(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<OriginDraft> {
    let from = fields.take("from");
    let others = ["otherwise", "kind", "inside"].map(|key| fields.take(key));
    let Some(from) = from else {
        for other in others.into_iter().flatten() {
            let message = "this key says something about `from`, which is not given";
            let diagnostic = Diagnostic::new(Code::OriginKey, &other.key, message, "has no use alone");
            faults.push(diagnostic.help("add `from = [\"intent\", \"structured\"]`, or remove it"));
        }
        return None;
    };
    let [otherwise, kind, inside] = others;
    let list = from.list(1, SOURCES.len(), faults)?;
    let sources: Vec<At<Source>> = list.iter().filter_map(|entry| entry.word(SOURCES, &[], faults)).collect();
    refuse_twice(&sources, |source| word(*source).to_owned(), faults);
    let words = [("deny", Otherwise::Deny), ("ask", Otherwise::Ask)];
    let otherwise = otherwise.and_then(|field| field.word(&words, &[], faults)).map_or(Otherwise::Deny, |at| at.value);
    let kind = kind.and_then(|field| field.word(KINDS, &[], faults));
    let inside = inside.and_then(|field| field.boolean(faults));
    Some(OriginDraft { key: from.key.clone(), from: sources, otherwise, kind, inside })
}

/// The rule for an argument of this type; what is not said follows from its type and name.
pub(super) fn fit(argument: &Argument<'_>, draft: OriginDraft, faults: &mut Faults) -> Option<Placed> {
    let OriginDraft { key, from, otherwise, kind, inside } = draft;
    let look = match (&kind, &inside) {
        (Some(kind), Some(inside)) if inside.value => {
            let message = "`inside` looks for URLs, addresses and account numbers, whatever `kind` says";
            let diagnostic = Diagnostic::new(Code::OriginKind, &kind.span, message, "has no use");
            faults.push(diagnostic.also(&inside.span, "said here").help("remove one of the two"));
            return None;
        }
        (Some(kind), _) => Look::Whole(kind.value),
        (None, Some(inside)) if inside.value => Look::Inside,
        (None, Some(_)) => Look::Whole(whole(argument.kind, argument.name)),
        (None, None) => inferred(argument.kind, argument.name),
    };
    if !fits(argument.kind, look) {
        let (place, what) = match (&kind, &inside) {
            (Some(kind), _) => (&kind.span, format!("`kind = \"{}\"`", kind_word(kind.value))),
            (None, Some(inside)) => (&inside.span, "`inside`".to_owned()),
            (None, None) => (&key, "`from`".to_owned()),
        };
        let message = format!("{what} does not fit `{}`, which is {}", argument.name, super::rules::word(argument.kind));
        faults.push(Diagnostic::new(Code::OriginKind, place, message, "does not fit").help(kinds_for(argument.kind)));
        return None;
    }
    let mut sources: Vec<Source> = from.into_iter().map(|at| at.value).collect();
    sources.sort();
    sources.dedup();
    let origin = Origin { arg: argument.name.to_owned(), look, from: sources, otherwise };
    Some(Placed { origin, from: key })
}

/// Takes what stands at another place of the tool. Two places that both say it are a contradiction, or one too many.
pub(super) fn join(own: &mut Option<OriginDraft>, more: Option<OriginDraft>, faults: &mut Faults) {
    match (own.as_ref(), more) {
        (_, None) => {}
        (None, more @ Some(_)) => *own = more,
        (Some(first), Some(more)) => {
            let message = "`from` is given here and at the input";
            let diagnostic = Diagnostic::new(Code::RuleSetConflict, &more.key, message, "here").also(&first.key, "at the input");
            faults.push(diagnostic.help("keep one of the two"));
        }
    }
}

const fn fits(kind: Kind, look: Look) -> bool {
    match (kind, look) {
        (Kind::Text | Kind::Url | Kind::List, Look::Whole(_) | Look::Inside)
        | (Kind::Object, Look::Inside)
        | (Kind::Integer(..), Look::Whole(ValueKind::Amount | ValueKind::Id))
        | (Kind::Number, Look::Whole(ValueKind::Amount)) => true,
        (Kind::Integer(..) | Kind::Number, Look::Whole(_) | Look::Inside)
        | (Kind::Object, Look::Whole(_))
        | (Kind::Boolean, Look::Whole(_) | Look::Inside) => false,
    }
}

const fn kinds_for(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Url | Kind::List => "any kind, or `inside = true`, is for strings and lists of them",
        Kind::Integer(..) => "the kinds of an integer are `amount` and `id`",
        Kind::Number => "the kind of a number is `amount`",
        Kind::Object => "of an object, `inside = true` looks at every text in it",
        Kind::Boolean => "true and false come from nowhere; remove `from`",
    }
}

/// What is looked at when the manifest does not say: texts by the words of their name.
fn inferred(kind: Kind, name: &str) -> Look {
    match kind {
        Kind::Object => Look::Inside,
        Kind::Text | Kind::List if parts(name).any(|part| PROSE.contains(&part.as_str())) => Look::Inside,
        Kind::Text | Kind::Url | Kind::List | Kind::Integer(..) | Kind::Number | Kind::Boolean => Look::Whole(whole(kind, name)),
    }
}

/// Words in the names of arguments that hold prose.
const PROSE: [&str; 17] = [
    "body",
    "content",
    "contents",
    "text",
    "message",
    "subject",
    "title",
    "description",
    "comment",
    "note",
    "notes",
    "summary",
    "markdown",
    "html",
    "details",
    "reason",
    "memo",
];

/// Words in the names of arguments, by the kind of their values; the last word of a name that says something decides.
const NAMED: [(ValueKind, &[&str]); 8] = [
    (ValueKind::Email, &["email", "emails", "mail", "cc", "bcc", "recipients", "participants", "attendees"]),
    (ValueKind::Iban, &["iban", "account"]),
    (ValueKind::Url, &["url", "urls", "uri", "link", "links", "href", "website", "webpage"]),
    (ValueKind::Host, &["host", "hostname", "domain"]),
    (ValueKind::Path, &["path", "paths", "file", "files", "filename", "dir", "directory", "folder"]),
    (ValueKind::Id, &["id", "ids", "key", "uuid", "ref", "number"]),
    (ValueKind::Amount, &["amount", "price", "total", "sum", "limit", "quantity"]),
    (ValueKind::Date, &["date", "day", "time", "start", "end", "due", "deadline"]),
];

fn whole(kind: Kind, name: &str) -> ValueKind {
    let named = parts(name).filter_map(|part| NAMED.iter().find(|(_, words)| words.contains(&part.as_str()))).last();
    let named = named.map(|(kind, _)| *kind);
    match kind {
        Kind::Url => ValueKind::Url,
        Kind::Integer(..) => named.filter(|named| *named == ValueKind::Id).unwrap_or(ValueKind::Amount),
        Kind::Number => ValueKind::Amount,
        Kind::Text | Kind::List | Kind::Boolean | Kind::Object => named.unwrap_or(ValueKind::Name),
    }
}

/// The words of `fileId`, `file_id` and `file-id`, in lower case.
fn parts(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if matches!(c, '_' | '-' | '.') || c.is_ascii_uppercase() && was_lower {
            words.push(String::new());
        }
        was_lower = c.is_ascii_lowercase();
        if let Some(word) = words.last_mut().filter(|_| !matches!(c, '_' | '-' | '.')) {
            word.push(c.to_ascii_lowercase());
        }
    }
    words.into_iter()
}

/// As the manifest writes it.
const fn word(source: Source) -> &'static str {
    match source {
        Source::Intent => "intent",
        Source::Trusted => "trusted",
        Source::Structured => "structured",
        Source::Screened => "screened",
        Source::Text => "text",
    }
}

/// As the manifest writes it.
pub(crate) const fn kind_word(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Email => "email",
        ValueKind::Iban => "iban",
        ValueKind::Url => "url",
        ValueKind::Host => "host",
        ValueKind::Path => "path",
        ValueKind::Id => "id",
        ValueKind::Name => "name",
        ValueKind::Amount => "amount",
        ValueKind::Date => "date",
    }
}

/// As the manifest writes it.
pub(crate) const fn form_word(form: Form) -> &'static str {
    match form {
        Form::Text => "text",
        Form::Json => "json",
        Form::Yaml => "yaml",
        Form::Csv => "csv",
        Form::Table => "table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_from_type_and_name() {
        let text = |name: &str| inferred(Kind::Text, name);
        for (name, kind) in [
            ("to_email", ValueKind::Email),
            ("recipients", ValueKind::Email),
            ("fileId", ValueKind::Id),
            ("file_id", ValueKind::Id),
            ("iban", ValueKind::Iban),
            ("start_date", ValueKind::Date),
            ("path", ValueKind::Path),
            ("channel", ValueKind::Name),
            ("webhookURL", ValueKind::Url),
            ("webhookUrl", ValueKind::Url),
        ] {
            assert_eq!(text(name), Look::Whole(kind), "{name}");
        }
        assert_eq!(text("message_body"), Look::Inside);
        assert_eq!(inferred(Kind::Url, "body"), Look::Whole(ValueKind::Url));
        assert_eq!(inferred(Kind::Integer(0, 9), "issue_number"), Look::Whole(ValueKind::Id));
        assert_eq!(inferred(Kind::Integer(0, 9), "count"), Look::Whole(ValueKind::Amount));
        assert_eq!(inferred(Kind::Object, "query"), Look::Inside);
    }
}
