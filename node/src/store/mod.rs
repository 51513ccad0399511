//! The seam to the disk: named trees of ordered keys, an atomic batch over one tree, and the word that it is durable (PROTOCOL 21).
//!
//! Two implementations: `on_disk` (sled) and `in_memory`, whose every commit can fail. What the keys mean is said in `log`,
//! `records`, `persons` and `witness`. Not here: anything that looks inside a value.

pub mod before;
pub mod buckets;
mod counter;
pub mod documents;
pub mod editions;
pub mod erasure;
pub mod in_memory;
pub mod ledger;
pub mod log;
pub mod on_disk;
pub mod persons;
pub mod records;
pub mod witness;

/// The layout of all trees. A store of another version is refused.
pub const FORMAT_VERSION: u32 = 4;

/// The trees of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tree {
    /// Everything that the log's one batch holds.
    Log,
    /// The same of a log of this region that has ended: so many before this one, from 1. Of it sealed rows alone are written, where an
    /// erasure changes keys, and what it left undone of erasures.
    Ended(u32),
    /// Sealed records and the state of their registers.
    Records,
    /// Sealed rows about natural persons, under pseudonyms.
    Persons,
    /// What was cosigned of other logs, and what gave cause to distrust one. In a store of its own.
    Witness,
}

impl Tree {
    /// The tree's name on disk, where the log's number is this: each log has a tree of its own.
    pub fn name(self, log: u32) -> String {
        match self {
            Self::Log if log == 1 => "log".to_owned(),
            Self::Log => format!("log-{log}"),
            Self::Ended(back) if log <= back + 1 => "log".to_owned(),
            Self::Ended(back) => format!("log-{}", log - back),
            Self::Records => "records".to_owned(),
            Self::Persons => "persons".to_owned(),
            Self::Witness => "witness".to_owned(),
        }
    }

    /// The trees that every store has.
    pub const ALWAYS: [Self; 4] = [Self::Log, Self::Records, Self::Persons, Self::Witness];
}

/// The largest value that a store takes: a node of sled's tree holds up to 16 of them and, from a quarter of a segment (128 KiB) on,
/// would go to a file that is never synced. 17 × 7 KiB = 119 KiB.
pub const MAX_VALUE_BYTES: usize = 7 * 1024;

/// Writes that become durable together or not at all. Of what is said about one key, the last word counts.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    writes: Vec<(Vec<u8>, Vec<u8>)>,
    removals: Vec<Vec<u8>>,
}

impl Batch {
    /// Sets a key.
    pub fn set(&mut self, key: Vec<u8>, value: Vec<u8>) {
        debug_assert!(value.len() <= MAX_VALUE_BYTES, "a value of {} bytes", value.len());
        self.removals.retain(|removed| *removed != key);
        self.writes.push((key, value));
    }

    /// Removes a key.
    pub fn remove(&mut self, key: Vec<u8>) {
        self.writes.retain(|(written, _)| *written != key);
        self.removals.push(key);
    }

    /// What will be removed, before anything is written.
    pub fn removals(&self) -> &[Vec<u8>] {
        &self.removals
    }

    /// What will be written.
    pub fn writes(&self) -> &[(Vec<u8>, Vec<u8>)] {
        &self.writes
    }
}

/// The store's word that a batch would survive a power cut. Only a store makes one.
#[derive(Debug)]
pub struct Durable(());

/// A key with its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another daemon holds the store.
    #[error("{path}: another daemon holds this store; stop it, or give this one a data directory of its own")]
    InUse {
        /// The store's folder.
        path: String,
    },
    /// sled could not open what is there.
    #[error("{path}: the store does not open ({reason}); keep the folder, and restore it from the archive")]
    Unopenable {
        /// The store's folder.
        path: String,
        /// sled's words.
        reason: String,
    },
    /// The file system takes no writes.
    #[error(
        "{path}: the file system is mounted read-only, often after an error of the disk; look at the kernel's log, repair it, mount it for \
         writing and start again: what is durable is still there"
    )]
    ReadOnly {
        /// The store's folder.
        path: String,
    },
    /// Values went where they are never synced.
    #[error(
        "{path}: files in blobs/ are never synced by sled 0.34; the store cannot be trusted with them: restore it from the archive"
    )]
    Blobs {
        /// The store's folder.
        path: String,
    },
    /// The store is an older state of itself.
    #[error(
        "{path}: the store holds {held} of {durable} commits that it had made durable; its files were damaged, or are of copies of \
         different ages: keep the folder, and restore the newest whole copy or the archive. If this state is all there is, remove \
         {path}/commits and start while the peers run: what they have seen will not be signed over"
    )]
    Shrunk {
        /// The store's folder.
        path: String,
        /// Commits in it.
        held: u64,
        /// Commits that were durable once.
        durable: u64,
    },
    /// Written by another version of this program.
    #[error(
        "{path}: store format {found}, this program reads {FORMAT_VERSION}; use the version that wrote it, or, from an older one, put the \
         log back from its archive into an empty store (`creditbay-node restore`) and import the records again"
    )]
    Format {
        /// The store's folder.
        path: String,
        /// The version found.
        found: String,
    },
    /// A read failed.
    #[error("reading the store: {0}; the node serves what it can, look at the disk")]
    Read(String),
    /// A write failed or its outcome is unknown; the store takes no more writes until it is opened again.
    #[error("writing the store: {0}; its state is unknown, start the daemon again to recover it")]
    Write(String),
    /// An earlier write failed.
    #[error("the store takes no writes since an earlier one failed; start the daemon again to recover it")]
    Stopped,
}

/// What the node needs of a disk.
pub trait Store: Send + Sync {
    /// The value of a key.
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` pairs with keys from `from` up to, not including, `to`, in order.
    fn range(&self, tree: Tree, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError>;

    /// The last pair with a key from `from` up to, not including, `to`.
    fn last(&self, tree: Tree, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError>;

    /// Writes a batch; returns when it would survive a power cut. After an error the state is unknown and every later commit fails.
    fn commit(&self, tree: Tree, batch: Batch) -> Result<Durable, StoreError>;
}
