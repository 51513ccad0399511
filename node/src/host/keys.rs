//! Key files: one Ed25519 key per role, the record key, and keys that an erasure destroys: one for each day of openings, one for each
//! bucket of records (PROTOCOL 23).
//!
//! All lie outside the store, are mode 0600 or refused, and never appear in an error. Whoever can read them can sign as this node or read
//! its records. Not here: making role keys (`creditbay keys new`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use creditbay_crypto::key_file::{self, KeyFileError};
use creditbay_crypto::seal::SealingKey;
use creditbay_crypto::sign::SigningKey;

use super::entropy::Entropy;

/// Why a key file is not used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// Others than its owner can read it.
    #[error("{path}: mode {mode:04o}; a key file is its owner's alone: chmod 600 {path}")]
    Mode {
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// Not a PKCS#8 Ed25519 key.
    #[error("{path}: {error}")]
    Pem {
        /// The file.
        path: String,
        /// What is wrong.
        error: KeyFileError,
    },
    /// Not 32 bytes.
    #[error("{path}: not a 32-byte key; restore it from where it was kept")]
    Length {
        /// The file.
        path: String,
    },
}

/// Reads an Ed25519 key from a PKCS#8 PEM file.
pub fn read_signing_key(path: &Path) -> Result<SigningKey, KeyError> {
    let bytes = read_private(path)?;
    let text = String::from_utf8_lossy(&bytes);
    key_file::from_pem(&text).map_err(|error| KeyError::Pem { path: path.display().to_string(), error })
}

/// The key of keyed hashes, made on first use: it outlives every erasure, and seals nothing.
fn record_key(folder: &Path, entropy: &Entropy) -> Result<[u8; 32], KeyError> {
    read_or_make(&folder.join("records.key"), entropy)
}

/// What finds records and what seals them.
pub struct RecordKeys {
    /// Says in which of the buckets a subject is.
    pub index: [u8; 32],
    /// Find and seal what is in a bucket; an erasure replaces and destroys them.
    pub buckets: EpochKeys,
}

impl RecordKeys {
    /// The keys in this folder, made on first use.
    pub fn in_folder(folder: &Path, entropy: &Entropy) -> Result<Self, KeyError> {
        Ok(Self { index: record_key(folder, entropy)?, buckets: EpochKeys::of(folder, "records")? })
    }
}

/// Keys that are each under a number, made on first use and destroyed by erasure. Clones lead to the same keys.
#[derive(Clone)]
pub struct EpochKeys(Home);

#[derive(Clone)]
enum Home {
    Folder(PathBuf),
    Memory(Arc<Mutex<BTreeMap<u32, [u8; 32]>>>),
}

impl EpochKeys {
    /// The keys that seal what opens leaves, in this folder.
    pub fn in_folder(folder: &Path) -> Result<Self, KeyError> {
        Self::of(folder, "openings")
    }

    /// Keys of a kind, in a folder of their own within this one.
    pub fn of(folder: &Path, kind: &str) -> Result<Self, KeyError> {
        let folder = folder.join(kind);
        fs::create_dir_all(&folder).map_err(|error| file_error(&folder, error))?;
        Ok(Self(Home::Folder(folder)))
    }

    /// Keys that no file holds, for tests and simulation, where nothing outlives the process.
    pub fn in_memory() -> Self {
        Self(Home::Memory(Arc::default()))
    }

    /// The same keys once more, destroyed apart from these where no file holds them.
    pub fn again(&self) -> Self {
        match &self.0 {
            Home::Folder(folder) => Self(Home::Folder(folder.clone())),
            Home::Memory(keys) => Self(Home::Memory(Arc::new(Mutex::new(held(keys).clone())))),
        }
    }

    /// The key of this number, made if there is none.
    pub fn make(&self, number: u32, entropy: &Entropy) -> Result<SealingKey, KeyError> {
        self.make_secret(number, entropy).map(SealingKey::from_bytes)
    }

    /// The bytes of the key of this number, made if there is none.
    pub fn make_secret(&self, number: u32, entropy: &Entropy) -> Result<[u8; 32], KeyError> {
        match &self.0 {
            Home::Folder(folder) => read_or_make(&file(folder, number), entropy),
            Home::Memory(keys) => Ok(*held(keys).entry(number).or_insert_with(|| entropy.bytes32())),
        }
    }

    /// The key of this number; nothing if it was destroyed or never made.
    pub fn existing(&self, number: u32) -> Result<Option<SealingKey>, KeyError> {
        Ok(self.existing_secret(number)?.map(SealingKey::from_bytes))
    }

    /// The bytes of the key of this number; nothing if it was destroyed or never made.
    pub fn existing_secret(&self, number: u32) -> Result<Option<[u8; 32]>, KeyError> {
        match &self.0 {
            Home::Folder(folder) => {
                let path = file(folder, number);
                if path.exists() { read_key(&path).map(Some) } else { Ok(None) }
            }
            Home::Memory(keys) => Ok(held(keys).get(&number).copied()),
        }
    }

