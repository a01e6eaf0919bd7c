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
/// Hosts of one tool or grant: the lease format carries at most 32 hosts.
pub const HOSTS_MAX: usize = 32;
/// Tools of one manifest or grant: the lease format carries at most 32 tools.
pub const TOOLS_MAX: usize = 32;
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
/// Bytes of the ledger path: below PATH_MAX (4096) with room for segment names.
pub const PATH_MAX: usize = 1024;
/// Characters of an environment variable's name.
pub const ENV_MAX: usize = 64;
/// Characters of a string in an argument rule, and the largest length a rule may name: the longest URL servers commonly take.
pub const RULE_TEXT_MAX: usize = 8192;
/// `[limits] max_arguments` when the manifest does not say, bytes: that of the longest line.
pub const ARGUMENTS_MAX: u64 = 8 * 1024 * 1024;
/// `[limits] in_flight` when the manifest does not say, and its most: what the runtime keeps open at once.
pub const IN_FLIGHT_MAX: u64 = 256;
/// `[limits] timeout` when the manifest does not say, seconds.
pub const TIMEOUT_S: u64 = 10;
/// `[limits] approval_timeout` when the manifest does not say, seconds: a person has to be found, read and decide.
pub const APPROVAL_TIMEOUT_S: u64 = 120;
