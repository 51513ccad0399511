//! What can be wrong with a file as a whole, and with one row of it. Neither says anything about a subject.

use std::io;

use creditbay_protocol::identifier::IdentifierError;
use creditbay_protocol::predicate::{AttestationType, LawOfOrigin};

use super::limits::{MAX_CELL_BYTES, MAX_COLUMNS, MAX_ROWS, MAX_STRICT_ROWS};
use super::spool::SpoolError;
use super::text::TextFault;
use crate::store::records::RecordsError;

/// Why a file is not read to its end. No register counts as synchronised by it.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The name says that it is something else.
    #[error("a .{ending} file is not read; save it as CSV in UTF-8 or GB18030")]
    FileKind {
        /// What its name ends with.
        ending: &'static str,
    },
    /// The bytes stop coming.
    #[error("the file stops coming: {0}; send it again")]
    Read(io::Error),
    /// The file was not taken in.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The bytes are not text.
    #[error(transparent)]
    Text(TextFault),
    /// A cell is too long.
    #[error("line {line}, cell {number}: longer than {MAX_CELL_BYTES} bytes; look for a quotation mark that is never closed")]
    Cell {
        /// The line in which its row begins, from 1.
        line: u64,
        /// Which cell of the row, from 1.
        number: usize,
    },
    /// There is nothing in it.
    #[error("the file has no header; a file without records still has one")]
    NoHeader,
    /// A header with too many columns.
    #[error("the header has {0} columns, more than {MAX_COLUMNS}; is this the right file?")]
    TooManyColumns(usize),
    /// No layout fits.
    #[error("the layout is not known; of {nearest} the columns are missing: {}; see configs/samples/README.md", missing.join(", "))]
    Layout {
        /// The layout that comes nearest.
        nearest: &'static str,
        /// What it needs and the header lacks.
        missing: Vec<&'static str>,
    },
    /// Two columns for one thing.
    #[error("the column {0} stands twice in the header; leave out the one that is not meant")]
    ColumnTwice(&'static str),
    /// The first line of a register file.
    #[error("line 1: {0}; it reads #creditbay-register/1,register=...,authority=...,as_of=YYYY-MM-DD")]
    Marker(&'static str),
    /// Ratings that the rule pack has no scale for.
    #[error("the rule pack has no scale of {register} under the law of {law}; such ratings are not kept here")]
    NoScale {
        /// The register.
        register: AttestationType,
        /// The law of this node.
        law: LawOfOrigin,
    },
    /// The file ends in the middle of a row.
    #[error(
        "the file ends within the row that begins in line {line}; export it again, or end it with a line break if it is whole"
    )]
    Cut {
        /// The line, from 1.
        line: u64,
    },
    /// An XML file that is not an envelope of records.
    #[error("line {line}: {fault}")]
    Envelope {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        fault: EnvelopeFault,
    },
    /// Too many rows.
    #[error("more than {MAX_ROWS} rows; split the file and import the parts")]
    TooManyRows,
    /// Too many rows for a strict import, which keeps them until the last is read.
    #[error("more than {MAX_STRICT_ROWS} rows cannot be imported strictly; split the file, or import it without strict")]
    TooManyForStrict,
    /// A strict import of a file with rejected rows.
    #[error("{0} rows are rejected, so nothing was imported; put them right, or import without strict")]
    Strict(u64),
    /// The records could not be kept.
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// What is wrong with an envelope. Nothing of the file is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// Not well-formed.
    #[error("not well-formed XML; export the file again")]
    NotXml,
    /// Another document.
    #[error("not ExchangeMessage with Body and fields, which is all that is read of XML; save other files as CSV")]
    NoEnvelope,
    /// An element within a cell.
    #[error("an element within an element of fields; each of them holds text alone")]
    TooDeep,
    /// Two cells of one name.
    #[error("an element stands twice in one fields; each row has a fields of its own")]
    ElementTwice,
    /// A cell that has no column.
    #[error("an element that the first fields of the file does not have; give each of them the same elements")]
    OtherElement,
    /// A document type.
    #[error("a document type (<!DOCTYPE); leave it out, nothing is fetched or expanded")]
    DocumentType,
    /// An entity that is not one of XML's own.
    #[error("an entity that is none of &amp; &lt; &gt; &apos; &quot; and no number of a character")]
    Entity,
    /// An element that is never closed.
    #[error("the file ends within {0}; export it again")]
    Open(String),
}

/// Why a row is not imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// Another number of cells than the header.
    #[error("{found} cells where the header has {expected}; look for a comma or a line break outside quotation marks")]
    Cells {
        /// Cells of the row.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// Nothing in a cell that is needed.
    #[error("empty, and needed")]
    Empty,
    /// Not the identifier of an entity.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// Not a date.
    #[error("not a date; write yyyy-MM-dd or yyyy/MM/dd")]
    Date,
    /// A period that is over before it begins.
    #[error("lies before the day on which it begins")]
    BeforeItBegins,
    /// Not an amount.
    #[error("not an amount in 万元 with at most 6 decimals")]
    Amount,
    /// A natural person in a register of companies.
    #[error("a natural person's row in a register of companies; nothing of it was kept: look at what the file was exported from")]
    Person,
    /// Not a grade.
    #[error("no grade of this register's scale in the rule pack; write one of those, or unrated")]
    Grade,
    /// Not a digest.
    #[error("not a SHA-256 in 64 characters of hex")]
    Digest,
    /// A type that the register has no reports of.
    #[error("no type that reports of this register answer; leave it empty, or see configs/samples/README.md")]
    ReportType,
    /// Not the domains of a report.
    #[error("not the domains of such a report: numbers of the rule pack with | between them for NO_VIOL_REPORT, else nothing")]
    Domains,
    /// Not one of a closed set.
    #[error("not one of: {0}")]
    NotOneOf(&'static str),
}

/// A fault, and the column it is in: its usual name, or nothing where the row as a whole is at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The column.
    pub column: &'static str,
    /// What is wrong.
    pub fault: RowFault,
}
