//! Every bound of the protocol, with the sum it comes from (PROTOCOL 2).
//!
//! Not here: bounds that an operator may choose; those are keys of `node.toml`.

/// The version that every message, leaf and label carries.
pub const PROTOCOL_VERSION: u16 = 1;
/// ALPN of the peers' door (RFC 7301).
pub const ALPN: &[u8] = b"creditbay/1";

/// Predicates that one query may hold (domain: one query, one subject, one purpose).
pub const MAX_PREDICATES: usize = 8;
/// Registers that one answer may name as its coverage: 26 attestation types, less the two that have no register of their own.
pub const MAX_COVERAGE: usize = 24;

/// Uses of one authorisation at most: a ledger keeps one bit for each in 64.
pub const MAX_USES: u16 = 63;

/// Bytes of a message's body on the wire, the same for query, answer, refusal and notice.
///
/// The largest is a notice, 953 (see [`MAX_NOTICE_LEAVES`]). The largest query, with 8 predicates, a digest, an authorisation and a
/// portfolio, has 92 (envelope) + 132 (head) + 8 + 8 × 15 (predicates) + 33 (digest) + 229 (authorisation) + 37 (portfolio) = 651. The
/// largest answer, with 8 verdicts and 24 registers, has 92 + 41 (head) + 8 × 16 + 24 × 9 + 2 × 8 (lengths) = 493.
pub const BODY_BYTES: usize = 1024;
/// Bytes before the body of a frame: version (2), levels (1), kind (1), body length (4).
pub const FRAME_HEAD_BYTES: usize = 8;
/// Levels of the largest tree that a frame can prove (2^40 leaves).
pub const MAX_LEVELS: usize = 40;
/// The largest frame: head, body and one hash slot per level.
pub const MAX_FRAME_BYTES: usize = FRAME_HEAD_BYTES + BODY_BYTES + 32 * MAX_LEVELS;

/// Bytes of a leaf (PROTOCOL 10). The largest of today, an answer's with 8 predicates of 15, an authorisation and a portfolio, has 426.
pub const MAX_LEAF_BYTES: usize = 448;

/// Leaves that one leaf of an erasure covers at most; what erases more is several of them. A list of so many entries of 9 bytes takes 36 KiB.
pub const MAX_ERASED: usize = 4_096;
/// Leaves that one notice of an erasure names at most, so that it fits a frame of the same shape as a query's: 92 (envelope) + 8 + 8
/// (regions) + 1 (ground) + 36 (log) + 8 (length) + 20 × 40 = 953, below [`BODY_BYTES`].
pub const MAX_NOTICE_LEAVES: usize = 20;
/// Leaves whose openings are shown under one leaf at most.
pub const MAX_SHOWN: usize = 1_000;
/// Bytes of the ground that an operator gives for showing openings.
pub const MAX_GROUND_BYTES: usize = 240;

/// Bytes of a signed note on a control stream: origin, size and root (≤ 120) and at most 16 lines of ≤ 180.
pub const MAX_NOTE_BYTES: usize = 4096;
/// Lines of a note that travels between nodes: the log's and its witnesses'.
pub const MAX_NOTE_LINES: usize = 16;
/// Bytes of one control message: two notes and a consistency proof of at most 2 × 40 hashes.
pub const MAX_CONTROL_BYTES: usize = 2 * MAX_NOTE_BYTES + 80 * 32 + 256;
/// Hashes of a consistency proof between two trees of at most 2^40 leaves.
pub const MAX_CONSISTENCY_HASHES: usize = 80;

/// Logs of one trust policy, and as many witnesses and as many groups; tlog-policy asks for 32 at least. A note has at most 64 lines.
pub const MAX_POLICY_ENTRIES: usize = 64;
/// Bytes of a trust policy: 64 logs and 64 witnesses of ≤ 700 with their URLs, 64 groups of ≤ 512, and as much again for comments.
pub const MAX_POLICY_BYTES: usize = 1 << 18;

/// How long a query may ask to live, in milliseconds.
pub const MAX_QUERY_LIFETIME_MS: u64 = 120_000;
/// How far a leaf's time may lie from the receiver's clock, in milliseconds.
pub const FRESHNESS_MS: u64 = 30_000;
/// A clock that jumps, or stands apart from its peers, by more than this is not sure.
pub const CLOCK_SURE_MS: u64 = 5_000;
/// How long a message waits for the checkpoint it was proved under.
pub const CHECKPOINT_WAIT_MS: u64 = 1_000;
/// Verified (size, root) pairs kept per origin.
pub const RECENT_ROOTS: usize = 1_024;

/// The largest input that the strict decoder looks at.
pub const MAX_WIRE_BYTES: usize = 65_536;
