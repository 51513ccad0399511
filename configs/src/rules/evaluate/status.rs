//! The state of a registration.

use creditbay_protocol::answer::Indeterminate;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::Statuses;

use super::super::record::Fact;
use super::question::{Question, Said};

/// Whether the newest state that has begun is one of these; of two from one day the one with the higher code counts.
pub(super) fn on(question: &Question<'_>, statuses: Statuses, day: Day) -> Result<Said, Indeterminate> {
    let states = question.records.iter().filter_map(|record| match record.fact {
        Fact::Registration { status, since } if since <= day => Some((since, status)),
        _ => None,
    });
    let (_, status) = states.max().ok_or(Indeterminate::NoSource)?;
    Ok(Said { holds: statuses.contains(status), contested: false })
}
