//! Reading many leaves of one log: terms that were read before are not read again (PROTOCOL 10.1).
//!
//! Most messages of a log have the terms of another. What stands around terms has one form for each kind, so a leaf whose terms are known
//! is read by its bytes alone; every other goes the whole way of [`Leaf::parse`], and a test holds the one against the other.
//! Not here: what a leaf says (`leaf`).

use std::collections::HashMap;

use creditbay_crypto::hash::Digest;

use crate::calendar::Millis;
use crate::leaf::{Commitments, Leaf, LeafBody, LeafError};
use crate::limits::{MAX_LEAF_BYTES, PROTOCOL_VERSION};
use crate::refusal::{OutcomeClass, RefusalClass};
use crate::terms::Terms;
use crate::wire;

/// Terms that are remembered: at most some MiB.
const MAX_KNOWN: usize = 4096;
/// Bytes before the terms: version (2), time (8), variant (4).
const HEAD: usize = 14;
/// Bytes of three commitments.
const COMMITMENTS: usize = 96;

/// A reader of leaves.
#[derive(Default)]
pub struct LeafReader {
    known: HashMap<Vec<u8>, Terms>,
}

impl LeafReader {
    /// Reads a leaf from the bytes that stand in a log, as [`Leaf::parse`] does.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Leaf, LeafError> {
        if let Some(leaf) = self.by_known_terms(bytes) {
            return Ok(leaf);
        }
        let leaf = Leaf::parse(bytes)?;
        if let LeafBody::Query { terms, .. } | LeafBody::Answer { terms, .. } = &leaf.body
            && terms.authorisation.is_none()
        {
            if self.known.len() >= MAX_KNOWN {
                self.known.clear();
            }
            self.known.insert(wire::encode(terms), terms.clone());
        }
        Ok(leaf)
    }

    /// The leaf, if its terms are known. Known terms are whole, so a decoder that meets their bytes reads just them.
    fn by_known_terms(&self, bytes: &[u8]) -> Option<Leaf> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>().filter(|_| bytes.len() <= MAX_LEAF_BYTES)?;
        let (rest, tail) = rest.split_last_chunk::<COMMITMENTS>()?;
        let (version, head) = head.split_first_chunk::<2>()?;
        let (time, variant) = head.split_first_chunk::<8>()?;
        if u16::from_le_bytes(*version) != PROTOCOL_VERSION {
            return None;
        }
        let commitments = commitments(tail)?;
        let body = match variant {
            [0, 0, 0, 0] => LeafBody::Query { terms: self.known.get(rest)?.clone(), commitments },
            [1, 0, 0, 0] => {
                let (rest, query) = rest.split_last_chunk::<32>()?;
                let (terms, outcome) = self.with_outcome(rest)?;
                LeafBody::Answer { terms: terms.clone(), outcome, query: Digest(*query), commitments }
            }
            _ => return None,
        };
        Some(Leaf::new(Millis(u64::from_le_bytes(*time)), body))
    }

    /// Known terms and the outcome behind them.
    fn with_outcome(&self, bytes: &[u8]) -> Option<(&Terms, OutcomeClass)> {
        let answered = bytes.strip_suffix(&[0, 0, 0, 0]).and_then(|terms| self.known.get(terms));
        if let Some(terms) = answered {
            return Some((terms, OutcomeClass::Answered));
        }
        let (code, rest) = bytes.split_last()?;
        let terms = self.known.get(rest.strip_suffix(&[1, 0, 0, 0])?)?;
        Some((terms, OutcomeClass::Refused(RefusalClass::from_code(*code)?)))
    }
}

fn commitments(tail: &[u8; COMMITMENTS]) -> Option<Commitments> {
    match tail.as_chunks::<32>() {
        ([message, subject, operator], []) => {
            Some(Commitments { message: Digest(*message), subject: Digest(*subject), operator: Digest(*operator) })
        }
        _ => None,
    }
}
