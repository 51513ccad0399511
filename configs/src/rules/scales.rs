//! Native grades and what they mean to others: scales, and the maps onto the common band (PROTOCOL.md, "Rule pack").
//!
//! Not here: the grade of a subject (`record`) and who may ask for it (`decide`).

use std::collections::BTreeMap;

use creditbay_protocol::predicate::{AttestationType, LawOfOrigin};

/// The best band. The bands: 4 best, 3 good, 2 ordinary, 1 watch, 0 serious.
pub const BEST_BAND: u8 = 4;

/// The grades of one type under one law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// The type.
    pub of: AttestationType,
    /// The law.
    pub law: LawOfOrigin,
    /// The grades, worst first; a grade's rank is its position.
    pub grades: Vec<String>,
    /// Whether it is a proposal.
    pub illustrative: bool,
    /// The text that it was taken from.
    pub source: String,
}

impl Scale {
    /// The name of the grade of this rank.
    pub fn grade(&self, rank: u8) -> Option<&str> {
        self.grades.get(usize::from(rank)).map(String::as_str)
    }

    /// The rank of the grade of this name.
    pub fn rank(&self, grade: &str) -> Option<u8> {
        self.grades.iter().position(|known| known == grade).and_then(|rank| u8::try_from(rank).ok())
    }
}

/// The bands of a type's grades, law by law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BandMap {
    /// Its number, by which a question names it.
    pub id: u16,
    /// The type.
    pub of: AttestationType,
    /// For each law one band for each rank of its scale.
    pub rows: BTreeMap<LawOfOrigin, Vec<u8>>,
    /// The ranks whose equivalence a legal text names.
    pub settled: BTreeMap<LawOfOrigin, Vec<u8>>,
    /// That text.
    pub source: Option<String>,
    /// Whether the map as a whole is a proposal: true unless every grade is settled.
    pub illustrative: bool,
}

impl BandMap {
    /// Whether a question for this band, put under one law and answered under another, rests on a proposal: it does not only if the
    /// legal text names both laws and every grade of the issuer's that reaches the band.
    pub fn is_illustrative(&self, band: u8, asker: LawOfOrigin, issuer: LawOfOrigin) -> bool {
        let Some((row, settled)) = self.rows.get(&issuer).zip(self.settled.get(&issuer)) else { return true };
        let reaching = (0u8..).zip(row).filter(|(_, reached)| **reached >= band).map(|(rank, _)| rank);
        !self.settled.contains_key(&asker) || reaching.into_iter().any(|rank| !settled.contains(&rank))
    }
}

/// The scales and band maps of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scales {
    scales: BTreeMap<(AttestationType, LawOfOrigin), Scale>,
    maps: BTreeMap<u16, BandMap>,
}

impl Scales {
    pub(super) fn new(scales: BTreeMap<(AttestationType, LawOfOrigin), Scale>, maps: BTreeMap<u16, BandMap>) -> Self {
        Self { scales, maps }
    }

    /// The scale of a type under a law.
    pub fn scale(&self, of: AttestationType, law: LawOfOrigin) -> Option<&Scale> {
        self.scales.get(&(of, law))
    }

    /// The band map of this number.
    pub fn map(&self, id: u16) -> Option<&BandMap> {
        self.maps.get(&id)
    }

    /// The band of a grade; `None` if the map is another type's or has no such row or rank.
    pub fn band(&self, id: u16, of: AttestationType, law: LawOfOrigin, rank: u8) -> Option<u8> {
        let map = self.map(id).filter(|map| map.of == of)?;
        map.rows.get(&law)?.get(usize::from(rank)).copied()
    }

    /// All scales, by type and law.
    pub fn scales(&self) -> impl Iterator<Item = &Scale> {
        self.scales.values()
    }

    /// All band maps, by number.
    pub fn maps(&self) -> impl Iterator<Item = &BandMap> {
        self.maps.values()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::pack;
    use super::{AttestationType, LawOfOrigin};

    #[test]
    fn grades_have_ranks_from_the_worst_on() {
        let pack = pack();
        let scale = pack.scales().scale(AttestationType::EnvGrade, LawOfOrigin::Cn).unwrap();
        assert_eq!((scale.grade(0), scale.grade(3), scale.grade(4)), (Some("红"), Some("绿"), None));
        assert_eq!((scale.rank("蓝"), scale.rank("黑")), (Some(2), None));
        assert!(pack.scales().scale(AttestationType::EnvGrade, LawOfOrigin::Hk).is_none());
    }

    #[test]
    fn bands_are_those_of_the_grade_and_of_its_own_map() {
        let pack = pack();
        let band = |id, of, law, rank| pack.scales().band(id, of, law, rank);
        let (aeo, cn) = (AttestationType::AeoGrade, LawOfOrigin::Cn);
        assert_eq!([0, 1, 2, 3, 4].map(|rank| band(2, aeo, cn, rank)), [Some(0), Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!([0, 1, 2].map(|rank| band(2, aeo, LawOfOrigin::Mo, rank)), [Some(3), Some(4), None]);
        assert_eq!(band(3, AttestationType::EnvGrade, cn, 2), Some(3));
        assert_eq!([band(1, aeo, cn, 0), band(7, aeo, cn, 0), band(3, AttestationType::EnvGrade, LawOfOrigin::Hk, 0)], [None; 3]);
    }

    #[test]
    fn only_what_a_legal_text_equates_is_no_proposal() {
        use LawOfOrigin::{Cn, Hk, Mo};
        let pack = pack();
        let aeo = pack.scales().map(2).unwrap();
        assert!(!aeo.is_illustrative(4, Cn, Mo) && !aeo.is_illustrative(4, Mo, Cn));
        assert!(aeo.is_illustrative(4, Hk, Mo) && aeo.is_illustrative(4, Cn, Hk), "Hong Kong is in no such text");
        assert!(aeo.is_illustrative(3, Cn, Mo) && aeo.is_illustrative(3, Mo, Cn), "nor are the grades below");
        assert!(pack.scales().map(1).unwrap().is_illustrative(4, Cn, Cn));
    }
}
