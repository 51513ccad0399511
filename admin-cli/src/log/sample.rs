//! Logs for tests: built in memory by the plain definition of RFC 9162, sharing nothing with the code under test but the two hashes.

use std::collections::BTreeMap;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::{empty_root, leaf_hash, node_hash};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::leaf::{Commitments, Leaf, LeafBody};
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::refusal::OutcomeClass;
use creditbay_protocol::terms::Terms;
use creditbay_protocol::tile::{TilePath, encode_bundle};

/// The pack under which all of it happens.
pub(super) const PACK: Digest = Digest([9; 32]);

/// A log's tiles and bundles, with its root.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) files: BTreeMap<TilePath, Vec<u8>>,
    pub(crate) root: Digest,
    pub(crate) size: u64,
}

/// The log of these entries.
pub(crate) fn of_entries(entries: &[Vec<u8>]) -> Sample {
    let mut files = BTreeMap::new();
    for (number, bundle) in entries.chunks(256).enumerate() {
        let path = TilePath { level: None, index: number as u64, width: bundle.len() as u16 };
        files.insert(path, encode_bundle(bundle.iter().map(Vec::as_slice)));
    }
    let leaves: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let (mut hashes, mut level) = (leaves.clone(), 0);
    while !hashes.is_empty() {
        for (number, tile) in hashes.chunks(256).enumerate() {
            let path = TilePath { level: Some(level), index: number as u64, width: tile.len() as u16 };
            files.insert(path, tile.iter().flat_map(|hash| hash.0).collect());
        }
        hashes = hashes.chunks_exact(256).map(tree_hash).collect();
        level += 1;
    }
    Sample { files, root: tree_hash(&leaves), size: entries.len() as u64 }
}

/// MTH of RFC 9162, 2.1.1, over hashes of leaves.
pub(crate) fn tree_hash(hashes: &[Digest]) -> Digest {
    match hashes {
        [] => empty_root(),
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
            node_hash(&tree_hash(left), &tree_hash(right))
        }
    }
}

/// `count` entries that are no leaves.
pub(crate) fn plain_entries(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|index| index.to_be_bytes().to_vec()).collect()
}

pub(crate) fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn terms(asker: &str, issuer: &str) -> Terms {
    Terms {
        asker: region(asker),
        issuer: region(issuer),
        organisation: OrganisationId::new("bank.hk").unwrap(),
        purpose: Purpose::Fin,
        subject_kind: SubjectKind::Entity,
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: PACK,
        predicates: Predicates::new(vec![Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 }]).unwrap(),
        with_digest: false,
        authorisation: None,
        portfolio: None,
    }
}

fn commitments(number: u64) -> Commitments {
    let commitment = |part: u8| Digest::of(&[number.to_be_bytes().as_slice(), &[part]].concat());
    Commitments { message: commitment(0), subject: commitment(1), operator: commitment(2) }
}

/// A query from `asker` to `issuer`.
pub(crate) fn query(time: u64, asker: &str, issuer: &str) -> Vec<u8> {
    Leaf::new(Millis(time), LeafBody::Query { terms: terms(asker, issuer), commitments: commitments(time) }).bytes()
}

/// An answer of `issuer` to the query `number` of `asker`.
pub(crate) fn answer(time: u64, issuer: &str, asker: &str, number: u8) -> Vec<u8> {
    let query = Digest([number; 32]);
    let body =
        LeafBody::Answer { terms: terms(asker, issuer), outcome: OutcomeClass::Answered, query, commitments: commitments(time) };
    Leaf::new(Millis(time), body).bytes()
}

/// A leaf that abandons a query to `issuer`.
pub(crate) fn abandoned(time: u64, query: u64, issuer: &str) -> Vec<u8> {
    Leaf::new(Millis(time), LeafBody::Abandoned { query, issuer: region(issuer) }).bytes()
}

/// `count` queries of hk to gz, a millisecond apart.
pub(crate) fn queries(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|index| query(1_790_000_000_000 + index, "hk", "gz")).collect()
}
