//! Ratings: the one that counts on a day, and how it stands against the grade or band that is asked for.
//!
//! Not rated is not a low grade: it is INDETERMINATE. Not here: which grades a scale has and which bands they are (`scales`).

use creditbay_protocol::answer::Indeterminate;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::{AttestationType, Predicate};

use super::super::record::Fact;
use super::question::{Question, Said, Window};

/// Whether the rating that counts is good enough.
pub(super) fn on(question: &Question<'_>, day: Day) -> Result<Said, Indeterminate> {
    let Rating { rank, contested } = rating(question, day).ok_or(Indeterminate::NotRated)?;
    let holds = match question.predicate {
        Predicate::BandAtLeast { of, band: least, map } => {
            let band = question.pack.scales().band(*map, *of, question.law, rank).ok_or(Indeterminate::NotRated)?;
            band >= *least
        }
        Predicate::GradeAtLeast { grade, .. } => rank >= *grade,
        _ => return Err(Indeterminate::OutOfScope),
    };
    Ok(Said { holds, contested })
}

/// The days on which a rating is too old to be looked at.
pub(super) fn turns(question: &Question<'_>) -> impl Iterator<Item = Day> {
    let window = Window::of(question.look_back_months);
    let rated = question.records.iter().filter_map(|record| match record.fact {
        Fact::Grade { rated_on, .. } => Some(rated_on),
        _ => None,
    });
    rated.flat_map(move |on| window.leaves(on))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rating {
    rank: u8,
    contested: bool,
}

/// The rating that counts. Where sectors rate apart: the worst of theirs. Elsewhere the newest; of one day the word that there is none
/// before any grade, and the worse grade before the better.
fn rating(question: &Question<'_>, day: Day) -> Option<Rating> {
    let first = Window::of(question.look_back_months).first(day);
    let visible = question.records.iter().filter(|record| question.pack.regimes().visible(record, day));
    let ratings = visible.filter_map(|record| match record.fact {
        Fact::Grade { rank, rated_on, contested, .. } if first.is_none_or(|first| first <= rated_on) => {
            Some((rated_on, Some(Rating { rank, contested })))
        }
        Fact::Unrated { on } => Some((on, None)),
        _ => None,
    });
    if question.predicate.of() == AttestationType::QualGrade {
        ratings.filter_map(|(_, rating)| rating).reduce(worse)
    } else {
        ratings.reduce(newer)?.1
    }
}

fn worse(one: Rating, other: Rating) -> Rating {
    match one.rank.cmp(&other.rank) {
        std::cmp::Ordering::Less => one,
        std::cmp::Ordering::Greater => other,
        std::cmp::Ordering::Equal => Rating { contested: one.contested || other.contested, ..one },
    }
}

type Dated = (Day, Option<Rating>);

fn newer(one: Dated, other: Dated) -> Dated {
    match one.0.cmp(&other.0) {
        std::cmp::Ordering::Less => other,
        std::cmp::Ordering::Greater => one,
        std::cmp::Ordering::Equal => (one.0, one.1.zip(other.1).map(|(one, other)| worse(one, other))),
    }
}
