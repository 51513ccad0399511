//! The store on sled 0.34.7, with what that version leaves out (PROTOCOL 21.2).
//!
//! sled's `flush` does not reach the disk on Linux (it calls `sync_file_range`), so a commit is: apply, `flush`, then our own `sync_data`
//! on sled's one file. A torn `snap.*` keeps sled from opening: it is moved aside. Large values go to `blobs/`, which is never synced: a
//! store with any is refused. sled drops what follows a damaged page without a word: `counter` tells. The one room of sled. Who can change the files can remove or roll back evidence, but not forge it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::counter::Counter;
use super::{Batch, Durable, FORMAT_VERSION, Pair, Store, StoreError, Tree};

const FORMAT_KEY: &[u8] = b"creditbay/format";
/// In each tree: how many commits the store had made by its last one there.
const COUNT_KEY: &[u8] = b"\xffcommits";
/// Values that go over in one batch when a store is rewritten.
const COMPACTED_AT_ONCE: u64 = 256;

/// A store in a folder.
pub struct OnDisk {
    db: sled::Db,
    trees: Vec<(Tree, sled::Tree)>,
    file: File,
    stopped: AtomicBool,
    committing: Mutex<Counter>,
}

impl OnDisk {
    /// Opens or makes the store in `path` for the first log of its region, with a page cache of `cache_mib`.
    pub fn open(path: &Path, cache_mib: u64) -> Result<Self, StoreError> {
        Self::open_log(path, cache_mib, 1)
    }

    /// The same for the log with this number.
    pub fn open_log(path: &Path, cache_mib: u64, number: u32) -> Result<Self, StoreError> {
        fs::create_dir_all(path).map_err(|error| unopenable(path, &error))?;
        let db = match open_guarded(path, cache_mib) {
            Err(StoreError::Unopenable { .. }) if move_snapshots_aside(path).is_ok_and(|moved| moved > 0) => {
                tracing::warn!("a snapshot of the store was torn and has been moved aside; opening from the log file");
                open_guarded(path, cache_mib)?
            }
            other => other?,
        };
        refuse_blobs(path)?;
        check_format(path, &db)?;
        let open_tree =
            |tree: Tree| db.open_tree(tree.name(number)).map(|handle| (tree, handle)).map_err(|error| unopenable(path, &error));
        let names = db.tree_names();
        let ended =
            (1..number).map(Tree::Ended).take_while(|tree| names.iter().any(|name| *name == tree.name(number).as_bytes()));
        let trees = Tree::ALWAYS.into_iter().chain(ended).map(open_tree).collect::<Result<Vec<_>, _>>()?;
        let file = File::open(path.join("db")).map_err(|error| unopenable(path, &error))?;
        let counter = counted(path, &db)?;
        let store = Self { db, trees, file, stopped: AtomicBool::new(false), committing: Mutex::new(counter) };
        store.sync().map_err(|error| unopenable(path, &error))?;
        File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| unopenable(path, &error))?;
        Ok(store)
    }

    /// The tree, which is not there only where it would be that of a log that this store never held.
    fn tree(&self, tree: Tree) -> Option<&sled::Tree> {
        self.trees.iter().find(|(name, _)| *name == tree).map(|(_, handle)| handle)
    }

    fn sync(&self) -> io::Result<()> {
        self.db.flush().map_err(|error| io::Error::other(error.to_string()))?;
        self.file.sync_data()
    }
}

/// sled writes what it has left as it is dropped, and panics where that fails. After a failed write there is nothing left that may be
/// written: what sled holds stays where it is until the process ends.
impl Drop for OnDisk {
    fn drop(&mut self) {
        if self.stopped.load(Ordering::Acquire) {
            std::mem::forget((self.db.clone(), std::mem::take(&mut self.trees)));
        }
    }
}

