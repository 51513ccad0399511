//! From the keys of a rule pack to timers and calendars: every region has both.
//!
//! Not here: deadlines (`timers`, `calendars`).

use std::collections::{BTreeMap, BTreeSet};

use creditbay_protocol::calendar::Day;
use creditbay_protocol::name::Region;
use serde_spanned::Spanned;

use crate::error::Source;

use super::calendars::{Calendars, HolidayCalendar, is_weekend};
use super::fault::RulesFault;
use super::read::{Refused, not_zero};
use super::timers::{TimedAct, Timer, Timers};
use super::written::{WrittenCalendar, WrittenPack};

/// The timers: one for each region and act, and none of those missing that every region needs.
pub(super) fn timers(source: Source<'_>, pack: &WrittenPack, regions: &[Region]) -> Result<Timers, Refused> {
    let mut timers = BTreeMap::new();
    for (entry, written) in pack.timers.rules.get_ref().iter().enumerate() {
        let key = format!("timers.rules[{entry}]");
        let timer = Timer {
            days: not_zero(source, &format!("{key}.days"), &written.days)?,
            extension: written.extension,
            counted: written.counted,
            illustrative: written.illustrative,
            source: written.source.clone(),
        };
        for name in &written.regions {
            let region = known(source, &key, name, regions)?;
            if timers.insert((region, written.act), timer.clone()).is_some() {
                let fault = RulesFault::TimerTwice { region, act: written.act };
                return Err(source.fault(name.span(), format!("{key}.regions"), fault));
            }
        }
    }
    let needed = regions.iter().flat_map(|region| TimedAct::NEEDED.map(|act| (*region, act)));
    match needed.into_iter().find(|needed| !timers.contains_key(needed)) {
        Some((region, act)) => {
            Err(source.fault(pack.timers.rules.span(), "timers.rules", RulesFault::TimerMissing { region, act }))
        }
        None => Ok(Timers::new(timers)),
    }
}

/// The calendars: one for each region, reaching beyond the day on which the pack takes effect.
pub(super) fn calendars(source: Source<'_>, pack: &WrittenPack, regions: &[Region]) -> Result<Calendars, Refused> {
    let mut calendars = BTreeMap::new();
    for (entry, written) in pack.calendars.regional.get_ref().iter().enumerate() {
        let key = format!("calendars.regional[{entry}]");
        let calendar = calendar(source, &key, written, pack.effective_from)?;
        for name in &written.regions {
            let region = known(source, &key, name, regions)?;
            if calendars.insert(region, calendar.clone()).is_some() {
                return Err(source.fault(name.span(), format!("{key}.regions"), RulesFault::CalendarTwice(region)));
            }
        }
    }
    match regions.iter().find(|region| !calendars.contains_key(region)) {
        Some(region) => {
            Err(source.fault(pack.calendars.regional.span(), "calendars.regional", RulesFault::CalendarMissing(*region)))
        }
        None => Ok(Calendars::new(calendars)),
    }
}

fn calendar(source: Source<'_>, key: &str, written: &WrittenCalendar, effective_from: Day) -> Result<HolidayCalendar, Refused> {
    let (first_day, last_day) = (written.first_day, *written.last_day.get_ref());
    if last_day < first_day || last_day < effective_from {
        return Err(source.fault(written.last_day.span(), format!("{key}.last_day"), RulesFault::CalendarEnds));
    }
    let days = |name: &str, days: &[Spanned<Day>]| {
        let mut read = BTreeSet::new();
        for day in days {
            if !(first_day..=last_day).contains(day.get_ref()) || !read.insert(*day.get_ref()) {
                let fault = RulesFault::CalendarDay(*day.get_ref());
                return Err(source.fault(day.span(), format!("{key}.{name}"), fault));
            }
        }
        Ok(read)
    };
    let holidays = days("holidays", &written.holidays)?;
    let working_days = days("working_days", &written.working_days)?;
    let wrong = |day: &&Spanned<Day>| !is_weekend(*day.get_ref()) || holidays.contains(day.get_ref());
    if let Some(day) = written.working_days.iter().find(wrong) {
        return Err(source.fault(day.span(), format!("{key}.working_days"), RulesFault::WorkingDay(*day.get_ref())));
    }
    Ok(HolidayCalendar { name: written.name.clone(), first_day, last_day, holidays, working_days })
}

fn known(source: Source<'_>, key: &str, name: &Spanned<Region>, regions: &[Region]) -> Result<Region, Refused> {
    let region = *name.get_ref();
    let unknown = || source.fault(name.span(), format!("{key}.regions"), RulesFault::PairRegionUnknown(region));
    regions.contains(&region).then_some(region).ok_or_else(unknown)
}
