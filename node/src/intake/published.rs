//! What the 双公示 layouts share: whom a row is about (domain 7.1-7.3).
//!
//! The first three columns of each are the kind of subject, an entity's code, and a natural person's number.

use creditbay_protocol::identifier::{Identifier, IdentifierError, Scheme};

use super::columns::{Column, Row};
use super::fault::{Rejection, RowFault};
use super::reading::person_number;
use super::text::compact;

const KIND: usize = 0;
const CODE: usize = 1;
const PERSON: usize = 2;

/// A column that may be repeated when its row is rejected.
pub const fn shown(name: &'static str, aliases: &'static [&'static str]) -> Column {
    Column { name, aliases, needed: true, shown: true }
}

/// A column that can name or number somebody.
pub const fn hidden(name: &'static str, aliases: &'static [&'static str]) -> Column {
    Column { name, aliases, needed: true, shown: false }
}

impl Column {
    /// The same column where a file may lack it.
    pub const fn optional(self) -> Self {
        Self { needed: false, ..self }
    }
}

/// Whom a row is about.
pub enum About {
    /// An entity.
    Entity(Identifier),
    /// A natural person; the number, if there is one.
    Person(Option<String>),
}

/// Whom a row is about. `names_kind` where the layout has a column that says which kind of subject it is.
pub fn read_subject(row: &Row<'_>, names_kind: bool) -> Result<About, Rejection> {
    let kind = compact(row.cell(KIND));
    let code = row.text(CODE);
    let person = || About::Person(person_number(row.cell(PERSON)).or_else(|| person_number(&code)));
    if kind == "自然人" || (code.is_empty() && !row.text(PERSON).is_empty()) {
        return Ok(person());
    }
    if code.is_empty() {
        return Err(row.reject(CODE, RowFault::Empty));
    }
    let subject = match Identifier::parse(Scheme::Uscc, &code) {
        Err(IdentifierError::NaturalPerson { .. }) => return Ok(person()),
        parsed => parsed.map_err(|error| row.reject(CODE, error))?,
    };
    match kind.as_str() {
        "" if names_kind => Err(row.reject(KIND, RowFault::Empty)),
        "" | "法人及非法人组织" | "法人" | "非法人组织" | "个体工商户" => Ok(About::Entity(subject)),
        _ => Err(row.reject(KIND, RowFault::NotOneOf("法人及非法人组织, 个体工商户, 自然人"))),
    }
}
