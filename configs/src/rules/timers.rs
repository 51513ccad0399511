//! How soon somebody has to act: objections, repairs, withdrawals, notices (PROTOCOL.md, "Rule pack").
//!
//! Timers count from the day after the event. Not here: which days are working days (`calendars`), and who acts.

use std::collections::BTreeMap;
use std::fmt;

use creditbay_protocol::calendar::Day;
use creditbay_protocol::name::Region;
use serde::Deserialize;

use super::calendars::{BeyondCalendar, HolidayCalendar, deadline};

/// What has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimedAct {
    /// An objection is looked at.
    ObjectionCheck,
    /// An objection is decided.
    ObjectionDecision,
    /// An application for credit repair is decided.
    RepairDecision,
    /// The publication of a revoked or void decision ends.
    PublicationWithdrawal,
    /// A person's request for access is answered.
    AccessReply,
    /// A recipient acknowledges that an answer changed.
    NoticeAcknowledgement,
}

impl TimedAct {
    /// Those for which every region has a timer.
    pub const NEEDED: [Self; 2] = [Self::ObjectionDecision, Self::NoticeAcknowledgement];
}

impl fmt::Display for TimedAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ObjectionCheck => "objection_check",
            Self::ObjectionDecision => "objection_decision",
            Self::RepairDecision => "repair_decision",
            Self::PublicationWithdrawal => "publication_withdrawal",
            Self::AccessReply => "access_reply",
            Self::NoticeAcknowledgement => "notice_acknowledgement",
        })
    }
}

/// Which days count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Working days of the region's calendar.
    WorkingDays,
    /// All days.
    Days,
}

/// One timer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// How many days.
    pub days: u32,
    /// How many more, with a reason.
    pub extension: u32,
    /// Which days count.
    pub counted: Counted,
    /// Whether it is a proposal.
    pub illustrative: bool,
    /// The text that it was taken from.
    pub source: String,
}

impl Timer {
    /// The last day on which to act, counted from the day after `from`.
    pub fn deadline(&self, calendar: &HolidayCalendar, from: Day, extended: bool) -> Result<Day, BeyondCalendar> {
        let days = self.days.saturating_add(if extended { self.extension } else { 0 });
        match self.counted {
            Counted::WorkingDays => deadline(calendar, from, days),
            Counted::Days => Ok(from.plus_days(days)),
        }
    }
}

/// `2 (+3) working days`.
impl fmt::Display for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extension = if self.extension > 0 { format!(" (+{})", self.extension) } else { String::new() };
        let counted = if self.counted == Counted::WorkingDays { "working days" } else { "days" };
        write!(f, "{}{extension} {counted}", self.days)
    }
}

/// The timers of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timers(BTreeMap<(Region, TimedAct), Timer>);

impl Timers {
    pub(super) fn new(timers: BTreeMap<(Region, TimedAct), Timer>) -> Self {
        Self(timers)
    }

    /// The region's timer for an act; `None` where its law knows none.
    pub fn of(&self, region: Region, act: TimedAct) -> Option<&Timer> {
        self.0.get(&(region, act))
    }

    /// All of them, by region and act.
    pub fn iter(&self) -> impl Iterator<Item = (Region, TimedAct, &Timer)> {
        self.0.iter().map(|((region, act), timer)| (*region, *act, timer))
    }
}

#[cfg(test)]
mod tests {
    use creditbay_protocol::name::Region;

    use super::super::calendars::BeyondCalendar;
    use super::super::sample::{day, pack};
    use super::TimedAct::{
        AccessReply, NoticeAcknowledgement, ObjectionCheck, ObjectionDecision, PublicationWithdrawal, RepairDecision,
    };
    use super::{Day, TimedAct};

    fn last_day(region: &str, act: TimedAct, from: &str, extended: bool) -> Result<Day, BeyondCalendar> {
        let (pack, region) = (pack(), Region::new(region).unwrap());
        pack.timers().of(region, act).unwrap().deadline(pack.calendars().of(region).unwrap(), day(from), extended)
    }

    #[test]
    fn each_region_has_the_days_of_its_law() {
        // 2026-12-11 is a Friday.
        for (region, act, extended, expected) in [
            ("sz", ObjectionCheck, false, "2026-12-14"),
            ("sz", ObjectionDecision, false, "2026-12-15"),
            ("sz", ObjectionDecision, true, "2026-12-18"),
            ("sz", RepairDecision, false, "2026-12-16"),
            ("sz", RepairDecision, true, "2026-12-21"),
            ("gz", ObjectionDecision, false, "2026-12-31"),
            ("gz", ObjectionDecision, true, "2026-12-31"),
            ("gz", PublicationWithdrawal, false, "2026-12-14"),
            ("hk", AccessReply, false, "2027-01-20"),
            ("hk", ObjectionDecision, false, "2027-01-20"),
            ("mo", NoticeAcknowledgement, false, "2026-12-14"),
        ] {
            assert_eq!(last_day(region, act, "2026-12-11", extended), Ok(day(expected)), "{region} {act}");
        }
        assert!(pack().timers().of(Region::new("hk").unwrap(), RepairDecision).is_none());
    }

    #[test]
    fn a_timer_beyond_the_calendar_says_so_where_working_days_count() {
        let beyond = Err(BeyondCalendar { last_day: day("2027-12-31") });
        assert_eq!(last_day("sz", ObjectionDecision, "2027-12-30", false), beyond);
        assert_eq!(last_day("sz", PublicationWithdrawal, "2027-12-30", false), Ok(day("2028-01-02")));
    }

    #[test]
    fn a_timer_reads_as_people_write_it() {
        let (pack, sz) = (pack(), Region::new("sz").unwrap());
        assert_eq!(pack.timers().of(sz, ObjectionDecision).unwrap().to_string(), "2 (+3) working days");
        assert_eq!(pack.timers().of(sz, PublicationWithdrawal).unwrap().to_string(), "3 days");
    }
}
