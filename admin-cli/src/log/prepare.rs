//! Reading and hashing the chunks of a log on all processors, in their order.
//!
//! What stands in a chunk can be read and hashed without what stands before it; only that is done here, on threads of their own, of which
//! each holds `DEPTH` chunks at most. Not here: where chunks come from (`walk`), and what is made of them (`verify`, `leaves`).

use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, available_parallelism};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::brief::Brief;
use creditbay_protocol::leaf::{Leaf, LeafError};
use creditbay_protocol::leaf_reader::LeafReader;
use creditbay_protocol::tile::TilePath;

use super::verify::Chunk;

/// Chunks that wait for a thread, or to be taken from it.
const DEPTH: usize = 8;
/// Threads at most.
const MAX_THREADS: usize = 8;

/// What is made of the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Their leaves in brief: enough for what leaves must be among themselves.
    Order,
    /// The leaves, too.
    Leaves,
}

/// A chunk as it was fetched.
pub struct Fetched {
    /// Where it stands.
    pub path: TilePath,
    /// The bundle, if it is there.
    pub bundle: Option<Vec<u8>>,
    /// Its hash tile, if it is there.
    pub tile: Option<Vec<u8>>,
}

/// A chunk that was read and hashed.
pub struct Prepared {
    /// Its hashes.
    pub chunk: Chunk,
    /// Its leaves, if the bundle has as many entries as it should.
    pub entries: Option<Entries>,
}

/// The leaves of a chunk.
#[derive(Default)]
pub struct Entries {
    /// Each in brief.
    pub briefs: Vec<Result<Brief, LeafError>>,
    /// Each with its hash, where that is wanted and it can be read.
    pub leaves: Vec<Option<(Digest, Leaf)>>,
}

/// The threads. Chunks come out in the order in which they went in.
pub struct Threads {
    lanes: Vec<(SyncSender<Fetched>, Receiver<Prepared>)>,
    given: usize,
    taken: usize,
}

impl Threads {
    /// As many as there are processors.
    pub fn start(wanted: Wanted) -> Self {
        let count = available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
        Self { lanes: (0..count).map(|_| lane(wanted)).collect(), given: 0, taken: 0 }
    }

    /// Chunks that were given and not taken.
    pub fn under_way(&self) -> usize {
        self.given - self.taken
    }

    /// Whether no more may be given before one is taken.
    pub fn is_full(&self) -> bool {
        self.under_way() >= DEPTH * self.lanes.len()
    }

    /// Gives a chunk.
    pub fn give(&mut self, fetched: Fetched) {
        debug_assert!(!self.is_full());
        let lane = &self.lanes[self.given % self.lanes.len()];
        self.given += usize::from(lane.0.send(fetched).is_ok());
    }

    /// Takes the oldest chunk; `None` if none is under way.
    pub fn take(&mut self) -> Option<Prepared> {
        if self.under_way() == 0 {
            return None;
        }
        let prepared = self.lanes[self.taken % self.lanes.len()].1.recv().expect("invariant: a thread answers what it was given");
        self.taken += 1;
        Some(prepared)
    }
}

fn lane(wanted: Wanted) -> (SyncSender<Fetched>, Receiver<Prepared>) {
    let (give, given) = sync_channel::<Fetched>(DEPTH);
    let (done, take) = sync_channel(DEPTH);
    // It ends when the sender is dropped, and then nobody waits for it.
    thread::spawn(move || {
        let mut reader = LeafReader::default();
        for fetched in given {
            if done.send(prepare(&fetched, &mut reader, wanted)).is_err() {
                return;
            }
        }
    });
    (give, take)
}

fn prepare(fetched: &Fetched, reader: &mut LeafReader, wanted: Wanted) -> Prepared {
    let (chunk, entries) = Chunk::read(fetched.path, fetched.bundle.as_deref(), fetched.tile.as_deref());
    let hashed = chunk.hashes().zip(entries);
    let entries = hashed.map(|(hashes, entries)| match wanted {
        Wanted::Order => Entries { briefs: entries.into_iter().map(|entry| reader.brief(entry)).collect(), leaves: Vec::new() },
        Wanted::Leaves => read_whole(hashes, &entries, reader),
    });
    Prepared { chunk, entries }
}

fn read_whole(hashes: &[Digest], entries: &[&[u8]], reader: &mut LeafReader) -> Entries {
    let mut read = Entries::default();
    for (hash, entry) in hashes.iter().zip(entries) {
        let leaf = reader.read(entry);
        read.briefs.push(leaf.as_ref().map(Brief::of).map_err(Clone::clone));
        read.leaves.push(leaf.ok().map(|leaf| (*hash, leaf)));
    }
    read
}

#[cfg(test)]
mod tests {
    use creditbay_protocol::tile::TilePath;

    use super::{Fetched, Threads, Wanted};
    use crate::log::sample::{of_entries, queries};

    #[test]
    fn chunks_come_out_in_their_order_and_no_more_than_are_allowed_are_held() {
        let sample = of_entries(&queries(256 * 9 + 3));
        let mut threads = Threads::start(Wanted::Order);
        assert!(threads.take().is_none());
        let mut order = Vec::new();
        for path in TilePath::all(sample.size).filter(|path| path.level.is_none()) {
            if threads.is_full() {
                order.push(threads.take().unwrap().chunk.path());
            }
            let get = |path| sample.files.get(&path).cloned();
            threads.give(Fetched { path, bundle: get(path), tile: get(TilePath { level: Some(0), ..path }) });
        }
        while let Some(prepared) = threads.take() {
            assert_eq!(prepared.entries.unwrap().briefs.len(), usize::from(prepared.chunk.path().width));
            order.push(prepared.chunk.path());
        }
        assert_eq!(order, TilePath::all(sample.size).filter(|path| path.level.is_none()).collect::<Vec<_>>());
    }
}
