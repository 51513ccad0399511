//! What a leaf can break of the rules, each breach with its kind and what shows it.
//!
//! Not here: finding them (`replay`), and where the leaf stands: whoever reads the log knows.

use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::ChannelName;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::event::Suspended;
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::refusal::Refusal;

/// One breach of the rules that the leaf alone, or together with the leaves before it, shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// A message, or a declined question, before any pack was activated.
    #[error("no rule pack was activated before it")]
    NoPackActivated,
    /// A query or declined question under a pack that is not the active one, or an answer under one that is neither active nor in overlap.
    #[error("it is under rule pack {named}, and {active} is active in this log: neither that one nor still in overlap")]
    PackNotInForce {
        /// The pack that the leaf names.
        named: Digest,
        /// The pack that is active.
        active: Digest,
    },
    /// A pack that the auditor does not have.
    #[error("it is under rule pack {named}, which was not given (--rules), so it cannot be judged")]
    PackNotGiven {
        /// The pack.
        named: Digest,
    },
    /// The static decision refuses what was asked or disclosed: type, purpose, shape, window, lane, legal basis, authorisation, portfolio.
    #[error("the rule pack does not admit it: {refusal} ({})", .refusal.name())]
    NotAdmitted {
        /// Why not.
        refusal: Refusal,
    },
    /// More types of one subject than may be learnt of it in a day.
    #[error("it asks {types} types of one subject, and {limit} a day may be learnt")]
    TooManyTypes {
        /// How many.
        types: u32,
        /// How many may be.
        limit: u32,
    },
    /// A use of an authorisation that was spent before in this log.
    #[error("use {number} of authorisation {authorisation} was spent before")]
    UseSpentTwice {
        /// The authorisation.
        authorisation: Digest,
        /// The use.
        number: u16,
    },
    /// An authorisation with another number of uses than it had before.
    #[error("authorisation {authorisation} has {says} uses here, and had {had} before")]
    OtherUses {
        /// The authorisation.
        authorisation: Digest,
        /// What this leaf says.
        says: u16,
        /// What an earlier leaf said.
        had: u16,
    },
    /// An authorisation that its channel withdrew before, by a leaf of this log.
    #[error("authorisation {authorisation} was withdrawn by {channel}, leaf {leaf}")]
    AuthorisationWithdrawn {
        /// The authorisation.
        authorisation: Digest,
        /// Who withdrew it.
        channel: ChannelName,
        /// The leaf that says so.
        leaf: u64,
    },
    /// A question to, or an answer for, what was suspended.
    #[error("{of} was suspended by leaf {leaf} and not resumed")]
    Suspended {
        /// What.
        of: Suspended,
        /// The leaf that says so.
        leaf: u64,
    },
    /// A query under a portfolio that no leaf before it declared.
    #[error("portfolio {portfolio} was not declared before it")]
    PortfolioUndeclared {
        /// The portfolio.
        portfolio: Digest,
    },
    /// A query under a portfolio of another organisation, purpose or size.
    #[error("portfolio {portfolio} was declared by leaf {leaf} for another organisation, purpose or size")]
    OtherPortfolio {
        /// The portfolio.
        portfolio: Digest,
        /// The leaf that declares it.
        leaf: u64,
    },
    /// A query under a portfolio that is over.
    #[error("portfolio {portfolio} was over at {until}")]
    PortfolioOver {
        /// The portfolio.
        portfolio: Digest,
        /// Until when it was declared.
        until: Millis,
    },
    /// A portfolio that is larger, or open for longer, than the pack admits.
    #[error("a portfolio of {size} subjects until {until}, and the rule pack admits {subjects} for {days} days")]
    PortfolioTooLarge {
        /// Subjects.
        size: u32,
        /// Until when.
        until: Millis,
        /// How many may be.
        subjects: u32,
        /// For how many days.
        days: u32,
    },
    /// More answers to a peer in a day than its budget.
    #[error("on {day} {peer} has got more than the {limit} answers that a peer gets in a day")]
    PeerBudget {
        /// The peer.
        peer: Region,
        /// The day.
        day: Day,
        /// Its budget.
        limit: u32,
    },
    /// More answers to an organisation in a day than its budget.
    #[error("on {day} {organisation} of {peer} has got more than the {limit} answers that an organisation gets in a day")]
    OrganisationBudget {
        /// Its region.
        peer: Region,
        /// The organisation.
        organisation: OrganisationId,
        /// The day.
        day: Day,
        /// Its budget.
        limit: u32,
    },
    /// More answers about natural persons to a peer in a year than the pack admits.
    #[error("in {year} {peer} has got answers about more than {limit} natural persons, where the rule pack refuses")]
    Volume {
        /// The peer.
        peer: Region,
        /// The year.
        year: i16,
        /// The threshold.
        limit: u64,
    },
    /// A pack that took over before its first day.
    #[error("rule pack {pack} was activated on {on}, and begins on {from}")]
    ActivatedEarly {
        /// The pack.
        pack: Digest,
        /// When.
        on: Day,
        /// Its first day.
        from: Day,
    },
    /// An edition that does not follow the active one, or that the pack's file says otherwise.
    #[error("rule pack {pack} was activated as edition {serial}, which does not follow edition {active}")]
    ActivatedOutOfOrder {
        /// The pack.
        pack: Digest,
        /// Its edition, as the leaf says.
        serial: u32,
        /// The edition that was active; 0 for none.
        active: u32,
    },
    /// An overlap with another pack than the active one, or for longer than the new pack says.
    #[error(
        "the overlap with the rule pack before is not that of rule pack {pack}: with the active one, for at most {days} days"
    )]
    OtherOverlap {
        /// The new pack.
        pack: Digest,
        /// For how many days.
        days: u32,
    },
    /// A pack that this region does not use.
    #[error("rule pack {pack} is not one that {region} uses")]
    ForeignPack {
        /// The pack.
        pack: Digest,
        /// Whose log it is.
        region: Region,
    },
    /// More than is remembered: what this leaf adds is not followed.
    #[error("more {what} than are remembered ({limit}): what this one adds cannot be followed; audit the log in parts")]
    BeyondMemory {
        /// Of what.
        what: &'static str,
        /// How many are remembered.
        limit: usize,
    },
}

impl Breach {
    /// A name that programs can rely on.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoPackActivated => "no_pack_activated",
            Self::PackNotInForce { .. } => "pack_not_in_force",
            Self::PackNotGiven { .. } => "pack_not_given",
            Self::NotAdmitted { .. } => "not_admitted",
            Self::TooManyTypes { .. } => "too_many_types",
            Self::UseSpentTwice { .. } => "use_spent_twice",
            Self::OtherUses { .. } => "other_uses",
            Self::AuthorisationWithdrawn { .. } => "authorisation_withdrawn",
            Self::Suspended { .. } => "suspended",
            Self::PortfolioUndeclared { .. } => "portfolio_undeclared",
            Self::OtherPortfolio { .. } => "other_portfolio",
            Self::PortfolioOver { .. } => "portfolio_over",
            Self::PortfolioTooLarge { .. } => "portfolio_too_large",
            Self::PeerBudget { .. } => "peer_budget",
            Self::OrganisationBudget { .. } => "organisation_budget",
            Self::Volume { .. } => "volume",
            Self::ActivatedEarly { .. } => "activated_early",
            Self::ActivatedOutOfOrder { .. } => "activated_out_of_order",
            Self::OtherOverlap { .. } => "other_overlap",
            Self::ForeignPack { .. } => "foreign_pack",
            Self::BeyondMemory { .. } => "beyond_memory",
        }
    }
}