    /// The numbers of all keys. What a crash left of a key, half made or half destroyed, is removed.
    pub fn numbers(&self) -> Result<BTreeSet<u32>, KeyError> {
        let folder = match &self.0 {
            Home::Folder(folder) => folder,
            Home::Memory(keys) => return Ok(held(keys).keys().copied().collect()),
        };
        let mut numbers = BTreeSet::new();
        for entry in fs::read_dir(folder).map_err(|error| file_error(folder, error))? {
            let path = entry.map_err(|error| file_error(folder, error))?.path();
            let number = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            match (number, path.extension().and_then(|extension| extension.to_str())) {
                (Some(number), Some("key")) if read_key(&path)? != [0; 32] => drop(numbers.insert(number)),
                (Some(_), Some("key" | "new")) => overwrite_and_unlink(&path).map_err(|error| file_error(&path, error))?,
                _ => {}
            }
        }
        Ok(numbers)
    }

    /// Destroys a key: overwritten where it lies, synced, unlinked, and the folder synced. What it sealed opens no more.
    pub fn destroy(&self, number: u32) -> Result<(), KeyError> {
        match &self.0 {
            Home::Folder(folder) => {
                let path = file(folder, number);
                overwrite_and_unlink(&path).map_err(|error| file_error(&path, error))
            }
            Home::Memory(keys) => {
                held(keys).remove(&number);
                Ok(())
            }
        }
    }
}

fn file(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number}.key"))
}

fn held(keys: &Mutex<BTreeMap<u32, [u8; 32]>>) -> MutexGuard<'_, BTreeMap<u32, [u8; 32]>> {
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

fn overwrite_and_unlink(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(&[0; 32])?;
    file.sync_all()?;
    fs::remove_file(path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn file_error(path: &Path, error: std::io::Error) -> KeyError {
    KeyError::File { path: path.display().to_string(), error }
}

/// Reads a private key's file as it stands, if nobody but its owner can.
pub fn read_private(path: &Path) -> Result<Vec<u8>, KeyError> {
    let mode = fs::metadata(path).map_err(|error| file_error(path, error))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Mode { path: path.display().to_string(), mode });
    }
    fs::read(path).map_err(|error| file_error(path, error))
}

/// A key is durable before anything is sealed with it: written aside, synced, renamed, and the folder synced.
fn read_or_make(path: &Path, entropy: &Entropy) -> Result<[u8; 32], KeyError> {
    if !path.exists() {
        let folder = path.parent().unwrap_or(Path::new("."));
        let aside = path.with_extension("new");
        let made = (|| {
            fs::create_dir_all(folder)?;
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
            file.write_all(&entropy.bytes32())?;
            file.sync_all()?;
            fs::rename(&aside, path)?;
            File::open(folder)?.sync_all()
        })();
        made.map_err(|error| file_error(path, error))?;
    }
    read_key(path)
}

fn read_key(path: &Path) -> Result<[u8; 32], KeyError> {
    let bytes = read_private(path)?;
    <[u8; 32]>::try_from(bytes).map_err(|_| KeyError::Length { path: path.display().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.pem");
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_signing_key(&path).err().unwrap();
        assert!(matches!(error, KeyError::Mode { mode: 0o640, .. }));
        assert!(error.to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(read_signing_key(&path).err().unwrap(), KeyError::Pem { .. }));
        assert!(matches!(read_signing_key(&folder.path().join("none")).err().unwrap(), KeyError::File { .. }));
    }

    #[test]
    fn a_made_key_stays_the_same_and_a_cut_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let entropy = Entropy::system();
        let first = record_key(folder.path(), &entropy).unwrap();
        assert_eq!(record_key(folder.path(), &entropy).unwrap(), first);
        assert_eq!(fs::metadata(folder.path().join("records.key")).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(folder.path().join("records.key"), &first[..31]).unwrap();
        assert!(matches!(record_key(folder.path(), &entropy), Err(KeyError::Length { .. })));
    }

    #[test]
    fn a_destroyed_key_is_gone_and_what_a_crash_left_of_one_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, entropy) = (EpochKeys::in_folder(folder.path()).unwrap(), Entropy::system());
        for number in [1, 2, 3] {
            keys.make(number, &entropy).unwrap();
        }
        keys.destroy(2).unwrap();
        assert!(keys.existing(2).unwrap().is_none() && keys.existing(1).unwrap().is_some());
        assert!(matches!(keys.destroy(2), Err(KeyError::File { .. })));
        let openings = folder.path().join("openings");
        fs::write(openings.join("3.key"), [0; 32]).unwrap();
        fs::copy(openings.join("1.key"), openings.join("4.new")).unwrap();
        assert_eq!(keys.numbers().unwrap(), BTreeSet::from([1]));
        assert_eq!(fs::read_dir(&openings).unwrap().count(), 1);
    }
}
