//! The layout `creditbay-register/1`: registers of any region, one per file, taken over whole as of a day (configs/samples/README.md).
//!
//! The first line says which register, whose and as of when; the second names the columns. Not here: the columns (`layouts`), ratings
//! (`grades`), and reports (`reports`).

mod grades;
pub mod layouts;
mod reports;

use creditbay_configs::rules::record::{CommitmentState, Fact, Record};
use creditbay_protocol::calendar::Day;
use creditbay_protocol::identifier::{Identifier, IdentifierError, Scheme, recognise_person};
use creditbay_protocol::predicate::{AttestationType, RegistrationStatus};

use self::layouts::{DOCUMENT, Holds, IDENTIFIER, SCHEME};
use super::columns::{Layout, Row, authority_code};
use super::fault::{IntakeError, Rejection, RowFault};
use super::permits::{category_code, permit};
use super::reading::{Entry, Reading, Under, person_number};
use crate::store::documents::{Action, Amendment, DocumentId};
use crate::store::persons::{PersonFact, PersonRow};

/// How the first line begins.
const MARK: &str = "#creditbay-register/";

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
        let unknown = "the register is none that comes in this layout; see configs/samples/README.md for those that do";
        Ok(Some(Self {
            holds: Holds::named(register).ok_or(IntakeError::Marker(unknown))?,
            authority: authority.ok_or(IntakeError::Marker("authority= is missing"))?,
            as_of: as_of.ok_or(IntakeError::Marker("as_of= is missing or no date"))?,
        }))
    }

    /// The layout of its rows.
    pub fn layout(&self) -> &'static Layout {
        self.holds.layout()
    }

    /// Whether the rules know what the file holds.
    ///
    /// # Errors
    /// [`IntakeError::NoScale`] for ratings of which the pack has no scale under the law of this node.
    pub fn check(&self, under: &Under<'_>) -> Result<(), IntakeError> {
        match self.holds {
            Holds::Register(register)
                if layouts::is_rating(register) && under.pack.scales().scale(register, under.law).is_none() =>
            {
                Err(IntakeError::NoScale { register, law: under.law })
            }
            _ => Ok(()),
        }
    }

    /// Reads a row.
    pub fn read_row(&self, row: &Row<'_>, under: &Under<'_>) -> Result<Reading, Rejection> {
        if let Holds::Register(register) = self.holds
            && layouts::is_reports(register)
        {
            return reports::read(row, register, under);
        }
        let Some(subject) = read_subject(row)? else {
            let kept = || self.read_person(row, under);
            return if self.holds.may_name_persons() {
                Ok(Reading::Person(kept()))
            } else {
                Err(row.reject(IDENTIFIER, RowFault::Person))
            };
        };
        let entry = match self.holds {
            Holds::Register(AttestationType::RegStatus) => read_status(row, &subject)?,
            Holds::Register(AttestationType::Permit) => self.read_permit(row, &subject)?,
            Holds::Register(AttestationType::Commit) => self.read_commitment(row, &subject)?,
            Holds::Register(register) if layouts::is_rating(register) => {
                Entry::Record(grades::read(row, register, &self.authority, &subject, under)?)
            }
            Holds::Register(register) => self.read_listing(row, &subject, register)?,
            Holds::Repairs => read_amendment(row, &subject, &[("repaired", Action::Repaired), ("withdrawn", Action::Withdrawn)])?,
            Holds::Objections => read_amendment(
                row,
                &subject,
                &[
                    ("raised", Action::ObjectionRaised),
                    ("upheld", Action::ObjectionUpheld),
                    ("rejected", Action::ObjectionRejected),
                ],
            )?,
        };
        Ok(Reading::Good(subject, entry))
    }

    fn read_permit(&self, row: &Row<'_>, subject: &Identifier) -> Result<Entry, Rejection> {
        let document = self.document(row, subject)?;
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
        let document = self.document(row, subject)?;
        let listed_on = row.day(3)?;
        let [delisted_on, repaired_on, withdrawn_on] =
            [ended(row, 4, listed_on)?, ended(row, 5, listed_on)?, ended(row, 6, listed_on)?];
        let fact = Fact::Listing { listed_on, delisted_on, repaired_on, withdrawn_on, contested: false };
        Ok(Entry::Record(Record { register, key: document.record_key(register, listed_on), fact }))
    }

    fn read_commitment(&self, row: &Row<'_>, subject: &Identifier) -> Result<Entry, Rejection> {
        let document = self.document(row, subject)?;
        let made_on = row.day(3)?;
        let state = match row.needed(4)?.as_str() {
            "pending" => CommitmentState::Pending,
            "fulfilled" => CommitmentState::Fulfilled,
            "broken" => CommitmentState::Broken,
            _ => return Err(row.reject(4, RowFault::NotOneOf("pending, fulfilled, broken"))),
        };
        let fact = Fact::Commitment { made_on, state, withdrawn_on: ended(row, 5, made_on)? };
        let register = AttestationType::Commit;
        Ok(Entry::Record(Record { register, key: document.record_key(register, made_on), fact }))
    }

    /// What is kept of a person on a list; nothing of a row that is not whole, and nothing of what happened to one.
    fn read_person(&self, row: &Row<'_>, under: &Under<'_>) -> Option<PersonRow> {
        let Holds::Register(register) = self.holds else { return None };
        let person = under.records.persons().pseudonyms().of(&person_number(row.cell(IDENTIFIER))?);
        let on = row.day(3).ok()?;
        let ends: Vec<_> = (4..7).map(|column| row.optional_day(column).ok()).collect::<Option<_>>()?;
        let document = row.document(DOCUMENT).ok()?;
        let entry = under.records.persons().pseudonyms().entry(person, register, &document, &self.authority);
        let until = ends.into_iter().flatten().min();
        Some(PersonRow { person, entry, fact: PersonFact { register, on, until, severity: None } })
    }

    fn document(&self, row: &Row<'_>, subject: &Identifier) -> Result<DocumentId, Rejection> {
        Ok(DocumentId::of(&row.document(DOCUMENT)?, &self.authority, subject))
    }
}

/// A day on which something ended, if it did, which it cannot before it began.
fn ended(row: &Row<'_>, column: usize, began: Day) -> Result<Option<Day>, Rejection> {
    match row.optional_day(column)? {
        Some(day) if day < began => Err(row.reject(column, RowFault::BeforeItBegins)),
        day => Ok(day),
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

fn read_amendment(row: &Row<'_>, subject: &Identifier, actions: &[(&str, Action)]) -> Result<Entry, Rejection> {
    let document = DocumentId::of(&row.document(DOCUMENT)?, &row.authority(3)?, subject);
    let written = row.needed(4)?;
    let names = if actions.len() == 2 { "repaired, withdrawn" } else { "raised, upheld, rejected" };
    let action = actions.iter().find(|(name, _)| *name == written).map(|(_, action)| *action);
    let action = action.ok_or_else(|| row.reject(4, RowFault::NotOneOf(names)))?;
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
