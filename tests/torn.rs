//! The store's files after a disk or a hand has changed them: torn, flipped, cut, missing, or from an older backup. Whatever comes of it
//! has a name, and nothing else than what was signed is ever served (promises 6, 7 and 9).
//!
//! The real store and the real log, opened by the code of every start. Not here: what peers make of a store that is whole and older
//! (`refusal`), disks that are full (`full_disk`), power cuts (`power_cut`).

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_node::host::clock::Clock;
use creditbay_node::host::entropy::Entropy;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::host::telemetry::Metrics;
use creditbay_node::log::Log;
use creditbay_node::log::append::{Item, Writer};
use creditbay_node::log::entry::Entry;
use creditbay_node::log::fault::LogError;
use creditbay_node::log::recover::{Parts, Recovered, recover};
use creditbay_node::log::scrub::Scrub;
use creditbay_node::log::seals::Seals;
use creditbay_node::log::seen::Seen;
use creditbay_node::store::on_disk::OnDisk;
use creditbay_node::store::{StoreError, log as layout};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::predicate::{AttestationType, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Declined, DeclinedSubject};
use creditbay_protocol::refusal::Refusal;
use creditbay_protocol::tile::TilePath;
use tokio::sync::oneshot;

/// Leaves when the older backup is made, and at the end: a full tile, and sled's tree several nodes wide.
const OLDER: u64 = 300;
const LEAVES: u64 = 700;
/// Leaves of one batch.
const BATCH: u64 = 7;
/// Changes of each kind; `CREDITBAY_TEARS` asks for another number.
const TEARS: u64 = 40;

/// What became of a changed store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// It is what it was.
    Whole,
    /// sled or our own checks at opening name what is wrong.
    DoesNotOpen,
    /// sled opens an older state, and the store's own counter says that there was more.
    HasShrunk,
    /// The log's start names it.
    DoesNotStart,
    /// The scrub names it.
    FoundByTheScrub,
    /// Sealed rows say that they were changed, or are not all there.
    RowsDoNotOpen,
    /// The beginning of the same log: peers hold a larger signed note and say so before it signs.
    Older,
}

struct Opened {
    log: Log,
    writer: Writer,
    seals: Arc<Seals>,
    entropy: Arc<Entropy>,
}

fn opened(folder: &Path) -> Result<Opened, Fate> {
    let store = OnDisk::open(&folder.join("store"), 8).map_err(|error| match error {
        StoreError::Unopenable { .. } | StoreError::Format { .. } | StoreError::Blobs { .. } => Fate::DoesNotOpen,
        StoreError::Shrunk { .. } => Fate::HasShrunk,
        other => panic!("{other}"),
    })?;
    let (clock, entropy, metrics) = (Arc::new(Clock::host()), Arc::new(Entropy::seeded(1)), Arc::new(Metrics::default()));
    let seals = Arc::new(Seals::new(EpochKeys::in_folder(&folder.join("keys")).unwrap()).unwrap());
    let store = Arc::new(store);
    let started = Seen::of_nobody(store.clone(), clock.clone(), metrics.clone()).map_err(|_| Fate::DoesNotStart)?;
    let recovered = recover(Parts {
        store,
        origin: "gz.creditbay/log/1".parse().unwrap(),
        signer: NoteSigner::new(
            "gz.creditbay/log/1".parse().unwrap(),
            KeyKind::Ed25519,
            SigningKey::from_seed(Seed::from_bytes([7; 32])),
        ),
        seals: seals.clone(),
        seen: Arc::new(started),
        clock,
        entropy: entropy.clone(),
        metrics,
        reserve: None,
    });
    match recovered {
        Ok(Recovered { log, writer, .. }) => Ok(Opened { log, writer, seals, entropy }),
        Err(LogError::Store(_) | LogError::Rows(_) | LogError::SelfCheck { .. } | LogError::Sealing(_)) => {
            Err(Fate::DoesNotStart)
        }
        Err(other) => panic!("{other}"),
    }
}

fn declined(entropy: &Entropy) -> Entry {
    let subject = DeclinedSubject::Known(Identifier::parse(Scheme::Uscc, "91440101MA9XTEAT0A").unwrap());
    let predicate = Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 };
    let declined = Declined {
        asker: "gz".parse().unwrap(),
        issuer: Some("hk".parse().unwrap()),
        organisation: "bank-a".parse().unwrap(),
        operator: "op-1".parse().unwrap(),
        purpose: Purpose::Fin,
        subject,
        predicates: Predicates::new(vec![predicate]).unwrap(),
        pack: Digest([1; 32]),
        refusal: Refusal::PurposeNotAdmitted,
    };
    Entry::Declined(Arc::new((declined, entropy.seed())))
}

/// Writes on, batch by batch, until the log has so many leaves.
fn write_until(folder: &Path, size: u64) {
    let Opened { log, mut writer, entropy, .. } = opened(folder).unwrap();
    let held = || log.head().signed().checkpoint().size;
    while held() < size {
        let (items, waits): (Vec<_>, Vec<_>) = (0..BATCH.min(size - held()))
            .map(|_| {
                let (done, wait) = oneshot::channel();
                (Item::Leaf { entry: declined(&entropy), spendings: Vec::new(), done }, wait)
            })
            .unzip();
        writer.write(items);
        waits.into_iter().for_each(|wait| drop(wait.blocking_recv().unwrap().unwrap()));
    }
}

/// Everything that the log serves, and how many rows open.
struct Truth {
    tiles: BTreeMap<String, Vec<u8>>,
    leaves: Vec<Vec<u8>>,
    rows: usize,
}

