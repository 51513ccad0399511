//! The rows of a file of either kind: CSV (`table`), or an envelope in XML (`envelope`), told apart by the file's name.

use std::io::Read;

use super::envelope::Envelope;
use super::fault::IntakeError;
use super::table::{Cells, Table};

/// The rows of a file.
pub enum Rows<R> {
    /// Of CSV.
    Table(Box<Table<R>>),
    /// Of an envelope.
    Envelope(Box<Envelope<R>>),
}

impl<R: Read> Rows<R> {
    /// The rows of these bytes, in a file of this name.
    pub fn of(name: &str, source: R) -> Self {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending);
        match ending.is_some_and(|ending| ending.eq_ignore_ascii_case("xml")) {
            true => Self::Envelope(Box::new(Envelope::new(source))),
            false => Self::Table(Box::new(Table::new(source))),
        }
    }

    /// The next row that holds anything; `None` at the end of the file.
    pub fn next_row(&mut self) -> Result<Option<Cells<'_>>, IntakeError> {
        match self {
            Self::Table(table) => table.next_row(),
            Self::Envelope(envelope) => envelope.next_row(),
        }
    }
}
