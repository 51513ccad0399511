//! What can be wrong with a rule pack (PROTOCOL.md, "Rule pack"). One variant per cause.
//!
//! Not here: the checks (`read` and its neighbours).

use creditbay_protocol::calendar::Day;
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, LegalBasis, Purpose};

use crate::error::ConfigFault;

use super::catalogue::Shape;
use super::timers::TimedAct;
use super::witnessed::LONGEST_WAIT_SECONDS;

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
    /// An edition that follows another without naming it, or the first that names one.
    #[error("from edition 2 on, and only then, `supersedes` names the edition before; add or remove it")]
    Supersedes,
    /// Nobody uses it.
    #[error("no region uses the pack; name those that do")]
    NoRegions,
    /// One region named twice.
    #[error("region {0} is named twice; remove one")]
    RegionTwice(Region),
    /// A region without a law, or a law for a region that does not use the pack.
    #[error("`laws` names the law of every one of `regions`, and of no other; correct {0}")]
    Laws(Region),
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
    #[error("natural persons have rows of their own in `catalogue.persons`; remove them from the subjects")]
    NaturalPerson,
    /// A row about natural persons for a type whose facts about them cannot be confirmed by a carried report.
    #[error("{0} is no type whose report a natural person could carry; remove the row")]
    PersonType(AttestationType),
    /// A report that exists under other laws when a person carries it.
    #[error("reports of {0} exist under the same laws whoever carries them; write the origins of the type's own row")]
    PersonOrigins(AttestationType),
    /// A cell about natural persons in another lane than C.
    #[error("a cell about natural persons is \"C\" or \"-\": nothing personal is public or pushed; correct it")]
    PersonCell,
    /// A household in a type that is not public.
    #[error("a household is a natural person to privacy law: only types of lane P may have it among their subjects; remove it")]
    HouseholdNotPublic,
    /// A carried type with another form than the one that needs no identifier.
    #[error("lane C admits hash_matches only; change the lane or the shapes")]
    CarriedShape,
    /// The number of domains of a report.
    #[error("`domains` belongs to types of the shape hash_matches, from 1 to 63; correct or remove it")]
    Domains,
    /// A list that must name something names nothing.
    #[error("the list is empty, so nothing could be asked; name at least one, or remove the row")]
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
    /// A scale or map for a type that is not graded.
    #[error("{0} is not graded in this catalogue; remove it here, or add the shape there")]
    NotGraded(AttestationType),
    /// A scale under a law that the type does not have.
    #[error("{of} has no origin {law}; add it there or remove the scale")]
    ScaleLaw {
        /// The type.
        of: AttestationType,
        /// The law.
        law: LawOfOrigin,
    },
    /// A scale with one grade, or the same grade twice, or more than fit.
    #[error("a scale has 2 to 64 grades, each once, worst first; correct it")]
    ScaleGrades,
    /// Two scales of one type under one law.
    #[error("{of} has a scale under {law} in an earlier entry; keep one")]
    ScaleTwice {
        /// The type.
        of: AttestationType,
        /// The law.
        law: LawOfOrigin,
    },
    /// A graded type without a scale.
    #[error("{of} is asked by grade, but has no scale under {law}; add one")]
    ScaleMissing {
        /// The type.
        of: AttestationType,
        /// The law.
        law: LawOfOrigin,
    },
    /// Two band maps of one number.
    #[error("a band map of this number, or of this type, stands in an earlier entry; keep one")]
    MapTwice,
    /// A type that is asked by band without a band map.
    #[error("{0} is asked by band, but has no band map; add one")]
    MapMissing(AttestationType),
    /// A band map that does not have one row for each scale.
    #[error("the map of {of} has a row for every law under which it has a scale, and for no other; correct {law}")]
    MapLaws {
        /// The type.
        of: AttestationType,
        /// The law.
        law: LawOfOrigin,
    },
    /// A row that does not cover its scale.
    #[error("the row has {bands} bands, the scale {grades} grades; write one for each grade, in the scale's order")]
    MapCoverage {
        /// Bands in the row.
        bands: usize,
        /// Grades in the scale.
        grades: usize,
    },
    /// A band above the best, or a better grade in a lower band.
    #[error("bands go from 0 to 4, and a better grade never has a lower one; correct the row")]
    MapBands,
    /// A settled grade that the scale does not have, or one without a text.
    #[error("`settled` names grades of the scales and `source` the text that equates them; correct or remove both")]
    MapSettled,
    /// A member that is no register of a listing in this catalogue.
    #[error("a member is a list of serious dishonesty that this catalogue has; correct it")]
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
    /// A purpose without label, or a label for a purpose that the pack does not have.
    #[error("`labels.purposes` has a label for every purpose of the pack, and for no other; correct {0}")]
    PurposeLabels(Purpose),
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
    /// An entry without any basis.
    #[error("the entry names no legal basis; name one for at least one lane, or remove it")]
    PairEmpty,
    /// A basis that cannot carry an answer of this lane between these regions.
    #[error(
        "{basis} is no basis on which {issuer} could answer {asker} in lane {lane}; name one of the issuer's law and of the lane"
    )]
    BasisUnfit {
        /// The basis.
        basis: LegalBasis,
        /// The lane.
        lane: Lane,
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
    /// A shortest publication that is longer than the longest.
    #[error("the shortest publication is longer than the longest; correct one")]
    MinimumTooLong,
    /// Two sectors of one name.
    #[error("a sector of this name stands in an earlier entry; keep one")]
    SectorTwice,
    /// An audit record that is kept for less than the law wants.
    #[error("the record of a disclosure is kept for 60 months at least; write 60 or more")]
    AuditTooShort,
    /// An onward transfer, for which there is no way.
    #[error("no program of this version passes an answer on, and the contracts forbid it; write false")]
    OnwardPermitted,
    /// A budget that a smaller one exceeds.
    #[error("`{smaller}` is larger than `{larger}`, which it is part of; correct one")]
    BudgetsOutOfOrder {
        /// The part.
        smaller: &'static str,
        /// The whole.
        larger: &'static str,
    },
    /// No threshold at all.
    #[error("there is no threshold; write at least one")]
    NoThreshold,
    /// Two thresholds of one number and kind.
    #[error("a threshold of this number and kind stands in an earlier entry; keep one")]
    ThresholdTwice,
    /// A purpose whose answers wait twice, or that the pack does not have.
    #[error("answers for {0} wait once, and only where `purposes` has it; correct the list")]
    WitnessedPurpose(Purpose),
    /// More witnesses than there are regions beside the two of an exchange.
    #[error(
        "issuer and asker do not count, so at most {most} of `regions` can cosign; ask for fewer, or let more regions use the pack"
    )]
    QuorumOutOfReach {
        /// How many there are.
        most: u32,
    },
    /// A wait that is longer than questions live.
    #[error("an answer waits at most {LONGEST_WAIT_SECONDS} s; correct it")]
    WaitTooLong,
    /// A percentage of more than all.
    #[error("warn from 1 to 100 percent of a threshold; correct it")]
    WarnPercent,
    /// An act without a timer in a region.
    #[error("region {region} has no timer for {act}; add one")]
    TimerMissing {
        /// The region.
        region: Region,
        /// The act.
        act: TimedAct,
    },
    /// Two timers of a region for one act.
    #[error("region {region} has a timer for {act} in an earlier entry; keep one")]
    TimerTwice {
        /// The region.
        region: Region,
        /// The act.
        act: TimedAct,
    },
    /// A region without a calendar.
    #[error("region {0} has no calendar; add it to one")]
    CalendarMissing(Region),
    /// A region with two calendars.
    #[error("region {0} has a calendar in an earlier entry; keep one")]
    CalendarTwice(Region),
    /// A calendar that ends before it begins, or before the pack comes into effect.
    #[error("the calendar ends before it begins, or before the pack takes effect; correct `last_day`")]
    CalendarEnds,
    /// A day that stands outside its calendar, or twice in it.
    #[error("{0} lies outside the calendar's days, or stands there twice; correct it")]
    CalendarDay(Day),
    /// A working day that would be one anyway.
    #[error("{0} is no Saturday or Sunday, or is a holiday as well; remove it from one list")]
    WorkingDay(Day),
    /// A golden case that cannot be read.
    #[error("golden case `{name}`: {what}; correct the case")]
    GoldenForm {
        /// The case.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The rules decide a golden case otherwise.
    #[error("golden case `{name}` ({question}) expects {expected}, but the rules say {found}; correct the rule or the case")]
    GoldenCase {
        /// The case.
        name: String,
        /// Which of its readings.
        question: String,
        /// What it expects.
        expected: String,
        /// What the rules say.
        found: String,
    },
    /// A type or purpose without a golden case.
    #[error("no golden case asks for {0}; add one below `golden.cases`")]
    GoldenMissing(&'static str),
}
