//! What can be wrong with the openings of a sample, each fault with its kind.
//!
//! Not here: finding them (`opened`), and what the rules say of an opened leaf (`configs::rules::opened`).

use creditbay_configs::rules::opened::breach::OpenedBreach;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::name::Origin;
use creditbay_protocol::opening::OpeningFault;

/// One fault, of a leaf that was drawn or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenedFault {
    /// The file of the sample names another leaf than the root draws here, one more or one less.
    #[error("the file of the sample (--drawn) and the root that draws it differ first at this leaf; draw the sample again")]
    OtherSample,
    /// A leaf that was drawn and that the file does not open.
    #[error("drawn, and not opened; ask the operator for it")]
    NotOpened,
    /// An opening of a leaf that was not drawn.
    #[error("opened, and not drawn; the openings answer another sample")]
    NotDrawn,
    /// Two openings of one leaf.
    #[error("opened twice; keep one of the lines")]
    Twice,
    /// An opening of another log's leaf.
    #[error("the opening is of log {log}")]
    OtherLog {
        /// The log that it names.
        log: Origin,
    },
    /// The line says that there is nothing to open.
    #[error("the operator says that it commits to nothing, and it does")]
    SaidToHideNothing,
    /// The opening does not fit the leaf.
    #[error("{0}")]
    Unfit(OpeningFault),
    /// The erasure's leaf is not in this copy of its log.
    #[error("said to be erased by leaf {erasure}, which this copy of {size} leaves does not have; export the log again")]
    ErasureBeyond {
        /// The leaf of the erasure.
        erasure: u64,
        /// Leaves of the copy.
        size: u64,
    },
    /// The erasure's leaf is said to stand in a later log.
    #[error("said to be erased by leaf {erasure} of {log}, which is another log; give that one with --later")]
    ErasureElsewhere {
        /// The later log.
        log: Origin,
        /// The leaf of the erasure.
        erasure: u64,
    },
    /// Erased because its time was over, before any of the packs says so.
    #[error("erased on {on} by leaf {erasure} because it had been kept long enough, and the rule packs keep it until {until}")]
    ErasedEarly {
        /// The leaf of the erasure.
        erasure: u64,
        /// When.
        on: Day,
        /// The last day on which it is kept.
        until: Day,
    },
    /// The leaf that should say that it was shown says something else.
    #[error("said to be shown under leaf {shown}, which does not say that just these leaves were shown")]
    OtherShown {
        /// That leaf.
        shown: u64,
    },
    /// A breach of the rules.
    #[error("{0}")]
    Breach(OpenedBreach),
}

impl OpenedFault {
    /// A name that programs can rely on.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::OtherSample => "other_sample",
            Self::NotOpened => "not_opened",
            Self::NotDrawn => "not_drawn",
            Self::Twice => "opened_twice",
            Self::OtherLog { .. } => "opening_of_other_log",
            Self::SaidToHideNothing => "said_to_hide_nothing",
            Self::Unfit(_) => "opening_unfit",
            Self::ErasureBeyond { .. } => "erasure_beyond",
            Self::ErasureElsewhere { .. } => "erasure_elsewhere",
            Self::ErasedEarly { .. } => "erased_early",
            Self::OtherShown { .. } => "other_shown",
            Self::Breach(breach) => breach.kind(),
        }
    }
}
