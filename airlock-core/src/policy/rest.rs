//! Declarative REST tools: exactly one request, of which the caller chooses the inputs and nothing else.

/// What a REST tool sends and gives back. Host, port and path are in the egress list of the tool, too.
#[derive(Debug)]
pub struct Rest {
    /// For people; empty = none.
    pub title: &'static str,
    /// For the model.
    pub description: &'static str,
    /// Its arguments, sorted by name.
    pub input: &'static [Input],
    /// JSON Schema 2020-12 of the arguments as JSON text, with the argument rules of the manifest in it.
    pub schema: &'static str,
    /// Method.
    pub method: Method,
    /// Canonical host.
    pub host: &'static str,
    /// Port.
    pub port: u16,
    /// Path, beginning with a slash. Literals are percent-encoded already.
    pub path: &'static [Piece],
    /// Query parameters in the order in which they are sent.
    pub query: &'static [Pair],
    /// Headers: lower-case names, sorted.
    pub headers: &'static [Pair],
    /// Members of the JSON object that is sent as body, sorted by name; empty = no body.
    pub body: &'static [Pair],
    /// Credential that the gateway adds.
    pub auth: Option<Auth>,
    /// What becomes of the answer.
    pub response: Response,
}

/// An argument of a REST tool.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// Name.
    pub name: &'static str,
    /// Type of its value.
    pub kind: InputKind,
    /// Must it be given?
    pub required: bool,
}

/// Type of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// A string of at most so many characters.
    String {
        /// Unicode scalar values.
        most: u64,
    },
    /// An integer of 64 bits.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list of strings.
    Array {
        /// Items.
        items: u64,
        /// Unicode scalar values of each item.
        most: u64,
    },
}

/// HTTP methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl Method {
    /// As it is sent.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Is doing it twice doing it once (RFC 9110, 9.2.2)?
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        match self {
            Self::Get | Self::Put | Self::Delete => true,
            Self::Post | Self::Patch => false,
        }
    }
}

/// A piece of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Text, percent-encoded.
    Literal(&'static str),
    /// The value of a required input.
    Input(&'static str),
}

/// A name and its value in a query, a header list or a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// Name of parameter, header or member.
    pub name: &'static str,
    /// Where its value comes from.
    pub value: Slot,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// From an input; left out when the call does not give it.
    Input(&'static str),
    /// A text of the manifest.
    Text(&'static str),
    /// An integer of the manifest.
    Integer(i64),
    /// A truth value of the manifest.
    Boolean(bool),
}

/// A credential that is read at start and added to each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth {
    /// How it is sent.
    pub scheme: AuthScheme,
    /// Environment variable that holds it; the same name with `_FILE` names a file instead.
    pub env: &'static str,
}

/// How a credential is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthScheme {
    /// `authorization: Bearer <secret>`.
    Bearer,
    /// `authorization: Basic <base64 of the secret>`; the secret is `user:password`.
    Basic,
    /// A header of this lower-case name.
    Header(&'static str),
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// Which part of the JSON document is given to the caller.
    pub select: Select,
    /// Largest body, bytes after decompression.
    pub max_bytes: usize,
}

/// Part of a JSON document. Pointers are those of RFC 6901.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// All of it.
    Whole,
    /// The value at this pointer.
    One(&'static str),
    /// An object of the values at these pointers: name and pointer.
    Fields(&'static [(&'static str, &'static str)]),
}
