//! What goes when a bucket is sealed anew, and what stays.
//!
//! Not here: the sealing (`erase`).

use std::collections::BTreeSet;

use bincode::{Decode, Encode};
use creditbay_configs::rules::record::{Report, SubjectTag};
use creditbay_configs::rules::regimes::Regimes;
use creditbay_protocol::calendar::Day;

use super::merging::Item;
use crate::store::buckets::Buckets;
use crate::store::persons::{PersonRow, Pseudonym};

/// Whose records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Owner {
    /// A subject.
    Subject(SubjectTag),
    /// A natural person.
    Person(Pseudonym),
}

impl Owner {
    pub(super) fn bucket(&self) -> u8 {
        match self {
            Self::Subject(tag) => Buckets::of(&tag.0),
            Self::Person(pseudonym) => Buckets::of(&pseudonym.digest()),
        }
    }
}

/// What goes.
pub(super) enum Going<'a> {
    /// All that is about these.
    Owners(BTreeSet<Owner>),
    /// What is over.
    Over {
        /// How long what was recorded is shown.
        regimes: &'a Regimes,
        /// The day on which it is looked at.
        today: Day,
    },
}

impl Going<'_> {
    /// What stays of a subject's items, and what goes. What happened to a document goes with the last of its records.
    pub(super) fn sift(&self, subject: &SubjectTag, items: Vec<Item>) -> (Vec<Item>, Vec<Item>) {
        let (regimes, today) = match self {
            Self::Owners(owners) if owners.contains(&Owner::Subject(*subject)) => return (Vec::new(), items),
            Self::Owners(_) => return (items, Vec::new()),
            Self::Over { regimes, today } => (regimes, *today),
        };
        let over = |item: &Item| matches!(item, Item::Record(record) if regimes.is_over(record, today));
        let (mut gone, stays): (Vec<_>, Vec<_>) = items.into_iter().partition(over);
        if gone.is_empty() {
            return (stays, gone);
        }
        let of_one_that = |items: &[Item], item: &Item| {
            let Item::Amendment(amendment) = item else { return false };
            items.iter().any(|known| matches!(known, Item::Record(record) if amendment.document.made(&record.key)))
        };
        let (more, stays): (Vec<_>, Vec<_>) = {
            let leaves: Vec<bool> = stays.iter().map(|item| of_one_that(&gone, item) && !of_one_that(&stays, item)).collect();
            let mut leaves = leaves.into_iter();
            stays.into_iter().partition(|_| leaves.next().unwrap_or(false))
        };
        gone.extend(more);
        (stays, gone)
    }

    /// Whether a report goes.
    pub(super) fn takes_report(&self, report: &Report) -> bool {
        match self {
            Self::Owners(owners) => report.about.is_some_and(|about| owners.contains(&Owner::Subject(about))),
            Self::Over { today, .. } => report.is_over(*today),
        }
    }

    /// Whether a row about a person goes.
    pub(super) fn takes_person(&self, row: &PersonRow) -> bool {
        match self {
            Self::Owners(owners) => owners.contains(&Owner::Person(row.person)),
            Self::Over { regimes, today } => {
                let last = row.fact.until.or_else(|| regimes.listing_end(row.fact.register, row.fact.on));
                last.is_some_and(|last| last < *today)
            }
        }
    }
}
