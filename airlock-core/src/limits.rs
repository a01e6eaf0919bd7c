//! Every limit of the gateway, with its reason.

/// Longest line read from a client, in bytes. TypeScript SDKs end the process above 10 MiB; 8 MiB is safe with every peer tried.
pub const LINE_MAX: usize = 8 * 1024 * 1024;
/// Deepest nesting of JSON accepted. Deeper than any tool schema seen; far below what threatens the stack.
pub const JSON_DEPTH_MAX: usize = 64;
/// Most values (scalars, arrays, objects) in one line or fetched document. No tool's arguments come near it, and a parsed value
/// takes far more memory than its text: see [`JSON_VALUE_BYTES`].
pub const JSON_VALUES_MAX: usize = 65_536;
/// Memory that one parsed value takes at worst, in bytes: half of an object with one member (measured: 670 bytes for `{"":0}`).
pub const JSON_VALUE_BYTES: usize = 384;
/// Most calls being worked on at once; a manifest may say less. Reading stops (back-pressure on the pipe) while this many are open.
pub const IN_FLIGHT_MAX: usize = 256;
/// Memory of requests held at once over all open calls, in bytes, by [`JSON_VALUE_BYTES`] and the length of their lines, so that
/// many large calls cannot exhaust memory.
pub const IN_FLIGHT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most memory of a call about which a user is asked, in bytes as for [`IN_FLIGHT_BYTES_MAX`]. It is held while the user reads, and a
/// person reads far less.
pub const ASKED_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Largest integer accepted in signed or digested JSON (2^53 - 1): the last one every JSON reader agrees on.
pub const INTEGER_MAX: u64 = (1 << 53) - 1;
/// Longest tool name accepted or echoed, in bytes (MCP: names SHOULD be 1-128 characters).
pub const TOOL_NAME_MAX: usize = 128;
/// Seconds a clock may stand before `nbf` or `iat` of a lease: ordinary drift between two hosts.
pub const CLOCK_SKEW_S: u64 = 30;
/// Seconds the clock may stand behind the newest ledger entry before everything is denied.
pub const CLOCK_ROLLBACK_S: u64 = 5;
/// Largest risk score; scores are thousandths.
pub const RISK_MAX: u16 = 1000;

/// Sessions whose results are remembered at once, for rules on where values come from. A client has a handful; beyond it the one
/// unused longest is forgotten, and its values count as not seen.
pub const MEMORY_SESSIONS_MAX: usize = 1024;
/// Values remembered of one session: some hundred results of ordinary size. What comes later counts as not seen.
pub const MEMORY_SESSION_MAX: usize = 65_536;
/// Values remembered of all sessions, about 40 bytes each with the room that a table keeps free: 40 MiB at most.
pub const MEMORY_VALUES_MAX: usize = 1024 * 1024;
/// Results of one session that are learned. A longer session is one that nobody oversees.
pub const MEMORY_CALLS_MAX: usize = 4096;
/// Bytes of one result that are learned, a few milliseconds of work on the judge's thread; the rest counts as not seen.
pub const MEMORY_RESULT_MAX: usize = 256 * 1024;
/// Seconds that results of a session are remembered beyond its newest lease, so that a renewed lease finds them.
pub const MEMORY_KEEP_S: u64 = 300;
/// Longest member of a result that counts as one value, in bytes: any longer one is prose, or nothing that a person compares.
pub const MEMORY_LEAF_MAX: usize = 4096;

const _: () = assert!(
    IN_FLIGHT_BYTES_MAX >= LINE_MAX + JSON_VALUES_MAX * JSON_VALUE_BYTES,
    "one line of the largest size must fit the budget"
);
