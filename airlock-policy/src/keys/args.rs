//! Rules of arguments.

use super::network::HOST_LIST;
use super::root::NAME;
use super::{Absent, Key, Kind, Lines, Section};
use crate::code::Code;
use crate::limits::{ITEMS_MAX, ONE_OF_MAX, RULE_TEXT_MAX};

/// A text in a rule.
const TEXT: Kind = Kind::Prose(RULE_TEXT_MAX, Lines::One);
/// Number of characters.
const LENGTH: Kind = Kind::Integer(0, RULE_TEXT_MAX as i64);
/// Diagnostics that any rule can have: it does not fit its argument, or other rules leave nothing.
const ANY: &[Code] = &[Code::RuleType, Code::RuleContradiction, Code::RuleSetConflict, Code::Forbid];

const fn rule(name: &'static str, kind: Kind, example: &'static str, meaning: &'static str, codes: &'static [Code]) -> Key {
    Key { name, kind, absent: Absent::Means("no such rule"), example, meaning, codes }
}

pub(super) static RULES: Section = Section {
    name: "[args.<name>]",
    about: "A name for a set of argument rules. The same keys stand in `args.<argument>` of a tool and in `input.<name>` of a REST tool.

All rules of an argument must hold. They come on top of what the tool itself demands, and become code of the gateway. Rules for \
strings speak of each item where the argument is a list. What a refused call is told names the rule, never the value.",
    keys: &[
        rule("one_of", Kind::List(&TEXT, 1, ONE_OF_MAX), "[\"CA\", \"NV\"]", "strings: the value is one of these", ANY),
        rule("prefix", TEXT, "\"https://api.example.com/v1/\"", "strings: the value begins with this, byte for byte", &[
            Code::RuleType, Code::RuleContradiction, Code::RuleSetConflict, Code::Forbid, Code::OpenPrefix,
        ]),
        rule("suffix", TEXT, "\".json\"", "strings: the value ends with this, byte for byte", ANY),
        rule("min_length", LENGTH, "2", "strings: fewest characters (Unicode scalar values)", ANY),
        rule("max_length", LENGTH, "200", "strings: most characters (Unicode scalar values)", ANY),
        rule("min", Kind::Integer(i64::MIN, i64::MAX), "1", "numbers: smallest value", ANY),
        rule("max", Kind::Integer(i64::MIN, i64::MAX), "48", "numbers: largest value", ANY),
        rule("matches", TEXT, "\"[A-Z]{2,8}\"", "strings: the whole value matches this regular expression, which becomes a table when the gateway is built; anchors are refused", &[
            Code::RuleType, Code::RuleContradiction, Code::RuleSetConflict, Code::Forbid, Code::BadPattern, Code::EmptyPattern, Code::LargePattern,
        ]),
        rule("under", Kind::Text("an absolute path in normal form", "^/"), "\"/srv/work\"", "strings: this absolute path or one below it; a value with an empty, `.` or `..` segment is refused", &[
            Code::RuleType, Code::RuleContradiction, Code::RuleSetConflict, Code::Forbid, Code::BadPath,
        ]),
        rule("host_in", HOST_LIST, "[\"api.example.com\", \"*.example.org\"]", "strings: an `https` URL of one of these hosts, or such a host itself", &[
            Code::RuleType, Code::RuleContradiction, Code::RuleSetConflict, Code::Forbid, Code::AnyHost,
        ]),
        rule("max_items", Kind::Integer(0, ITEMS_MAX), "10", "lists: most items", ANY),
        rule("forbid", Kind::Yes, "true", "the argument may not be given; stands alone", ANY),
    ],
    also: None,
    example: "[args.slug]
matches = \"[a-z0-9-]+\"
max_length = 64
[lints]
unused-rule-set = { level = \"allow\", why = \"an example\" }
",
    more: "",
};

/// Keys about where a value comes from; they stand beside the rules of an argument, and in no rule set.
pub(super) const FROM: Key = Key::optional(
    "from",
    Kind::List(&Kind::Word(&["intent", "trusted", "structured", "screened", "text"]), 1, 5),
    "from anywhere",
    "[\"intent\", \"structured\"]",
    "places where the value must have been seen in the session before: in the intent of the lease, anywhere in a result of a trusted tool, as a whole member of a structured result, anywhere in a result in which the risk score finds no sign of an injection, or anywhere in a result; see [provenance.md](provenance.md)",
    &[Code::OriginSession, Code::OriginIntent, Code::IdleSource, Code::ChosenIntent, Code::RuleSetConflict, Code::OriginKind],
);
pub(super) const OTHERWISE: Key = Key::default(
    "otherwise",
    Kind::Word(&["deny", "ask"]),
    "\"deny\"",
    "\"ask\"",
    "what becomes of a call whose value was not seen there: it is denied, or the connected user is asked",
    &[Code::OriginKey],
);
pub(super) const KIND: Key = Key::optional(
    "kind",
    Kind::Word(&["email", "iban", "url", "host", "path", "id", "name", "amount", "date"]),
    "by type and name of the argument",
    "\"email\"",
    "how the value is read, so that two spellings of it are one value",
    &[Code::OriginKey, Code::OriginKind],
);
pub(super) const INSIDE: Key = Key::optional(
    "inside",
    Kind::Boolean,
    "true for arguments named like prose (`body`, `text`, `message`, …)",
    "true",
    "not the whole value is looked at, but every URL, mail address and account number in it",
    &[Code::OriginKey, Code::OriginKind],
);

pub(super) static USE: Section = Section {
    name: "[tools.<name>.args.<argument>]",
    about: "The rules of one argument of a tool: the name of a rule set, as in `args.url = \"short\"`, or a table with rules, and perhaps \
with a rule set beside them. Both hold then; the same rule with two values is an error.",
    keys: &[
        Key {
            name: "use",
            kind: Kind::Text("name of an `[args.<name>]`", NAME),
            absent: Absent::Means("no rule set"),
            example: "\"short\"",
            meaning: "a rule set whose rules hold as well",
            codes: &[Code::UnknownRuleSet, Code::RuleSetConflict],
        },
        FROM,
        OTHERWISE,
        KIND,
        INSIDE,
    ],
    also: Some(&RULES),
    example: "[tools.weather_hourly]
egress = [\"api.open-meteo.com\", \"geocoding-api.open-meteo.com\"]
args.state = { one_of = [\"CA\", \"NV\", \"OR\"] }
args.hours = { max = 48 }
why = \"forecasts for the west coast\"
",
    more: "",
};