impl Truth {
    fn of(opened: &Opened) -> Self {
        let tiles = TilePath::all(LEAVES).map(|path| (path.to_string(), opened.log.tile(&path).unwrap().unwrap())).collect();
        let leaves = layout::read_leaves(&**opened.log.store(), 0, LEAVES).unwrap();
        Self { tiles, leaves, rows: rows(opened).unwrap() }
    }

    /// What became of a store.
    fn held_against(&self, folder: &Path) -> Fate {
        let opened = match opened(folder) {
            Ok(opened) => opened,
            Err(fate) => return fate,
        };
        let (size, store) = (opened.log.head().signed().checkpoint().size, opened.log.store().clone());
        let mut pass = Scrub::over(&opened.log);
        let found = loop {
            match pass.step(&*store) {
                Ok(true) => {}
                Ok(false) => break false,
                Err(_) => break true,
            }
        };
        for path in TilePath::all(size) {
            if let Ok(Some(bytes)) = opened.log.tile(&path)
                && size == LEAVES
            {
                assert!(self.tiles[&path.to_string()] == bytes, "{path} was served and is not what was signed");
            }
        }
        if found {
            return Fate::FoundByTheScrub;
        }
        let leaves = layout::read_leaves(&*store, 0, size).unwrap();
        assert!(self.leaves[..leaves.len()] == leaves[..], "another history of {size} leaves passes every check");
        match rows(&opened) {
            _ if size < LEAVES => Fate::Older,
            Some(rows) if rows == self.rows => Fate::Whole,
            _ => Fate::RowsDoNotOpen,
        }
    }
}

/// How many rows open; `None` where one does not.
fn rows(opened: &Opened) -> Option<usize> {
    let store = &**opened.log.store();
    let (mut count, mut page) = (0, layout::sealed_from(store, 0).ok()?);
    while let Some(last) = page.last() {
        for sealed in &page {
            count += opened.seals.open(sealed).ok()?.len();
        }
        page = layout::sealed_after(store, last).ok()?;
    }
    Some(count)
}

/// A small generator, so that a run is the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn files(store: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// Changes a file in one of the ways in which files change.
fn tear(kind: &str, file: &Path, chance: &mut Chance) {
    let length = fs::metadata(file).unwrap().len();
    let open = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let at = chance.below(length.max(1));
    match kind {
        "a bit flipped" => {
            let mut byte = [0];
            if open.read_exact_at(&mut byte, at).is_ok() {
                byte[0] ^= 1 << chance.below(8);
                open.write_all_at(&byte, at).unwrap();
            }
        }
        "a page of zeros" => open.write_all_at(&vec![0; 4096.min((length - at) as usize)], at).unwrap(),
        "cut" => open.set_len(at).unwrap(),
        "another page" => {
            let (mut page, from) = (vec![0; 4096.min((length - at) as usize)], chance.below(length.max(1)));
            if open.read_exact_at(&mut page, from).is_ok() {
                open.write_all_at(&page, at).unwrap();
            }
        }
        other => panic!("{other}"),
    }
}

#[test]
fn whatever_happens_to_the_stores_files_is_named_and_nothing_else_is_ever_served() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, older) = (folder.path().join("whole"), folder.path().join("older"));
    write_until(&whole, OLDER);
    copy(&whole, &older);
    write_until(&whole, LEAVES);
    let truth = Truth::of(&opened(&whole).unwrap());
    let names: Vec<_> = files(&whole.join("store")).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    let tears = std::env::var("CREDITBAY_TEARS").ok().and_then(|tears| tears.parse().ok()).unwrap_or(TEARS);

    let mut fates: BTreeMap<(&str, Fate), u64> = BTreeMap::new();
    let (mut chance, mut number) = (Chance(20_261_124), 0);
    let mut look = |what: &'static str, change: &mut dyn FnMut(&Path)| {
        number += 1;
        let torn = folder.path().join(format!("torn-{number}"));
        copy(&whole, &torn);
        change(&torn.join("store"));
        let fate = truth.held_against(&torn);
        *fates.entry((what, fate)).or_default() += 1;
        fs::remove_dir_all(torn).unwrap();
        fate
    };
    assert_eq!(look("nothing", &mut |_| {}), Fate::Whole);
    for kind in ["a bit flipped", "a page of zeros", "cut", "another page"] {
        for tear_number in 0..tears {
            // The file with the data is where most of it happens.
            let name = if tear_number % 4 == 0 {
                &names[(tear_number / 4) as usize % names.len()]
            } else {
                names.iter().find(|name| *name == "db").unwrap()
            };
            look(kind, &mut |store| tear(kind, &store.join(name), &mut chance));
        }
    }
    for name in &names {
        look("a file is missing", &mut |store| fs::remove_file(store.join(name)).unwrap());
        let from = older.join("store").join(name);
        if from.exists() {
            look("a file from an older backup", &mut |store| assert!(fs::copy(&from, store.join(name)).is_ok()));
        }
    }
    let all_older = look("all files from an older backup", &mut |store| {
        fs::remove_dir_all(store).unwrap();
        copy(&older.join("store"), store);
    });
    assert_eq!(all_older, Fate::Older);
    let older = fates.keys().filter(|(_, fate)| *fate == Fate::Older).count();
    assert_eq!(older, 1, "sled dropped the tail of its log, and nobody noticed: {fates:?}");
    for ((what, fate), count) in &fates {
        eprintln!("{what}: {fate:?} {count}");
    }
    let named = |kind: &str| {
        fates.iter().filter(|((what, fate), _)| *what == kind && *fate != Fate::Whole).map(|(_, count)| count).sum::<u64>()
    };
    for kind in ["a bit flipped", "a page of zeros", "cut", "another page"] {
        assert!(named(kind) > 0, "{kind}: nothing that was torn was ever noticed");
    }
}
