//! The stable code of every diagnostic. A code is never reused; `docs/diagnostics.md` has a heading for each.

/// How grave a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// No policy is compiled.
    Error,
    /// The policy is compiled; a reviewer should look.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// The lint of a code, if it has one.
macro_rules! lint {
    () => {
        None
    };
    ($lint:literal) => {
        Some($lint)
    };
}

/// Declares the codes once: variant, text, severity and what it says in general.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal $severity:ident $($lint:literal)?;)*) => {
        /// What a diagnostic is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable text, such as `A0201`.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether it stops the compilation.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// The key of a warning in `[lints]`; errors have none.
            #[must_use]
            pub const fn lint(self) -> Option<&'static str> {
                match self { $(Self::$name => lint!($($lint)?),)* }
            }
        }
    };
}

codes! {
    // The file.
    /// The file is larger than the limit.
    FileTooLarge = "A0101" Error;
    /// Not TOML.
    Syntax = "A0102" Error;
    /// A key or table is given twice.
    DuplicateKey = "A0103" Error;
    /// `airlock = N` with an N that this version does not read.
    LanguageVersion = "A0104" Error;
    /// Part of the language, but not of this version.
    NotSupported = "A0105" Error;
    /// Something that looks like a secret.
    Secret = "A0106" Error;

    // Shape.
    /// No such key here.
    UnknownKey = "A0201" Error;
    /// A key that must be there is not.
    MissingKey = "A0202" Error;
    /// A value of another type than the key has.
    WrongType = "A0203" Error;
    /// A list or section with more or fewer entries than allowed.
    Count = "A0204" Error;
    /// A text that is empty, too long, or has characters that hide something.
    BadText = "A0205" Error;
    /// An entry stands twice in a list.
    DuplicateEntry = "A0206" Error;
    /// A word that is none of the words allowed here.
    UnknownWord = "A0207" Error;

    // Names and amounts.
    /// A gateway name, key id, subject, variable or path that is badly formed.
    BadName = "A0301" Error;
    /// A duration that is badly formed or out of bounds.
    BadDuration = "A0302" Error;
    /// A risk that is badly formed or out of bounds.
    BadRisk = "A0303" Error;
    /// An integer out of bounds.
    BadNumber = "A0304" Error;
    /// A shorter life is demanded where a longer one is given.
    TtlOrder = "A0305" Error;
    /// A key commitment that is badly formed.
    BadCommitment = "A0306" Error;
    /// A size that is badly formed or out of bounds.
    BadSize = "A0307" Error;
    /// A rate that is badly formed or out of bounds.
    BadRate = "A0308" Error;
    /// A label that is badly formed.
    BadLabel = "A0309" Error;

    // Hosts.
    /// Not a host name.
    BadHost = "A0401" Error;
    /// An address or a name that is not on the public internet.
    PrivateHost = "A0402" Error;
    /// A wildcard over names that belong to different owners.
    BroadHost = "A0403" Error;
    /// A host has two `[[egress]]` entries.
    DuplicateHost = "A0404" Error;
    /// A `stand_in` that is not a loopback address with a port.
    BadStandIn = "A0405" Error;
    /// A tool or grant names a host without an `[[egress]]` entry.
    UndeclaredHost = "A0406" Error;
    /// `host = "*"`.
    AnyHost = "A0407" Warning "any-host";
    /// A `stand_in` is set.
    StandIn = "A0408" Warning "stand-in";
    /// An `[[egress]]` entry that nothing can use.
    UnusedHost = "A0409" Warning "unused-host";
    /// A host with letters beyond ASCII.
    UnicodeHost = "A0410" Warning "unicode-host";
    /// `"@name"` without a `[hosts.name]`.
    UnknownGroup = "A0411" Error;
    /// A `[hosts.<name>]` that nothing refers to.
    UnusedGroup = "A0412" Warning "unused-group";

    // Tools.
    /// No built-in tool has this name.
    UnknownTool = "A0501" Error;
    /// A tool lacks a host that it calls.
    MissingEgress = "A0502" Error;
    /// A tool without network has `egress`.
    NeedlessEgress = "A0503" Error;
    /// The tool has no such argument.
    UnknownArgument = "A0504" Error;
    /// A rule that does not fit the type of the argument.
    RuleType = "A0505" Error;
    /// Rules that no value can meet.
    RuleContradiction = "A0506" Error;
    /// A tool that denies every call.
    AlwaysDenied = "A0507" Error;
    /// A tool that no grant reaches.
    UnreachableTool = "A0508" Warning "unreachable-tool";
    /// A URL prefix that ends inside the host name.
    OpenPrefix = "A0509" Warning "open-prefix";
    /// `matches` is no regular expression, or has an anchor.
    BadPattern = "A0510" Error;
    /// `matches` accepts no text.
    EmptyPattern = "A0511" Error;
    /// The automaton of `matches` is too large.
    LargePattern = "A0512" Error;
    /// `under` is no absolute path in normal form.
    BadPath = "A0513" Error;
    /// An argument refers to a rule set that the manifest does not have.
    UnknownRuleSet = "A0514" Error;
    /// An argument and its rule set give the same rule with two values.
    RuleSetConflict = "A0515" Error;
    /// An `[args.<name>]` that no argument refers to.
    UnusedRuleSet = "A0516" Warning "unused-rule-set";
    /// `forbid` for a required argument, or beside other rules.
    Forbid = "A0517" Error;
    /// Two tools have names that a person or a client takes for one.
    SimilarTools = "A0518" Error;
    /// A key that a built-in tool does not leave to the manifest.
    FixedByTool = "A0519" Error;
    /// A tool name that MCP does not allow, or that is reserved.
    BadToolName = "A0520" Error;
    /// A risk threshold that no call can reach.
    IdleThreshold = "A0521" Warning "idle-threshold";
    /// A bound on calls that another bound always meets first.
    IdleQuota = "A0522" Warning "idle-quota";
    /// Labels that say more than the effect of the tool.
    EffectLabel = "A0523" Warning "effect-label";

    // Grants.
    /// A grant names a tool that the manifest does not have.
    GrantTool = "A0601" Error;
    /// A grant names a host that none of its tools reaches.
    GrantDomain = "A0602" Error;
    /// Two grants for the same subject, tools and way of issuing.
    DuplicateGrant = "A0603" Error;
    /// A grant says `self`, but the tool that issues is not listed.
    IssueToolMissing = "A0604" Error;
    /// The tool that issues is listed, but no grant says `self`.
    IssueToolIdle = "A0605" Error;
    /// A grant lists the tool that issues leases.
    GrantIssueTool = "A0606" Error;
    /// A grant that gives nothing that another one does not.
    ShadowedGrant = "A0607" Warning "shadowed-grant";
    /// A risk ceiling of a grant below what every call of a tool has.
    GrantRisk = "A0608" Warning "grant-risk";
    /// A flow or a bound of sessions that a subject evades, because it chooses its sessions.
    ChosenSession = "A0609" Warning "chosen-session";

    // Lints.
    /// `[lints]` names something that is no lint.
    UnknownLint = "A0701" Error;

    // REST tools.
    /// The URL of a REST tool is no fixed `https` destination.
    RestUrl = "A0801" Error;
    /// A place of the request names an input that the tool does not have.
    UnknownInput = "A0802" Error;
    /// An input that no part of the request uses.
    UnusedInput = "A0803" Error;
    /// An input whose type does not fit the place that it is used in.
    InputPlace = "A0804" Error;
    /// A body with a method that has none.
    NeedlessBody = "A0805" Error;
    /// A header that the gateway sets itself, or that steers the connection.
    ForbiddenHeader = "A0806" Error;
    /// A header that is badly formed.
    BadHeader = "A0807" Error;
    /// A pointer that is none of RFC 6901.
    BadPointer = "A0808" Error;
    /// A credential that is declared badly.
    BadCredential = "A0809" Error;
    /// A credential for a host that only a wildcard entry declares.
    WildCredential = "A0810" Warning "wild-credential";
    /// A tool that sends, with neither approval nor a label that flows could speak of.
    UnguardedSend = "A0811" Warning "unguarded-send";
    /// A tool that reads with a method that changes things.
    ReadMethod = "A0812" Warning "read-method";

    // Upstreams.
    /// The command of an upstream, or its directory, is no absolute path in normal form.
    BadCommand = "A1101" Error;
    /// A tool of an upstream without a pin.
    MissingPin = "A1102" Error;
    /// A pin that is badly formed.
    BadPin = "A1103" Error;
    /// A pin that is not the digest of the definition beside the manifest.
    PinMismatch = "A1104" Error;
    /// A file of definitions that cannot be read, or is none.
    BadDefinitions = "A1105" Error;
    /// A tool that the file of definitions does not have.
    MissingDefinition = "A1106" Error;
    /// A schema by which no gateway can check arguments.
    BadSchema = "A1107" Error;
    /// A resource that is badly formed.
    BadResource = "A1108" Error;
    /// An upstream of which clients are given nothing.
    UnusedUpstream = "A1109" Warning "unused-upstream";
    /// A command that runs another program.
    ShellCommand = "A1110" Warning "shell-command";
    /// A command that fetches what it runs.
    FetchedCommand = "A1111" Warning "fetched-command";
    /// A definition that speaks to the model rather than about the tool.
    PoisonedDefinition = "A1112" Warning "poisoned-definition";
    /// A tool that is said to read, and whose definition says otherwise.
    EffectHint = "A1113" Warning "effect-hint";
    /// A completion of what is no argument of a listed prompt or template, or a subscription to what is no listed resource.
    BadCompletion = "A1115" Error;
    /// Hosts to which an upstream may lead the user, of one that may not ask, or that are many at once.
    AskHosts = "A1116" Error;
    /// An upstream that may ask of the client what the user or the model then answers.
    AskingUpstream = "A1114" Warning "asking-upstream";

    // What upstreams are confined to.
    /// An upstream whose process is not confined.
    UnconfinedUpstream = "A1411" Warning "unconfined-upstream";
    /// A path of `confine` that is no absolute path in normal form, or one that would open everything.
    ConfinePath = "A1412" Error;
    /// A path that holds much that is no business of an upstream.
    BroadPath = "A1413" Warning "broad-path";
    /// A program that the upstream may run and overwrite.
    WritableProgram = "A1414" Error;
    /// The ledger of the gateway within reach of an upstream.
    ExposedLedger = "A1415" Warning "exposed-ledger";
    /// A shell, or a directory that has one, that the upstream may run.
    ConfinedShell = "A1416" Warning "confined-shell";
    /// An upstream that is started without namespaces where the host refuses them.
    MissingNamespaces = "A1417" Warning "missing-namespaces";
    /// A proxy without hosts, or hosts without a proxy.
    ProxyHosts = "A1418" Error;
    /// A proxy where the host may refuse the namespace that makes it the only way out.
    ProxyNamespaces = "A1419" Error;

    // Flows.
    /// A label in `[[flow]]` or `[[require]]` that no tool has.
    UnknownLabel = "A0901" Error;
    /// A tool whose own labels complete a flow.
    FlowWithinTool = "A0902" Error;
    /// A flow that never decides anything.
    IdleFlow = "A0903" Warning "idle-flow";

    // Requirements.
    /// A tool lacks what a `[[require]]` demands.
    RequireEvery = "A1001" Error;
    /// A grant reaches what a `[[require]]` excludes.
    RequireNever = "A1002" Error;
    /// A `[[require]]` that speaks of nothing in this manifest.
    IdleRequire = "A1003" Warning "idle-require";

    // Approvers.
    /// The key of an approver is none, or one that others can sign for as well.
    ApproverKey = "A1301" Error;
    /// Two approvers have the same key.
    SameApprover = "A1302" Error;
    /// A tool asks for the signature of somebody who is no approver.
    UnknownApprover = "A1303" Error;
    /// A tool asks for more signatures than it has approvers.
    TooFewApprovers = "A1304" Error;
    /// An approver whose signature no tool asks for.
    UnusedApprover = "A1305" Warning "unused-approver";
    // Where values come from.
    /// `otherwise`, `kind` or `inside` without `from`.
    OriginKey = "A1201" Error;
    /// A kind that does not fit the type of the argument.
    OriginKind = "A1202" Error;
    /// `from` for a call that comes before its session.
    OriginSession = "A1203" Error;
    /// `from` without the intent.
    OriginIntent = "A1204" Warning "origin-intent";
    /// A source that nothing feeds, or a trust that nothing asks for.
    IdleSource = "A1205" Warning "idle-source";
    /// The subject words the intent that its values may come from.
    ChosenIntent = "A1206" Warning "chosen-intent";

    // Confinement.
    /// `[sandbox]` gives nothing up.
    EmptySandbox = "A1401" Error;
    /// The gateway starts without a part of its confinement.
    AllowMissing = "A1402" Warning "allow-missing";
    /// The gateway starts where nothing confines it.
    Unconfined = "A1403" Warning "unconfined";
    // What is kept of arguments and results.
    /// `redact` where no copies are made.
    RedactMode = "A1431" Error;
    /// An entry of `redact` that is no name.
    RedactName = "A1432" Error;
    /// An entry of `redact` for a tool or argument that is not there.
    RedactTool = "A1433" Error;
    /// Evidence that is kept for too short or too long a time.
    BadRetention = "A1434" Error;
    /// Evidence has what agents send in clear.
    ClearEvidence = "A1435" Warning "clear-evidence";

    // Shadow mode.
    /// The gateway lets through what it would refuse.
    ShadowMode = "A1451" Warning "shadow-mode";
    /// A `[[require]]` demands that the gateway refuses what it would refuse.
    RequireMode = "A1452" Error;
    /// Shadow mode without an upstream.
    IdleShadow = "A1453" Error;
}
