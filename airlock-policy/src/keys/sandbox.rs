//! `[sandbox]`.

use super::{Key, Kind, Section, why};
use crate::code::Code;
use crate::limits::SANDBOX_PARTS;
use crate::manifest::CONSENT;

pub(super) static SANDBOX: Section = Section {
    name: "[sandbox]",
    about: "What of its confinement the gateway may do without. Without this section it is confined by the kernel or does not start: what each of its processes may do is \
made from the rest of the manifest ([sandbox.md](sandbox.md)).",
    keys: &[
        Key::optional(
            "allow_missing",
            Kind::List(&Kind::Word(&["landlock", "seccomp"]), 1, SANDBOX_PARTS),
            "none",
            "[\"landlock\"]",
            "parts of the kernel without which the gateway starts where they are missing; it says so on stderr",
            &[Code::AllowMissing],
        ),
        Key::optional(
            "unconfined",
            Kind::Word(&[CONSENT]),
            "no",
            "\"I accept that nothing confines this gateway\"",
            "the gateway starts on a system that is not Linux; these words, and no others",
            &[Code::Unconfined],
        ),
        why("why it does not matter where the gateway runs"),
    ],
    also: None,
    example: "[sandbox]
allow_missing = [\"landlock\"]
why = \"the hosts in Oslo have Linux 5.10 until spring\"
[lints]
allow-missing = { level = \"allow\", why = \"until spring\" }
",
    more: "",
};
