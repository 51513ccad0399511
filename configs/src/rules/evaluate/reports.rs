//! Reports that a subject carries: whether the one whose digest came is genuine, and speaks for what is asked.

use creditbay_protocol::answer::Indeterminate;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::predicate::AttestationType;

use super::super::record::Report;

/// What must be true of a report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// The type that it answers.
    pub(super) of: AttestationType,
    /// The domains that it speaks for, at least.
    pub(super) domains: Domains,
    /// How many months before its date it covers, at least.
    pub(super) window_months: u16,
}

/// Whether this report is it. One that was not given out to the subject, or for another question, is none; one that was taken back
/// makes the answer INDETERMINATE, whatever it spoke for.
pub(super) fn on(report: Option<&Report>, wanted: &Wanted, day: Day) -> Result<bool, Indeterminate> {
    let Some(report) = report.filter(|report| report.of == wanted.of && report.issued_on <= day) else { return Ok(false) };
    if report.withdrawn_on.is_some_and(|withdrawn| withdrawn <= day) {
        return Err(Indeterminate::Withdrawn);
    }
    let covers = report.from <= report.issued_on.months_before(u32::from(wanted.window_months));
    Ok(day <= report.valid_until && covers && report.domains.covers(wanted.domains))
}

/// The days on which that may change.
pub(super) fn turns(report: Option<&Report>) -> impl Iterator<Item = Day> {
    let turns = report.map(|report| [Some(report.issued_on), Some(report.valid_until.plus_days(1)), report.withdrawn_on]);
    turns.into_iter().flatten().flatten()
}
