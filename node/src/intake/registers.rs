//! The layout `creditbay-register/1`: registers of any region, one per file, taken over whole as of a day (configs/samples/README.md).
//!
//! The first line says which register, whose and as of when; the second names the columns.

use creditbay_configs::rules::catalogue::Shape;
use creditbay_configs::rules::record::{Fact, Record};
use creditbay_protocol::calendar::Day;
use creditbay_protocol::identifier::{Identifier, IdentifierError, Scheme, recognise_person};
use creditbay_protocol::predicate::{AttestationType, RegistrationStatus};

use super::columns::{Column, Layout, Row, authority_code};
use super::fault::{IntakeError, Rejection, RowFault};
use super::permits::{category_code, permit};
use super::reading::{Entry, Reading};
use crate::store::records::{Action, Amendment, DocumentId};

/// How the first line begins.
const MARK: &str = "#creditbay-register/";
/// The layout's name.
const NAME: &str = "creditbay-register/1";

const fn column(name: &'static str, alias: &'static [&'static str], needed: bool, shown: bool) -> Column {
    Column { name, aliases: alias, needed, shown }
}
const SCHEME_COLUMN: Column = column("scheme", &["SCHEME"], true, true);
const IDENTIFIER_COLUMN: Column = column("identifier", &["IDENTIFIER"], true, false);
const DOCUMENT_COLUMN: Column = column("document", &["DOCUMENT"], true, false);

static STATUS: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        column("status", &["STATUS"], true, true),
        column("since", &["SINCE"], true, true),
    ],
};
static LIST: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        DOCUMENT_COLUMN,
        column("listed_on", &["LISTED_ON"], true, true),
        column("delisted_on", &["DELISTED_ON"], true, true),
        column("repaired_on", &["REPAIRED_ON"], true, true),
        column("withdrawn_on", &["WITHDRAWN_ON"], true, true),
    ],
};
static PERMIT: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        DOCUMENT_COLUMN,
        column("category", &["CATEGORY"], true, false),
        column("valid_from", &["VALID_FROM"], true, true),
        column("valid_until", &["VALID_UNTIL"], true, true),
        column("state", &["STATE"], true, true),
    ],
};
static REPAIR: Layout = Layout {
    name: NAME,
    columns: &[
        SCHEME_COLUMN,
        IDENTIFIER_COLUMN,
        DOCUMENT_COLUMN,
        column("authority", &["AUTHORITY"], true, false),
        column("action", &["ACTION"], true, true),
        column("on", &["ON"], true, true),
    ],
};
const SCHEME: usize = 0;
const IDENTIFIER: usize = 1;
const DOCUMENT: usize = 2;

/// What a register file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// The records of this register.
    Register(AttestationType),
    /// Repairs and withdrawals of what other files recorded.
    Repairs,
}

/// The first line of a register file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Which register.
    pub holds: Holds,
    /// The code of the authority that keeps it.
    authority: String,
    /// The day at whose end it was whole.
    pub as_of: Day,
}

impl Marker {
    /// Reads the first line; `None` if it does not begin as one of a register file.
    pub fn read(first: &[&str]) -> Result<Option<Self>, IntakeError> {
        let Some(version) = first.first().and_then(|cell| cell.trim().strip_prefix(MARK)) else { return Ok(None) };
        if version != "1" {
            return Err(IntakeError::Marker("another version of the layout than 1"));
        }
        let value = |key: &str| first.iter().skip(1).find_map(|cell| cell.trim().strip_prefix(key)?.strip_prefix('='));
        let register = value("register").ok_or(IntakeError::Marker("register= is missing"))?;
        let authority = value("authority").map(authority_code).filter(|code| !code.is_empty());
        let as_of = value("as_of").and_then(|day| day.parse().ok());
        Ok(Some(Self {
            holds: holds(register)
                .ok_or(IntakeError::Marker("the register is none that is kept: REG_STATUS, PERMIT, REPAIR or a list"))?,
            authority: authority.ok_or(IntakeError::Marker("authority= is missing"))?,
            as_of: as_of.ok_or(IntakeError::Marker("as_of= is missing or no date"))?,
        }))
    }

