//! What the steps of the story say, read and pass: words, leaves and time. Not here: the steps.

use std::sync::atomic::Ordering;

use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::predicate::{AttestationType, Predicate, Purpose, RegistrationStatus, Statuses};

use super::super::super::compose::Question;
use super::super::bay::question;
use super::sea::Sea;
use crate::store::log as layout;

pub(super) const DAY_MS: u64 = 86_400_000;
pub(super) const HOUR_MS: u64 = 3_600_000;

/// What came of a step, or why it has to be begun again.
pub(super) type Said = Result<String, String>;

pub(super) fn failed(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub(super) fn pass(sea: &Sea, milliseconds: u64) {
    sea.around.time.fetch_add(milliseconds, Ordering::AcqRel);
}

/// Whether the company is registered.
pub(super) fn status(purpose: Purpose) -> Question {
    question(purpose, registered())
}

pub(super) fn registered() -> Predicate {
    Predicate::StatusIn { of: AttestationType::RegStatus, statuses: Statuses::of(&[RegistrationStatus::Active]).unwrap() }
}

/// The leaves of a node's log.
pub(super) fn leaves(sea: &Sea, at: usize) -> Result<Vec<LeafBody>, String> {
    let log = &sea.node(at)?.exchange.log;
    let leaves = layout::read_leaves(&**log.store(), 0, log.head().signed().checkpoint().size).map_err(failed)?;
    leaves.iter().map(|leaf| Leaf::parse(leaf).map(|leaf| leaf.body).map_err(failed)).collect()
}

pub(super) fn first(sea: &Sea, at: usize, such: impl Fn(&LeafBody) -> bool) -> Result<u64, String> {
    leaves(sea, at)?.iter().position(such).map(|index| index as u64).ok_or("no such leaf".to_owned())
}

pub(super) fn last(sea: &Sea, at: usize, such: impl Fn(&LeafBody) -> bool) -> Result<u64, String> {
    leaves(sea, at)?.iter().rposition(such).map(|index| index as u64).ok_or("no such leaf".to_owned())
}
