//! What two logs can say differently of one exchange.
//!
//! Not here: finding it (`pairs`).

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::name::Region;

/// One exchange of which the two logs do not say the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// A query without an answer, that its asker did not close either.
    #[error("query {query} of {asker} ({at}) has no answer in the log of {issuer} and was not abandoned")]
    QueryUnanswered {
        /// Who asked.
        asker: Region,
        /// Who was asked.
        issuer: Region,
        /// The query's leaf.
        query: u64,
        /// Its time.
        at: Millis,
    },
    /// An answer to a query that the asker's log does not have.
    #[error("answer {answer} of {issuer} ({at}) is to a query {hash} that the log of {asker} does not have")]
    AnswerWithoutQuery {
        /// Who asked.
        asker: Region,
        /// Who answered.
        issuer: Region,
        /// The answer's leaf.
        answer: u64,
        /// Its time.
        at: Millis,
        /// The hash that it names.
        hash: Digest,
    },
    /// Query and answer say different terms.
    #[error("query {query} of {asker} and answer {answer} of {issuer} do not say the same terms")]
    TermsDiffer {
        /// Who asked.
        asker: Region,
        /// Who answered.
        issuer: Region,
        /// The query's leaf.
        query: u64,
        /// The answer's leaf.
        answer: u64,
    },
    /// An answer from before its query.
    #[error("answer {answer} of {issuer} ({answered}) stands {} ms before query {query} of {asker}", .asked.distance(*.answered))]
    AnswerEarly {
        /// Who asked.
        asker: Region,
        /// Who answered.
        issuer: Region,
        /// The query's leaf.
        query: u64,
        /// The answer's leaf.
        answer: u64,
        /// The query's time.
        asked: Millis,
        /// The answer's time.
        answered: Millis,
    },
    /// An answer from when its query had expired for long.
    #[error("answer {answer} of {issuer} ({answered}) stands {} ms after query {query} of {asker}", .asked.distance(*.answered))]
    AnswerLate {
        /// Who asked.
        asker: Region,
        /// Who answered.
        issuer: Region,
        /// The query's leaf.
        query: u64,
        /// The answer's leaf.
        answer: u64,
        /// The query's time.
        asked: Millis,
        /// The answer's time.
        answered: Millis,
    },
    /// A second answer to one query.
    #[error("answers {first} and {second} of {issuer} are to one query, {query} of {asker}")]
    AnsweredTwice {
        /// Who asked.
        asker: Region,
        /// Who answered.
        issuer: Region,
        /// The query's leaf.
        query: u64,
        /// The first answer's leaf.
        first: u64,
        /// The second answer's leaf.
        second: u64,
    },
    /// An answer under a pack that was not good at the issuer when the query was asked.
    #[error(
        "answer {answer} of {issuer} is under rule pack {pack}, which was not good there at {asked}, when query {query} of {asker} was asked"
    )]
    PackNotGood {
        /// Who asked.
        asker: Region,
        /// Who answered.
        issuer: Region,
        /// The query's leaf.
        query: u64,
        /// The answer's leaf.
        answer: u64,
        /// The pack.
        pack: Digest,
        /// The query's time.
        asked: Millis,
    },
    /// More exchanges under way at one time than are remembered.
    #[error("more than {limit} leaves of {region} wait for their counterpart; leaf {leaf} is not followed")]
    BeyondMemory {
        /// Whose leaf.
        region: Region,
        /// The leaf.
        leaf: u64,
        /// How many are remembered.
        limit: usize,
    },
}

impl Mismatch {
    /// A name that programs can rely on.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::QueryUnanswered { .. } => "query_unanswered",
            Self::AnswerWithoutQuery { .. } => "answer_without_query",
            Self::TermsDiffer { .. } => "terms_differ",
            Self::AnswerEarly { .. } => "answer_early",
            Self::AnswerLate { .. } => "answer_late",
            Self::AnsweredTwice { .. } => "answered_twice",
            Self::PackNotGood { .. } => "pack_not_good",
            Self::BeyondMemory { .. } => "beyond_memory",
        }
    }

    /// The query's leaf, in the asker's log, and the answer's, in the issuer's.
    pub fn leaves(&self) -> (Option<u64>, Option<u64>) {
        match self {
            Self::QueryUnanswered { query, .. } => (Some(*query), None),
            Self::AnswerWithoutQuery { answer, .. } => (None, Some(*answer)),
            Self::TermsDiffer { query, answer, .. }
            | Self::AnswerEarly { query, answer, .. }
            | Self::AnswerLate { query, answer, .. }
            | Self::PackNotGood { query, answer, .. }
            | Self::AnsweredTwice { query, second: answer, .. } => (Some(*query), Some(*answer)),
            Self::BeyondMemory { .. } => (None, None),
        }
    }
}
