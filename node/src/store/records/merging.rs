//! What becomes of a row about a subject of whom something is kept already.
//!
//! Not here: where what is kept lies (`parts`).

use bincode::{Decode, Encode};
use creditbay_configs::rules::record::{Fact, Record};

use crate::store::documents::Amendment;

/// Records and amendments in one value: 112 × 62 bytes (the longest, a penalty that was repaired and withdrawn) + 42 (tag, number of parts
/// and length) + 28 (seal) = 7 014, below `MAX_VALUE_BYTES`.
pub(super) const ITEMS_PER_PART: usize = 112;
/// Values that one subject may fill: 1 024 × 112 records.
pub(super) const MAX_PARTS: usize = 1024;

/// What is kept of a subject is made of these.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) enum Item {
    Record(Record),
    Amendment(Amendment),
}

/// Where a subject's values lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    pub(super) place: Vec<u8>,
    pub(super) parts: u16,
}

/// What became of a row.
pub(super) enum Taken {
    /// It is new.
    Added,
    /// It says something else than what it replaces.
    Replaced,
    /// It says nothing new.
    Unchanged,
}

/// The items of one subject while rows are taken.
#[derive(Default)]
pub(super) struct Held {
    pub(super) items: Vec<Item>,
    pub(super) changed: bool,
    /// Where they lie; nothing for a subject of whom nothing is kept.
    pub(super) at: Option<At>,
}

impl Held {
    /// Whether the item amends a document that made no record here.
    pub(super) fn lacks_record_of(&self, item: &Item) -> bool {
        let Item::Amendment(amendment) = item else { return false };
        let made = |known: &Item| matches!(known, Item::Record(record) if amendment.document.made(&record.key));
        !self.items.iter().any(made)
    }

    pub(super) fn take(&mut self, item: Item) -> Taken {
        let taken = match self.items.iter_mut().find(|known| same_key(known, &item)) {
            None => {
                self.items.push(item);
                Taken::Added
            }
            Some(known)
                if *known == item || keeps_stated(known, &item) || keeps_newer(known, &item) || keeps_latest(known, &item) =>
            {
                return Taken::Unchanged;
            }
            Some(known) => {
                *known = item;
                Taken::Replaced
            }
        };
        self.changed = true;
        taken
    }
}

/// The second half of a record's key is what makes it one: of document, register and day, or, of a rating, of register and sector.
fn same_key(known: &Item, item: &Item) -> bool {
    match (known, item) {
        (Item::Record(known), Item::Record(record)) => known.key.0[16..] == record.key.0[16..],
        (Item::Amendment(known), Item::Amendment(item)) => (known.document, known.action) == (item.document, item.action),
        _ => false,
    }
}

/// The same decision arrives from city, province and state, and not every copy says how severe it was.
fn keeps_stated(known: &Item, item: &Item) -> bool {
    let derived = |item: &Item| match item {
        Item::Record(Record { fact: Fact::Penalty { severity_derived, .. }, .. }) => Some(*severity_derived),
        _ => None,
    };
    derived(known) == Some(false) && derived(item) == Some(true)
}

/// Ratings come as files of many years, in any order.
fn keeps_newer(known: &Item, item: &Item) -> bool {
    let rated_on = |item: &Item| match item {
        Item::Record(Record { fact: Fact::Grade { rated_on, .. } | Fact::Unrated { on: rated_on }, .. }) => Some(*rated_on),
        _ => None,
    };
    rated_on(item).is_some_and(|on| rated_on(known) > Some(on))
}

/// An objection that was raised again is the newest; files of objections come in any order too.
fn keeps_latest(known: &Item, item: &Item) -> bool {
    match (known, item) {
        (Item::Amendment(known), Item::Amendment(item)) => item.action.of_objection() && known.on > item.on,
        _ => false,
    }
}
