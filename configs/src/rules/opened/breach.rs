//! What an opened leaf can break of the rules, each breach with its kind and what shows it.
//!
//! Not here: finding them (`opened`), and openings that do not fit their leaf (`protocol::opening`).

use creditbay_crypto::hash::Digest;
use creditbay_protocol::answer::Indeterminate;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::predicate::{AttestationType, LawOfOrigin};
use creditbay_protocol::refusal::Refusal;
use creditbay_protocol::shown::Field;

/// One breach of the rules that only an opening shows. It names no subject and nobody who asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenedBreach {
    /// A field that the leaf commits to and that was not opened.
    #[error("its {0} was not opened; ask the operator for all fields")]
    FieldMissing(Field),
    /// The commitment to the subject hides another than the message names.
    #[error("its commitment to the subject hides another one than its message names")]
    OtherSubject,
    /// The commitment to the operator hides another than the message names.
    #[error("its commitment to the operator hides another one than its message names")]
    OtherOperator,
    /// The commitment to the subject hides that there is none.
    #[error("its commitment to the subject hides that it names none")]
    NoSubject,
    /// A subject of another kind than the leaf says in clear.
    #[error("it says that its subject is of kind {says}, and the subject is of kind {found}")]
    OtherKind {
        /// What the leaf says.
        says: SubjectKind,
        /// What the opening shows.
        found: SubjectKind,
    },
    /// An answer about a subject that another region answers for, or nobody.
    #[error("{issuer} answered about a subject of {}", .of.map_or_else(|| "no region of the directory".to_owned(), |of| of.to_string()))]
    SubjectElsewhere {
        /// Who answered.
        issuer: Region,
        /// Whose subject it is.
        of: Option<Region>,
    },
    /// An authorisation that does not permit the query.
    #[error("its authorisation does not permit it: {refusal} ({})", .refusal.name())]
    Authorisation {
        /// Why not.
        refusal: Refusal,
    },
    /// A query that asks to live longer than queries may.
    #[error("it wants an answer until {until}, longer than queries live")]
    Lifetime {
        /// Until when.
        until: Millis,
    },
    /// Another number of verdicts than of predicates.
    #[error("{verdicts} verdicts answer {predicates} predicates")]
    VerdictCount {
        /// How many verdicts.
        verdicts: usize,
        /// How many predicates.
        predicates: usize,
    },
    /// Verdicts under another law than the issuer's.
    #[error("it says law of origin {says}, and the issuer's is {law}")]
    OtherLaw {
        /// What it says.
        says: LawOfOrigin,
        /// The issuer's by the directory.
        law: LawOfOrigin,
    },
    /// Verdicts as of another day than that of the answer.
    #[error("it is as of {as_of}, and was logged at {at}")]
    AsOf {
        /// What it says.
        as_of: Day,
        /// The leaf's time.
        at: Millis,
    },
    /// A verdict that rests on other registers than the pack says.
    #[error("verdict {verdict} rests on other registers than the rule pack names for it")]
    OtherRegisters {
        /// Which verdict, from 0.
        verdict: usize,
    },
    /// A verdict on a register that was not synchronised within its bound.
    #[error("verdict {verdict} rests on {register}, which was not synchronised within its bound")]
    Stale {
        /// Which verdict, from 0.
        verdict: usize,
        /// The register.
        register: AttestationType,
    },
    /// A verdict that may be used for longer than the pack says, or not on its own day.
    #[error("verdict {verdict} may be used until {says}, and the rule pack admits {latest} at the latest")]
    ValidUntil {
        /// Which verdict, from 0.
        verdict: usize,
        /// What it says.
        says: Day,
        /// The latest day.
        latest: Day,
    },
    /// A verdict where the pack has none to give.
    #[error("verdict {verdict} says TRUE or FALSE where the issuer's law or the form is outside what the rule pack covers")]
    OutOfScope {
        /// Which verdict, from 0.
        verdict: usize,
    },
    /// A reason that the predicate cannot have.
    #[error("verdict {verdict} is INDETERMINATE({reason}), which its predicate cannot be")]
    OtherReason {
        /// Which verdict, from 0.
        verdict: usize,
        /// The reason.
        reason: Indeterminate,
    },
    /// A band that was told.
    #[error("verdict {verdict} tells a band, and the rule pack admits telling none")]
    BandTold {
        /// Which verdict, from 0.
        verdict: usize,
    },
    /// A refusal that names another pack than the query does.
    #[error("it is refused for rule pack {named}, which its query does not name")]
    OtherPack {
        /// The pack that the refusal names.
        named: Digest,
    },
    /// A refusal for a reason that neither pack nor directory gives.
    #[error("it is refused as {}, and neither rule pack nor directory refuses it so", .said.name())]
    NotRefused {
        /// What it says.
        said: Refusal,
    },
    /// A refusal for another reason than the pack's.
    #[error("it is refused as {}, and the rule pack refuses it as {}", .said.name(), .ruled.name())]
    RefusedOtherwise {
        /// What it says.
        said: Refusal,
        /// What the pack says.
        ruled: Refusal,
    },
    /// More answers about one subject in a day than an organisation gets, in the sample alone.
    #[error("on {day} {organisation} has got more than the {limit} answers about one subject that it gets in a day")]
    SubjectBudget {
        /// The day.
        day: Day,
        /// The organisation.
        organisation: OrganisationId,
        /// Its budget.
        limit: u32,
    },
    /// More types of one subject in a day than an organisation may learn, in the sample alone.
    #[error("on {day} {organisation} has learnt more than the {limit} types of one subject that it may learn in a day")]
    Combination {
        /// The day.
        day: Day,
        /// The organisation.
        organisation: OrganisationId,
        /// How many may be.
        limit: u32,
    },
    /// More subjects in a day than an organisation may ask about without a portfolio, in the sample alone.
    #[error("on {day} {organisation} was answered about more than the {limit} subjects that it may ask about in a day")]
    Subjects {
        /// The day.
        day: Day,
        /// The organisation.
        organisation: OrganisationId,
        /// How many may be.
        limit: u32,
    },
    /// More identifiers that nobody has, in a day, than an organisation may try, in the sample alone.
    #[error("on {day} {organisation} was answered about more than the {limit} identifiers that nobody has which it may try")]
    Enumeration {
        /// The day.
        day: Day,
        /// The organisation.
        organisation: OrganisationId,
        /// How many may be.
        limit: u32,
    },
    /// More subjects under a portfolio than it was declared for, in the sample alone.
    #[error("more subjects than the {size} of portfolio {portfolio} were answered about under it")]
    PortfolioFull {
        /// The portfolio.
        portfolio: Digest,
        /// Its size.
        size: u32,
    },
}

