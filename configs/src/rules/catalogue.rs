//! The catalogue: which types may be asked at all, about whom, in which form, and how long an answer holds (PROTOCOL.md, "Rule pack").
//!
//! Not here: which purpose may ask (`matrix`), and how a catalogue is written down (`written`).

use std::collections::BTreeMap;
use std::fmt;

use creditbay_protocol::domains::Domains;
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, Predicate, Severity};
use serde::Deserialize;

use crate::peers::entry::Title;

/// The form of a predicate without what it asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A record is valid today.
    ExistsValid,
    /// The native grade is this or better.
    GradeAtLeast,
    /// The common band is this or better.
    BandAtLeast,
    /// No visible listing.
    NotListed,
    /// At most so many visible records.
    CountLe,
    /// A digest is one that the issuer gave out.
    HashMatches,
    /// The registration state is one of these.
    StatusIn,
}

impl Shape {
    /// The form of this predicate.
    pub fn of(predicate: &Predicate) -> Self {
        match predicate {
            Predicate::ExistsValid { .. } => Self::ExistsValid,
            Predicate::GradeAtLeast { .. } => Self::GradeAtLeast,
            Predicate::BandAtLeast { .. } => Self::BandAtLeast,
            Predicate::NotListed { .. } => Self::NotListed,
            Predicate::CountLe { .. } => Self::CountLe,
            Predicate::HashMatches { .. } => Self::HashMatches,
            Predicate::StatusIn { .. } => Self::StatusIn,
        }
    }

    /// The forms that the facts kept of a type can answer.
    pub fn answerable(of: AttestationType) -> &'static [Self] {
        use AttestationType as Type;
        match of {
            Type::RegStatus => &[Self::StatusIn],
            Type::AbnList
            | Type::SerSamr
            | Type::SerTax
            | Type::SerWage
            | Type::SerSafety
            | Type::SerCustoms
            | Type::SerSocins
            | Type::SerAny
            | Type::CourtDishonest
            | Type::IprDishonest
            | Type::SecFile
            | Type::GovDefault
            | Type::Insolvency => &[Self::NotListed],
            Type::Penalty => &[Self::CountLe],
            Type::Permit => &[Self::ExistsValid],
            Type::TaxGrade | Type::AeoGrade | Type::EnvGrade | Type::LaborGrade | Type::PubGrade | Type::QualGrade => {
                &[Self::GradeAtLeast, Self::BandAtLeast]
            }
            Type::Commit => &[Self::NotListed, Self::ExistsValid],
            Type::NoViolReport | Type::ResIntegrity | Type::ReportVerify => &[Self::HashMatches],
        }
    }
}

/// Whether the type is one of the lists of serious dishonesty (严重失信主体名单) that SER_ANY may stand for.
pub(super) fn is_serious_list(of: AttestationType) -> bool {
    use AttestationType as Type;
    matches!(of, Type::SerSamr | Type::SerTax | Type::SerWage | Type::SerSafety | Type::SerCustoms | Type::SerSocins)
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExistsValid => "exists_valid",
            Self::GradeAtLeast => "grade_at_least",
            Self::BandAtLeast => "band_at_least",
            Self::NotListed => "not_listed",
            Self::CountLe => "count_le",
            Self::HashMatches => "hash_matches",
            Self::StatusIn => "status_in",
        })
    }
}

/// Whether a natural person can carry a report of this type, so that the issuer only confirms it.
pub(super) fn is_carried(of: AttestationType) -> bool {
    use AttestationType as Type;
    matches!(of, Type::CourtDishonest | Type::ResIntegrity | Type::SecFile | Type::Insolvency | Type::ReportVerify)
}

