//! A logged message on the wire: one fixed body and one hash slot per level of the tree (PROTOCOL 15).
//!
//! `version u16 · levels u8 · kind u8 · body length u32 · body, zero-padded to 1 024 · levels × 32 bytes`, little-endian. All messages
//! under trees of one size have one length. Not here: streams (`node::quic`).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::levels;
use creditbay_crypto::merkle::verify::path_len;
use creditbay_crypto::secret::Seed;

use crate::answer::Answer;
use crate::calendar::Millis;
use crate::evidence::Place;
use crate::limits::{BODY_BYTES, FRAME_HEAD_BYTES, MAX_FRAME_BYTES, MAX_LEVELS, PROTOCOL_VERSION};
use crate::name::Origin;
use crate::query::Query;
use crate::refusal::Fault;
use crate::wire;

/// A message with what proves that it stands in its sender's log.
pub struct Logged<M> {
    /// The message.
    pub message: M,
    /// The time that its leaf carries.
    pub time: Millis,
    /// The seed of the leaf's salts.
    pub seed: Seed,
    /// Where the leaf stands.
    pub place: Place,
}

/// What a stream is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A query, or the answer to one.
    Exchange,
    /// A notice of an erasure, or what the other side says that it erased.
    Erasure,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Exchange => 0,
            Self::Erasure => 1,
        }
    }

    /// The kind of a frame that came; nothing of the rest is looked at.
    pub fn of(frame: &[u8]) -> Result<Self, Fault> {
        match frame.get(3) {
            Some(0) => Ok(Self::Exchange),
            Some(1) => Ok(Self::Erasure),
            _ => Err(Fault::Malformed),
        }
    }
}

/// A message that can stand in a frame.
pub trait Message: Encode {
    /// The kind of its frames.
    const KIND: Kind;
}

impl Message for Query {
    const KIND: Kind = Kind::Exchange;
}

impl Message for Answer {
    const KIND: Kind = Kind::Exchange;
}

#[derive(Encode, Decode)]
struct Body<M> {
    time: Millis,
    seed: Seed,
    origin: Origin,
    index: u64,
    size: u64,
    message: M,
}

#[derive(Encode)]
struct BodyRef<'a, M> {
    time: Millis,
    seed: &'a Seed,
    origin: Origin,
    index: u64,
    size: u64,
    message: &'a M,
}

/// Length of every frame under a tree of this size.
pub fn frame_bytes(size: u64) -> usize {
    FRAME_HEAD_BYTES + BODY_BYTES + 32 * levels(size) as usize
}

/// The frame of a logged message. Only `requester`, `responder` and `notice` call it, with a `Committed` in hand.
pub(crate) fn encode<M: Message>(message: &M, time: Millis, seed: &Seed, place: &Place) -> Vec<u8> {
    let body = wire::encode(&BodyRef { time, seed, origin: place.origin, index: place.index, size: place.size, message });
    assert!(body.len() <= BODY_BYTES, "invariant: limits::BODY_BYTES is the sum of the largest message");
    let mut frame = Vec::with_capacity(frame_bytes(place.size));
    frame.extend_from_slice(&PROTOCOL_VERSION.to_le_bytes());
    frame.extend_from_slice(&[levels(place.size) as u8, M::KIND.code()]);
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    frame.extend_from_slice(&body);
    frame.resize(FRAME_HEAD_BYTES + BODY_BYTES, 0);
    for hash in &place.path {
        frame.extend_from_slice(&hash.0);
    }
    frame.resize(frame_bytes(place.size), 0);
    frame
}

/// Reads a frame whole. Everything that is not exactly what `encode` writes is malformed.
pub fn decode<M: Message + Decode<()>>(frame: &[u8]) -> Result<Logged<M>, Fault> {
    if frame.len() > MAX_FRAME_BYTES {
        return Err(Fault::Oversized);
    }
    let (head, rest) = frame.split_first_chunk::<FRAME_HEAD_BYTES>().ok_or(Fault::Malformed)?;
    let version = u16::from_le_bytes([head[0], head[1]]);
    let slots = usize::from(head[2]);
    let body_len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    if head[3] != M::KIND.code() {
        return Err(Fault::Malformed);
    }
    if version != PROTOCOL_VERSION || slots > MAX_LEVELS || body_len > BODY_BYTES || rest.len() != BODY_BYTES + 32 * slots {
        return Err(Fault::Malformed);
    }
    let (body, hashes) = rest.split_at(BODY_BYTES);
    let (body, padding) = body.split_at(body_len);
    if padding.iter().any(|byte| *byte != 0) {
        return Err(Fault::Malformed);
    }
    let body: Body<M> = wire::decode(body, BODY_BYTES).map_err(|_| Fault::Malformed)?;
    let path = read_path(body.index, body.size, slots, hashes)?;
    let place = Place { origin: body.origin, index: body.index, size: body.size, path };
    Ok(Logged { message: body.message, time: body.time, seed: body.seed, place })
}

fn read_path(index: u64, size: u64, slots: usize, hashes: &[u8]) -> Result<Vec<Digest>, Fault> {
    let used = path_len(index, size).filter(|_| levels(size) as usize == slots).ok_or(Fault::Malformed)?;
    let (path, unused) = hashes.split_at_checked(32 * used).ok_or(Fault::Malformed)?;
    if unused.iter().any(|byte| *byte != 0) {
        return Err(Fault::Malformed);
    }
    let (path, _) = path.as_chunks::<32>();
    Ok(path.iter().copied().map(Digest).collect())
}
