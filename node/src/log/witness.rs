//! Cosigning what was accepted: C2SP tlog-cosignature v1 over a peer's checkpoint (PROTOCOL 13.3).
//!
//! A note is cosigned only out of a chain that it continues, so the cosignature says: as of this time, this is the largest consistent tree
//! that was seen of this log. Not here: `add-checkpoint` (`node::witness`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use creditbay_crypto::note::{NoteError, NoteSigner};
use creditbay_protocol::chain::TrustedRoot;
use creditbay_protocol::name::Origin;

/// A peer's note with this node's cosignature.
#[derive(Debug)]
pub struct Cosigned {
    /// The peer's log.
    pub log: Origin,
    /// The size that the note signs.
    pub size: u64,
    /// The note, byte for byte.
    pub note: Vec<u8>,
}

/// The node's witness key, and the last note that it cosigned of each log.
pub struct Witness {
    signer: Arc<NoteSigner>,
    last: Mutex<BTreeMap<Origin, Arc<Cosigned>>>,
}

impl Witness {
    /// A witness with this key.
    pub fn new(signer: impl Into<Arc<NoteSigner>>) -> Self {
        Self { signer: signer.into(), last: Mutex::default() }
    }

    /// The key, for the `add-checkpoint` door, which is a room of its own.
    pub fn signer(&self) -> &Arc<NoteSigner> {
        &self.signer
    }

    /// The accepted note with a cosignature; one signature for all answers under one checkpoint. Its time is the one at which this was
    /// the largest tree seen, so that the statement stays true where a larger one came meanwhile.
    pub fn cosign(&self, root: &TrustedRoot) -> Result<Arc<Cosigned>, NoteError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cosigned) = last.get(root.origin())
            && cosigned.size == root.size()
            // The same note, before the line of this witness: another may have gathered more cosignatures.
            && cosigned.note.starts_with(&root.signed().note_bytes())
        {
            return Ok(cosigned.clone());
        }
        let line = self.signer.cosign(&root.signed().note().text, root.accepted().0 / 1000)?;
        let note = root.signed().with_line(line).note_bytes();
        let cosigned = Arc::new(Cosigned { log: *root.origin(), size: root.size(), note });
        last.insert(*root.origin(), cosigned.clone());
        Ok(cosigned)
    }
}
