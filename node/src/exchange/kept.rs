//! What is kept of exchanges, found by what an erasure is about: a walk over all sealed rows that may hold it, of this log and of those
//! of its region that have ended (PROTOCOL 32.4).
//!
//! There is no index by subject: one would have to be erased too. Not here: erasing (`erase`).

use std::collections::{BTreeMap, BTreeSet};

use creditbay_configs::rules::retention::Retention;
use creditbay_protocol::answer::{Answer, Reply};
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::erasure::{ErasedEntry, ErasedPart};
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::{FRESHNESS_MS, MAX_ERASED};
use creditbay_protocol::name::Origin;
use creditbay_protocol::notice::NamedLeaf;
use creditbay_protocol::query::Query;

use crate::log::append::BATCH;
use crate::log::erase::ROWS_AFTER_MS;
use crate::log::fault::LogError;
use crate::log::rows::Row;
use crate::log::seals::{Seals, written_at};
use crate::store::Store;
use crate::store::erasure::ToTell;
use crate::store::log::{self as layout, SealedRows};

/// How long after its expiry a query without a receipt may still be under way: the allowed skew, and time to close it.
const CLOSING_MS: u64 = FRESHNESS_MS + 60_000;

/// A leaf of this region: its log by number, and its index there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeafAt {
    /// The log's number.
    pub log: u32,
    /// The index.
    pub index: u64,
}

/// What an erasure is about.
pub enum Wanted {
    /// One leaf.
    Leaf(LeafAt),
    /// These leaves, not none.
    Leaves(BTreeSet<LeafAt>),
    /// All exchanges about a subject.
    Subject(Identifier),
    /// All leaves of before a day.
    Before(Day),
    /// Whatever a pack's periods are over for.
    Overdue {
        /// The periods.
        periods: Retention,
        /// The day on which they are looked at.
        today: Day,
    },
}

/// Something that is kept and wanted.
pub struct Kept {
    /// What of it is wanted.
    pub part: ErasedPart,
    /// The leaf that the other side is told of.
    pub told: Option<ToTell>,
    /// The last day on which the answer may be used.
    pub usable_until: Option<Day>,
    /// Until when the exchange may be under way.
    pub busy_until: Millis,
    /// The query of an asker's exchange, until its receipt was met.
    query: Option<Box<Query>>,
}

/// A part of what was found, by the leaf.
#[derive(Default)]
pub struct Found {
    /// What is kept.
    pub kept: BTreeMap<LeafAt, Kept>,
    /// Where to go on; nothing when all was seen.
    pub next: Option<LeafAt>,
}

/// What is in a row that a choice looks at.
struct Facts<'a> {
    leaf: LeafAt,
    on: Day,
    subject: Option<&'a Identifier>,
    authorised: bool,
}

impl Wanted {
    /// The first leaf of this log, from an index on, that can be wanted; nothing where none can.
    fn first(&self, from: LeafAt) -> Option<LeafAt> {
        match self {
            Self::Leaf(leaf) => (leaf.log == from.log && *leaf >= from).then_some(*leaf),
            Self::Leaves(leaves) => leaves.range(from..).next().filter(|leaf| leaf.log == from.log).copied(),
            Self::Subject(_) | Self::Before(_) | Self::Overdue { .. } => Some(from),
        }
    }

    /// Whether these rows of a log, and all after them, hold nothing that is wanted but receipts.
    fn is_past(&self, log: u32, rows: &SealedRows) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.log != log || rows.size > leaf.index,
            Self::Leaves(leaves) => {
                let last = leaves.range(..LeafAt { log: log + 1, index: 0 }).next_back().filter(|leaf| leaf.log == log);
                last.is_none_or(|last| rows.size > last.index)
            }
            Self::Before(day) => written_at(rows).day() >= *day,
            Self::Subject(_) | Self::Overdue { .. } => false,
        }
    }

    fn takes(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Leaf(leaf) => facts.leaf == *leaf,
            Self::Leaves(leaves) => leaves.contains(&facts.leaf),
            Self::Subject(subject) => facts.subject == Some(subject),
            Self::Before(day) => facts.on < *day,
            Self::Overdue { periods, today } => {
                let months =
                    if facts.authorised { periods.audit_months.max(periods.authorisation_months) } else { periods.audit_months };
                facts.on.months_after(months) < *today
            }
        }
    }

    fn takes_receipt(&self, usable_until: Day) -> bool {
        match self {
            Self::Overdue { periods, today } => usable_until.plus_days(periods.answer_days) < *today,
            _ => false,
        }
    }
}

/// A walk over what is kept of one log.
pub struct Walk<'a> {
    /// The log, as a store of its own.
    pub store: &'a dyn Store,
    /// What opens it.
    pub seals: &'a Seals,
    /// The log.
    pub log: Origin,
}

