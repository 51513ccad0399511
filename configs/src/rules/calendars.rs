//! Working days: which days each region's public offices are closed (PROTOCOL.md, "Rule pack").
//!
//! Saturdays and Sundays are closed, unless the calendar makes one a working day. Not here: what has to be done by when (`timers`).

use std::collections::{BTreeMap, BTreeSet};

use creditbay_protocol::calendar::Day;
use creditbay_protocol::name::Region;

/// A day that no calendar of the pack knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the calendar ends on {last_day}, before the deadline; use a rule pack whose calendars go further")]
pub struct BeyondCalendar {
    /// The last day that is known.
    pub last_day: Day,
}

/// The working days of one or more regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolidayCalendar {
    /// Its name.
    pub name: String,
    /// The first day that it knows.
    pub first_day: Day,
    /// The last.
    pub last_day: Day,
    /// Days from Monday to Friday, mostly, on which offices are closed.
    pub holidays: BTreeSet<Day>,
    /// Saturdays and Sundays on which they are open.
    pub working_days: BTreeSet<Day>,
}

/// The calendars of a pack, by region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendars(BTreeMap<Region, HolidayCalendar>);

impl Calendars {
    pub(super) fn new(calendars: BTreeMap<Region, HolidayCalendar>) -> Self {
        Self(calendars)
    }

    /// The region's calendar. Every region of the pack has one.
    pub fn of(&self, region: Region) -> Option<&HolidayCalendar> {
        self.0.get(&region)
    }
}

impl HolidayCalendar {
    /// Whether offices are open on that day; an error where the calendar does not know it.
    pub fn is_working_day(&self, day: Day) -> Result<bool, BeyondCalendar> {
        if day < self.first_day || self.last_day < day {
            return Err(BeyondCalendar { last_day: self.last_day });
        }
        Ok(self.working_days.contains(&day) || !is_weekend(day) && !self.holidays.contains(&day))
    }
}

/// Whether the day is a Saturday or a Sunday.
pub(super) fn is_weekend(day: Day) -> bool {
    // 1970-01-01, day 0, was a Thursday.
    (day.number() + 3).rem_euclid(7) >= 5
}

/// The last day of a timer of so many working days that begins on the day after `from`.
pub fn deadline(calendar: &HolidayCalendar, from: Day, working_days: u32) -> Result<Day, BeyondCalendar> {
    let (mut day, mut left) = (from, working_days);
    while left > 0 {
        day = day.plus_days(1);
        left -= u32::from(calendar.is_working_day(day)?);
    }
    Ok(day)
}

#[cfg(test)]
mod tests {
    use creditbay_protocol::name::Region;

    use super::super::sample::{day, pack};
    use super::{BeyondCalendar, deadline, is_weekend};

    fn deadline_in(region: &str, from: &str, working_days: u32) -> Result<String, BeyondCalendar> {
        let pack = pack();
        let calendar = pack.calendars().of(Region::new(region).unwrap()).unwrap();
        deadline(calendar, day(from), working_days).map(|day| day.to_string())
    }

    #[test]
    fn weekends_are_saturday_and_sunday() {
        let week = ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28", "2026-11-29"];
        assert_eq!(week.map(|text| is_weekend(day(text))), [false, false, false, false, false, true, true]);
        assert!(is_weekend(day("1969-12-28")) && !is_weekend(day("1969-12-29")), "a Sunday and a Monday before 1970");
    }

    #[test]
    fn each_region_has_its_own_days_off() {
        // Good Friday 2026-04-03 and the mainland's 清明 on 2026-04-06 (observed).
        assert_eq!(deadline_in("hk", "2026-04-02", 1).unwrap(), "2026-04-08");
        assert_eq!(deadline_in("gz", "2026-04-02", 1).unwrap(), "2026-04-03");
        assert_eq!(deadline_in("gz", "2026-04-03", 1).unwrap(), "2026-04-07");
        // 2026-12-08 is a holiday in Macao alone.
        assert_eq!(deadline_in("mo", "2026-12-07", 1).unwrap(), "2026-12-09");
        assert_eq!(deadline_in("sz", "2026-12-07", 1).unwrap(), "2026-12-08");
    }

    #[test]
    fn a_sunday_that_is_worked_counts() {
        // 2026-02-14 and 2026-02-28 are Saturdays on which the mainland works for days off in Spring Festival.
        assert_eq!(deadline_in("sz", "2026-02-13", 1).unwrap(), "2026-02-14");
        assert_eq!(deadline_in("sz", "2026-02-14", 1).unwrap(), "2026-02-24");
        assert_eq!(deadline_in("hk", "2026-02-13", 1).unwrap(), "2026-02-16");
    }

    #[test]
    fn a_timer_of_nothing_ends_at_once_and_one_beyond_the_calendar_says_so() {
        assert_eq!(deadline_in("gz", "2031-01-01", 0).unwrap(), "2031-01-01");
        assert_eq!(deadline_in("gz", "2027-12-30", 1).unwrap(), "2027-12-31");
        for (from, days) in [("2027-12-30", 2), ("2027-12-31", 1), ("2025-12-30", 1)] {
            assert_eq!(deadline_in("gz", from, days), Err(BeyondCalendar { last_day: day("2027-12-31") }), "{from} {days}");
        }
    }
}
