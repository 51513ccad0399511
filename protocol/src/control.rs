//! What passes on the control stream of a connection, one ordered stream in each direction (PROTOCOL 16).
//!
//! Hello first, then the link from what the peer has seen to the hello's note, then each new checkpoint once, with a consistency proof
//! from the one before it on this stream. Not here: what a node makes of them (`chain`, `node::quic`).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;

use crate::calendar::Millis;
use crate::limits::{MAX_CONSISTENCY_HASHES, MAX_CONTROL_BYTES, MAX_NOTE_BYTES};
use crate::name::Region;
use crate::wire::{self, WireError};

/// One control message; on the stream its length goes before it in four little-endian bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Control {
    /// The first message of a stream.
    Hello(Hello),
    /// Answers the peer's hello: the note in mine continues what you have seen.
    Link {
        /// From the size of the peer's `seen` to the hello's note; empty where nothing was seen or the sizes are equal.
        consistency: Hashes,
    },
    /// The next checkpoint of the sender's log.
    Checkpoint {
        /// The signed note.
        note: NoteBytes,
        /// From the checkpoint before it on this stream.
        consistency: Hashes,
    },
    /// Before the link, from a log that is not its region's first to a peer that has seen nothing of it: its first leaf and what proves it
    /// (`succession`).
    Succession {
        /// The first leaf, encoded.
        leaf: NoteBytes,
        /// Its path to the root of the hello's note.
        inclusion: Hashes,
        /// From the receiver's `seen`, a note of the log before, to the final note of that log.
        consistency: Hashes,
    },
}

/// Who speaks, what its log is now, and what it has seen of the other's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hello {
    /// The protocol version spoken.
    pub version: u16,
    /// The sender's region.
    pub region: Region,
    /// The sender's clock.
    pub now: Millis,
    /// The newest signed note of the sender's log.
    pub note: NoteBytes,
    /// The newest note that the sender has seen of the receiver's log.
    pub seen: Option<NoteBytes>,
}

/// The bytes of a signed note, bounded.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
pub struct NoteBytes(Vec<u8>);

impl NoteBytes {
    /// These bytes, if a note may be as long.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() <= MAX_NOTE_BYTES).then_some(Self(bytes))
    }

    /// The note.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl<C> Decode<C> for NoteBytes {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        Self::new(Vec::decode(decoder)?).ok_or(bincode::error::DecodeError::Other("NoteBytes: too long"))
    }
}
bincode::impl_borrow_decode!(NoteBytes);

/// The hashes of a consistency proof, bounded.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
pub struct Hashes(Vec<Digest>);

impl Hashes {
    /// These hashes, if a proof may have as many.
    pub fn new(hashes: Vec<Digest>) -> Option<Self> {
        (hashes.len() <= MAX_CONSISTENCY_HASHES).then_some(Self(hashes))
    }

    /// The proof.
    pub fn as_slice(&self) -> &[Digest] {
        &self.0
    }
}

impl<C> Decode<C> for Hashes {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        Self::new(Vec::decode(decoder)?).ok_or(bincode::error::DecodeError::Other("Hashes: too many"))
    }
}
bincode::impl_borrow_decode!(Hashes);

impl Control {
    /// The message with its length before it.
    pub fn framed(&self) -> Vec<u8> {
        let bytes = wire::encode(self);
        let mut framed = u32::try_from(bytes.len()).expect("invariant: notes and hashes are bounded").to_le_bytes().to_vec();
        framed.extend_from_slice(&bytes);
        framed
    }

    /// Reads a message without its length.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode(bytes, MAX_CONTROL_BYTES)
    }
}
