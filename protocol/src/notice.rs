//! A notice of an erasure to the other side of exchanges, and what that side says it erased (PROTOCOL 32.3).
//!
//! A notice crosses a border, so it is a leaf in its sender's log first; the other side's word is the leaf of its own erasure. Each step
//! is a type that only the step before it can make. Not here: what is erased, and how long a notice is repeated (the node).

use bincode::{Decode, Encode};
use creditbay_crypto::commit::commit;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::merkle::verify::verify_inclusion;
use creditbay_crypto::secret::Seed;

use crate::calendar::Millis;
use crate::chain::TrustedRoot;
use crate::erasure::{Erased, ErasureGround, ErasureScope};
use crate::event::Event;
use crate::evidence::Committed;
use crate::frame::{self, Kind, Logged, Message};
use crate::leaf::{Leaf, LeafBody};
use crate::limits::MAX_NOTICE_LEAVES;
use crate::name::{Origin, Region};
use crate::notified::Notified;
use crate::refusal::Fault;
use crate::responder::NotThisLeaf;
use crate::wire;

/// A leaf, by its index and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct NamedLeaf {
    /// Its index in the log that the notice names.
    pub index: u64,
    /// Its hash.
    pub leaf: Digest,
}

/// What the sender erased: exchanges between sender and receiver, each by its leaf in one of their logs.
#[derive(Debug, Clone, PartialEq, Eq, Encode)]
pub struct Notice {
    /// Who erased.
    pub sender: Region,
    /// Who is told.
    pub receiver: Region,
    /// On which ground.
    pub ground: ErasureGround,
    /// The log in which the leaves stand: the receiver's, or the sender's where it does not know the receiver's leaf.
    pub log: Origin,
    /// The leaves, 1 to [`MAX_NOTICE_LEAVES`].
    pub leaves: Vec<NamedLeaf>,
}

impl<C> Decode<C> for Notice {
    fn decode<D: bincode::de::Decoder<Context = C>>(decoder: &mut D) -> Result<Self, bincode::error::DecodeError> {
        let (sender, receiver) = (Region::decode(decoder)?, Region::decode(decoder)?);
        let (ground, log) = (ErasureGround::decode(decoder)?, Origin::decode(decoder)?);
        let count = usize::try_from(u64::decode(decoder)?).unwrap_or(usize::MAX);
        if !(1..=MAX_NOTICE_LEAVES).contains(&count) {
            return Err(bincode::error::DecodeError::Other("Notice: count out of bounds"));
        }
        let leaves = (0..count).map(|_| NamedLeaf::decode(decoder)).collect::<Result<_, _>>()?;
        Ok(Self { sender, receiver, ground, log, leaves })
    }
}
bincode::impl_borrow_decode!(Notice);

impl Message for Notice {
    const KIND: Kind = Kind::Erasure;
}

impl Message for Erased {
    const KIND: Kind = Kind::Erasure;
}

impl Notice {
    fn body(&self, seed: &Seed) -> LeafBody {
        let message = commit(seed, Label::COMMIT_MESSAGE, &wire::encode(self));
        let count = self.leaves.len().min(MAX_NOTICE_LEAVES) as u8;
        LeafBody::Event(Event::ErasureNotified(Notified { receiver: self.receiver, ground: self.ground, count, message }))
    }
}

/// A notice on its way to the log.
pub struct Noticed {
    notice: Notice,
    seed: Seed,
}

impl Noticed {
    /// A notice under a seed for its leaf.
    pub fn new(notice: Notice, seed: Seed) -> Self {
        Self { notice, seed }
    }

    /// The notice's leaf at this time.
    pub fn leaf(&self, time: Millis) -> Leaf {
        Leaf::new(time, self.notice.body(&self.seed))
    }

    /// The notice.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }

    /// The seed of its leaf.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The bytes for the wire, in exchange for the proof that this notice's leaf is durable under a signed head.
    pub fn release(&self, committed: &Committed) -> Result<Vec<u8>, NotThisLeaf> {
        if self.leaf(committed.time()).hash() != *committed.leaf() {
            return Err(NotThisLeaf);
        }
        Ok(frame::encode(&self.notice, committed.time(), &self.seed, committed.place()))
    }
}

