//! One log read from several sources: whether they show the same history (PROTOCOL 33.1).
//!
//! Sources are put in the order of their sizes and each is held against the next: its root must be that of the beginning of the larger
//! tree, which is proved by some hash tiles of the larger one's source. Not here: whole verification of the other sources.

use std::collections::HashMap;

use clap::Args;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::node_hash;
use creditbay_crypto::merkle::tree::{Nodes, TreeError, consistency, root};
use creditbay_crypto::merkle::verify::verify_consistency;
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::tile::{TILE_HEIGHT, TILE_WIDTH, TilePath};

use super::fault::{Fault, Faults};
use super::kept::Seen;
use super::source::{AuditorArgs, Source, Tile};

/// Further sources.
#[derive(Debug, Clone, Default, Args)]
pub struct AlsoArgs {
    /// Another source of the same log, a folder or a URL: it must show the same history (repeat for each)
    #[arg(long, value_name = "DIR|URL", conflicts_with = "later")]
    pub also: Vec<String>,
}

/// A source with the checkpoint that it shows.
pub struct Shown {
    /// Where it is read.
    pub source: Source,
    /// Its checkpoint, with the name of the source.
    pub seen: Seen,
}

/// Two notes that contradict one another.
pub struct Contradiction {
    /// The fault's kind.
    pub kind: &'static str,
    /// Both notes.
    pub notes: [Seen; 2],
}

impl AlsoArgs {
    /// Reads the checkpoint of each source. One that the log did not sign is a fault.
    pub async fn read(&self, auditor: &AuditorArgs, entry: &RegionEntry, faults: &mut Faults) -> anyhow::Result<Vec<Shown>> {
        let mut shown = Vec::new();
        for from in &self.also {
            let mut source = Source::open_expecting(from, auditor, Some(entry.tls))?;
            let note = source.checkpoint().await?;
            match SignedCheckpoint::verify(&note, &entry.log_origin, &entry.log) {
                Ok(signed) => shown.push(Shown { source, seen: Seen { from: from.clone(), signed } }),
                Err(error) => faults.add(Fault::OtherCheckpoint { from: from.clone(), error }),
            }
        }
        Ok(shown)
    }
}

/// Holds the sources against one another.
pub async fn compare(mut shown: Vec<Shown>, faults: &mut Faults) -> anyhow::Result<Vec<Contradiction>> {
    shown.sort_by_key(|shown| shown.seen.signed.checkpoint().size);
    let mut contradictions = Vec::new();
    for position in 1..shown.len() {
        let (below, above) = shown.split_at_mut(position);
        let (Some(small), Some(large)) = (below.last(), above.first_mut()) else { continue };
        let (one, other) = (small.seen.clone(), large.seen.clone());
        let (small, of_large) = (*one.signed.checkpoint(), *other.signed.checkpoint());
        let fault = match relate(&small, &of_large, &mut large.source).await? {
            Relation::Same => continue,
            Relation::Split => Fault::SplitView {
                from: one.from.clone(),
                size: small.size,
                other: other.from.clone(),
                other_size: of_large.size,
            },
            Relation::Withheld => Fault::ConsistencyWithheld {
                from: other.from.clone(),
                size: of_large.size,
                other: one.from.clone(),
                other_size: small.size,
            },
        };
        contradictions.push(Contradiction { kind: fault.kind(), notes: [one, other] });
        faults.add(fault);
    }
    Ok(contradictions)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// One history.
    Same,
    /// Two, as the notes prove together with the larger one's own tiles.
    Split,
    /// The tiles prove neither.
    Withheld,
}

async fn relate(small: &Checkpoint, large: &Checkpoint, source: &mut Source) -> anyhow::Result<Relation> {
    if small.size == large.size {
        return Ok(if small.root == large.root { Relation::Same } else { Relation::Split });
    }
    if small.size == 0 {
        return Ok(Relation::Same);
    }
    let mut tiles = Tiles { size: large.size, known: HashMap::new() };
    let (proof, beginning) = loop {
        let proved = consistency(small.size, large.size, &tiles).and_then(|proof| {
            let beginning = root(small.size, &tiles).map_err(TreeError::Nodes)?;
            Ok((proof, beginning))
        });
        match proved {
            Ok(proved) => break proved,
            Err(TreeError::Nodes(Needed(path))) => match source.tile(path).await? {
                Tile::Whole(bytes) if bytes.len() == usize::from(path.width) * 32 => tiles.add(path, &bytes),
                Tile::Whole(_) | Tile::Missing | Tile::Unreadable(_) => return Ok(Relation::Withheld),
            },
            Err(TreeError::OutOfRange { .. }) => return Ok(Relation::Withheld),
        }
    };
    let proved = verify_consistency(small.size, &beginning, large.size, &large.root, &proof).is_ok();
    Ok(match (proved, beginning == small.root) {
        (true, true) => Relation::Same,
        (true, false) => Relation::Split,
        (false, _) => Relation::Withheld,
    })
}

/// The hash tiles of a log, as far as they were fetched.
struct Tiles {
    size: u64,
    known: HashMap<TilePath, Vec<Digest>>,
}

/// A tile that has to be fetched first.
struct Needed(TilePath);

impl Tiles {
    fn add(&mut self, path: TilePath, bytes: &[u8]) {
        let (hashes, _) = bytes.as_chunks::<32>();
        self.known.insert(path, hashes.iter().copied().map(Digest).collect());
    }
}

impl Nodes for Tiles {
    type Error = Needed;

    fn node(&self, level: u32, index: u64) -> Result<Digest, Needed> {
        if !level.is_multiple_of(TILE_HEIGHT) {
            return Ok(node_hash(&self.node(level - 1, 2 * index)?, &self.node(level - 1, 2 * index + 1)?));
        }
        let (tile, nodes) = (index / TILE_WIDTH, self.size >> level);
        let width = (nodes - tile * TILE_WIDTH).min(TILE_WIDTH);
        let path = TilePath { level: Some((level / TILE_HEIGHT) as u8), index: tile, width: width as u16 };
        let hashes = self.known.get(&path).ok_or(Needed(path))?;
        hashes.get((index % TILE_WIDTH) as usize).copied().ok_or(Needed(path))
    }
}
