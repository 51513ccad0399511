//! Reading many leaves of one log: terms that were read before are not read again (PROTOCOL 10.1).
//!
//! Most messages of a log have the terms of another. What stands around terms has one form for each kind, so a leaf whose terms are known
//! is read by its bytes alone; every other goes the whole way of [`Leaf::parse`], and a test holds the one against the other.
//! Not here: what a leaf says (`leaf`).

use creditbay_crypto::hash::Digest;

use crate::brief::Brief;
use crate::calendar::Millis;
use crate::leaf::{Commitments, Leaf, LeafBody, LeafError};
use crate::limits::{MAX_LEAF_BYTES, PROTOCOL_VERSION};
use crate::refusal::{OutcomeClass, RefusalClass};
use crate::terms::Terms;
use crate::wire;

/// Terms that are remembered, each in the one place that its bytes give it: at most some MiB.
const PLACES: usize = 4096;
/// Bytes before the terms: version (2), time (8), variant (4).
const HEAD: usize = 14;
/// Bytes of three commitments.
const COMMITMENTS: usize = 96;

/// A reader of leaves.
#[derive(Default)]
pub struct LeafReader {
    places: Vec<Option<Box<Known>>>,
}

/// Terms with their bytes.
struct Known {
    bytes: Vec<u8>,
    terms: Terms,
}

/// A leaf of known terms, taken apart.
struct Parts<'a> {
    time: Millis,
    terms: &'a Terms,
    /// Of an answer: how it ended, and the hash of its query's leaf.
    answers: Option<(OutcomeClass, Digest)>,
    commitments: &'a [u8; COMMITMENTS],
}

impl LeafReader {
    /// Reads a leaf from the bytes that stand in a log, as [`Leaf::parse`] does.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Leaf, LeafError> {
        if let Some(leaf) = self.by_known_terms(bytes).and_then(|parts| parts.leaf()) {
            return Ok(leaf);
        }
        let leaf = Leaf::parse(bytes)?;
        self.learn(&leaf);
        Ok(leaf)
    }

    /// The same in brief.
    pub fn brief(&mut self, bytes: &[u8]) -> Result<Brief, LeafError> {
        if let Some(parts) = self.by_known_terms(bytes) {
            return Ok(parts.brief());
        }
        let leaf = Leaf::parse(bytes)?;
        self.learn(&leaf);
        Ok(Brief::of(&leaf))
    }

    fn learn(&mut self, leaf: &Leaf) {
        if let LeafBody::Query { terms, .. } | LeafBody::Answer { terms, .. } = &leaf.body
            && terms.authorisation.is_none()
        {
            self.places.resize_with(PLACES, || None);
            let bytes = wire::encode(terms);
            let place = place(&bytes);
            self.places[place] = Some(Box::new(Known { bytes, terms: terms.clone() }));
        }
    }

    fn known(&self, bytes: &[u8]) -> Option<&Terms> {
        let known = self.places.get(place(bytes))?.as_deref()?;
        (known.bytes == bytes).then_some(&known.terms)
    }

    /// The leaf's parts, if its terms are known. Known terms are whole, so a decoder that meets their bytes reads just them.
    fn by_known_terms<'a>(&'a self, bytes: &'a [u8]) -> Option<Parts<'a>> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>().filter(|_| bytes.len() <= MAX_LEAF_BYTES)?;
        let (rest, commitments) = rest.split_last_chunk::<COMMITMENTS>()?;
        let (version, head) = head.split_first_chunk::<2>()?;
        let (time, variant) = head.split_first_chunk::<8>()?;
        if u16::from_le_bytes(*version) != PROTOCOL_VERSION {
            return None;
        }
        let time = Millis(u64::from_le_bytes(*time));
        match variant {
            [0, 0, 0, 0] => Some(Parts { time, terms: self.known(rest)?, answers: None, commitments }),
            [1, 0, 0, 0] => {
                let (rest, query) = rest.split_last_chunk::<32>()?;
                let (terms, outcome) = self.with_outcome(rest)?;
                Some(Parts { time, terms, answers: Some((outcome, Digest(*query))), commitments })
            }
            _ => None,
        }
    }

    /// Known terms and the outcome behind them.
    fn with_outcome(&self, bytes: &[u8]) -> Option<(&Terms, OutcomeClass)> {
        let answered = bytes.strip_suffix(&[0, 0, 0, 0]).and_then(|terms| self.known(terms));
        if let Some(terms) = answered {
            return Some((terms, OutcomeClass::Answered));
        }
        let (code, rest) = bytes.split_last()?;
        let terms = self.known(rest.strip_suffix(&[1, 0, 0, 0])?)?;
        Some((terms, OutcomeClass::Refused(RefusalClass::from_code(*code)?)))
    }
}

impl Parts<'_> {
    fn leaf(&self) -> Option<Leaf> {
        let (terms, commitments) = (self.terms.clone(), commitments(self.commitments)?);
        let body = match self.answers {
            None => LeafBody::Query { terms, commitments },
            Some((outcome, query)) => LeafBody::Answer { terms, outcome, query, commitments },
        };
        Some(Leaf::new(self.time, body))
    }

    fn brief(&self) -> Brief {
        match self.answers {
            None => Brief::of_query(self.time, self.terms),
            Some((outcome, query)) => Brief::of_answer(self.time, self.terms, outcome, query),
        }
    }
}

/// The one place that these bytes may have. Terms that share one displace one another, which costs time alone.
fn place(bytes: &[u8]) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let mix = |sum: u64, word: u64| (sum.rotate_left(23) ^ word).wrapping_mul(ODD);
    let sum = words.iter().fold(bytes.len() as u64, |sum, word| mix(sum, u64::from_le_bytes(*word)));
    let sum = rest.iter().fold(sum, |sum, byte| mix(sum, u64::from(*byte)));
    (sum >> 52) as usize % PLACES
}

fn commitments(tail: &[u8; COMMITMENTS]) -> Option<Commitments> {
    match tail.as_chunks::<32>() {
        ([message, subject, operator], []) => {
            Some(Commitments { message: Digest(*message), subject: Digest(*subject), operator: Digest(*operator) })
        }
        _ => None,
    }
}