/// A notice whose bytes were read; nothing is known about it yet.
pub struct NoticeReceived(Logged<Notice>);

impl NoticeReceived {
    /// Reads a frame.
    pub fn parse(frame: &[u8]) -> Result<Self, Fault> {
        frame::decode(frame).map(Self)
    }

    /// The notice is from the peer whose key the connection proved, out of that peer's log, and for this node.
    pub fn identify(self, me: Region, peer: Region, peer_log: &Origin) -> Result<NoticeIdentified, Fault> {
        if self.0.message.sender != peer || self.0.place.origin != *peer_log {
            return Err(Fault::WrongSender);
        }
        if self.0.message.receiver != me {
            return Err(Fault::WrongReceiver);
        }
        Ok(NoticeIdentified(self.0))
    }
}

/// A notice from the peer that it names, for this node.
pub struct NoticeIdentified(Logged<Notice>);

impl NoticeIdentified {
    /// The tree size whose checkpoint the next step needs.
    pub fn size(&self) -> u64 {
        self.0.place.size
    }

    /// The notice's leaf stands in the sender's signed tree.
    pub fn include(self, root: &TrustedRoot) -> Result<NoticeIncluded, Fault> {
        let Logged { message, time, seed, place } = self.0;
        if *root.origin() != place.origin || root.size() != place.size {
            return Err(Fault::CheckpointMissing);
        }
        let leaf = Leaf::new(time, message.body(&seed)).hash();
        verify_inclusion(&leaf, place.index, place.size, &place.path, root.root()).map_err(|_| Fault::ProofInvalid)?;
        Ok(NoticeIncluded { notice: message, leaf })
    }
}

/// A notice that stands in its sender's log.
pub struct NoticeIncluded {
    notice: Notice,
    leaf: Digest,
}

impl NoticeIncluded {
    /// The notice.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }

    /// The hash of its leaf: its identity.
    pub fn leaf(&self) -> &Digest {
        &self.leaf
    }
}

/// The receiver's word for the wire: the leaf of its own erasure. A leaf of an erasure has no salts, so the frame's seed opens nothing.
pub fn release_erased(erased: &Erased, unused: &Seed, committed: &Committed) -> Result<Vec<u8>, NotThisLeaf> {
    if Leaf::new(committed.time(), LeafBody::Event(Event::Erased(*erased))).hash() != *committed.leaf() {
        return Err(NotThisLeaf);
    }
    Ok(frame::encode(erased, committed.time(), unused, committed.place()))
}

/// The other side's word, as it came.
pub struct Acknowledged(Logged<Erased>);

impl Acknowledged {
    /// Reads a frame; it must be out of the peer's log, and about the notice whose leaf has this hash.
    pub fn parse(frame: &[u8], me: Region, notice: &Digest, peer_log: &Origin) -> Result<Self, Fault> {
        let logged: Logged<Erased> = frame::decode(frame)?;
        if logged.place.origin != *peer_log {
            return Err(Fault::WrongSender);
        }
        if logged.message.scope != (ErasureScope::Notice { peer: me, notice: *notice }) {
            return Err(Fault::OtherQuestion);
        }
        Ok(Self(logged))
    }

    /// The tree size whose checkpoint the next step needs.
    pub fn size(&self) -> u64 {
        self.0.place.size
    }

    /// The erasure's leaf stands in the peer's signed tree; its index there.
    pub fn include(self, root: &TrustedRoot) -> Result<u64, Fault> {
        let Logged { message, time, place, .. } = self.0;
        if *root.origin() != place.origin || root.size() != place.size {
            return Err(Fault::CheckpointMissing);
        }
        let leaf = Leaf::new(time, LeafBody::Event(Event::Erased(message))).hash();
        verify_inclusion(&leaf, place.index, place.size, &place.path, root.root()).map_err(|_| Fault::ProofInvalid)?;
        Ok(place.index)
    }
}
