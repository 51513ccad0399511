//! Who may ask: the matrix purpose × type, and the legal basis of each pair of regions in each lane (PROTOCOL.md, "Rule pack").
//!
//! Not here: how they are written down (`written`) and what follows from them for a question (`decide`).

use std::collections::BTreeMap;

use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, LegalBasis, Purpose};

/// A cell of the matrix: the lane that the purpose needs for the type, or `None` where it may not ask it.
pub type Cell = Option<Lane>;

/// The cells of one kind of subjects.
pub(super) type Cells = BTreeMap<(AttestationType, Purpose), Cell>;

/// The matrix; every type of the catalogue has a cell for every purpose of the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    entities: Cells,
    persons: Cells,
}

impl Matrix {
    pub(super) fn new(entities: Cells, persons: Cells) -> Self {
        Self { entities, persons }
    }

    /// The cell for entities, households and public bodies; a type or purpose that the pack does not know may not be asked.
    pub fn cell(&self, of: AttestationType, purpose: Purpose) -> Cell {
        self.entities.get(&(of, purpose)).copied().flatten()
    }

    /// The cell for natural persons.
    pub fn person_cell(&self, of: AttestationType, purpose: Purpose) -> Cell {
        self.persons.get(&(of, purpose)).copied().flatten()
    }
}

/// The legal bases of one pair of regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairBasis {
    /// Which entry of the file's list it comes from, counted from 0.
    pub entry: usize,
    /// In lane P.
    pub public: Option<LegalBasis>,
    /// In lane A.
    pub authorised: Option<LegalBasis>,
    /// In lane C.
    pub carried: Option<LegalBasis>,
    /// In lane R.
    pub regulators: Option<LegalBasis>,
}

impl PairBasis {
    /// On which basis the issuer answers in this lane; `None` if it may not.
    pub fn of(&self, lane: Lane) -> Option<LegalBasis> {
        match lane {
            Lane::Public => self.public,
            Lane::Authorised => self.authorised,
            Lane::Carried => self.carried,
            Lane::Regulators => self.regulators,
        }
    }
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

/// Whether a legal basis can carry an answer in this lane, from an issuer under one law to an asker under another.
pub(super) fn fits(basis: LegalBasis, lane: Lane, issuer: LawOfOrigin, asker: LawOfOrigin) -> bool {
    use LegalBasis as Basis;
    let (of, in_lane) = match basis {
        Basis::CnPub => (LawOfOrigin::Cn, lane == Lane::Public),
        Basis::HkPubreg => (LawOfOrigin::Hk, lane == Lane::Public),
        Basis::MoPubreg => (LawOfOrigin::Mo, lane == Lane::Public),
        Basis::CnEntAuth => (LawOfOrigin::Cn, lane == Lane::Authorised),
        Basis::HkEntAuth => (LawOfOrigin::Hk, lane == Lane::Authorised),
        Basis::MoEntAuth => (LawOfOrigin::Mo, lane == Lane::Authorised),
        // Domestic only.
        Basis::CnPiStat => (LawOfOrigin::Cn, matches!(lane, Lane::Carried | Lane::Regulators) && issuer == asker),
        Basis::CnPiConsent | Basis::CnSa => (LawOfOrigin::Cn, lane == Lane::Carried),
        Basis::CnGbascHk => (LawOfOrigin::Cn, lane == Lane::Carried && asker == LawOfOrigin::Hk),
        Basis::CnGbascMo => (LawOfOrigin::Cn, lane == Lane::Carried && asker == LawOfOrigin::Mo),
        Basis::HkConsent => (LawOfOrigin::Hk, lane == Lane::Carried),
        Basis::MoConsent | Basis::MoA22 => (LawOfOrigin::Mo, lane == Lane::Carried),
        Basis::OwnRequest => (issuer, lane == Lane::Carried),
    };
    of == issuer && in_lane
}