impl Walk<'_> {
    /// Adds what is wanted and was not taken before, from a leaf on, to what was found, up to about as many as one erasure takes. `met`
    /// hears how far it is.
    pub fn find(
        &self,
        wanted: &Wanted,
        taken: &BTreeSet<ErasedEntry>,
        from: u64,
        met: &mut dyn FnMut(u64),
        found: &mut Found,
    ) -> Result<(), LogError> {
        let log = self.log.number();
        let Some(first) = wanted.first(LeafAt { log, index: from }) else { return Ok(()) };
        let mut receipts_until: Option<Millis> = None;
        let mut page = layout::sealed_from(self.store, first.index)?;
        while let Some(end) = page.last() {
            for rows in &page {
                let at = written_at(rows);
                if receipts_until.is_some_and(|until| at > until) {
                    return Ok(());
                }
                if receipts_until.is_none() {
                    let full = found.kept.len() + BATCH > MAX_ERASED;
                    if full {
                        found.next = Some(LeafAt { log, index: rows.size });
                    }
                    if full || wanted.is_past(log, rows) {
                        receipts_until = Some(at.plus(ROWS_AFTER_MS));
                    }
                }
                for row in self.seals.open_kept(rows)? {
                    self.look_at(row, at, wanted, taken, receipts_until.is_none(), found);
                }
            }
            met(end.size);
            page = layout::sealed_after(self.store, end)?;
        }
        Ok(())
    }

    fn look_at(&self, row: Row, at: Millis, wanted: &Wanted, taken: &BTreeSet<ErasedEntry>, taking: bool, found: &mut Found) {
        let on = at.day();
        let here = |index| LeafAt { log: self.log.number(), index };
        let wants = |index: u64, subject: Option<&Identifier>, authorised: bool| {
            let leaf = here(index);
            taking
                && !taken.contains(&leaf.erased(ErasedPart::Exchange))
                && wanted.takes(&Facts { leaf, on, subject, authorised })
        };
        match row {
            Row::Query { index, seed, query } if wants(index, query.subject.entity(), query.authorisation.is_some()) => {
                let leaf = Leaf::new(at, LeafBody::of_query(&query, &seed)).hash();
                let told = ToTell { peer: query.issuer, log: self.log, leaf: NamedLeaf { index, leaf } };
                let busy_until = query.expires.plus(CLOSING_MS);
                let kept = Kept { told: Some(told), busy_until, query: Some(query), ..Kept::whole() };
                found.kept.insert(here(index), kept);
            }
            Row::Answer { index, answer, query, query_log, query_index, .. }
                if wants(index, query.subject.entity(), query.authorisation.is_some()) =>
            {
                let leaf = NamedLeaf { index: query_index, leaf: answer.query };
                let told = Some(ToTell { peer: query.asker, log: query_log, leaf });
                let (usable_until, busy_until) = (usable_until(&answer), query.expires.plus(FRESHNESS_MS));
                found.kept.insert(here(index), Kept { told, usable_until, busy_until, ..Kept::whole() });
            }
            Row::Declined { index, subject, .. } if wants(index, named(&subject).as_ref(), false) => {
                found.kept.insert(here(index), Kept::whole());
            }
            Row::Shown { index, .. } | Row::Notice { index, .. } if wants(index, None, false) => {
                found.kept.insert(here(index), Kept::whole());
            }
            Row::Receipt { query, answer, seed, time, log, index, .. } => {
                let usable_until = usable_until(&answer);
                if let Some(kept) = found.kept.get_mut(&here(query)) {
                    kept.usable_until = usable_until;
                    kept.busy_until = Millis(0);
                    if let Some(asked) = kept.query.take() {
                        let leaf = Leaf::new(time, LeafBody::of_answer(&asked, &answer, &seed)).hash();
                        kept.told = Some(ToTell { peer: asked.issuer, log, leaf: NamedLeaf { index, leaf } });
                    }
                } else if taking
                    && wanted.takes_receipt(usable_until.unwrap_or(on))
                    && !taken.contains(&here(query).erased(ErasedPart::Receipt))
                {
                    found.kept.insert(here(query), Kept { part: ErasedPart::Receipt, ..Kept::whole() });
                }
            }
            _ => {}
        }
    }
}

impl LeafAt {
    /// A part of what is kept of it, as an erasure's list names it.
    fn erased(self, part: ErasedPart) -> ErasedEntry {
        ErasedEntry { log: self.log, index: self.index, part }
    }
}

impl Kept {
    fn whole() -> Self {
        Self { part: ErasedPart::Exchange, told: None, usable_until: None, busy_until: Millis(0), query: None }
    }
}

impl Found {
    /// The list of an erasure of all of it.
    pub fn entries(&self) -> Vec<ErasedEntry> {
        self.kept.iter().map(|(leaf, kept)| leaf.erased(kept.part)).collect()
    }
}

/// The last day on which any of the verdicts may be used; a refusal is of no use.
fn usable_until(answer: &Answer) -> Option<Day> {
    match &answer.reply {
        Reply::Answered(verdicts) => verdicts.verdicts.iter().map(|verdict| verdict.valid_until).max(),
        Reply::Refused(_) => None,
    }
}

fn named(subject: &[u8]) -> Option<Identifier> {
    creditbay_protocol::wire::decode(subject, creditbay_protocol::identifier::IDENTIFIER_BYTES).ok()
}
