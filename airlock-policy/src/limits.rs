//! Every limit of the manifest, with its reason.

/// Largest manifest in bytes: a hundred times the largest that a person would review, small enough to check in a moment.
pub const MANIFEST_MAX: usize = 1024 * 1024;
/// Diagnostics kept for one file: more than anyone reads; the rest is only counted.
pub const DIAGNOSTICS_MAX: usize = 200;
/// Longest life of a lease: a day. A longer right belongs into a new lease, so that a change of policy takes hold.
pub const TTL_MAX_S: u64 = 24 * 60 * 60;
/// Most calls of one lease: eleven a second for the longest life. More would be no limit.
pub const USES_MAX: u64 = 1_000_000;
/// Calls of a lease when the grant does not say.
pub const USES_DEFAULT: u64 = 1000;
/// `[lease] default_ttl` when the manifest does not say, seconds.
pub const DEFAULT_TTL_S: u64 = 15 * 60;
/// `[lease] max_ttl` when the manifest does not say, seconds.
pub const MAX_TTL_S: u64 = 30 * 60;
/// `[risk] threshold` when the manifest does not say, thousandths.
pub const RISK_THRESHOLD: u16 = 550;
/// Largest risk, thousandths.
pub const RISK_MAX: u16 = 1000;
/// Key ids of one gateway: a rotation needs two; 16 leaves room for regions.
pub const KEYS_MAX: usize = 16;
/// `[[egress]]` entries: a longer list is no longer reviewed line by line.
pub const EGRESS_MAX: usize = 256;
/// Hosts of one tool, group or rule: a longer list is no longer reviewed, and the lease format carries at most 32.
pub const HOSTS_MAX: usize = 32;
/// Tools of one manifest or grant. A lease still names at most 32 of them: whoever asks for it chooses.
pub const TOOLS_MAX: usize = 1024;
/// `[hosts.*]`, and `[args.*]`: more names than anyone keeps apart.
pub const GROUPS_MAX: usize = 128;
/// Argument rules of one manifest: they become code, and a gateway has to be compiled in minutes.
pub const RULES_MAX: usize = 8192;
/// Different patterns of one manifest, and the states of all their tables together: they become constants of the gateway.
pub const PATTERNS_MAX: usize = 1024;
/// See [`PATTERNS_MAX`].
pub const PATTERN_STATES_MAX: usize = 65_536;
/// Patterns found too large before the rest is not tried: each costs some tens of milliseconds.
pub const PATTERNS_LARGE_MAX: usize = 4;
/// `[[flow]]` entries: each is checked at every call under the ledger's lock.
pub const FLOWS_MAX: usize = 64;
/// Labels of one flow; two is the least that can combine.
pub const FLOW_LABELS_MAX: usize = 8;
/// `[[require]]` entries.
pub const REQUIRES_MAX: usize = 64;
/// Labels of one tool.
pub const LABELS_MAX: usize = 8;
/// Characters of the noun of a label.
pub const LABEL_NOUN_MAX: usize = 32;
/// Characters of the name of a tool, a group or a rule set: what MCP clients accept everywhere.
pub const TOOL_NAME_MAX: usize = 64;
/// Inputs of one REST tool: more is a form that no model fills in reliably.
pub const INPUTS_MAX: usize = 64;
/// Query parameters, headers or members of one request.
pub const PAIRS_MAX: usize = 64;
/// Characters of a URL in the manifest: what servers commonly take.
pub const URL_MAX: usize = 2048;
/// Characters of a title.
pub const TITLE_MAX: usize = 100;
/// Characters of a description: the model reads them all in every conversation.
pub const DESCRIPTION_MAX: usize = 1000;
/// Bytes of a JSON pointer in `select`.
pub const POINTER_MAX: usize = 256;
/// Pointers of one `select`.
pub const SELECT_MAX: usize = 64;
/// Items of a list when its input does not say, and the most that it may say.
pub const ITEMS_DEFAULT: i64 = 64;
/// Most items that a rule may name.
pub const ITEMS_MAX: i64 = 8192;
/// `response.max_bytes`, least: an error text fits.
pub const RESPONSE_MIN: u64 = 1024;
/// `response.max_bytes`, most: what a model can still be given.
pub const RESPONSE_MAX: u64 = 1024 * 1024;
/// `response.max_bytes` when the manifest does not say.
pub const RESPONSE_DEFAULT: u64 = 256 * 1024;
/// Most calls of one rate: the gateway remembers each of them.
pub const RATE_CALLS_MAX: u32 = 1000;
/// Longest period of a rate, seconds.
pub const RATE_PERIOD_MAX_S: u64 = 3600;
/// Ports of one host.
pub const PORTS_MAX: usize = 16;
/// `[[grant]]` entries, for the same reason as [`EGRESS_MAX`].
pub const GRANTS_MAX: usize = 256;
/// Values of one `one_of`: they become code.
pub const ONE_OF_MAX: usize = 256;
/// Characters of `why`: one or two sentences.
pub const WHY_MAX: usize = 500;
/// Characters of `instructions`: the model reads them in every conversation.
pub const INSTRUCTIONS_MAX: usize = 4000;
/// Bytes of a subject: the lease format allows 256 bytes for a string; half of it leaves room in the block.
pub const SUBJECT_MAX: usize = 128;
/// Characters of the gateway name: a file name, and part of every ledger line.
pub const NAME_MAX: usize = 63;
/// Characters of a key id in a lease.
pub const KID_MAX: usize = 16;
/// `[approvers.*]`: a team, with room.
pub const APPROVERS_MAX: usize = 64;
/// Characters of the name of an approver: a lease that demands its signature names it, and so does every entry of the ledger about one.
pub const APPROVER_NAME_MAX: usize = 32;
/// Approvers of one tool: whoever reviews the manifest has to know each of them.
pub const APPROVERS_OF_TOOL_MAX: usize = 16;
/// Signatures that one call may need: each is a person who has to be found. The runtime verifies no more in one call.
pub const SIGNATURES_MAX: i64 = 8;
/// `approval.within` when the manifest does not say, seconds: people who sign are not at the agent's terminal.
pub const SIGNED_WITHIN_S: u64 = 15 * 60;
/// `approval.within`, least, seconds: a request has to be carried to somebody and back.
pub const SIGNED_WITHIN_MIN_S: u64 = 30;
/// `approval.within`, most, seconds: the longest life of a lease, whose holder makes the call again.
pub const SIGNED_WITHIN_MAX_S: u64 = TTL_MAX_S;
/// Bytes of the ledger path: below PATH_MAX (4096) with room for segment names.
pub const PATH_MAX: usize = 1024;
/// Entries of `[ledger] redact`: a longer list is no longer reviewed, and each value of a copy is compared with all of them.
pub const REDACT_MAX: usize = 64;
/// Characters of an entry of `redact`: a tool name and a few names of members.
pub const REDACT_NAME_MAX: usize = 256;
/// `[ledger] keep_evidence`, least, seconds: a gateway reads its last 25 hours when it starts, since a session can be alive so long; what
/// it may still decide about can be looked at until then.
pub const KEEP_EVIDENCE_MIN_S: u64 = 25 * 3600;
/// `[ledger] keep_evidence`, most, seconds: ten years, the longest that laws usually demand.
pub const KEEP_EVIDENCE_MAX_S: u64 = 3650 * 24 * 3600;
/// Characters of an environment variable's name.
pub const ENV_MAX: usize = 64;
/// Characters of a string in an argument rule, and the largest length a rule may name: the longest URL servers commonly take.
pub const RULE_TEXT_MAX: usize = 8192;
/// Most entries of `[sandbox] allow_missing`: the parts that there are.
pub const SANDBOX_PARTS: usize = 2;
/// `[limits] max_arguments` when the manifest does not say, and its most, bytes: that of the longest line.
pub const ARGUMENTS_MAX: u64 = 8 * 1024 * 1024;
/// `[limits] max_arguments`, least, bytes: below it, ordinary calls would fail.
pub const ARGUMENTS_MIN: u64 = 1024;
/// `[limits] in_flight` when the manifest does not say, and its most: what the runtime keeps open at once.
pub const IN_FLIGHT_MAX: u64 = 256;
/// `[limits] timeout` when the manifest does not say, seconds.
pub const TIMEOUT_S: u64 = 10;
/// `[limits] timeout`, most, seconds: a client gives up about then.
pub const TIMEOUT_MAX_S: u64 = 30;
/// `[limits] step_ups`, most: nobody reads a thousand questions of one session.
pub const STEP_UPS_MAX: u64 = 1000;
/// `[limits] approval_timeout` when the manifest does not say, seconds: a person has to be found, read and decide.
pub const APPROVAL_TIMEOUT_S: u64 = 120;
/// `[limits] approval_timeout`, least, seconds: nobody reads faster.
pub const APPROVAL_TIMEOUT_MIN_S: u64 = 5;
/// `[limits] approval_timeout`, most, seconds: what is approved later no longer fits what was asked.
pub const APPROVAL_TIMEOUT_MAX_S: u64 = 600;
/// Bytes of one tool definition: a hundred times what servers commonly give, and the model reads it in every conversation.
pub const DEFINITION_MAX: usize = 256 * 1024;
/// Bytes of a file of definitions.
pub const DEFINITIONS_MAX: usize = 4 * 1024 * 1024;
/// `[upstreams.*]`: each is a process.
pub const UPSTREAMS_MAX: usize = 64;
/// Characters of the name of an upstream: half of the name of a tool, which it begins.
pub const UPSTREAM_NAME_MAX: usize = 32;
/// Program and arguments of one command.
pub const COMMAND_MAX: usize = 64;
/// Characters of one argument of a command, or of the value of a variable.
pub const COMMAND_TEXT_MAX: usize = 4096;
/// Variables of one upstream.
pub const VARIABLES_MAX: usize = 64;
/// `start_timeout` when the manifest does not say, seconds: a cold start of Node or Python takes up to some seconds.
pub const START_TIMEOUT_S: u64 = 20;
/// `start_timeout`, most, seconds: no client waits longer.
pub const START_TIMEOUT_MAX_S: u64 = 120;
/// Paths of one list of `confine`: a longer list is no longer reviewed line by line.
pub const CONFINE_PATHS_MAX: usize = 64;
/// `confine.limits.data`, least, bytes: an interpreter of a scripting language starts.
pub const DATA_MIN: u64 = 16 * 1024 * 1024;
/// `confine.limits.data`, most, bytes: a bound that is larger than machines is none.
pub const DATA_MAX: u64 = 256 * 1024 * 1024 * 1024;
/// `confine.limits.data` when the manifest does not say, bytes: the reference servers use a tenth.
pub const DATA_DEFAULT: u64 = 2 * 1024 * 1024 * 1024;
/// `confine.limits.fsize`, least, bytes: a page.
pub const FSIZE_MIN: u64 = 4 * 1024;
/// `confine.limits.fsize` when the manifest does not say, bytes: sources and documents fit, a full disk takes many files.
pub const FSIZE_DEFAULT: u64 = 64 * 1024 * 1024;
/// `confine.limits.files`, least: the pipes, an event loop and the libraries of a program at its start.
pub const FILES_MIN: i64 = 16;
/// `confine.limits.files`, most: what systems commonly give at most.
pub const FILES_MAX: i64 = 65_536;
/// `confine.limits.files` when the manifest does not say.
pub const FILES_DEFAULT: u64 = 256;
/// Longest text that is to be completed, or argument beside it, in characters.
pub const COMPLETED_MAX: usize = 1024;
/// `max_message`, least, bytes: the answer to a handshake fits.
pub const MESSAGE_MIN: u64 = 16 * 1024;
/// `max_message` when the manifest does not say, bytes.
pub const MESSAGE_DEFAULT: u64 = 4 * 1024 * 1024;
/// `max_message`, most, bytes: clients end the connection at 10 MiB.
pub const MESSAGE_MAX: u64 = 8 * 1024 * 1024;
/// `max_result`, least, bytes: an error text fits.
pub const RESULT_MIN: u64 = 1024;
/// `max_result` when the manifest does not say, bytes.
pub const RESULT_DEFAULT: u64 = 1024 * 1024;
/// Resources, or prompts, of one upstream: a longer list is no longer reviewed line by line.
pub const LISTED_MAX: usize = 64;
/// Characters of a resource or the name of a prompt.
pub const LISTED_TEXT_MAX: usize = 1024;
/// Steps of `$ref` that are followed to the type of an argument.
pub const REF_STEPS_MAX: usize = 16;
