//! The request of a REST tool.

use super::{Absent, Key, Kind, Lines, Section, args};
use crate::code::Code;
use crate::limits::{DESCRIPTION_MAX, PAIRS_MAX, RESPONSE_MAX, RESPONSE_MIN, SELECT_MAX};

/// Name of an input.
const INPUT_NAME: Kind = Kind::Text("name of an input", "^[A-Za-z][A-Za-z0-9_-]{0,63}$");
const VARIABLE: Kind = super::gateway::ENV;
const POINTER: Kind = Kind::Text("a JSON pointer (RFC 6901)", "^(/[^\\n]*)?$");
/// Where a parameter or member gets its value.
const SLOT: Kind = Kind::Either(&[INPUT_NAME, Kind::Table(&CONSTANT)]);
/// A list of input names, or a table of name and value.
const SLOTS: Kind = Kind::Either(&[Kind::List(&INPUT_NAME, 0, PAIRS_MAX), Kind::Named("^.+$", &SLOT, PAIRS_MAX)]);

pub(super) static HTTP: Section = Section {
    name: "[tools.<name>.http]",
    about: "Exactly one request, of which the caller chooses the inputs and nothing else. The host needs its `[[egress]]` entry, which \
gives port and stand-in. Every input must be used somewhere; an optional input that a call leaves out leaves out its parameter, header \
or member.",
    keys: &[
        Key::required("method", Kind::Word(&["GET", "POST", "PUT", "PATCH", "DELETE"]), "\"POST\"", "method of the request", &[Code::ReadMethod]),
        Key::required(
            "url",
            Kind::Text("an `https` URL with a fixed host; `{input}` in its path alone, no query, fragment or user", "^https://"),
            "\"https://api.example.com/v1/projects/{project}/issues\"",
            "where it goes; an input is percent-encoded as part of one segment, and one that would make a segment empty, `.` or `..`, also for a server that decodes twice, is refused",
            &[Code::RestUrl, Code::UnknownInput, Code::InputPlace, Code::UndeclaredHost, Code::MissingEgress, Code::BadHost, Code::PrivateHost],
        ),
        slots("query", SLOTS, "[\"notify\"]", "query parameters: names of inputs, or a table of parameter and input or `{ const = … }`; a list repeats its parameter", &[
            Code::UnknownInput, Code::InputPlace,
        ]),
        slots(
            "headers",
            Kind::Named("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", &Kind::Either(&[Kind::Prose(crate::limits::RULE_TEXT_MAX, Lines::One), Kind::Table(&INPUT_VALUE)]), PAIRS_MAX),
            "{ x-api-version = \"2\" }",
            "headers: a text, or `{ input = \"name\" }`; those that belong to the connection or the gateway are refused",
            &[Code::UnknownInput, Code::InputPlace, Code::ForbiddenHeader, Code::BadHeader, Code::DuplicateEntry],
        ),
        slots("body", SLOTS, "[\"title\", \"text\"]", "members of the JSON object that is sent: as `query`, with the types kept", &[
            Code::UnknownInput, Code::NeedlessBody, Code::InputPlace,
        ]),
        slots("auth", Kind::Table(&AUTH), "{ bearer_env = \"TICKETS_TOKEN\" }", "a credential that the gateway adds; the caller never sees it", &[Code::BadCredential, Code::WildCredential]),
        Key::optional("response", Kind::Table(&RESPONSE), "the whole document", "{ select = \"/id\" }", "what becomes of the answer", &[]),
    ],
    also: None,
    example: "[[egress]]
host = \"tickets.example.com\"
why = \"tickets\"
[tools.open_ticket]
http = { method = \"POST\", url = \"https://tickets.example.com/v1/projects/{project}/issues\", body = [\"title\"], auth = { bearer_env = \"TICKETS_TOKEN\" } }
description = \"Opens a ticket in a project\"
input.project = { type = \"string\", matches = \"[A-Z]{2,8}\" }
input.title = { type = \"string\", max_length = 120 }
effect = \"write\"
why = \"file a ticket\"
",
    more: "",
};

const fn slots(name: &'static str, kind: Kind, example: &'static str, meaning: &'static str, codes: &'static [Code]) -> Key {
    Key { name, kind, absent: Absent::Means("none"), example, meaning, codes }
}

pub(super) static CONSTANT: Section = Section {
    name: "A constant",
    about: "A value of `query` or `body` that the manifest fixes.",
    keys: &[Key::required(
        "const",
        Kind::Either(&[Kind::Prose(crate::limits::RULE_TEXT_MAX, Lines::One), Kind::Integer(i64::MIN, i64::MAX), Kind::Boolean]),
        "\"json\"",
        "what is sent; integers and truth values in bodies alone",
        &[Code::InputPlace],
    )],
    also: None,
    example: "",
    more: "",
};

pub(super) static INPUT_VALUE: Section = Section {
    name: "An input as a header",
    about: "A value of `headers` that the caller gives: visible ASCII and spaces, no space at its ends.",
    keys: &[Key::required("input", INPUT_NAME, "\"title\"", "name of the input", &[Code::UnknownInput, Code::InputPlace])],
    also: None,
    example: "",
    more: "",
};

pub(super) static AUTH: Section = Section {
    name: "[tools.<name>.http.auth]",
    about: "One of three forms: `{ bearer_env }`, `{ basic_env }`, or `{ header, env }`. At start the gateway reads the variable, or the file \
that the variable with `_FILE` behind its name names (a regular file that others cannot read; one trailing newline is cut). If the secret \
is missing, empty, over 8 KiB or not visible ASCII, the gateway does not start and names the variable. An answer that contains the secret \
fails the call and nothing of it is given out.",
    keys: &[
        slots("bearer_env", VARIABLE, "\"TICKETS_TOKEN\"", "variable with a bearer token", &[Code::BadCredential]),
        slots(
            "basic_env",
            VARIABLE,
            "\"TICKETS_LOGIN\"",
            "variable with `user:password` for basic authentication",
            &[Code::BadCredential],
        ),
        slots(
            "header",
            Kind::Text("name of a header", "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"),
            "\"x-api-key\"",
            "header that carries the secret; with `env`",
            &[Code::BadCredential, Code::ForbiddenHeader, Code::BadHeader],
        ),
        slots("env", VARIABLE, "\"TICKETS_KEY\"", "variable with the secret; with `header`", &[Code::BadCredential]),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static RESPONSE: Section = Section {
    name: "[tools.<name>.http.response]",
    about: "A call gives `{status, host, bytes, json}`.",
    keys: &[
        Key::optional(
            "select",
            Kind::Either(&[POINTER, Kind::Named("^.+$", &POINTER, SELECT_MAX)]),
            "the whole document",
            "{ id = \"/id\", link = \"/html_url\" }",
            "a pointer to the value that is given out, or a table of name and pointer; a pointer that finds nothing fails the call",
            &[Code::BadPointer],
        ),
        Key::default(
            "max_bytes",
            Kind::Size(RESPONSE_MIN, RESPONSE_MAX),
            "\"256KiB\"",
            "\"64KiB\"",
            "largest answer after decompression",
            &[],
        ),
    ],
    also: None,
    example: "",
    more: "",
};

pub(super) static INPUT: Section = Section {
    name: "[tools.<name>.input.<argument>]",
    about: "An argument of a REST tool, with its rules. The schema that clients are shown says the same.",
    keys: &[
        Key::required(
            "type",
            Kind::Word(&["string", "integer", "number", "boolean", "array"]),
            "\"string\"",
            "type of the value; an array is one of strings",
            &[],
        ),
        Key::default("required", Kind::Boolean, "true", "false", "whether a call must give it", &[]),
        Key::optional(
            "description",
            Kind::Prose(DESCRIPTION_MAX, Lines::Several),
            "none",
            "\"One line\"",
            "what it is, for the model",
            &[],
        ),
    ],
    also: Some(&args::USE),
    example: "",
    more: "A string without `max_length` has at most 8192 characters, a list without `max_items` at most 64 items. An integer has 64 bits.",
};
