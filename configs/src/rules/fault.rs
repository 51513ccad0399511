//! What can be wrong with a rule pack (PROTOCOL.md, "Rule pack"). One variant per cause.
//!
//! Not here: the checks (`written`).

use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, Purpose};

use crate::error::ConfigFault;

use super::catalogue::Shape;

/// Why a text is no rule pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesFault {
    /// The text is not of this shape.
    #[error(transparent)]
    Text(ConfigFault),
    /// Another format, or another version of it.
    #[error("not the format `{expected}`; use a program of the pack's version")]
    Format {
        /// The format read here.
        expected: &'static str,
    },
    /// Serial numbers begin at 1.
    #[error("serial numbers begin at 1; count the pack's editions from 1")]
    SerialZero,
    /// Nobody uses it.
    #[error("no region uses the pack; name those that do")]
    NoRegions,
    /// One region named twice.
    #[error("region {0} is named twice; remove one")]
    RegionTwice(Region),
    /// A type that the protocol does not have.
    #[error("the protocol has no such type; write one of its catalogue's names")]
    TypeUnknown,
    /// A purpose that the protocol does not have, or, in a row, one that the pack does not list.
    #[error("the protocol or this pack has no such purpose; write one of `purposes.meaning`, with a name of the protocol")]
    PurposeUnknown,
    /// A legal basis that the protocol does not have.
    #[error("the protocol has no such legal basis; write one of its closed list")]
    BasisUnknown,
    /// A cell that is no lane.
    #[error("a cell is \"P\", \"A\", \"C\", \"R\" or \"-\" for refused; correct it")]
    CellUnknown,
    /// A row for a type that the catalogue does not have.
    #[error("{0} is not in the catalogue; add it there or remove it here")]
    NotInCatalogue(AttestationType),
    /// A type of the catalogue that another section does not mention.
    #[error("{0} of the catalogue is missing; add it here")]
    TypeMissing(AttestationType),
    /// A row without a cell for a purpose.
    #[error("the row has no cell for {0}; write one, \"-\" to refuse")]
    CellMissing(Purpose),
    /// A cell that opens what the type closes.
    #[error("the cell says {cell}, looser than the type's lane {lane}; a cell may only be stricter")]
    CellLooser {
        /// The cell's lane.
        cell: Lane,
        /// The type's lane.
        lane: Lane,
    },
    /// A natural person as subject.
    #[error("no type may be asked about natural persons; remove them from the subjects")]
    NaturalPerson,
    /// A list that must name something names nothing.
    #[error("the list is empty, so nothing could be asked; name at least one, or remove the type")]
    ListEmpty,
    /// A form that the facts kept of a type cannot answer.
    #[error("this program has no facts to answer {shape} for {of}; remove it, or use a program that has")]
    ShapeNotAnswerable {
        /// The type.
        of: AttestationType,
        /// The form.
        shape: Shape,
    },
    /// A count without what may be counted, or the other way round.
    #[error("`severities` and `counts` belong to the shape count_le, and it needs both; add or remove them")]
    CountsIncomplete,
    /// A member that is no register of a listing in this catalogue.
    #[error("a member is a list of this catalogue with a register of its own; correct it")]
    MemberUnknown,
    /// `SER_ANY` without members, or members of another type.
    #[error("SER_ANY, and no other type, names its members, each once; correct the list")]
    Members,
    /// A window, a bound or a period of 0.
    #[error("0 would admit nothing; write 1 or more, or leave out the key where it may be left out")]
    Zero,
    /// A register without a bound, or a bound without a register.
    #[error("a type with a register of its own needs `stale_after_days`, SER_ANY has none; correct the line")]
    Staleness,
    /// A label that lacks one of the four languages.
    #[error("the label has no text in {language}; write it in all four languages")]
    LabelMissing {
        /// The language.
        language: &'static str,
    },
    /// A language that labels do not have.
    #[error("labels have the languages zh-Hans, zh-Hant, pt and en; correct it")]
    LanguageUnknown,
    /// A pair that names a region that does not use the pack.
    #[error("region {0} is not one of `regions`; add it there or correct it")]
    PairRegionUnknown(Region),
    /// Two legal bases for one pair.
    #[error("{asker} asking {issuer} has a legal basis in an earlier entry; keep one")]
    PairTwice {
        /// Who answers.
        issuer: Region,
        /// Who asks.
        asker: Region,
    },
    /// No regime at all, or none for the oldest decisions.
    #[error("the first regime begins on 1900-01-01, so that every decision has one; correct `decided_from`")]
    RegimesBegin,
    /// A regime that does not begin after the one before it.
    #[error("regimes stand in the order of their days; this one does not begin after the one before it")]
    RegimesOutOfOrder,
    /// A kind of penalty that is both serious and minor.
    #[error("this kind is listed as serious too; keep it in one list")]
    KindTwice,
}
