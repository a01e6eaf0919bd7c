//! Revisions of the Model Context Protocol and what differs between them on this side of the gateway.

/// A revision of the protocol, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Revision {
    /// 2024-11-05, the first.
    R2024_11_05,
    /// 2025-03-26: tool annotations, a message in progress notifications.
    R2025_03_26,
    /// 2025-06-18: titles, structured content.
    R2025_06_18,
    /// 2025-11-25, the last one with `initialize`.
    R2025_11_25,
    /// 2026-07-28: no handshake, the version travels with every request.
    R2026_07_28,
}

impl Revision {
    /// The newest revision that `initialize` can settle on.
    pub const NEWEST_LEGACY: Self = Self::R2025_11_25;
    /// The revision served per request.
    pub const MODERN: Self = Self::R2026_07_28;
    /// Every revision, oldest first.
    pub const ALL: [Self; 5] = [Self::R2024_11_05, Self::R2025_03_26, Self::R2025_06_18, Self::R2025_11_25, Self::R2026_07_28];

    /// The date that names it on the wire.
    #[must_use]
    pub const fn date(self) -> &'static str {
        match self {
            Self::R2024_11_05 => "2024-11-05",
            Self::R2025_03_26 => "2025-03-26",
            Self::R2025_06_18 => "2025-06-18",
            Self::R2025_11_25 => "2025-11-25",
            Self::R2026_07_28 => "2026-07-28",
        }
    }

    /// The revision that answers an `initialize` naming `date`: the same one if we speak it, else our newest with a handshake.
    #[must_use]
    pub fn for_initialize(date: &str) -> Self {
        Self::ALL.into_iter().find(|revision| !revision.is_modern() && revision.date() == date).unwrap_or(Self::NEWEST_LEGACY)
    }

    /// Whether requests carry their own envelope and results say `resultType`.
    #[must_use]
    pub const fn is_modern(self) -> bool {
        match self {
            Self::R2026_07_28 => true,
            Self::R2024_11_05 | Self::R2025_03_26 | Self::R2025_06_18 | Self::R2025_11_25 => false,
        }
    }

    /// Whether tools have `annotations` and progress has `message`.
    #[must_use]
    pub fn has_annotations(self) -> bool {
        self >= Self::R2025_03_26
    }

    /// Whether tools have `title` and results `structuredContent`.
    #[must_use]
    pub fn has_structured_content(self) -> bool {
        self >= Self::R2025_06_18
    }

    /// Whether the user can be asked: by a request, or in a result.
    #[must_use]
    pub fn has_elicitation(self) -> bool {
        self >= Self::R2025_06_18
    }

    /// Whether the user can be led to an address.
    #[must_use]
    pub fn leads_to_urls(self) -> bool {
        self >= Self::R2025_11_25
    }

    /// Whether `structuredContent` may be any JSON value; before, it must be an object.
    #[must_use]
    pub const fn structures_any_value(self) -> bool {
        self.is_modern()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initialize_settles_on_what_was_asked_for_or_on_our_newest() {
        for date in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            assert_eq!(Revision::for_initialize(date).date(), date);
        }
        for date in ["2026-07-28", "1999-01-01", "", "2025-11-25 "] {
            assert_eq!(Revision::for_initialize(date), Revision::NEWEST_LEGACY, "{date}");
        }
    }
}
