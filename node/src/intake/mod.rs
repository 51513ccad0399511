//! Files of records become sealed records: text, rows, columns, layouts (PROTOCOL 22; domain 7).
//!
//! A row about an entity becomes the facts that a predicate needs; a row about a natural person is set aside by its number alone; any
//! other row is rejected with a reason that names nobody. Names, documents of persons and free text are never kept and never repeated.
//! A file is read as it arrives: memory does not grow with it, except for 16 bytes of each row's key. Not here: who may send a file.

pub mod columns;
pub mod fault;
pub mod limits;
pub mod penalties;
pub mod permits;
pub mod reading;
pub mod registers;
pub mod table;
pub mod text;

use std::collections::HashSet;
use std::io::Read;

use creditbay_configs::rules::RulePack;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::predicate::AttestationType;
use serde::{Serialize, Serializer};

use self::columns::Columns;
use self::fault::{IntakeError, Rejection, RowFault};
use self::limits::{MAX_ROWS, MAX_STRICT_ROWS};
use self::reading::{Entry, Reading};
use self::registers::{Holds, Marker};
use self::table::{Cells, Table};
use crate::store::records::{Merged, Records};

/// Rows that become durable together.
const ROWS_PER_MERGE: usize = 500;
/// Rows between two words on progress.
const ROWS_PER_PROGRESS: u64 = 1000;
/// What a row begins with that explains the table.
const EXPLANATION: &str = "表格说明";
/// What is no CSV, by its name.
const OTHER_KINDS: [&str; 6] = ["xls", "xlsx", "xml", "zip", "gz", "pdf"];

const DAY_MS: i64 = 86_400_000;
const UTC_PLUS_8_MS: i64 = 8 * 3_600_000;

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
    /// A repair or withdrawal of which no record is here yet; it is kept for one that comes later.
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
    /// The register, by the name of the type it feeds, or `REPAIR`.
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
    /// Repairs and withdrawals of which no record is here yet; also counted above.
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

/// Imports a file. `name` is what it is called, `now` the time of import; `report` hears every event as it happens.
///
/// Without `strict` every good row is imported and every other one told; rows become durable 500 at a time, and after an error those
/// before it stay. With `strict` nothing is imported unless every row is good, a duplicate, or about a person. A file whose rows were all
/// rejected synchronises nothing.
///
/// # Errors
/// [`IntakeError`], which was also told as the last event.
pub fn import(
    file: impl Read,
    name: &str,
    strict: bool,
    pack: &RulePack,
    records: &Records,
    now: Millis,
    report: &mut dyn FnMut(Event),
) -> Result<Summary, IntakeError> {
    let mut imported = 0;
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let read = match OTHER_KINDS.into_iter().find(|kind| Some(*kind) == ending.as_deref()) {
        Some(ending) => Err(IntakeError::FileKind { ending }),
        None => read_file(
            file,
            &mut Sink { strict, records, report, waiting: Vec::new(), merged: Merged::default(), unmatched: 0 },
            pack,
            &mut imported,
        ),
    };
    let finished = read.and_then(|(mut summary, as_of)| {
        if let Some(register) = as_of.register.filter(|_| summary.rows == 0 || summary.rejected < summary.rows) {
            let at = as_of.day.map_or(now, |day| end_of(day).min(now));
            records.synchronise(register, at)?;
            summary.synchronised = Some(at);
        }
        Ok(summary)
    });
    match &finished {
        Ok(summary) => report(Event::Done(summary.clone())),
        Err(error) => report(Event::Failed { reason: error.to_string(), imported }),
    }
    finished
}

/// What is synchronised by a whole file, and as of which day.
struct AsOf {
    register: Option<AttestationType>,
    day: Option<Day>,
}

/// The last millisecond of a day in UTC+8; 1970 for every day before.
fn end_of(day: Day) -> Millis {
    Millis(u64::try_from((i64::from(day.number()) + 1) * DAY_MS - UTC_PLUS_8_MS - 1).unwrap_or(0))
}

/// Which kind of file it is.
enum Kind {
    Penalties,
    Permits,
    Register(Marker),
}

impl Kind {
    /// Recognises the file by its first row, and reads on to the header if that is not the one.
    fn recognise(table: &mut Table<impl Read>) -> Result<(Self, Columns, String), IntakeError> {
        let mut first = table.next_row()?.ok_or(IntakeError::NoHeader)?;
        if is_explanation(&first) {
            first = table.next_row()?.ok_or(IntakeError::NoHeader)?;
        }
        if let Some(marker) = Marker::read(&first.cells)? {
            let header = table.next_row()?.ok_or(IntakeError::NoHeader)?;
            let columns = Columns::find(marker.layout(), &header.cells)?;
            return Ok((Self::Register(marker), columns, table::line_of(header.cells.into_iter())));
        }
        let line = table::line_of(first.cells.iter().copied());
        let missing = |error: &IntakeError| if let IntakeError::Layout { missing, .. } = error { missing.len() } else { 0 };
        match (Columns::find(&penalties::LAYOUT, &first.cells), Columns::find(&permits::LAYOUT, &first.cells)) {
            (Ok(columns), _) => Ok((Self::Penalties, columns, line)),
            (_, Ok(columns)) => Ok((Self::Permits, columns, line)),
            (Err(one), Err(other)) => Err(if missing(&other) < missing(&one) { other } else { one }),
        }
    }

