//! Who may ask: the matrix purpose × type, and the legal basis of each pair of regions (PROTOCOL.md, "Rule pack").
//!
//! Not here: how they are written down (`written`) and what follows from them for a question (`decide`).

use std::collections::BTreeMap;

use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Purpose};

/// A cell of the matrix: the lane that the purpose needs for the type, or `None` where it may not ask it.
pub type Cell = Option<Lane>;

/// The matrix; every type of the catalogue has a cell for every purpose of the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix(BTreeMap<(AttestationType, Purpose), Cell>);

impl Matrix {
    pub(super) fn new(cells: BTreeMap<(AttestationType, Purpose), Cell>) -> Self {
        Self(cells)
    }

    /// The cell; a type or purpose that the pack does not know may not be asked.
    pub fn cell(&self, of: AttestationType, purpose: Purpose) -> Cell {
        self.0.get(&(of, purpose)).copied().flatten()
    }
}

/// The legal basis of one pair of regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairBasis {
    /// Which entry of the file's list it comes from, counted from 0.
    pub entry: usize,
    /// On which basis the issuer answers in lane P.
    pub public: LegalBasis,
}

/// The legal bases; a pair that is not here has none. A region and itself are no pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bases(BTreeMap<(Region, Region), PairBasis>);

impl Bases {
    pub(super) fn new(pairs: BTreeMap<(Region, Region), PairBasis>) -> Self {
        Self(pairs)
    }

    /// On which basis `issuer` answers `asker`.
    pub fn between(&self, issuer: Region, asker: Region) -> Option<PairBasis> {
        self.0.get(&(issuer, asker)).copied()
    }
}
