//! Declarative REST tools, as plain data.

use serde::Serialize;

/// A declarative REST tool: exactly one request, of which the caller chooses the inputs and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Rest {
    /// For people; empty = none.
    pub title: String,
    /// For the model.
    pub description: String,
    /// Its arguments, sorted by name.
    pub input: Vec<Input>,
    /// Method.
    pub method: Method,
    /// Canonical host.
    pub host: String,
    /// Port; 443 when the URL names none.
    pub port: u16,
    /// Path, beginning with a slash. Literals are percent-encoded already.
    pub path: Vec<Piece>,
    /// Query parameters in the order in which they are sent.
    pub query: Vec<Pair>,
    /// Header names in lower case, sorted. Values are strings.
    pub headers: Vec<Pair>,
    /// Members of the JSON object that is sent as body, sorted by name; empty = no body.
    pub body: Vec<Pair>,
    /// Credential that the gateway adds.
    pub auth: Option<Auth>,
    /// What becomes of the answer.
    pub response: Response,
}

/// HTTP methods of REST tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// An argument of a REST tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Input {
    /// Name.
    pub name: String,
    /// Type of its value.
    pub kind: InputKind,
    /// Must it be given?
    pub required: bool,
    /// For the model; empty = none.
    pub description: String,
}

/// Type of an input, in the words of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// A string.
    String,
    /// An integer of 64 bits.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list of strings.
    Array,
}

/// A piece of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Text, percent-encoded.
    Literal(String),
    /// The value of a required input, percent-encoded as part of one segment.
    Input(String),
}

/// A name and its value in a query, a header list or a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Pair {
    /// Name of parameter, header or member.
    pub name: String,
    /// Where its value comes from.
    pub value: Slot,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// From an input; left out when the call does not give it.
    Input(String),
    /// A text of the manifest.
    Text(String),
    /// An integer of the manifest; in bodies alone.
    Integer(i64),
    /// A truth value of the manifest; in bodies alone.
    Boolean(bool),
}

/// A credential that is read at start and added to each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Auth {
    /// How it is sent.
    pub scheme: AuthScheme,
    /// Environment variable that holds it; the same name with `_FILE` names a file instead.
    pub env: String,
}

/// How a credential is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum AuthScheme {
    /// `authorization: Bearer <secret>`.
    Bearer,
    /// `authorization: Basic <base64 of the secret>`; the secret is `user:password`.
    Basic,
    /// A header of this lower-case name.
    Header(String),
}

/// What becomes of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Response {
    /// Which part of the JSON document is given to the caller.
    pub select: Select,
    /// Largest body, bytes after decompression.
    pub max_bytes: u64,
}

/// Part of a JSON document. Pointers are those of RFC 6901.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Select {
    /// All of it.
    Whole,
    /// The value at this pointer.
    One(String),
    /// An object of the values at these pointers: name and pointer, sorted by name.
    Fields(Vec<(String, String)>),
}