/// Rewrites the store in `path` beside it, value by value, and puts the new one in its place: what superseded and deleted values hold of the
/// old file goes with it. For a store that nobody has open. Gives the bytes on disk before and after.
pub fn compact(path: &Path, cache_mib: u64) -> Result<(u64, u64), StoreError> {
    let failed = |error: &dyn std::fmt::Display| unopenable(path, error);
    let beside = path.with_extension("compacting");
    if !path.join("db").exists() {
        return Err(failed(&"no store is here"));
    }
    fs::remove_dir_all(&beside).or_else(absent).map_err(|error| failed(&error))?;
    {
        let (old, new) = (open_guarded(path, cache_mib)?, open_guarded(&beside, cache_mib)?);
        refuse_blobs(path)?;
        counted(path, &old)?;
        for name in old.tree_names() {
            copy_tree(&old, &new, &name).map_err(|error| failed(&error))?;
        }
        new.flush().map_err(|error| failed(&error))?;
    }
    let new = open_guarded(&beside, cache_mib)?;
    let same = || -> sled::Result<bool> {
        let old = open_guarded(path, cache_mib).map_err(|error| sled::Error::Unsupported(error.to_string()))?;
        for name in old.tree_names() {
            if !old.open_tree(&name)?.iter().eq(new.open_tree(&name)?.iter()) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    if !same().map_err(|error| failed(&error))? {
        return Err(failed(&"the new store does not hold what the old one holds; the old one was left as it is"));
    }
    drop(new);
    let (before, after) = (bytes_in(path), bytes_in(&beside));
    // A small store can come out larger: sled writes pages more than once as they fill, too.
    if after >= before {
        return fs::remove_dir_all(&beside).map_err(|error| failed(&error)).map(|()| (before, before));
    }
    let placed = sync_all_in(&beside).and_then(|()| {
        let cwd = rustix::fs::CWD;
        rustix::fs::renameat_with(cwd, &beside, cwd, path, rustix::fs::RenameFlags::EXCHANGE)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        fs::remove_dir_all(&beside)
    });
    placed.map_err(|error| failed(&error)).map(|()| (before, after))
}

fn absent(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn copy_tree(old: &sled::Db, new: &sled::Db, name: &[u8]) -> sled::Result<()> {
    let (from, to) = (old.open_tree(name)?, new.open_tree(name)?);
    let mut batch = sled::Batch::default();
    for (number, pair) in (1u64..).zip(from.iter()) {
        let (key, value) = pair?;
        batch.insert(key, value);
        if number.is_multiple_of(COMPACTED_AT_ONCE) {
            to.apply_batch(std::mem::take(&mut batch))?;
        }
    }
    to.apply_batch(batch)
}

/// Bytes of all files of a store.
fn bytes_in(path: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let of = |entry: fs::DirEntry| {
        entry.metadata().map_or(0, |found| if found.is_dir() { bytes_in(&entry.path()) } else { found.len() })
    };
    entries.filter_map(|entry| entry.ok().map(of)).sum()
}

fn sync_all_in(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?.path();
        if entry.is_dir() { sync_all_in(&entry)? } else { File::open(&entry)?.sync_all()? }
    }
    File::open(path)?.sync_all()
}

fn unopenable(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unopenable { path: path.display().to_string(), reason: error.to_string() }
}

/// A read. sled panics on some damage where it should fail; neither may take down whoever reads.
fn guarded<T>(read: impl Fn() -> Result<T, sled::Error>) -> Result<T, StoreError> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(StoreError::Read(error.to_string())),
        Err(_) => Err(StoreError::Read("sled panicked on its contents".to_owned())),
    }
}

/// The same of opening. sled's threads may hold the lock for a moment after the store was dropped.
#[expect(clippy::disallowed_methods, reason = "a store is opened before anything is served")]
fn open_guarded(path: &Path, cache_mib: u64) -> Result<sled::Db, StoreError> {
    for _ in 0..20 {
        match open_once(path, cache_mib) {
            Err(StoreError::InUse { .. }) => thread::sleep(Duration::from_millis(50)),
            opened => return opened,
        }
    }
    open_once(path, cache_mib)
}

fn open_once(path: &Path, cache_mib: u64) -> Result<sled::Db, StoreError> {
    let config = sled::Config::new().path(path).cache_capacity(cache_mib << 20);
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| config.open()));
    match opened {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(error)) if error.to_string().contains("could not acquire lock") => {
            Err(StoreError::InUse { path: path.display().to_string() })
        }
        Ok(Err(error)) => Err(not_opened(path, &error)),
        Err(_) => Err(unopenable(path, &"sled panicked on its contents")),
    }
}

/// Why sled did not open. Where nothing can be written nothing is wrong with the store.
fn not_opened(path: &Path, error: &sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            StoreError::ReadOnly { path: path.display().to_string() }
        }
        other => unopenable(path, other),
    }
}

fn move_snapshots_aside(path: &Path) -> io::Result<usize> {
    let snapshots: Vec<PathBuf> = fs::read_dir(path)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|entry| entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap.")))
        .collect();
    let aside = path.join("torn-snapshots");
    fs::create_dir_all(&aside)?;
    for snapshot in &snapshots {
        let name = snapshot.file_name().ok_or_else(|| io::Error::other("a snapshot without a name"))?;
        fs::rename(snapshot, aside.join(name))?;
    }
    Ok(snapshots.len())
}

fn refuse_blobs(path: &Path) -> Result<(), StoreError> {
    let blobs = fs::read_dir(path.join("blobs")).map(|mut entries| entries.next().is_some()).unwrap_or(false);
    if blobs { Err(StoreError::Blobs { path: path.display().to_string() }) } else { Ok(()) }
}

