//! Files: read under a bound, written so that a power cut leaves the old one or the new one.
//!
//! Whatever is written is written aside, synced and renamed, and its folder synced. Not here: what stands in the files.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use creditbay_crypto::hash::{Digest, Hashing};
use creditbay_crypto::key_file;
use creditbay_crypto::sign::SigningKey;
use zeroize::Zeroizing;

use crate::print::{self, Screen};

/// Bytes of the largest text file that is read: an attestation, a directory, a rule pack.
pub const MAX_TEXT_BYTES: u64 = 1 << 20;

/// Bytes of a file that are hashed at a time.
const PIECE: usize = 64 * 1024;

/// The mode of what only its owner may read.
pub const PRIVATE: u32 = 0o600;
/// The mode of what everybody may read.
pub const PUBLIC: u32 = 0o644;

/// Reads a file of at most `max` bytes; `None` if there is none.
pub fn read_if_there(path: &Path, max: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let read = read_begin(path, max + 1)?;
    if read.as_ref().is_some_and(|bytes| bytes.len() as u64 > max) {
        bail!("{} has more than {max} bytes; check that it is the right file", path.display());
    }
    Ok(read)
}

/// Reads the first bytes of a file, at most so many; `None` if there is none.
pub fn read_begin(path: &Path, most: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        opened => opened.with_context(|| format!("{} cannot be opened", path.display()))?,
    };
    // As long as it says that it is, and one byte to meet its end: what a file says is no reason to hold more than is taken.
    let length = file.metadata().map_or(0, |found| found.len()).min(most);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(most).read_to_end(&mut bytes).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Some(bytes))
}

/// Reads a text of at most [`MAX_TEXT_BYTES`].
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes =
        read_if_there(path, MAX_TEXT_BYTES)?.with_context(|| format!("{} does not exist; check the path", path.display()))?;
    String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8; check that it is the right file", path.display()))
}

/// Reads a private key in PEM, if nobody but its owner can read it.
pub fn read_key(path: &Path) -> anyhow::Result<SigningKey> {
    let found = fs::metadata(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        bail!("{0}: mode {mode:04o}; a key file is its owner's alone: chmod 600 {0}", path.display());
    }
    let text = Zeroizing::new(read_text(path)?);
    key_file::from_pem(&text).with_context(|| path.display().to_string())
}

/// SHA-256 of a file of any size; a bar moves as it is read.
pub fn digest(path: &Path, screen: &Screen) -> anyhow::Result<Digest> {
    let mut file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    let found = file.metadata().with_context(|| format!("{} cannot be opened", path.display()))?;
    if !found.is_file() {
        bail!("{} is no file; name the file that is to be hashed", path.display());
    }
    let bar = print::progress(screen, found.len(), "hashing [{bar:30}] {bytes}/{total_bytes}");
    let (mut hashing, mut piece) = (Hashing::start(), vec![0; PIECE]);
    loop {
        let read = file.read(&mut piece).with_context(|| format!("{} cannot be read", path.display()))?;
        if read == 0 {
            break;
        }
        hashing.update(&piece[..read]);
        bar.inc(read as u64);
    }
    bar.finish_and_clear();
    Ok(hashing.finish())
}

/// Writes a file that must not exist yet.
pub fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> anyhow::Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("{} exists already and is not overwritten; choose another name, or move it away", path.display());
    }
    write(path, mode, bytes)
}

/// Writes a file, in place of one that exists.
pub fn write(path: &Path, mode: u32, bytes: &[u8]) -> anyhow::Result<()> {
    let mut aside = Aside::create(path, mode)?;
    aside.append(bytes)?;
    aside.finish()
}

/// A file that is being written aside; it gets its name at the end, and is removed if it comes to no end.
pub struct Aside {
    file: File,
    aside: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl Aside {
    /// Begins to write.
    pub fn create(path: &Path, mode: u32) -> anyhow::Result<Self> {
        let name = path.file_name().with_context(|| format!("{} is no name of a file", path.display()))?;
        let aside = path.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&aside)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        // The mode given at creation is cut by the umask, and not applied to one that was left behind.
        file.set_permissions(Permissions::from_mode(mode)).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { file, aside, path: path.to_owned(), finished: false })
    }

    /// Adds bytes.
    pub fn append(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).with_context(|| format!("{} cannot be written", self.path.display()))
    }

    /// Makes it durable and gives it its name.
    pub fn finish(mut self) -> anyhow::Result<()> {
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let done =
            self.file.sync_all().and_then(|()| fs::rename(&self.aside, &self.path)).and_then(|()| File::open(folder)?.sync_all());
        self.finished = done.is_ok();
        done.with_context(|| format!("{} cannot be made durable", self.path.display()))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.finished {
            // A rest that cannot be removed does no harm: it never had the file's name.
            let _ = fs::remove_file(&self.aside);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use creditbay_crypto::hash::Digest;

    use super::{Aside, PIECE, PRIVATE, PUBLIC, digest, read_if_there, read_key, write, write_new};
    use crate::print::Screen;

    #[test]
    fn a_file_of_any_size_has_one_digest() {
        let folder = tempfile::tempdir().unwrap();
        let (path, screen) = (folder.path().join("report.pdf"), Screen::over(Box::new(Vec::new()), false));
        for size in [0, 1, PIECE - 1, PIECE, 3 * PIECE + 7] {
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            fs::write(&path, &bytes).unwrap();
            assert_eq!(digest(&path, &screen).unwrap(), Digest::of(&bytes), "{size}");
        }
        assert!(digest(folder.path(), &screen).unwrap_err().to_string().contains("is no file"));
        assert!(digest(&folder.path().join("none"), &screen).unwrap_err().to_string().contains("cannot be opened"));
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut half = Aside::create(&path, PRIVATE).unwrap();
        half.append(b"half").unwrap();
        drop(half);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        write(&path, PRIVATE, b"one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE);
        assert!(write_new(&path, PRIVATE, b"two").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        write(&path, PUBLIC, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, [0; 11]).unwrap();
        assert_eq!(read_if_there(&path, 11).unwrap().unwrap().len(), 11);
        assert!(read_if_there(&path, 10).is_err());
        assert!(read_if_there(&folder.path().join("none"), 10).unwrap().is_none());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.pem");
        write(&path, 0o640, b"x").unwrap();
        assert!(read_key(&path).err().unwrap().to_string().contains("chmod 600"));
        write(&path, PRIVATE, b"x").unwrap();
        assert!(!format!("{:#}", read_key(&path).err().unwrap()).contains("chmod"));
    }
}
