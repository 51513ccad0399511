//! What is kept of exchanges, found by what an erasure is about: a walk over all sealed rows that may hold it (PROTOCOL 32.4).
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

/// What an erasure is about.
pub enum Wanted {
    /// One leaf.
    Leaf(u64),
    /// These leaves, not none.
    Leaves(BTreeSet<u64>),
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

/// A part of what was found, by the leaf's index.
#[derive(Default)]
pub struct Found {
    /// What is kept.
    pub kept: BTreeMap<u64, Kept>,
    /// Where to go on; nothing when all was seen.
    pub next: Option<u64>,
}

/// What is in a row that a choice looks at.
struct Facts<'a> {
    index: u64,
    on: Day,
    subject: Option<&'a Identifier>,
    authorised: bool,
}

impl Wanted {
    /// The first leaf that can be wanted.
    pub fn first(&self) -> u64 {
        match self {
            Self::Leaf(index) => *index,
            Self::Leaves(indices) => indices.first().copied().unwrap_or(0),
            Self::Subject(_) | Self::Before(_) | Self::Overdue { .. } => 0,
        }
    }

    /// Whether these rows, and all after them, hold nothing that is wanted but receipts.
    fn is_past(&self, rows: &SealedRows) -> bool {
        match self {
            Self::Leaf(index) => rows.size > *index,
            Self::Leaves(indices) => indices.last().is_none_or(|last| rows.size > *last),
            Self::Before(day) => written_at(rows).day() >= *day,
            Self::Subject(_) | Self::Overdue { .. } => false,
        }
    }

    fn takes(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Leaf(index) => facts.index == *index,
            Self::Leaves(indices) => indices.contains(&facts.index),
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

/// A walk over what is kept.
pub struct Walk<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// What opens it.
    pub seals: &'a Seals,
    /// This node's log.
    pub log: Origin,
}

impl Walk<'_> {
    /// What is wanted and was not taken before, from a leaf on, about as many as one erasure takes. `met` hears how far it is.
    pub fn find(
        &self,
        wanted: &Wanted,
        taken: &BTreeSet<ErasedEntry>,
        from: u64,
        met: &mut dyn FnMut(u64),
    ) -> Result<Found, LogError> {
        let mut found = Found::default();
        let mut receipts_until: Option<Millis> = None;
        let mut page = layout::sealed_from(self.store, from)?;
        while let Some(end) = page.last() {
            for rows in &page {
                let at = written_at(rows);
                if receipts_until.is_some_and(|until| at > until) {
                    return Ok(found);
                }
                if receipts_until.is_none() {
                    let full = found.kept.len() + BATCH > MAX_ERASED;
                    if full {
                        found.next = Some(rows.size);
                    }
                    if full || wanted.is_past(rows) {
                        receipts_until = Some(at.plus(ROWS_AFTER_MS));
                    }
                }
                for row in self.seals.open_kept(rows)? {
                    self.look_at(row, at, wanted, taken, receipts_until.is_none(), &mut found);
                }
            }
            met(end.size);
            page = layout::sealed_after(self.store, end)?;
        }
        Ok(found)
    }

    fn look_at(&self, row: Row, at: Millis, wanted: &Wanted, taken: &BTreeSet<ErasedEntry>, taking: bool, found: &mut Found) {
        let on = at.day();
        let wants = |index: u64, subject: Option<&Identifier>, authorised: bool| {
            let entry = ErasedEntry { index, part: ErasedPart::Exchange };
            taking && !taken.contains(&entry) && wanted.takes(&Facts { index, on, subject, authorised })
        };
        match row {
            Row::Query { index, seed, query } if wants(index, query.subject.entity(), query.authorisation.is_some()) => {
                let leaf = Leaf::new(at, LeafBody::of_query(&query, &seed)).hash();
                let told = ToTell { peer: query.issuer, log: self.log, leaf: NamedLeaf { index, leaf } };
                let busy_until = query.expires.plus(CLOSING_MS);
                let kept = Kept { told: Some(told), busy_until, query: Some(query), ..Kept::whole() };
                found.kept.insert(index, kept);
            }
            Row::Answer { index, answer, query, query_log, query_index, .. }
                if wants(index, query.subject.entity(), query.authorisation.is_some()) =>
            {
                let leaf = NamedLeaf { index: query_index, leaf: answer.query };
                let told = Some(ToTell { peer: query.asker, log: query_log, leaf });
                let (usable_until, busy_until) = (usable_until(&answer), query.expires.plus(FRESHNESS_MS));
                found.kept.insert(index, Kept { told, usable_until, busy_until, ..Kept::whole() });
            }
            Row::Declined { index, subject, .. } if wants(index, named(&subject).as_ref(), false) => {
                found.kept.insert(index, Kept::whole());
            }
            Row::Shown { index, .. } | Row::Notice { index, .. } if wants(index, None, false) => {
                found.kept.insert(index, Kept::whole());
            }
            Row::Receipt { query, answer, seed, time, log, index, .. } => {
                let usable_until = usable_until(&answer);
                if let Some(kept) = found.kept.get_mut(&query) {
                    kept.usable_until = usable_until;
                    kept.busy_until = Millis(0);
                    if let Some(asked) = kept.query.take() {
                        let leaf = Leaf::new(time, LeafBody::of_answer(&asked, &answer, &seed)).hash();
                        kept.told = Some(ToTell { peer: asked.issuer, log, leaf: NamedLeaf { index, leaf } });
                    }
                } else if taking && wanted.takes_receipt(usable_until.unwrap_or(on)) {
                    let entry = ErasedEntry { index: query, part: ErasedPart::Receipt };
                    if !taken.contains(&entry) {
                        found.kept.insert(query, Kept { part: ErasedPart::Receipt, ..Kept::whole() });
                    }
                }
            }
            _ => {}
        }
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
        self.kept.iter().map(|(index, kept)| ErasedEntry { index: *index, part: kept.part }).collect()
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
