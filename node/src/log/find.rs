//! Finding what opens one leaf among the sealed rows (PROTOCOL 22.2).
//!
//! The rows of a leaf stand in the batch that wrote it; before that batch may stand any number of receipts under the same size, so the
//! search goes page by page until the log was larger. Not here: what a row is (`rows`), and walks over all of them (`exchange::kept`).

use creditbay_protocol::name::Origin;

use super::fault::LogError;
use super::rows::Row;
use super::seals::Seals;
use crate::store::Store;
use crate::store::log as layout;

/// The row that opens a leaf; `None` where it was erased, or never was.
pub fn row(store: &dyn Store, seals: &Seals, index: u64) -> Result<Option<Row>, LogError> {
    behind(store, seals, index, |row| (row.opens() == Some(index)).then_some(row))
}

/// The note of a peer's log at a size, as it was kept with the batch that wrote a leaf.
pub fn note(store: &dyn Store, seals: &Seals, index: u64, of: (&Origin, u64)) -> Result<Option<Vec<u8>>, LogError> {
    behind(store, seals, index, |row| match row {
        Row::Note { log, size, note } if (&log, size) == of => Some(note),
        _ => None,
    })
}

fn behind<T>(store: &dyn Store, seals: &Seals, index: u64, such: impl Fn(Row) -> Option<T>) -> Result<Option<T>, LogError> {
    let (found, sealed_anew) = search(store, seals, index, &such)?;
    // A value may have been sealed anew between reading and opening it: what is read now is under the key that holds.
    if found.is_none() && sealed_anew { Ok(search(store, seals, index, &such)?.0) } else { Ok(found) }
}

/// What was found, and whether a value's key was gone.
fn search<T>(
    store: &dyn Store,
    seals: &Seals,
    index: u64,
    such: &impl Fn(Row) -> Option<T>,
) -> Result<(Option<T>, bool), LogError> {
    let mut key_gone = false;
    let mut page = layout::sealed_from(store, index)?;
    while let Some(end) = page.last() {
        for sealed in &page {
            if sealed.size > index {
                return Ok((None, key_gone));
            }
            let rows = match seals.open(sealed) {
                Err(LogError::KeyGone { .. }) => {
                    key_gone = true;
                    continue;
                }
                rows => rows?,
            };
            if let Some(found) = rows.into_iter().find_map(such) {
                return Ok((Some(found), key_gone));
            }
        }
        page = layout::sealed_after(store, end)?;
    }
    Ok((None, key_gone))
}

#[cfg(test)]
mod tests;
