//! Where the value of an argument may come from: rules over what a session has seen, as constants of the gateway.

/// A rule on one argument of a tool: its value must have been seen in the session before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Argument.
    pub arg: &'static str,
    /// What of the argument is looked at.
    pub look: Look,
    /// Where it may have been seen.
    pub from: Sources,
    /// What happens to a call whose value was not seen there.
    pub otherwise: Otherwise,
    /// The code that traces values, named here so that a gateway without such a rule does not have it.
    pub by: &'static crate::memory::Tracing,
}

/// What of an argument is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The whole value; of a list, each item.
    Whole(ValueKind),
    /// Every URL, mail address and account number inside a text.
    Inside,
}

/// How a value is read, so that two spellings of it are one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    /// A mail address, perhaps with a name in front.
    Email,
    /// An account number: an IBAN, or digits alone.
    Iban,
    /// A URL; without a scheme, that of the web.
    Url,
    /// A host name or address, or a URL that has it.
    Host,
    /// A path or the name of a file, byte for byte.
    Path,
    /// An identifier, byte for byte.
    Id,
    /// A name: words, without regard to case and punctuation around them.
    Name,
    /// A number, perhaps with a currency.
    Amount,
    /// A day; a time that stands with it is not looked at.
    Date,
}

impl ValueKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 9] =
        [Self::Email, Self::Iban, Self::Url, Self::Host, Self::Path, Self::Id, Self::Name, Self::Amount, Self::Date];

    /// The word of manifests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Iban => "iban",
            Self::Url => "url",
            Self::Host => "host",
            Self::Path => "path",
            Self::Id => "id",
            Self::Name => "name",
            Self::Amount => "amount",
            Self::Date => "date",
        }
    }

    /// For sentences.
    #[must_use]
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Email => "a mail address",
            Self::Iban => "an account number",
            Self::Url => "a URL",
            Self::Host => "a host",
            Self::Path => "a path",
            Self::Id => "an identifier",
            Self::Name => "a name",
            Self::Amount => "an amount",
            Self::Date => "a day",
        }
    }
}

/// A place where a value can have been seen; an earlier one is the stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The intent text of the lease.
    Intent,
    /// Anywhere in a result of a tool that the manifest trusts.
    Trusted,
    /// As a whole member, item or name in a structured result.
    Structured,
    /// Anywhere in a result in which the risk score finds no sign of an injection.
    Screened,
    /// Anywhere in a result.
    Text,
}

impl Source {
    /// Every source, the strongest first.
    pub const ALL: [Self; 5] = [Self::Intent, Self::Trusted, Self::Structured, Self::Screened, Self::Text];

    /// The word of manifests and of the ledger.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Trusted => "trusted",
            Self::Structured => "structured",
            Self::Screened => "screened",
            Self::Text => "text",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Intent => 1,
            Self::Trusted => 2,
            Self::Structured => 4,
            Self::Screened => 8,
            Self::Text => 16,
        }
    }
}

/// A set of sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sources(u8);

impl Sources {
    /// No source.
    pub const NONE: Self = Self(0);

    /// These sources.
    #[must_use]
    pub const fn of(list: &[Source]) -> Self {
        let mut set = 0;
        let mut at = 0;
        while at < list.len() {
            set |= list[at].bit();
            at += 1;
        }
        Self(set)
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those of these that are in `others` as well.
    #[must_use]
    pub const fn among(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Is this source one of them?
    #[must_use]
    pub const fn has(self, source: Source) -> bool {
        self.0 & source.bit() != 0
    }

    /// Is there none?
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The sources, the strongest first.
    pub fn iter(self) -> impl Iterator<Item = Source> {
        Source::ALL.into_iter().filter(move |source| self.has(*source))
    }

    /// The strongest of them.
    #[must_use]
    pub fn strongest(self) -> Option<Source> {
        self.iter().next()
    }
}

/// How results of a tool are read: what in them counts as a whole member.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// As words alone: nothing of them is a member, also where they are JSON.
    Text,
    /// As JSON where they are JSON.
    Json,
    /// Their texts also in a form that programs print for people.
    Printed(&'static Printed),
}

impl Form {
    /// The word of manifests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Printed(printed) => printed.word,
        }
    }
}

/// A form that texts are printed in. Policies name the code that reads it, so that a gateway has that of its own forms alone.
#[derive(Debug)]
pub struct Printed {
    /// The word of manifests.
    pub word: &'static str,
    /// The values of a whole text in this form; nothing where any part of it is not, or could be read in two ways.
    pub read: for<'t> fn(&'t str) -> Option<Vec<Piece<'t>>>,
}

/// A value of a printed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'t> {
    /// Without what encloses it, and with its escapes resolved.
    pub text: std::borrow::Cow<'t, str>,
    /// Its name is that of an identifier.
    pub is_id: bool,
    /// It stands in one line. What goes over several is a text in which somebody may have written anything.
    pub is_whole: bool,
}

/// What happens to a call whose value was not seen where it may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// It is refused.
    Deny,
    /// The connected user is asked.
    Ask,
}

impl Otherwise {
    /// The word of manifests.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Ask => "ask",
        }
    }
}
