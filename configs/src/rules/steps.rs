//! The rules that a decision comes to, in words: each with its key in the file, whether it is a proposal, and who holds it
//! (PROTOCOL.md, "Rule pack").
//!
//! Not here: the decision (`decide`).

use std::fmt;

use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, LegalBasis, Predicate, Purpose};

use super::RulePack;
use super::section::Section;
use super::standing::Standing;

/// A rule that the decision comes to, noted before it is applied.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Pair { issuer: Region, asker: Region, entry: Option<usize> },
    Between { purpose: Purpose },
    Known { of: AttestationType },
    Person { of: AttestationType, has_row: bool },
    PersonCell { of: AttestationType, purpose: Purpose, cell: Option<Lane> },
    PersonShape { predicate: Predicate },
    PersonLookBack { of: AttestationType, longest: Option<u16> },
    Cell { of: AttestationType, purpose: Purpose, cell: Option<Lane> },
    Subjects { of: AttestationType, kind: SubjectKind },
    Shapes { predicate: Predicate },
    Grade { of: AttestationType, rank: u8, law: LawOfOrigin },
    OneLaw { asker: LawOfOrigin, issuer: LawOfOrigin },
    Band { of: AttestationType, band: u8, map: u16, asker: LawOfOrigin, issuer: LawOfOrigin },
    LookBack { of: AttestationType, longest: Option<u16> },
    Strictest { lane: Lane },
    CarriedOnly,
    Regulators { organisation: OrganisationId, standing: Standing },
    Basis { issuer: Region, asker: Region, entry: usize, lane: Lane, basis: Option<LegalBasis> },
    Digest { needed: bool, came: bool },
}

impl Step {
    /// The rule in words, with what the pack adds to it.
    pub(super) fn explained(self, pack: &RulePack) -> String {
        let added = self.added(pack).map_or_else(String::new, |added| format!("; {added}"));
        let named = pack.sections().iter().find(|section| section.name == self.section());
        let mark = named.map_or_else(String::new, |section| {
            let illustrative = self.illustrative(pack).unwrap_or(section.illustrative);
            format!(" [{}]", Section { illustrative, ..*section })
        });
        format!("{self}{added}{mark}")
    }

    fn section(self) -> &'static str {
        match self {
            Self::Pair { .. } | Self::Basis { .. } | Self::Regulators { .. } => "basis",
            Self::Between { .. } => "purposes",
            Self::PersonCell { .. } | Self::Cell { .. } | Self::Strictest { .. } => "matrix",
            Self::Grade { .. } | Self::OneLaw { .. } => "scales",
            Self::Band { .. } => "bands",
            _ => "catalogue",
        }
    }

    /// Whether the row is a proposal, where rows say so themselves.
    fn illustrative(self, pack: &RulePack) -> Option<bool> {
        match self {
            Self::Grade { of, law, .. } => pack.scales().scale(of, law).map(|scale| scale.illustrative),
            Self::Band { band, map, asker, issuer, .. } => {
                pack.scales().map(map).map(|map| map.is_illustrative(band, asker, issuer))
            }
            _ => None,
        }
    }

    fn added(self, pack: &RulePack) -> Option<String> {
        match self {
            Self::Between { purpose } => {
                let regions = pack.purposes().get(&purpose)?.only_between.as_ref()?;
                Some(regions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
            Self::Grade { of, rank, law } => {
                let scale = pack.scales().scale(of, law)?;
                Some(format!("{} of {} ({})", scale.grade(rank)?, scale.grades.join(" < "), scale.source))
            }
            Self::Band { map, .. } => pack.scales().map(map)?.source.clone(),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pair { issuer, asker, entry: Some(entry) } => write!(f, "basis.pairs[{entry}]: {issuer} may answer {asker}"),
            Self::Pair { issuer, asker, entry: None } => write!(f, "basis.pairs: none in which {issuer} answers {asker}"),
            Self::Between { purpose } => write!(f, "purposes.only_between.{purpose}: only these regions between them"),
            Self::Known { of } => write!(f, "catalogue.types.{of}: may be asked only if it is there"),
            Self::Person { of, has_row: true } => {
                write!(f, "catalogue.persons.{of}: the person carries the report, and only its digest is asked about")
            }
            Self::Person { of, has_row: false } => write!(f, "catalogue.persons: no row for {of}"),
            Self::PersonCell { of, purpose, cell: Some(lane) } => write!(f, "matrix.persons.{of}.{purpose}: lane {lane}"),
            Self::PersonCell { of, purpose, cell: None } => write!(f, "matrix.persons.{of}.{purpose}: refused"),
            Self::PersonShape { predicate } => {
                write!(f, "catalogue.persons.{}: must admit {predicate}, so no domains", predicate.of())
            }
            Self::PersonLookBack { of, longest } => look_back(f, "persons", *of, *longest),
            Self::Cell { of, purpose, cell: Some(lane) } => write!(f, "matrix.cells.{of}.{purpose}: lane {lane}"),
            Self::Cell { of, purpose, cell: None } => write!(f, "matrix.cells.{of}.{purpose}: refused"),
            Self::Subjects { of, kind } => write!(f, "catalogue.types.{of}.subjects: must have {kind}"),
            Self::Shapes { predicate } => write!(f, "catalogue.types.{}.shapes: must admit {predicate}", predicate.of()),
            Self::Grade { of, rank, law } => write!(f, "scales.native: {of} under {law} must have rank {rank}"),
            Self::OneLaw { asker, issuer } => {
                write!(f, "scales: native grades under one law only; the asker's is {asker}, the issuer's {issuer}")
            }
            Self::Band { of, band, map, .. } => write!(f, "bands.maps: map {map} must be of {of} and have band {band}"),
            Self::LookBack { of, longest } => look_back(f, "types", *of, *longest),
            Self::Strictest { lane } => write!(f, "matrix: the strictest lane of all is {lane}"),
            Self::CarriedOnly => write!(f, "catalogue: lane C admits hash_matches only"),
            Self::Regulators { organisation, standing } => {
                let is = if standing.regulators { "is" } else { "is not" };
                write!(f, "basis: lane R is between regulators; by the network directory {organisation} {is} one here")
            }
            Self::Basis { issuer, asker, entry, lane, basis: Some(basis) } => {
                write!(f, "basis.pairs[{entry}].{}: {issuer} answers {asker} on {basis}", lane_key(*lane))
            }
            Self::Basis { issuer, asker, entry, lane, basis: None } => {
                write!(f, "basis.pairs[{entry}].{}: none on which {issuer} answers {asker}", lane_key(*lane))
            }
            Self::Digest { needed, came } => {
                let word = |is| if is { "one" } else { "none" };
                write!(f, "catalogue: a digest belongs to hash_matches; needed is {}, {} came", word(*needed), word(*came))
            }
        }
    }
}

fn look_back(f: &mut fmt::Formatter<'_>, row: &str, of: AttestationType, longest: Option<u16>) -> fmt::Result {
    match longest {
        Some(months) => write!(f, "catalogue.{row}.{of}.look_back_months: at most {months} months"),
        None => write!(f, "catalogue.{row}.{of}.look_back_months: none, so only today"),
    }
}

/// The key of a lane's basis.
fn lane_key(lane: Lane) -> &'static str {
    match lane {
        Lane::Public => "public",
        Lane::Authorised => "authorised",
        Lane::Carried => "carried",
        Lane::Regulators => "regulators",
    }
}
