//! A file on its way in, kept until it was seen to be whole, so that nothing of one that is not is imported.
//!
//! It waits on the disk, sealed under a key that exists in memory alone, in a file that has no name: whoever finds its bytes, also after a
//! crash, finds nothing. Not here: what is in the file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::{OVERHEAD_BYTES, SealingKey};

use crate::host::entropy::Entropy;

/// Bytes that are sealed together.
const PIECE_BYTES: usize = 64 * 1024;

/// Why a file was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Its bytes stop coming.
    #[error("the file stops coming: {0}; send it again")]
    Source(io::Error),
    /// The disk does not take it.
    #[error("the file cannot be kept until it is whole: {0}; make room in the node's data folder")]
    Disk(io::Error),
}

/// A file that was taken in as a whole.
pub struct Spool {
    file: File,
    key: SealingKey,
    bytes: u64,
}

impl Spool {
    /// Takes in all of `source`, to a file without a name in `folder`.
    ///
    /// # Errors
    /// Whose fault it is; nothing is left behind.
    pub fn take(mut source: impl Read, folder: &Path, entropy: &Entropy) -> Result<Self, SpoolError> {
        let named = folder.join(format!("import-{}", Digest(entropy.bytes32())));
        let opened = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&named);
        let mut file = opened.and_then(|file| fs::remove_file(&named).map(|()| file)).map_err(SpoolError::Disk)?;
        let key = SealingKey::from_bytes(entropy.bytes32());
        let (mut piece, mut bytes) = (Vec::with_capacity(PIECE_BYTES), 0u64);
        loop {
            piece.clear();
            source.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece).map_err(SpoolError::Source)?;
            if piece.is_empty() {
                break;
            }
            let sealed = key.seal(entropy.nonce(), Label::SEAL_RECORD, &bytes.to_le_bytes(), &piece);
            file.write_all(&sealed).map_err(SpoolError::Disk)?;
            bytes += piece.len() as u64;
        }
        Ok(Self { file, key, bytes })
    }

    /// The file, from its beginning.
    pub fn read(&mut self) -> io::Result<impl Read + '_> {
        self.file.seek(SeekFrom::Start(0))?;
        Ok(Pieces { spool: self, given: 0, piece: Vec::new(), used: 0 })
    }
}

struct Pieces<'a> {
    spool: &'a mut Spool,
    given: u64,
    piece: Vec<u8>,
    used: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.used == self.piece.len() {
            let left = usize::try_from(self.spool.bytes - self.given).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            if left == 0 {
                return Ok(0);
            }
            let mut sealed = vec![0; left + OVERHEAD_BYTES];
            self.spool.file.read_exact(&mut sealed)?;
            let opened = self.spool.key.open(Label::SEAL_RECORD, &self.given.to_le_bytes(), &sealed);
            self.piece = opened.map_err(io::Error::other)?;
            self.given += left as u64;
            self.used = 0;
        }
        let taken = into.len().min(self.piece.len() - self.used);
        into[..taken].copy_from_slice(&self.piece[self.used..self.used + taken]);
        self.used += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_back_as_often_as_wanted_and_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 3 * PIECE_BYTES + 7] {
            let content: Vec<u8> = (0..bytes).map(|number| (number % 251) as u8).collect();
            let mut spool = Spool::take(&content[..], folder.path(), &Entropy::seeded(1)).unwrap();
            for _ in 0..2 {
                let mut read = Vec::new();
                spool.read().unwrap().read_to_end(&mut read).unwrap();
                assert!(read == content, "{bytes}");
            }
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn nothing_of_it_is_on_the_disk_in_clear_and_a_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let content = b"440106199003071231".repeat(10);
        let mut spool = Spool::take(&content[..], folder.path(), &Entropy::seeded(1)).unwrap();
        let mut sealed = Vec::new();
        spool.file.seek(SeekFrom::Start(0)).unwrap();
        spool.file.read_to_end(&mut sealed).unwrap();
        assert!(!sealed.windows(9).any(|window| window == &content[..9]));
        spool.file.seek(SeekFrom::Start(20)).unwrap();
        spool.file.write_all(&[sealed[20] ^ 1]).unwrap();
        assert!(spool.read().unwrap().read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn what_stops_coming_leaves_nothing() {
        struct Breaks;
        impl Read for Breaks {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let entropy = Entropy::seeded(1);
        assert!(matches!(Spool::take(Breaks, folder.path(), &entropy), Err(SpoolError::Source(_))));
        let missing = folder.path().join("missing");
        assert!(matches!(Spool::take(&b"x"[..], &missing, &entropy), Err(SpoolError::Disk(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