impl OpenedBreach {
    /// A name that programs can rely on.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::FieldMissing(_) => "field_not_opened",
            Self::OtherSubject => "opened_other_subject",
            Self::OtherOperator => "opened_other_operator",
            Self::NoSubject => "opened_no_subject",
            Self::OtherKind { .. } => "opened_other_kind",
            Self::SubjectElsewhere { .. } => "opened_subject_elsewhere",
            Self::Authorisation { .. } => "opened_authorisation",
            Self::Lifetime { .. } => "opened_lifetime",
            Self::VerdictCount { .. } => "opened_verdict_count",
            Self::OtherLaw { .. } => "opened_other_law",
            Self::AsOf { .. } => "opened_as_of",
            Self::OtherRegisters { .. } => "opened_other_registers",
            Self::Stale { .. } => "opened_stale",
            Self::ValidUntil { .. } => "opened_valid_until",
            Self::OutOfScope { .. } => "opened_out_of_scope",
            Self::OtherReason { .. } => "opened_other_reason",
            Self::BandTold { .. } => "opened_band_told",
            Self::OtherPack { .. } => "opened_other_pack",
            Self::NotRefused { .. } => "opened_not_refused",
            Self::RefusedOtherwise { .. } => "opened_refused_otherwise",
            Self::SubjectBudget { .. } => "opened_subject_budget",
            Self::Combination { .. } => "opened_combination",
            Self::Subjects { .. } => "opened_subjects",
            Self::Enumeration { .. } => "opened_enumeration",
            Self::PortfolioFull { .. } => "opened_portfolio_full",
        }
    }
}
