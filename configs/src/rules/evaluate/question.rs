//! One predicate, and what a node has to say to it. The rooms beside this one answer it for one day at a time.

use creditbay_protocol::calendar::Day;
use creditbay_protocol::predicate::{LawOfOrigin, Predicate};

use super::super::RulePack;
use super::super::record::{Record, Report};

/// One predicate with the records of the registers that it rests on.
pub(super) struct Question<'a> {
    /// The pack.
    pub(super) pack: &'a RulePack,
    /// What is asked.
    pub(super) predicate: &'a Predicate,
    /// The issuer's law.
    pub(super) law: LawOfOrigin,
    /// How far back the type may be looked, in months.
    pub(super) look_back_months: Option<u16>,
    /// The subject's records in those registers, visible or not.
    pub(super) records: &'a [&'a Record],
    /// The report whose digest came with the question, if it was given out to this subject.
    pub(super) report: Option<&'a Report>,
}

/// What is said on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether the predicate holds.
    pub(super) holds: bool,
    /// Whether what decides it is under objection.
    pub(super) contested: bool,
}

/// How far back something is looked for: months, the day itself included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window(Option<u32>);

impl Window {
    /// So many months; without a bound for `None`.
    pub(super) fn of(months: Option<u16>) -> Self {
        Self(months.map(u32::from))
    }

    /// The first day that is looked at on this day; `None` without a bound.
    pub(super) fn first(self, day: Day) -> Option<Day> {
        self.0.map(|months| day.months_before(months))
    }

    /// The days on which something of `on` may be looked at no longer. A month may be shorter than the one that it is reckoned from by
    /// three days.
    pub(super) fn leaves(self, on: Day) -> impl Iterator<Item = Day> {
        let last = self.0.map(|months| on.months_after(months));
        last.into_iter().flat_map(|last| (1..=4).map(move |days| last.plus_days(days)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::day;
    use super::Window;

    #[test]
    fn a_window_is_left_on_one_of_the_days_it_names() {
        for months in [0, 1, 6, 12, 36] {
            let window = Window::of(Some(months));
            for number in 0..800 {
                let on = day("2023-12-01").plus_days(number);
                let looked_at = |day| window.first(day).is_some_and(|first| first <= on);
                let mut today = on;
                while looked_at(today) {
                    today = today.plus_days(1);
                }
                assert!(window.leaves(on).any(|day| day == today), "{on} + {months} months is left on {today}");
                assert!((1..40).all(|days| !looked_at(today.plus_days(days))), "and stays left");
            }
        }
        assert_eq!(Window::of(None).leaves(day("2026-01-01")).count(), 0);
    }
}
