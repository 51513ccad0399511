//! Where rows go that are not rejected: by kind, and durable some thousands at a time.

use creditbay_configs::rules::record::{Record, Report};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::identifier::Identifier;

use super::event::Event;
use super::fault::IntakeError;
use super::limits::MAX_STRICT_ROWS;
use super::reading::{Entry, Reading, Under};
use crate::store::documents::Amendment;
use crate::store::persons::PersonRow;
use crate::store::records::{Merged, RecordsError};

/// Rows that are read before they are kept. Each may be about another subject, all of whose records are then held: how many of them become
/// durable together is bounded where they are held (`store::records`).
pub(super) const ROWS_PER_MERGE: usize = 2048;

/// Where rows go that are not rejected.
pub(super) struct Sink<'a> {
    pub(super) strict: bool,
    pub(super) under: &'a Under<'a>,
    pub(super) report: &'a mut dyn FnMut(Event),
    /// Rows that are not durable yet, with the lines in which they begin.
    waiting: Vec<(u64, Reading)>,
    pub(super) merged: Merged,
    pub(super) unmatched: u64,
}

impl<'a> Sink<'a> {
    pub(super) fn new(strict: bool, under: &'a Under<'a>, report: &'a mut dyn FnMut(Event)) -> Self {
        Self { strict, under, report, waiting: Vec::new(), merged: Merged::default(), unmatched: 0 }
    }

    pub(super) fn take(&mut self, line: u64, reading: Reading, imported: &mut u64) -> Result<(), IntakeError> {
        if self.strict && self.waiting.len() == MAX_STRICT_ROWS {
            return Err(IntakeError::TooManyForStrict);
        }
        self.waiting.push((line, reading));
        if !self.strict && self.waiting.len() == ROWS_PER_MERGE { self.flush(imported) } else { Ok(()) }
    }

    /// Makes what waits durable.
    pub(super) fn flush(&mut self, imported: &mut u64) -> Result<(), IntakeError> {
        let mut waiting = std::mem::take(&mut self.waiting).into_iter().peekable();
        while waiting.peek().is_some() {
            let sorted = Sorted::of(waiting.by_ref().take(ROWS_PER_MERGE));
            let store = self.under.records;
            store.persons().keep(&sorted.persons).map_err(RecordsError::from)?;
            let (merged, reports) = (store.merge(sorted.records)?, store.keep_reports(sorted.reports)?);
            let amended = store.amend(sorted.amendments)?;
            for row in amended.unmatched.iter().filter_map(|position| sorted.amending.get(*position)) {
                self.unmatched += 1;
                (self.report)(Event::Unmatched { row: *row });
            }
            for merged in [merged, amended.merged, reports] {
                self.merged.added += merged.added;
                self.merged.replaced += merged.replaced;
                self.merged.unchanged += merged.unchanged;
            }
            *imported = self.merged.added + self.merged.replaced;
        }
        Ok(())
    }
}

/// Rows by where they are kept.
#[derive(Default)]
struct Sorted {
    records: Vec<(Identifier, Record)>,
    amendments: Vec<(Identifier, Amendment)>,
    /// The line of each amendment.
    amending: Vec<u64>,
    reports: Vec<(Digest, Report)>,
    persons: Vec<PersonRow>,
}

impl Sorted {
    fn of(rows: impl Iterator<Item = (u64, Reading)>) -> Self {
        let mut sorted = Self::default();
        for (line, row) in rows {
            match row {
                Reading::Good(subject, Entry::Record(record)) => sorted.records.push((subject, record)),
                Reading::Good(subject, Entry::Amendment(amendment)) => {
                    sorted.amendments.push((subject, amendment));
                    sorted.amending.push(line);
                }
                Reading::Report(file, report) => sorted.reports.push((file, report)),
                Reading::Person(row) => sorted.persons.extend(row),
            }
        }
        sorted
    }
}