/// What the pack says of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeRule {
    /// The loosest lane of the type.
    pub lane: Lane,
    /// About whom it may be asked.
    pub subjects: Vec<SubjectKind>,
    /// In which form.
    pub shapes: Vec<Shape>,
    /// Under whose law such facts exist.
    pub origins: Vec<LawOfOrigin>,
    /// The longest window in months; without one only "visible today" (window 0) may be asked.
    pub look_back_months: Option<u16>,
    /// For counts: from which severity on may be counted.
    pub severities: Vec<Severity>,
    /// For counts: the numbers that may be asked.
    pub counts: Vec<u8>,
    /// For reports: the domains of law that they may speak for.
    pub domains: Domains,
    /// The registers that an answer rests on, each a type of the catalogue: its own, or all members.
    pub registers: Vec<AttestationType>,
    /// How long a verdict may be used, in days.
    pub validity_days: u16,
    /// After how many days without synchronisation its own register is stale; `None` if it has none of its own.
    pub stale_after_days: Option<u16>,
    /// Its name for people.
    pub label: Title,
}

impl TypeRule {
    /// Whether the form of this predicate, and what it counts or which domains it names, is admitted. Windows are apart ([`TypeRule::admits_window`]).
    pub fn admits_shape(&self, predicate: &Predicate) -> bool {
        let known = match predicate {
            Predicate::CountLe { severity, n, .. } => self.severities.contains(severity) && self.counts.contains(n),
            Predicate::HashMatches { domains, .. } => self.domains.covers(*domains),
            _ => true,
        };
        known && self.shapes.contains(&Shape::of(predicate))
    }

    /// Whether the window of this predicate, where it has one, is within the longest.
    pub fn admits_window(&self, predicate: &Predicate) -> bool {
        predicate.window_months().unwrap_or(0) <= self.look_back_months.unwrap_or(0)
    }
}

/// What the pack says of one type where the subject is a natural person. The lane is always C, the form always `hash_matches`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRule {
    /// Under whose law such reports exist.
    pub origins: Vec<LawOfOrigin>,
    /// The longest window in months; without one only window 0 may be asked.
    pub look_back_months: Option<u16>,
    /// Whether an answer counts as sensitive personal information.
    pub sensitive: bool,
    /// How long a verdict may be used, in days: the type's.
    pub validity_days: u16,
    /// After how many days without synchronisation the type's register is stale.
    pub stale_after_days: Option<u16>,
}

impl PersonRule {
    /// Whether the form of this predicate is admitted: a digest to be matched, of a report that speaks for no domains.
    pub fn admits_shape(&self, predicate: &Predicate) -> bool {
        matches!(predicate, Predicate::HashMatches { domains, .. } if domains.is_empty())
    }

    /// Whether the window of this predicate is within the longest.
    pub fn admits_window(&self, predicate: &Predicate) -> bool {
        predicate.window_months().unwrap_or(0) <= self.look_back_months.unwrap_or(0)
    }
}

/// The types of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    types: BTreeMap<AttestationType, TypeRule>,
    persons: BTreeMap<AttestationType, PersonRule>,
}

impl Catalogue {
    pub(super) fn new(types: BTreeMap<AttestationType, TypeRule>, persons: BTreeMap<AttestationType, PersonRule>) -> Self {
        Self { types, persons }
    }

    /// What the pack says of this type where the subject is no natural person; `None` if it does not know it.
    pub fn get(&self, of: AttestationType) -> Option<&TypeRule> {
        self.types.get(&of)
    }

    /// What the pack says of this type where the subject is a natural person; `None` if nobody may ask it of one.
    pub fn person(&self, of: AttestationType) -> Option<&PersonRule> {
        self.persons.get(&of)
    }

    /// Every type, in the order of the protocol's codes.
    pub fn iter(&self) -> impl Iterator<Item = (AttestationType, &TypeRule)> {
        self.types.iter().map(|(of, rule)| (*of, rule))
    }

    /// Every type that may be asked of a natural person, in the same order.
    pub fn persons(&self) -> impl Iterator<Item = (AttestationType, &PersonRule)> {
        self.persons.iter().map(|(of, rule)| (*of, rule))
    }
}