fn check_format(path: &Path, db: &sled::Db) -> Result<(), StoreError> {
    let expected = FORMAT_VERSION.to_be_bytes();
    let found = db.get(FORMAT_KEY).map_err(|error| unopenable(path, &error))?;
    match found {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(StoreError::Format { path: path.display().to_string(), found: format!("{found:?}") }),
        None => db.insert(FORMAT_KEY, &expected).map(drop).map_err(|error| unopenable(path, &error)),
    }
}

/// The store's counter; a store that holds fewer commits than were made durable is refused.
fn counted(path: &Path, db: &sled::Db) -> Result<Counter, StoreError> {
    let mut held = 0;
    for name in db.tree_names() {
        let count = db.open_tree(name).and_then(|tree| tree.get(COUNT_KEY)).map_err(|error| unopenable(path, &error))?;
        held = held.max(count.and_then(|count| Some(u64::from_be_bytes(*count.first_chunk()?))).unwrap_or(0));
    }
    let mut counter = Counter::open(path).map_err(|error| unopenable(path, &error))?;
    match counter.count() {
        durable if durable > held => Err(StoreError::Shrunk { path: path.display().to_string(), held, durable }),
        durable if durable < held => counter.raise(held).map(|()| counter).map_err(|error| unopenable(path, &error)),
        _ => Ok(counter),
    }
}

