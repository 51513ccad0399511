//! Ratings: native grades by their names, as ranks of the pack's scale.
//!
//! Not here: what a rank means to others (`configs::rules::scales`).

use creditbay_configs::rules::record::{Fact, Record};
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::predicate::AttestationType;

use super::super::columns::Row;
use super::super::fault::{Rejection, RowFault};
use super::super::reading::Under;
use super::layouts::DOCUMENT;
use crate::store::documents::DocumentId;

const GRADE: usize = 3;
const RATED_ON: usize = 4;
const VALID_UNTIL: usize = 5;
const WITHDRAWN_ON: usize = 6;
const SECTOR: usize = 7;

/// What stands where there is no rating.
const UNRATED: [&str; 2] = ["unrated", "不评定"];
/// What may follow a grade's name and does not change it.
const ENDINGS: [&str; 2] = ["企业", "级"];
/// The sectors that rate apart.
const SECTORS: [&str; 5] = ["quality", "food", "drug", "construction", "fire"];

/// Reads a rating. Of all ratings in one register and sector the newest is kept.
pub(super) fn read(
    row: &Row<'_>,
    register: AttestationType,
    authority: &str,
    subject: &Identifier,
    under: &Under<'_>,
) -> Result<Record, Rejection> {
    let document = DocumentId::of(&row.document(DOCUMENT)?, authority, subject);
    let sector = match (register, row.text(SECTOR)) {
        (AttestationType::QualGrade, sector) if SECTORS.contains(&sector.as_str()) => sector,
        (AttestationType::QualGrade, _) => {
            return Err(row.reject(SECTOR, RowFault::NotOneOf("quality, food, drug, construction, fire")));
        }
        _ => String::new(),
    };
    let rated_on = row.day(RATED_ON)?;
    let valid_until = super::ended(row, VALID_UNTIL, rated_on)?;
    let withdrawn_on = super::ended(row, WITHDRAWN_ON, rated_on)?;
    let fact = match read_rank(row, register, under)? {
        Some(rank) => Fact::Grade { rank, rated_on, valid_until, withdrawn_on, contested: false },
        None => Fact::Unrated { on: rated_on },
    };
    Ok(Record { register, key: document.rating_key(register, &sector, subject), fact })
}

/// The rank of the grade; `None` for the word that there is none.
fn read_rank(row: &Row<'_>, register: AttestationType, under: &Under<'_>) -> Result<Option<u8>, Rejection> {
    let written = row.text(GRADE);
    if written.is_empty() {
        return Err(row.reject(GRADE, RowFault::Empty));
    }
    if UNRATED.contains(&written.as_str()) {
        return Ok(None);
    }
    let scale = under.pack.scales().scale(register, under.law);
    let rank = scale.and_then(|scale| {
        let shortened = ENDINGS.into_iter().filter_map(|ending| written.strip_suffix(ending));
        [written.as_str()].into_iter().chain(shortened).find_map(|name| scale.rank(name))
    });
    rank.map(Some).ok_or_else(|| row.reject(GRADE, RowFault::Grade))
}