    fn as_of(&self) -> AsOf {
        match self {
            Self::Penalties => AsOf { register: Some(AttestationType::Penalty), day: None },
            Self::Permits => AsOf { register: Some(AttestationType::Permit), day: None },
            Self::Register(Marker { holds: Holds::Register(register), as_of, .. }) => {
                AsOf { register: Some(*register), day: Some(*as_of) }
            }
            Self::Register(Marker { holds: Holds::Repairs, .. }) => AsOf { register: None, day: None },
        }
    }

    fn read(&self, columns: &Columns, cells: &Cells<'_>, pack: &RulePack) -> Result<Reading, Rejection> {
        if cells.cut {
            return Err(Rejection { column: "", fault: RowFault::Cut });
        }
        let row = columns.row(&cells.cells)?;
        match self {
            Self::Penalties => penalties::read(&row, pack),
            Self::Permits => permits::read(&row),
            Self::Register(marker) => marker.read_row(&row),
        }
    }
}

fn is_explanation(cells: &Cells<'_>) -> bool {
    cells.cells.first().is_some_and(|cell| text::even(cell).starts_with(EXPLANATION))
}

fn read_file(file: impl Read, sink: &mut Sink<'_>, pack: &RulePack, imported: &mut u64) -> Result<(Summary, AsOf), IntakeError> {
    let mut table = Table::new(file);
    let (kind, columns, header) = Kind::recognise(&mut table)?;
    let as_of = kind.as_of();
    let register = as_of.register.map_or("REPAIR", AttestationType::as_str);
    let mut summary = Summary { layout: columns.layout().name, register, ..Summary::default() };
    let mut seen = HashSet::new();
    while let Some(cells) = table.next_row()? {
        if is_explanation(&cells) {
            continue;
        }
        summary.rows += 1;
        if summary.rows > MAX_ROWS {
            return Err(IntakeError::TooManyRows);
        }
        match kind.read(&columns, &cells, pack) {
            Ok(Reading::Person) => {
                summary.persons += 1;
                (sink.report)(Event::Person { row: cells.line });
            }
            Ok(Reading::Good(_, entry)) if !seen.insert(entry.key()) => summary.duplicates += 1,
            Ok(Reading::Good(subject, entry)) => sink.take(Waiting { line: cells.line, subject, entry }, imported)?,
            Err(rejection) => {
                if summary.rejected == 0 {
                    (sink.report)(Event::RejectedHeader(header.clone()));
                }
                summary.rejected += 1;
                let Rejection { column, fault } = rejection;
                (sink.report)(Event::Rejected { row: cells.line, column, reason: fault.to_string() });
                (sink.report)(Event::RejectedCsv(columns.blanked(&cells.cells)));
            }
        }
        if summary.rows.is_multiple_of(ROWS_PER_PROGRESS) {
            (sink.report)(Event::Progress { rows: summary.rows });
        }
    }
    if sink.strict && summary.rejected > 0 {
        return Err(IntakeError::Strict(summary.rejected));
    }
    sink.flush(imported)?;
    let Merged { added, replaced, unchanged } = sink.merged;
    let duplicates = summary.duplicates + unchanged;
    let unmatched = sink.unmatched;
    Ok((Summary { good: added + replaced, added, replaced, unchanged, duplicates, unmatched, ..summary }, as_of))
}

/// A good row that is not durable yet.
struct Waiting {
    line: u64,
    subject: Identifier,
    entry: Entry,
}

/// Where good rows go.
struct Sink<'a> {
    strict: bool,
    records: &'a Records,
    report: &'a mut dyn FnMut(Event),
    waiting: Vec<Waiting>,
    merged: Merged,
    unmatched: u64,
}

impl Sink<'_> {
    fn take(&mut self, row: Waiting, imported: &mut u64) -> Result<(), IntakeError> {
        if self.strict && self.waiting.len() == MAX_STRICT_ROWS {
            return Err(IntakeError::TooManyForStrict);
        }
        self.waiting.push(row);
        if !self.strict && self.waiting.len() == ROWS_PER_MERGE { self.flush(imported) } else { Ok(()) }
    }

    /// Makes what waits durable.
    fn flush(&mut self, imported: &mut u64) -> Result<(), IntakeError> {
        let mut waiting = std::mem::take(&mut self.waiting).into_iter().peekable();
        while waiting.peek().is_some() {
            let (mut records, mut amendments, mut amending) = (Vec::new(), Vec::new(), Vec::new());
            for Waiting { line, subject, entry } in waiting.by_ref().take(ROWS_PER_MERGE) {
                match entry {
                    Entry::Record(record) => records.push((subject, record)),
                    Entry::Amendment(amendment) => {
                        amendments.push((subject, amendment));
                        amending.push(line);
                    }
                }
            }
            let (merged, amended) = (self.records.merge(records)?, self.records.amend(amendments)?);
            for row in amended.unmatched.iter().filter_map(|position| amending.get(*position)) {
                self.unmatched += 1;
                (self.report)(Event::Unmatched { row: *row });
            }
            for merged in [merged, amended.merged] {
                self.merged.added += merged.added;
                self.merged.replaced += merged.replaced;
                self.merged.unchanged += merged.unchanged;
            }
            *imported = self.merged.added + self.merged.replaced;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
