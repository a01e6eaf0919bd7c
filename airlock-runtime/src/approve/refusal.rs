//! Why a call that needs its user's yes is refused.

/// Why a state is refused. The caller is not told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateFault {
    /// Not the form of a state.
    Form,
    /// No key of this id.
    UnknownKey,
    /// Altered, or given for something else.
    Mac,
}

impl StateFault {
    /// Stable code, for the ledger.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "state_form",
            Self::UnknownKey => "state_key",
            Self::Mac => "state_mac",
        }
    }
}

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedFault {
    /// Not the text of a signature, or more of them than are read.
    Form,
    /// Its approver is nobody whom the call needs.
    Approver,
    /// It is not that of the approver over this note.
    Signature,
    /// It is for another gateway, another policy or another ledger.
    Gateway,
    /// It is for another session.
    Session,
    /// It is for another lease, or another subject.
    Lease,
    /// It is for another tool.
    Tool,
    /// It is for other arguments.
    Arguments,
    /// Several came, and they answer different requests.
    Mixed,
    /// The time of its request is over.
    Late,
    /// Its request was used before, or was not made by this gateway.
    Used,
}

impl SignedFault {
    /// Every fault.
    pub const ALL: [Self; 11] = [
        Self::Form,
        Self::Approver,
        Self::Signature,
        Self::Gateway,
        Self::Session,
        Self::Lease,
        Self::Tool,
        Self::Arguments,
        Self::Mixed,
        Self::Late,
        Self::Used,
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "signature_form",
            Self::Approver => "signature_approver",
            Self::Signature => "signature_invalid",
            Self::Gateway => "signature_gateway",
            Self::Session => "signature_session",
            Self::Lease => "signature_lease",
            Self::Tool => "signature_tool",
            Self::Arguments => "signature_arguments",
            Self::Mixed => "signature_mixed",
            Self::Late => "signature_expired",
            Self::Used => "signature_used",
        }
    }

    /// The sentence for the caller.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Form => {
                "A signature in params._meta[\"dev.airlock/approvals\"] is not what `airlock approve` prints, or there are more than 16."
            }
            Self::Approver => {
                "A signature names an approver whom this call does not need. Send those of the approvers it asks for."
            }
            Self::Signature => "A signature is not that of the approver it names: it was altered, or made with another key.",
            Self::Gateway => "A signature is for another gateway, or for another policy or ledger of this one. Ask for it anew.",
            Self::Session => "A signature is for a call in another session. Ask for one for this call.",
            Self::Lease => "A signature is for a call under another lease. Ask for one for this call.",
            Self::Tool => "A signature is for a call of another tool. Ask for one for this call.",
            Self::Arguments => "A signature is for other arguments. Make the call with exactly the arguments that were signed.",
            Self::Mixed => "The signatures answer different requests. All approvers of a call must sign the same one.",
            Self::Late => "The time of the request that was signed is over. Make the call without signatures to get a new one.",
            Self::Used => {
                "The request that was signed was used before, or this gateway never made it; a signature counts once. Make the call \
                 without signatures to get a new request."
            }
        }
    }
}

/// The reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has to be asked for.
    Required,
    /// The client did not declare elicitation.
    NotDeclared,
    /// The connection's revision has no elicitation.
    NoSuchRevision,
    /// The client answered with an error, or with something that is no answer.
    Failed,
    /// The user declined, closed the question, or did not choose yes.
    Refused,
    /// There was no answer in time.
    Timeout,
    /// The call was cancelled or the client left before the user answered.
    Withdrawn,
    /// The state that came with the answer is not of a question about this call.
    State(StateFault),
    /// The question was answered before, or was not asked by this gateway.
    Answered,
    /// The session or its subject was asked too often, or too many questions are open.
    TooMany,
    /// The arguments are larger than what a person can be asked about.
    TooLarge,
    /// A signature is refused.
    Signed(SignedFault),
}

impl Refusal {
    /// Every reason; of the faults of a state and of a signature, one.
    pub const ALL: [Self; 12] = [
        Self::Required,
        Self::NotDeclared,
        Self::NoSuchRevision,
        Self::Failed,
        Self::Refused,
        Self::Timeout,
        Self::Withdrawn,
        Self::State(StateFault::Mac),
        Self::Answered,
        Self::TooMany,
        Self::TooLarge,
        Self::Signed(SignedFault::Form),
    ];

    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Required => "approval_required",
            Self::NotDeclared | Self::NoSuchRevision | Self::Failed => "approval_unavailable",
            Self::Refused => "approval_refused",
            Self::Timeout => "approval_timeout",
            Self::Withdrawn => "approval_withdrawn",
            Self::State(_) | Self::Answered => "approval_invalid",
            Self::TooMany => "too_many_questions",
            Self::TooLarge => "approval_too_large",
            Self::Signed(fault) => fault.code(),
        }
    }

    /// Code for the ledger, which may know more than the caller.
    #[must_use]
    pub const fn ledger_code(self) -> &'static str {
        match self {
            Self::State(fault) => fault.code(),
            Self::Answered => "approval_answered",
            Self::NotDeclared => "elicitation_not_declared",
            Self::NoSuchRevision => "elicitation_no_revision",
            Self::Failed => "elicitation_failed",
            Self::Required
            | Self::Refused
            | Self::Timeout
            | Self::Withdrawn
            | Self::TooMany
            | Self::TooLarge
            | Self::Signed(_) => self.code(),
        }
    }

    /// The sentence for the caller.
    #[must_use]
    pub fn detail(self) -> String {
        match self {
            Self::Required => "This call needs the approval of the connected user.",
            Self::NotDeclared => {
                "This call needs the approval of the connected user, and this client cannot ask: it does not declare the capability \
                 elicitation (form). Use a client that does, or a tool that needs no approval."
            }
            Self::NoSuchRevision => {
                "This call needs the approval of the connected user, and this connection's protocol revision has no elicitation. Connect \
                 with revision 2025-06-18 or newer."
            }
            Self::Failed => {
                "This call needs the approval of the connected user, and the client did not bring an answer but an error. Nothing was done."
            }
            Self::Refused => "The user was asked about this call and did not approve it. Do not try it again unless the user says so.",
            Self::Timeout => "The user was asked about this call and did not answer in time. Nothing was done.",
            Self::Withdrawn => "The call was cancelled, or the client left, before the user answered. Nothing was done.",
            Self::State(_) | Self::Answered => {
                "The answer does not belong to an open question about exactly this call: tool, arguments, lease and session must be those \
                 that the user was asked about, and an answer counts once. Make the call without an answer to ask anew."
            }
            Self::TooMany => {
                "The user was asked too often in this session or for this subject, or too many questions are open. Wait until they are \
                 answered or their time is over."
            }
            Self::TooLarge => {
                "This call needs the approval of the connected user, and its arguments are larger than what a person can be asked about. \
                 Send less."
            }
            Self::Signed(fault) => fault.detail(),
        }
        .into()
    }
}
