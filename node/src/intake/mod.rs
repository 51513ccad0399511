//! Files of records become sealed records: text, rows (of CSV or XML), columns, layouts (PROTOCOL 22; domain 7).
//!
//! A row about an entity becomes the facts that a predicate needs; a row about a natural person goes under a pseudonym to a store of its
//! own; any other row is rejected with a reason that names nobody. Names, numbers of persons and free text are never kept or repeated.
//! A file is read as it arrives: memory does not grow with it, except for 16 bytes of each row's key. Not here: who may send a file.

pub mod columns;
pub mod envelope;
pub mod event;
pub mod fault;
pub mod limits;
pub mod penalties;
pub mod permits;
pub mod published;
pub mod reading;
mod recent;
pub mod registers;
pub mod rows;
mod sink;
pub mod spool;
pub mod table;
pub mod text;

use std::io::Read;

use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::predicate::AttestationType;

use self::columns::Columns;
use self::event::{Event, Summary};
use self::fault::{IntakeError, Rejection};
use self::limits::MAX_ROWS;
use self::reading::{Reading, Under};
use self::recent::Recent;
use self::registers::Marker;
use self::registers::layouts::Holds;
use self::rows::Rows;
use self::sink::Sink;
use self::spool::{Spool, SpoolError};
use self::table::Cells;
use crate::store::records::Merged;

/// Rows between two words on progress.
const ROWS_PER_PROGRESS: u64 = 1000;
/// What a row begins with that explains the table.
const EXPLANATION: &str = "表格说明";
/// What is neither CSV nor XML, by its name.
const OTHER_KINDS: [&str; 5] = ["xls", "xlsx", "zip", "gz", "pdf"];

const DAY_MS: i64 = 86_400_000;
const UTC_PLUS_8_MS: i64 = 8 * 3_600_000;

/// Imports a file once it was seen to be whole and text to its end; of any other nothing is imported.
///
/// # Errors
/// [`IntakeError`], which was also told as the last event.
pub fn import_whole(
    taken: Result<Spool, SpoolError>,
    name: &str,
    strict: bool,
    under: &Under<'_>,
    now: Millis,
    report: &mut dyn FnMut(Event),
) -> Result<Summary, IntakeError> {
    let checked = taken.map_err(IntakeError::from).and_then(|mut spool| {
        check(spool.read().map_err(IntakeError::Read)?, name, under)?;
        Ok(spool)
    });
    match checked {
        Ok(mut spool) => import(spool.read().map_err(IntakeError::Read)?, name, strict, under, now, report),
        Err(error) => {
            report(Event::Failed { reason: error.to_string(), imported: 0 });
            Err(error)
        }
    }
}

/// Whether a file can be read to its end: its kind, its header, and every row as text. Not what the rows say.
fn check(file: impl Read, name: &str, under: &Under<'_>) -> Result<(), IntakeError> {
    refuse_kind(name)?;
    let mut table = Rows::of(name, file);
    if let (Kind::Register(marker), ..) = Kind::recognise(&mut table)? {
        marker.check(under)?;
    }
    let mut rows = 0;
    while table.next_row()?.is_some() {
        rows += 1;
        if rows > MAX_ROWS {
            return Err(IntakeError::TooManyRows);
        }
    }
    Ok(())
}

fn refuse_kind(name: &str) -> Result<(), IntakeError> {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match OTHER_KINDS.into_iter().find(|kind| Some(*kind) == ending.as_deref()) {
        Some(ending) => Err(IntakeError::FileKind { ending }),
        None => Ok(()),
    }
}