impl Store for OnDisk {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(tree) = self.tree(tree) else { return Ok(None) };
        guarded(|| Ok(tree.get(key)?.map(|value| value.to_vec())))
    }

    fn range(&self, tree: Tree, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        let Some(tree) = self.tree(tree) else { return Ok(Vec::new()) };
        let pairs = || tree.range(from..to).take(limit);
        guarded(|| pairs().map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect())
    }

    fn last(&self, tree: Tree, from: &[u8], to: &[u8]) -> Result<Option<Pair>, StoreError> {
        let Some(tree) = self.tree(tree) else { return Ok(None) };
        guarded(|| {
            let pair = tree.range(from..to).next_back().transpose()?;
            Ok(pair.map(|(key, value)| (key.to_vec(), value.to_vec())))
        })
    }

    fn commit(&self, tree: Tree, batch: Batch) -> Result<Durable, StoreError> {
        let absent = || StoreError::Write(format!("there is no tree {tree:?} in this store"));
        let handle = self.tree(tree).ok_or_else(absent)?;
        let mut counter = self.committing.lock().map_err(|_| StoreError::Stopped)?;
        if self.stopped.load(Ordering::Acquire) {
            return Err(StoreError::Stopped);
        }
        let mut writes = sled::Batch::default();
        for key in batch.removals {
            writes.remove(key);
        }
        for (key, value) in batch.writes {
            writes.insert(key, value);
        }
        let count = counter.count() + 1;
        writes.insert(COUNT_KEY, &count.to_be_bytes());
        let written = handle.apply_batch(writes).map_err(|error| io::Error::other(error.to_string()));
        written.and_then(|()| self.sync()).and_then(|()| counter.raise(count)).map_err(|error| {
            self.stopped.store(true, Ordering::Release);
            StoreError::Write(error.to_string())
        })?;
        Ok(Durable(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MAX_VALUE_BYTES;

    fn commit(store: &OnDisk, number: u64) {
        let mut batch = Batch::default();
        batch.set(number.to_be_bytes().to_vec(), vec![7; MAX_VALUE_BYTES]);
        store.commit(Tree::Log, batch).unwrap();
    }

    fn held(store: &OnDisk) -> usize {
        store.range(Tree::Log, &[0], &[0xff], usize::MAX).unwrap().len()
    }

    #[test]
    fn what_was_committed_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = OnDisk::open(folder.path(), 8).unwrap();
        (0..50).for_each(|number| commit(&store, number));
        drop(store);
        let store = OnDisk::open(folder.path(), 8).unwrap();
        assert_eq!(held(&store), 50);
        let (last, _) = store.last(Tree::Log, &[0], &[0xff]).unwrap().unwrap();
        assert_eq!(last, 49u64.to_be_bytes());
    }

    #[test]
    fn a_torn_snapshot_is_moved_aside_and_nothing_is_lost() {
        for torn in [&b""[..], b"torn", &[0xff; 64]] {
            let folder = tempfile::tempdir().unwrap();
            let store = OnDisk::open(folder.path(), 8).unwrap();
            (0..20).for_each(|number| commit(&store, number));
            drop(store);
            fs::write(folder.path().join("snap.00000000000000FF"), torn).unwrap();
            let copy = tempfile::tempdir().unwrap();
            for file in fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
                fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
            }
            assert!(sled::open(copy.path()).is_err(), "sled alone does not open");
            assert_eq!(held(&OnDisk::open(folder.path(), 8).unwrap()), 20, "{} bytes left", torn.len());
            assert!(folder.path().join("torn-snapshots").is_dir());
        }
    }

    #[test]
    fn a_rewritten_store_holds_the_same_and_is_smaller_and_an_open_one_is_not_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let store = OnDisk::open(&path, 8).unwrap();
        for round in 0..40u64 {
            let mut batch = Batch::default();
            (0..64u64).for_each(|number| batch.set(number.to_be_bytes().to_vec(), vec![round as u8; MAX_VALUE_BYTES]));
            store.commit(Tree::Records, batch).unwrap();
        }
        assert!(compact(&path, 8).is_err(), "somebody has it open");
        drop(store);
        fs::create_dir_all(path.with_extension("compacting")).unwrap();
        let (before, after) = compact(&path, 8).unwrap();
        assert!(after < before, "{before} to {after}");
        assert!(!path.with_extension("compacting").exists());
        let store = OnDisk::open(&path, 8).unwrap();
        let held = store.range(Tree::Records, &[0], &[0xff], usize::MAX).unwrap();
        assert!(held.len() == 64 && held.iter().all(|(_, value)| *value == vec![39; MAX_VALUE_BYTES]));
        drop(store);
        assert!(compact(&folder.path().join("none"), 8).is_err());
    }

    #[test]
    fn a_second_daemon_on_the_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let _first = OnDisk::open(folder.path(), 8).unwrap();
        assert!(matches!(OnDisk::open(folder.path(), 8), Err(StoreError::InUse { .. })));
    }

    #[test]
    fn who_opens_a_store_that_is_being_let_go_waits_a_moment() {
        let folder = tempfile::tempdir().unwrap();
        let first = OnDisk::open(folder.path(), 8).unwrap();
        commit(&first, 1);
        let (opening, let_go) = std::sync::mpsc::channel::<()>();
        let letting_go = thread::spawn(move || {
            let _ = let_go.recv_timeout(Duration::from_millis(150));
            drop(first);
        });
        assert_eq!(held(&OnDisk::open(folder.path(), 8).unwrap()), 1);
        drop(opening);
        letting_go.join().unwrap();
    }

    #[test]
    fn files_that_are_never_synced_and_other_formats_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(OnDisk::open(folder.path(), 8).unwrap());
        fs::create_dir_all(folder.path().join("blobs")).unwrap();
        fs::write(folder.path().join("blobs/1"), "x").unwrap();
        assert!(matches!(OnDisk::open(folder.path(), 8), Err(StoreError::Blobs { .. })));
        fs::remove_file(folder.path().join("blobs/1")).unwrap();

        let db = sled::open(folder.path()).unwrap();
        db.insert(FORMAT_KEY, &[0, 0, 0, 9]).unwrap();
        db.flush().unwrap();
        drop(db);
        assert!(matches!(OnDisk::open(folder.path(), 8), Err(StoreError::Format { .. })));
    }

    #[test]
    fn a_store_that_is_not_one_is_refused_without_a_panic() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store");
        fs::write(&file, "not a folder").unwrap();
        assert!(matches!(OnDisk::open(&file, 8), Err(StoreError::Unopenable { .. })));
        let folder = folder.path().join("other");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("conf"), [0xff; 64]).unwrap();
        fs::write(folder.join("db"), vec![0xa5; 4096]).unwrap();
        let opened = OnDisk::open(&folder, 8);
        assert!(matches!(opened, Err(StoreError::Unopenable { .. })), "{:?}", opened.err());
    }

    #[test]
    fn a_read_only_file_system_is_no_damage() {
        let refused = |kind: io::ErrorKind| not_opened(Path::new("store"), &sled::Error::Io(kind.into()));
        let read_only = refused(io::ErrorKind::ReadOnlyFilesystem);
        assert!(matches!(&read_only, StoreError::ReadOnly { path } if path == "store"));
        assert!(!read_only.to_string().contains("restore"));
        assert!(matches!(refused(io::ErrorKind::InvalidData), StoreError::Unopenable { .. }));
    }

    #[test]
    fn after_one_failed_write_every_later_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = OnDisk::open(folder.path(), 8).unwrap();
        commit(&store, 1);
        store.stopped.store(true, Ordering::Release);
        let mut batch = Batch::default();
        batch.set(vec![1], vec![1]);
        assert!(matches!(store.commit(Tree::Log, batch), Err(StoreError::Stopped)));
        assert_eq!(held(&store), 1, "reads go on");
    }

    #[test]
    fn values_of_the_largest_size_never_reach_blobs() {
        let folder = tempfile::tempdir().unwrap();
        let store = OnDisk::open(folder.path(), 8).unwrap();
        (0..400).for_each(|number| commit(&store, number));
        drop(store);
        drop(OnDisk::open(folder.path(), 8).unwrap());
        assert!(fs::read_dir(folder.path().join("blobs")).map_or(true, |mut entries| entries.next().is_none()));
    }
}
