//! What an import says while it runs, and what became of the file: the lines of the operator's door (PROTOCOL 25.3).
//!
//! Nothing here names anybody: rows are told by their line.

use creditbay_protocol::calendar::Millis;
use serde::{Serialize, Serializer};

/// One line of what an import says while it runs. The last is `Done` or `Failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// How far it is.
    Progress {
        /// Rows that were read.
        rows: u64,
    },
    /// The header of the file, before the first rejected row.
    RejectedHeader(String),
    /// A row that was not imported.
    Rejected {
        /// The line in which it begins, from 1.
        row: u64,
        /// The column at fault; empty where it is the row as a whole.
        column: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// That row as CSV, with every cell blanked that could name or number anybody.
    RejectedCsv(String),
    /// A row about a natural person, set aside.
    Person {
        /// The line in which it begins, from 1.
        row: u64,
    },
    /// A repair, withdrawal or objection of which no record is here yet; it is kept for one that comes later.
    Unmatched {
        /// The line in which it begins, from 1.
        row: u64,
    },
    /// The file was read to its end.
    Done(Summary),
    /// It was not.
    Failed {
        /// Why.
        reason: String,
        /// Rows that were imported before, and stay.
        imported: u64,
    },
}

/// What became of a file. `rows` = `good` + `duplicates` + `rejected` + `persons`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The layout.
    pub layout: &'static str,
    /// The register, by the name of the type it feeds, or `REPAIR` or `OBJECTION`.
    pub register: &'static str,
    /// Rows, without header and explanations.
    pub rows: u64,
    /// Rows that said something new: `added` + `replaced`.
    pub good: u64,
    /// Rows that are new.
    pub added: u64,
    /// Rows that changed a record.
    pub replaced: u64,
    /// Rows that say what the store had already; also counted in `duplicates`.
    pub unchanged: u64,
    /// Rows that say what an earlier row of the file, or the store, said already.
    pub duplicates: u64,
    /// Rows that were not imported.
    pub rejected: u64,
    /// Rows about natural persons.
    pub persons: u64,
    /// Repairs, withdrawals and objections of which no record is here yet; also counted above.
    pub unmatched: u64,
    /// As of when the register was taken over whole.
    #[serde(serialize_with = "as_time")]
    pub synchronised: Option<Millis>,
}

fn as_time<S: Serializer>(time: &Option<Millis>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}
