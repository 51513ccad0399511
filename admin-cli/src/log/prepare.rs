//! Reading and hashing the chunks of a log on all processors, in their order.
//!
//! What stands in a chunk can be read and hashed without what stands before it; only that is done here, by threads that take the next chunk
//! from one queue, and by whoever waits for them. Not here: where chunks come from (`walk`), and what is made of them (`verify`, `leaves`).

use std::collections::VecDeque;
use std::num::NonZero;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, available_parallelism};

use anyhow::Context;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::brief::Brief;
use creditbay_protocol::leaf::{Leaf, LeafError};
use creditbay_protocol::leaf_reader::LeafReader;
use creditbay_protocol::tile::TilePath;

use super::fault::Fault;
use super::source::{Tile, in_folder};
use super::verify::Chunk;

/// Chunks under way for each processor.
const DEPTH: usize = 8;
/// Processors at most.
const MAX_THREADS: usize = 8;

/// What is made of the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Their leaves in brief: enough for what leaves must be among themselves.
    Order,
    /// The leaves, too.
    Leaves,
}

/// A chunk that is to be read.
pub struct Given {
    /// Where it stands.
    pub path: TilePath,
    /// Its files.
    pub files: Files,
}

/// The files of a chunk.
pub enum Files {
    /// As they were fetched, each if it is there.
    Fetched {
        /// The bundle.
        bundle: Option<Vec<u8>>,
        /// Its hash tile.
        tile: Option<Vec<u8>>,
    },
    /// They lie in this folder, and are read by whoever hashes them.
    InFolder(Arc<Path>),
}

/// A chunk that was read and hashed.
pub struct Prepared {
    /// Its hashes.
    pub chunk: Chunk,
    /// Its leaves, if the bundle has as many entries as it should.
    pub entries: Option<Entries>,
    /// Files that are there and cannot be read.
    pub faults: Vec<Fault>,
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
    queue: Sender<Job>,
    waiting: Arc<Mutex<Receiver<Job>>>,
    /// Where each chunk that is under way will come out.
    under_way: VecDeque<Receiver<anyhow::Result<Prepared>>>,
    most: usize,
    own: Reading,
}

struct Job {
    given: Given,
    done: SyncSender<anyhow::Result<Prepared>>,
}

/// How one thread reads.
struct Reading {
    reader: LeafReader,
    wanted: Wanted,
}

impl Threads {
    /// As many as there are processors, the caller's own included.
    pub fn start(wanted: Wanted) -> Self {
        let processors = available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
        let (queue, waiting) = channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 1..processors {
            let waiting = waiting.clone();
            // It ends when the queue is dropped.
            thread::spawn(move || {
                let mut reading = Reading::new(wanted);
                while let Ok(Ok(job)) = waiting.lock().map(|waiting| waiting.recv()) {
                    reading.carry_out(job);
                }
            });
        }
        Self { queue, waiting, under_way: VecDeque::new(), most: DEPTH * processors, own: Reading::new(wanted) }
    }

    /// Whether no more may be given before one is taken.
    pub fn is_full(&self) -> bool {
        self.under_way.len() >= self.most
    }

    /// Gives a chunk.
    pub fn give(&mut self, given: Given) {
        debug_assert!(!self.is_full());
        let (done, take) = sync_channel(1);
        if self.queue.send(Job { given, done }).is_ok() {
            self.under_way.push_back(take);
        }
    }

    /// Takes the oldest chunk; `None` if none is under way. While it is not ready, the caller's thread reads others.
    pub fn take(&mut self) -> Option<anyhow::Result<Prepared>> {
        let oldest = self.under_way.pop_front()?;
        loop {
            if let Ok(prepared) = oldest.try_recv() {
                return Some(prepared);
            }
            // A thread that waits for the queue holds it, and then it is empty.
            match self.waiting.try_lock().ok().and_then(|waiting| waiting.try_recv().ok()) {
                Some(job) => self.own.carry_out(job),
                None => return Some(oldest.recv().context("a thread that reads the log ended").flatten()),
            }
        }
    }
}

impl Reading {
    fn new(wanted: Wanted) -> Self {
        Self { reader: LeafReader::default(), wanted }
    }

    fn carry_out(&mut self, Job { given, done }: Job) {
        // Whoever gave up the log takes nothing any more.
        let _ = done.send(self.prepare(given));
    }

    fn prepare(&mut self, Given { path, files }: Given) -> anyhow::Result<Prepared> {
        let mut faults = Vec::new();
        let (bundle, tile) = match files {
            Files::Fetched { bundle, tile } => (bundle, tile),
            Files::InFolder(folder) => {
                let mut read = |path| anyhow::Ok(usable(in_folder(&folder, path)?, path, &mut faults));
                (read(path)?, read(TilePath { level: Some(0), ..path })?)
            }
        };
        let (chunk, entries) = Chunk::read(path, bundle.as_deref(), tile.as_deref());
        let entries = chunk.hashes().zip(entries).map(|(hashes, entries)| match self.wanted {
            Wanted::Order => {
                let briefs = entries.into_iter().map(|entry| self.reader.brief(entry)).collect();
                Entries { briefs, leaves: Vec::new() }
            }
            Wanted::Leaves => read_whole(hashes, &entries, &mut self.reader),
        });
        Ok(Prepared { chunk, entries, faults })
    }
}

/// The bytes of a file that is there; one that cannot be read is a fault.
pub fn usable(tile: Tile, path: TilePath, faults: &mut Vec<Fault>) -> Option<Vec<u8>> {
    match tile {
        Tile::Whole(bytes) => Some(bytes),
        Tile::Missing => None,
        Tile::Unreadable(error) => {
            faults.push(Fault::Unreadable { path, error });
            None
        }
    }
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

    use super::{Files, Given, Threads, Wanted};
    use crate::log::sample::{of_entries, queries};

    #[test]
    fn chunks_come_out_in_their_order_and_no_more_than_are_allowed_are_held() {
        let sample = of_entries(&queries(256 * 40 + 3));
        let mut threads = Threads::start(Wanted::Order);
        assert!(threads.take().is_none());
        let mut order = Vec::new();
        for path in TilePath::all(sample.size).filter(|path| path.level.is_none()) {
            if threads.is_full() {
                order.push(threads.take().unwrap().unwrap().chunk.path());
            }
            let get = |path| sample.files.get(&path).cloned();
            let (bundle, tile) = (get(path), get(TilePath { level: Some(0), ..path }));
            threads.give(Given { path, files: Files::Fetched { bundle, tile } });
        }
        while let Some(prepared) = threads.take() {
            let prepared = prepared.unwrap();
            assert_eq!(prepared.entries.unwrap().briefs.len(), usize::from(prepared.chunk.path().width));
            order.push(prepared.chunk.path());
        }
        assert_eq!(order, TilePath::all(sample.size).filter(|path| path.level.is_none()).collect::<Vec<_>>());
    }
}
