//! Rows of cells, with the line in which each begins. The one room of `csv` (RFC 4180).
//!
//! Not here: what a cell means (`columns`).

use std::io::Read;

use csv::{ReaderBuilder, StringRecord, Terminator, WriterBuilder};

use super::fault::IntakeError;
use super::limits::MAX_CELL_BYTES;
use super::text::{Text, TextFault};

/// The rows of a file.
pub struct Table<R> {
    reader: csv::Reader<Text<R>>,
    record: StringRecord,
}

/// One row.
pub struct Cells<'a> {
    /// The line in which it begins, from 1.
    pub line: u64,
    /// Its cells as they stand.
    pub cells: Vec<&'a str>,
}

impl<R: Read> Table<R> {
    /// The rows of these bytes.
    pub fn new(source: R) -> Self {
        let reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(Text::new(source));
        Self { reader, record: StringRecord::new() }
    }

    /// The next row that holds anything; `None` at the end of the file.
    pub fn next_row(&mut self) -> Result<Option<Cells<'_>>, IntakeError> {
        loop {
            self.reader.get_ref().begin_row();
            match self.reader.read_record(&mut self.record) {
                Ok(true) if self.record.iter().all(|cell| cell.trim().is_empty()) => {}
                Ok(true) => break,
                Ok(false) => return Ok(None),
                Err(error) => return Err(fault(error)),
            }
        }
        let cut = self.reader.get_ref().has_ended();
        let within: u64 = self.record.iter().map(|cell| cell.bytes().filter(|byte| *byte == b'\n').count() as u64).sum();
        let line = self.reader.position().line() - within - u64::from(!cut);
        if let Some(position) = self.record.iter().position(|cell| cell.len() > MAX_CELL_BYTES) {
            return Err(IntakeError::Cell { line, number: position + 1 });
        }
        if cut {
            return Err(IntakeError::Cut { line });
        }
        Ok(Some(Cells { line, cells: self.record.iter().collect() }))
    }
}

fn fault(error: csv::Error) -> IntakeError {
    let reason = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(error) => TextFault::within(&error).map_or(IntakeError::Read(error), IntakeError::Text),
        _ => IntakeError::Read(std::io::Error::other(reason)),
    }
}

/// One line of CSV, without its end.
pub fn line_of<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::Any(b'\n')).from_writer(Vec::new());
    writer.write_record(cells).expect("invariant: a Vec takes every byte");
    let bytes = writer.into_inner().expect("invariant: a Vec takes every byte");
    String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (Vec<(u64, usize)>, Option<IntakeError>) {
        let mut table = Table::new(text.as_bytes());
        let mut rows = Vec::new();
        loop {
            match table.next_row() {
                Ok(Some(row)) => rows.push((row.line, row.cells.len())),
                Ok(None) => return (rows, None),
                Err(error) => return (rows, Some(error)),
            }
        }
    }

    #[test]
    fn a_row_has_the_line_in_which_it_begins() {
        for text in ["a,b\n\"c\nd\",e\n\n,\nf,g\n", "a,b\r\n\"c\r\nd\",e\r\n\r\n,\r\nf,g\r\n"] {
            let (rows, error) = lines(text);
            assert!(rows == [(1, 2), (2, 2), (6, 2)] && error.is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_file_that_ends_within_a_row_is_refused() {
        for text in ["a,b\nc,d", "a,b\nc,\"d\n", "a,b\nc,\"d\n\n"] {
            let (rows, error) = lines(text);
            assert!(rows == [(1, 2)] && matches!(error, Some(IntakeError::Cut { line: 2 })), "{text:?}");
        }
        assert!(lines("a,b\nc,d\n \n ").1.is_none(), "blank ends are no row");
    }

    #[test]
    fn a_long_cell_is_refused_and_named_by_its_place() {
        let text = format!("a,b\nc,{}\n", "x".repeat(MAX_CELL_BYTES + 1));
        let mut table = Table::new(text.as_bytes());
        table.next_row().unwrap();
        assert!(matches!(table.next_row(), Err(IntakeError::Cell { line: 2, number: 2 })));
    }

    #[test]
    fn a_line_is_read_back_as_it_was_written() {
        let line = line_of(["a,\"b", "", "c\nd"].into_iter());
        assert_eq!(line, "\"a,\"\"b\",,\"c\nd\"");
    }
}