    /// The layout of its rows.
    pub fn layout(&self) -> &'static Layout {
        match self.holds {
            Holds::Register(AttestationType::RegStatus) => &STATUS,
            Holds::Register(AttestationType::Permit) => &PERMIT,
            Holds::Register(_) => &LIST,
            Holds::Repairs => &REPAIR,
        }
    }

    /// Reads a row.
    pub fn read_row(&self, row: &Row<'_>) -> Result<Reading, Rejection> {
        let Some(subject) = read_subject(row)? else { return Ok(Reading::Person) };
        let entry = match self.holds {
            Holds::Register(AttestationType::RegStatus) => read_status(row, &subject)?,
            Holds::Register(AttestationType::Permit) => self.read_permit(row, &subject)?,
            Holds::Register(register) => self.read_listing(row, &subject, register)?,
            Holds::Repairs => read_repair(row, &subject)?,
        };
        Ok(Reading::Good(subject, entry))
    }

    fn read_permit(&self, row: &Row<'_>, subject: &Identifier) -> Result<Entry, Rejection> {
        let document = DocumentId::of(&row.document(DOCUMENT)?, &self.authority, subject);
        let (valid_from, valid_until) = (row.day(4)?, row.day(5)?);
        if valid_until < valid_from {
            return Err(row.reject(5, RowFault::BeforeItBegins));
        }
        let is_valid = match row.needed(6)?.as_str() {
            "valid" => true,
            "suspended" | "revoked" | "cancelled" => false,
            _ => return Err(row.reject(6, RowFault::NotOneOf("valid, suspended, revoked, cancelled"))),
        };
        let register = AttestationType::Permit;
        let fact = permit(category_code(&row.text(3)), valid_from, valid_until, is_valid);
        Ok(Entry::Record(Record { register, key: document.record_key(register, valid_from), fact }))
    }

    fn read_listing(&self, row: &Row<'_>, subject: &Identifier, register: AttestationType) -> Result<Entry, Rejection> {
        let document = DocumentId::of(&row.document(DOCUMENT)?, &self.authority, subject);
        let listed_on = row.day(3)?;
        let ended = |column: usize| match row.optional_day(column)? {
            Some(day) if day < listed_on => Err(row.reject(column, RowFault::BeforeItBegins)),
            day => Ok(day),
        };
        let fact = Fact::Listing { listed_on, delisted_on: ended(4)?, repaired_on: ended(5)?, withdrawn_on: ended(6)? };
        Ok(Entry::Record(Record { register, key: document.record_key(register, listed_on), fact }))
    }
}

fn holds(register: &str) -> Option<Holds> {
    match AttestationType::from_name(register) {
        None if register == "REPAIR" => Some(Holds::Repairs),
        Some(AttestationType::SerAny | AttestationType::Penalty) | None => None,
        Some(known @ (AttestationType::RegStatus | AttestationType::Permit)) => Some(Holds::Register(known)),
        Some(known) => (Shape::answerable(known) == [Shape::NotListed]).then_some(Holds::Register(known)),
    }
}

/// A subject has one registration, whichever authority tells of it: the key is the subject's alone.
fn read_status(row: &Row<'_>, subject: &Identifier) -> Result<Entry, Rejection> {
    let names = "active, suspended, revoked, cancelled, liquidation";
    let status = RegistrationStatus::from_name(&row.needed(2)?).ok_or_else(|| row.reject(2, RowFault::NotOneOf(names)))?;
    let register = AttestationType::RegStatus;
    let key = DocumentId::of("", "", subject).record_key(register, Day::LAST);
    Ok(Entry::Record(Record { register, key, fact: Fact::Registration { status, since: row.day(3)? } }))
}

fn read_repair(row: &Row<'_>, subject: &Identifier) -> Result<Entry, Rejection> {
    let document = DocumentId::of(&row.document(DOCUMENT)?, &row.authority(3)?, subject);
    let action = match row.needed(4)?.as_str() {
        "repaired" => Action::Repaired,
        "withdrawn" => Action::Withdrawn,
        _ => return Err(row.reject(4, RowFault::NotOneOf("repaired, withdrawn"))),
    };
    Ok(Entry::Amendment(Amendment { document, action, on: row.day(5)? }))
}

/// Whom a row is about; `None` for a natural person.
fn read_subject(row: &Row<'_>) -> Result<Option<Identifier>, Rejection> {
    let scheme: Result<Scheme, _> = row.needed(SCHEME)?.parse();
    let value = row.text(IDENTIFIER);
    let scheme = match scheme {
        Ok(scheme) => scheme,
        Err(_) if recognise_person(&value).is_some() => return Ok(None),
        Err(error) => return Err(row.reject(SCHEME, error)),
    };
    if value.is_empty() && !scheme.is_person() {
        return Err(row.reject(IDENTIFIER, RowFault::Empty));
    }
    match Identifier::parse(scheme, &value) {
        Ok(subject) => Ok(Some(subject)),
        Err(IdentifierError::NaturalPerson { .. }) => Ok(None),
        Err(error) => Err(row.reject(IDENTIFIER, error)),
    }
}
