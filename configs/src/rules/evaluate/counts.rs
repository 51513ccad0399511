//! Lists, penalties, permits and commitments: what is counted of a subject's visible records, and how many of it there may be.

use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::{AttestationType, Predicate};

use super::super::record::{CommitmentState, Fact, Record};
use super::question::{Question, Said, Window};

/// What the records say on a day.
pub(super) fn on(question: &Question<'_>, day: Day) -> Said {
    let first = window(question).first(day);
    let (mut count, mut contested) = (0usize, false);
    for record in question.records {
        let within = asked_about(question.predicate, record).is_some_and(|on| first.is_none_or(|first| first <= on));
        if within && question.pack.regimes().visible(record, day) {
            count += 1;
            contested |= matches!(record.fact, Fact::Penalty { contested: true, .. } | Fact::Listing { contested: true, .. });
        }
    }
    let holds = match question.predicate {
        Predicate::ExistsValid { .. } => count > 0,
        Predicate::CountLe { n, .. } => count <= usize::from(*n),
        _ => count == 0,
    };
    Said { holds, contested }
}

/// The days on which a record leaves the window.
pub(super) fn turns(question: &Question<'_>) -> impl Iterator<Item = Day> {
    let window = window(question);
    question.records.iter().filter_map(|record| asked_about(question.predicate, record)).flat_map(move |on| window.leaves(on))
}

/// How old a record may be that is counted. Window 0 is: visible today. A commitment is published without an end, so that there the
/// look-back of its type is one.
fn window(question: &Question<'_>) -> Window {
    let asked = question.predicate.window_months().filter(|months| *months > 0);
    let unbounded = question.predicate.of() == AttestationType::Commit;
    Window::of(asked.or(if unbounded { question.look_back_months } else { None }))
}

/// The day that a window is held against, of a record that the predicate asks about.
fn asked_about(predicate: &Predicate, record: &Record) -> Option<Day> {
    match (&record.fact, predicate) {
        (Fact::Listing { listed_on, .. }, Predicate::NotListed { .. }) => Some(*listed_on),
        (Fact::Commitment { made_on, state: CommitmentState::Broken, .. }, Predicate::NotListed { .. }) => Some(*made_on),
        (
            Fact::Commitment { made_on, state: CommitmentState::Pending | CommitmentState::Fulfilled, .. },
            Predicate::ExistsValid { .. },
        ) => Some(*made_on),
        (Fact::Penalty { decided_on, severity, .. }, Predicate::CountLe { severity: least, .. }) if severity >= least => {
            Some(*decided_on)
        }
        (Fact::Permit { valid_from, .. }, Predicate::ExistsValid { .. }) => Some(*valid_from),
        _ => None,
    }
}
