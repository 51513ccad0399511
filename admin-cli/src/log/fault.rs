//! What can be wrong with a log, each fault with its kind and its place.
//!
//! Not here: finding them (`verify`, `leaves`).

use creditbay_configs::rules::replay::breach::Breach;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::NoteError;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::CheckpointError;
use creditbay_protocol::leaf::LeafError;
use creditbay_protocol::name::{Origin, Region};
use creditbay_protocol::orphaned::OrphanedRange;
use creditbay_protocol::policy::fault::Rejection;
use creditbay_protocol::tile::{TileError, TilePath};

use super::opened::fault::OpenedFault;
use super::source::Unreadable;

mod named;

/// Faults that are listed; beyond it they are counted.
pub const MAX_LISTED: usize = 1000;

/// One fault of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The checkpoint is malformed, of another log, or not signed by it.
    #[error("the checkpoint does not hold: {0}")]
    Checkpoint(CheckpointError),
    /// A cosignature under a known key that does not verify.
    #[error("a cosignature on the checkpoint does not hold: {0}")]
    Cosignature(NoteError),
    /// A reason of the trust policy not to accept the checkpoint.
    #[error("the policy does not accept the checkpoint: {0}")]
    Policy(Rejection),
    /// A tile or bundle that is not there.
    #[error("{0} is missing")]
    Missing(TilePath),
    /// A tile or bundle that is there and cannot be read.
    #[error("{path} cannot be read: {error}")]
    Unreadable {
        /// Which.
        path: TilePath,
        /// Why not.
        error: Unreadable,
    },
    /// A tile or bundle that was exported before with other bytes.
    #[error("{0} was exported before with other bytes, which stay; keep the folder as evidence and export into another")]
    ExportDiffers(TilePath),
    /// A tile or bundle of another width than its path says, or a bundle that is cut off.
    #[error("{path}: {error}")]
    Tile {
        /// Which.
        path: TilePath,
        /// What is wrong.
        error: TileError,
    },
    /// The hash tiles lead to the signed root, this entry does not.
    #[error(
        "entry {index} is not the one that was signed: it does not hash to what the hash tiles say, and they lead to the signed root"
    )]
    EntryChanged {
        /// The entry.
        index: u64,
    },
    /// The entries lead to the signed root, this hash of theirs does not.
    #[error("{path}: the hash of entry {index} is not the entry's, and the entries lead to the signed root")]
    HashChanged {
        /// The tile.
        path: TilePath,
        /// The entry.
        index: u64,
    },
    /// Entry and hash differ, and neither leads to the signed root.
    #[error("entry {index} does not hash to what {path} says")]
    EntryAndHashDiffer {
        /// The tile.
        path: TilePath,
        /// The entry.
        index: u64,
    },
    /// A hash of an upper tile that does not follow from the tiles below.
    #[error("{path}: hash {position} does not follow from the tile below it")]
    UpperHash {
        /// The tile.
        path: TilePath,
        /// Where in the tile.
        position: usize,
    },
    /// A full tile that does not lead to its hash in the tile above it.
    #[error("{0} does not lead to the signed root; it was not kept, fetch it again")]
    Strange(TilePath),
    /// The tree has another root than the signed one.
    #[error("the {size} entries have the root {computed}, signed is {signed}")]
    Root {
        /// Entries.
        size: u64,
        /// Their root.
        computed: Digest,
        /// The root in the checkpoint.
        signed: Digest,
    },
    /// Too much is missing for a root.
    #[error("the root cannot be computed: of {leaves} entries neither the entry nor its hash is there")]
    RootUnknown {
        /// How many.
        leaves: u64,
    },
    /// So much is missing that the rest is not looked at.
    #[error("given up at entry {done} of {size}: too much is missing; fetch the log again")]
    GivenUp {
        /// Entries that were looked at.
        done: u64,
        /// Entries of the log.
        size: u64,
    },
    /// The tree does not continue an earlier checkpoint.
    #[error(
        "history was changed: the first {size} entries have the root {computed}, an earlier checkpoint says {earlier}; keep both checkpoints as evidence"
    )]
    Rewritten {
        /// Entries of the earlier checkpoint.
        size: u64,
        /// Their root now.
        computed: Digest,
        /// Their root then.
        earlier: Digest,
    },
    /// The tree is smaller than an earlier checkpoint.
    #[error("history was cut: the checkpoint has {size} entries, an earlier one {earlier}; keep both checkpoints as evidence")]
    Shrunk {
        /// Entries now.
        size: u64,
        /// Entries then.
        earlier: u64,
    },
    /// Another source shows a checkpoint that the log did not sign.
    #[error("the checkpoint at {from} does not hold: {error}")]
    OtherCheckpoint {
        /// The source.
        from: String,
        /// What is wrong.
        error: CheckpointError,
    },
    /// Two sources show two histories, and the log signed both.
    #[error(
        "SPLIT VIEW: {from} shows {size} entries that are not the beginning of the {other_size} at {other}, and the log signed both; keep both checkpoints as evidence"
    )]
    SplitView {
        /// The source of the smaller tree.
        from: String,
        /// Its size.
        size: u64,
        /// The source of the larger tree.
        other: String,
        /// Its size.
        other_size: u64,
    },
    /// A source whose tiles do not show how its tree goes on from a smaller one.
    #[error(
        "consistency withheld: the tiles at {from} ({size} entries) do not show whether it continues the {other_size} at {other}; no fork is claimed"
    )]
    ConsistencyWithheld {
        /// The source of the larger tree.
        from: String,
        /// Its size.
        size: u64,
        /// The source of the smaller tree.
        other: String,
        /// Its size.
        other_size: u64,
    },
    /// An entry that is no leaf.
    #[error("entry {index} is no leaf: {error}")]
    Leaf {
        /// The entry.
        index: u64,
        /// What is wrong.
        error: LeafError,
    },
    /// A leaf older than the one before it.
    #[error("leaf {index}: time runs backwards, {time} after {before}")]
    TimeBackwards {
        /// The leaf.
        index: u64,
        /// Its time.
        time: Millis,
        /// The time of the leaf before it.
        before: Millis,
    },
    /// A leaf of a message that this node cannot have sent.
    #[error("leaf {index}: a {kind} that {sender} would have sent stands in the log of {owner}")]
    OtherSender {
        /// The leaf.
        index: u64,
        /// Its kind.
        kind: &'static str,
        /// Who would have sent it.
        sender: Region,
        /// Whose log it is.
        owner: Region,
    },
    /// A message to oneself.
    #[error("leaf {index}: {region} asks itself")]
    AsksItself {
        /// The leaf.
        index: u64,
        /// Who.
        region: Region,
    },
    /// An answer that names no query.
    #[error("leaf {index}: an answer that names no query (its hash is all zeros)")]
    AnswerWithoutQuery {
        /// The leaf.
        index: u64,
    },
    /// Two answers to one query.
    #[error("leaf {index}: a second answer to the query that leaf {first} answers")]
    AnsweredTwice {
        /// The leaf.
        index: u64,
        /// The first answer.
        first: u64,
    },
    /// An abandoned leaf that names a leaf after itself, or one that is no query to that region.
    #[error("leaf {index}: abandons leaf {query}, which is no query to {issuer} that stands before it")]
    AbandonsNoQuery {
        /// The leaf.
        index: u64,
        /// What it names.
        query: u64,
        /// Who was asked.
        issuer: Region,
    },
    /// A log that is not the first of its region and does not say what it goes on from.
    #[error("{origin} is not the first log of its region, and its first leaf does not name the final note of the one before it")]
    NoBeginning {
        /// The log.
        origin: Origin,
    },
    /// A leaf that begins a log, and is not its first, or stands in the first log of a region.
    #[error("leaf {index} begins a log that has begun")]
    BeginsAgain {
        /// The leaf.
        index: u64,
    },
    /// A leaf behind the one that retired the log.
    #[error("leaf {index} stands behind leaf {retired}, which retired the log")]
    BehindRetirement {
        /// The leaf.
        index: u64,
        /// The one that should have been the last.
        retired: u64,
    },
    /// What is shown as the log before this one is another, or ends elsewhere.
    #[error("the log begins behind {named}, size {size}, root {root}; what is shown as its predecessor is {found}")]
    OtherPredecessor {
        /// The log that the first leaf names.
        named: Origin,
        /// Its final size.
        size: u64,
        /// Its final root.
        root: Digest,
        /// What is shown.
        found: String,
    },
    /// A log that another goes on from, and that does not end.
    #[error("{origin} is gone on from, and its last leaf does not retire it")]
    NotRetired {
        /// The log.
        origin: Origin,
    },
    /// A log that says of the end of the one before it what the directory does not say, or not what it says.
    #[error(
        "of the end of {log} the first leaf says that {}, and the directory that {}; only what the other regions signed counts",
        lost_or_not(said),
        lost_or_not(listed)
    )]
    NotDecided {
        /// The log before.
        log: Origin,
        /// What the first leaf says.
        said: Option<Box<OrphanedRange>>,
        /// What the directory lists.
        listed: Option<Box<OrphanedRange>>,
    },
    /// A fault of a log that this one goes on from.
    #[error("{origin}: {fault}")]
    InPredecessor {
        /// The log.
        origin: Origin,
        /// The fault.
        fault: Box<Fault>,
    },
    /// A fault of a log that goes on from this one.
    #[error("{origin}, which goes on from it: {fault}")]
    InLater {
        /// The log.
        origin: Origin,
        /// The fault.
        fault: Box<Fault>,
    },
    /// A leaf that breaks the rules.
    #[error("leaf {index}: {breach}")]
    Rules {
        /// The leaf.
        index: u64,
        /// What it breaks.
        breach: Breach,
    },
    /// A leaf of the sample that is not opened, whose opening does not fit, or that breaks the rules once it is opened.
    #[error("leaf {index}: {fault}")]
    Opened {
        /// The leaf.
        index: u64,
        /// What is wrong.
        fault: Box<OpenedFault>,
    },
    /// A query abandoned a second time.
    #[error("leaf {index}: abandons query {query} a second time")]
    AbandonedTwice {
        /// The leaf.
        index: u64,
        /// The query.
        query: u64,
    },
}

fn lost_or_not(range: &Option<Box<OrphanedRange>>) -> String {
    range
        .as_ref()
        .map_or_else(|| "nothing is lost".to_owned(), |range| format!("{} of {} leaves are left", range.size, range.seen))
}

/// The faults of a log: the first ones, and how many there are.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Faults {
    listed: Vec<Fault>,
    count: u64,
}

impl Faults {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more.
    pub fn add(&mut self, fault: Fault) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(fault);
        }
    }

    /// All of another list.
    pub fn extend(&mut self, other: Self) {
        let beyond = other.count - other.listed.len() as u64;
        other.listed.into_iter().for_each(|fault| self.add(fault));
        self.count += beyond;
    }

    /// So many more, not listed.
    pub fn count_more(&mut self, more: u64) {
        self.count += more;
    }

    /// The first [`MAX_LISTED`].
    pub fn listed(&self) -> &[Fault] {
        &self.listed
    }

    /// All of them.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