/// Imports a file. `name` is what it is called, `now` the time of import; `report` hears every event as it happens.
///
/// Without `strict` every good row is imported and every other one told; rows become durable 2 048 at a time or fewer, and after an error those
/// before it stay. With `strict` nothing is imported unless every row is good, a duplicate, or about a person. A file whose rows were all
/// rejected synchronises nothing.
///
/// # Errors
/// [`IntakeError`], which was also told as the last event.
pub fn import(
    file: impl Read,
    name: &str,
    strict: bool,
    under: &Under<'_>,
    now: Millis,
    report: &mut dyn FnMut(Event),
) -> Result<Summary, IntakeError> {
    let mut imported = 0;
    let mut sink = Sink::new(strict, under, report);
    let read = refuse_kind(name).and_then(|()| read_file(Rows::of(name, file), &mut sink, &mut imported));
    let finished = read.and_then(|(mut summary, as_of)| {
        if let Some(register) = as_of.register.filter(|_| summary.rows == 0 || summary.rejected < summary.rows) {
            let at = as_of.day.map_or(now, |day| end_of(day).min(now));
            under.records.synchronise(register, at)?;
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
    Penalties2016,
    Permits,
    Permits2016,
    Register(Marker),
}

impl Kind {
    /// Recognises the file by its first row, and reads on to the header if that is not the one.
    fn recognise(table: &mut Rows<impl Read>) -> Result<(Self, Columns, String), IntakeError> {
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
        let mut nearest: Option<(usize, IntakeError)> = None;
        for (kind, layout) in [
            (Self::Penalties, &penalties::LAYOUT),
            (Self::Permits, &permits::LAYOUT),
            (Self::Penalties2016, &penalties::LAYOUT_2016),
            (Self::Permits2016, &permits::LAYOUT_2016),
        ] {
            let error = match Columns::find(layout, &first.cells) {
                Ok(columns) => return Ok((kind, columns, line)),
                Err(error) => error,
            };
            let missing = if let IntakeError::Layout { missing, .. } = &error { missing.len() } else { 0 };
            if nearest.as_ref().is_none_or(|(fewest, _)| missing < *fewest) {
                nearest = Some((missing, error));
            }
        }
        Err(nearest.map_or(IntakeError::NoHeader, |(_, error)| error))
    }

    fn as_of(&self) -> AsOf {
        match self {
            Self::Penalties | Self::Penalties2016 => AsOf { register: Some(AttestationType::Penalty), day: None },
            Self::Permits | Self::Permits2016 => AsOf { register: Some(AttestationType::Permit), day: None },
            Self::Register(Marker { holds: Holds::Register(register), as_of, .. }) => {
                AsOf { register: Some(*register), day: Some(*as_of) }
            }
            Self::Register(_) => AsOf { register: None, day: None },
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Penalties | Self::Penalties2016 => AttestationType::Penalty.as_str(),
            Self::Permits | Self::Permits2016 => AttestationType::Permit.as_str(),
            Self::Register(marker) => marker.holds.name(),
        }
    }

    fn read(&self, columns: &Columns, cells: &Cells<'_>, under: &Under<'_>) -> Result<Reading, Rejection> {
        let row = columns.row(&cells.cells)?;
        match self {
            Self::Penalties => penalties::read(&row, under),
            Self::Penalties2016 => penalties::read_2016(&row, under),
            Self::Permits => permits::read(&row, under),
            Self::Permits2016 => permits::read_2016(&row, under),
            Self::Register(marker) => marker.read_row(&row, under),
        }
    }
}

fn is_explanation(cells: &Cells<'_>) -> bool {
    cells.cells.first().is_some_and(|cell| text::even(cell).starts_with(EXPLANATION))
}

fn read_file(mut table: Rows<impl Read>, sink: &mut Sink<'_>, imported: &mut u64) -> Result<(Summary, AsOf), IntakeError> {
    let (kind, columns, header) = Kind::recognise(&mut table)?;
    if let Kind::Register(marker) = &kind {
        marker.check(sink.under)?;
    }
    let mut summary = Summary { layout: columns.layout().name, register: kind.name(), ..Summary::default() };
    let mut recent = Recent::default();
    while let Some(cells) = table.next_row()? {
        if is_explanation(&cells) {
            continue;
        }
        summary.rows += 1;
        if summary.rows > MAX_ROWS {
            return Err(IntakeError::TooManyRows);
        }
        match kind.read(&columns, &cells, sink.under) {
            Ok(reading) => {
                let is_person = matches!(reading, Reading::Person(_));
                if is_person {
                    summary.persons += 1;
                    (sink.report)(Event::Person { row: cells.line });
                }
                match reading.key() {
                    Some(key) if recent.is_new(key) => sink.take(cells.line, reading, imported)?,
                    Some(_) if !is_person => summary.duplicates += 1,
                    _ => {}
                }
            }
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
    Ok((Summary { good: added + replaced, added, replaced, unchanged, duplicates, unmatched, ..summary }, kind.as_of()))
}

#[cfg(test)]
mod tests;
