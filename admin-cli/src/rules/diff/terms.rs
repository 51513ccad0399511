//! Changes of the head and of the terms: bases, regimes, periods, budgets, timers, calendars, contract.
//!
//! Not here: what may be asked (`catalogue`).

use std::collections::BTreeSet;

use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::calendars::HolidayCalendar;
use creditbay_configs::rules::regimes::PenaltyRegime;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane};

use super::super::words::{joined, of_lane, of_timer, or_none};
use super::{Changes, Effect};

fn regions(before: &RulePack, after: &RulePack) -> BTreeSet<Region> {
    before.regions().iter().chain(after.regions()).copied().collect()
}

/// Name, edition, dates, regions, laws.
pub(super) fn head(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    let mut value = |key: &str, what: &str, before: String, after: String| changes.value("head", key, what, &before, &after);
    value("id", "name", before.id().to_string(), after.id().to_string());
    value("serial", "edition", before.serial().to_string(), after.serial().to_string());
    value("effective_from", "takes effect on", before.effective_from().to_string(), after.effective_from().to_string());
    value("overlap_days", "days of overlap", before.overlap_days().to_string(), after.overlap_days().to_string());
    if before.digest() != after.digest() {
        let follows = |pack: &RulePack| or_none(pack.supersedes().as_ref());
        value("supersedes", "follows", follows(before), follows(after));
    }
    value(
        "unreviewed_languages",
        "labels not reviewed in",
        joined(before.unreviewed_languages()),
        joined(after.unreviewed_languages()),
    );
    for region in regions(before, after) {
        let has = |pack: &RulePack| pack.regions().contains(&region);
        match (has(before), has(after)) {
            (false, true) => changes.add("head", Effect::Added, "regions", format!("region {region} uses the pack")),
            (true, false) => changes.add("head", Effect::Removed, "regions", format!("region {region} no longer uses the pack")),
            _ => {
                let law = |pack: &RulePack| or_none(pack.law(region).as_ref());
                changes.value("head", "laws", &format!("law of {region}"), &law(before), &law(after));
            }
        }
    }
}

/// Legal bases.
pub(super) fn bases(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    let all = regions(before, after);
    for (issuer, asker) in all.iter().flat_map(|issuer| all.iter().map(move |asker| (*issuer, *asker))) {
        for lane in Lane::ALL {
            let basis = |pack: &RulePack| pack.bases().between(issuer, asker).and_then(|pair| pair.of(*lane));
            let (old, new) = (basis(before), basis(after));
            let effect = match (old, new) {
                (old, new) if old == new => continue,
                (None, _) => Effect::Loosened,
                (_, None) => Effect::Tightened,
                _ => Effect::Changed,
            };
            let words = format!(
                "{issuer} answers {asker}, {}: {} -> {}",
                of_lane(Some(*lane)),
                or_none(old.as_ref()),
                or_none(new.as_ref())
            );
            changes.add("basis", effect, "basis.pairs", words);
        }
    }
}

/// Publication, repair and severity.
pub(super) fn regimes(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    let (old, new) = (before.regimes(), after.regimes());
    let (periods, later) = (old.listings(), new.listings());
    changes.number(
        "listings",
        "listings.maximum_months",
        "a listing is visible for months",
        periods.maximum_months,
        later.maximum_months,
    );
    for of in AttestationType::ALL {
        let visible = |pack: &RulePack| {
            let periods = pack.regimes().listings();
            if periods.until_delisted.contains(of) {
                return "until it is taken off".to_owned();
            }
            periods.longer.get(of).map_or_else(|| "as every list".to_owned(), |months| format!("{months} months"))
        };
        changes.value("listings", "listings", &format!("{of} is visible"), &visible(before), &visible(after));
    }
    for regime in
        old.penalties().iter().filter(|regime| !new.penalties().iter().any(|one| one.decided_from == regime.decided_from))
    {
        let words = format!("{}, for decisions from {} on", regime.title, regime.decided_from);
        changes.add("penalties", Effect::Removed, "penalties.regimes", words);
    }
    for regime in new.penalties() {
        match old.penalties().iter().find(|one| one.decided_from == regime.decided_from) {
            None => {
                let words = format!("{}, for decisions from {} on", regime.title, regime.decided_from);
                changes.add("penalties", Effect::Added, "penalties.regimes", words);
            }
            Some(one) => self::regime(changes, one, regime),
        }
    }
    let sectors = |pack: &RulePack| {
        let sectors = pack.regimes().sectors().iter().map(|sector| format!("{} {}", sector.name, sector.minimum_months));
        sectors.collect::<Vec<_>>()
    };
    let what = "months before repair, by sector";
    changes.value("penalties", "penalties.sectors", what, &joined(&sectors(before)), &joined(&sectors(after)));
    let (old, new) = (old.severity(), new.severity());
    changes.value("severity", "severity.serious_kinds", "serious are", &joined(&old.serious_kinds), &joined(&new.serious_kinds));
    changes.value("severity", "severity.minor_kinds", "minor are", &joined(&old.minor_kinds), &joined(&new.minor_kinds));
    let fine = |fen: u64| format!("{fen} fen");
    let what = "serious is a fine of";
    changes.value("severity", "severity.serious_fine_fen", what, &fine(old.serious_fine_fen), &fine(new.serious_fine_fen));
}

fn regime(changes: &mut Changes, old: &PenaltyRegime, new: &PenaltyRegime) {
    let key = "penalties.regimes";
    changes.value("penalties", key, "regime", &old.title, &new.title);
    for (what, old, new) in [
        ("minor penalties are published for months", old.minor_months, new.minor_months),
        ("general penalties are published for months", old.general_months, new.general_months),
        ("serious penalties are published for months", old.serious_months, new.serious_months),
        ("general penalties can be repaired after months", old.general_minimum_months, new.general_minimum_months),
        ("serious penalties can be repaired after months", old.serious_minimum_months, new.serious_minimum_months),
    ] {
        changes.value("penalties", key, what, &old.to_string(), &new.to_string());
    }
}

/// Retention.
pub(super) fn retention(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    let (old, new) = (before.retention(), after.retention());
    for (key, what, old, new) in [
        ("answer_days", "an answer is kept for days after its last day", old.answer_days, new.answer_days),
        ("audit_months", "the record of a disclosure is kept for months", old.audit_months, new.audit_months),
        ("authorisation_months", "an authorisation is kept for months", old.authorisation_months, new.authorisation_months),
        ("withdrawal_months", "a withdrawal is kept for months", old.withdrawal_months, new.withdrawal_months),
    ] {
        changes.value("retention", &format!("retention.{key}"), what, &old.to_string(), &new.to_string());
    }
}

/// Budgets, volumes, and which answers wait for witnesses.
pub(super) fn budgets(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    for ((key, old), (_, new)) in before.budgets().named().into_iter().zip(after.budgets().named()) {
        changes.number("budgets", &format!("budgets.{key}"), &key.replace('_', " "), old, new);
    }
    let (old, new) = (before.volumes(), after.volumes());
    changes.value(
        "volumes",
        "volumes.warn_percent",
        "warned of from percent",
        &old.warn_percent.to_string(),
        &new.warn_percent.to_string(),
    );
    let witnessed = |pack: &RulePack| match pack.witnessed() {
        None => "none".to_owned(),
        Some(rule) => {
            let purposes = rule.purposes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            format!("{purposes}: {} others within {} s", rule.quorum, rule.wait_seconds)
        }
    };
    changes.value("witnessed", "witnessed", "answers that wait for witnesses", &witnessed(before), &witnessed(after));
    let words = |pack: &RulePack| {
        let words = pack.volumes().thresholds.iter().map(|threshold| {
            let kind = if threshold.sensitive { " sensitive" } else { "" };
            format!("{}{kind}, {}", threshold.persons, if threshold.refuse { "refused" } else { "warned of" })
        });
        words.collect::<Vec<_>>()
    };
    let (old, new) = (words(before), words(after));
    for gone in old.iter().filter(|one| !new.contains(one)) {
        changes.add("volumes", Effect::Removed, "volumes.thresholds", format!("answers about persons a year: {gone}"));
    }
    for come in new.iter().filter(|one| !old.contains(one)) {
        changes.add("volumes", Effect::Added, "volumes.thresholds", format!("answers about persons a year: {come}"));
    }
}

/// Timers.
pub(super) fn timers(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    let named = |pack: &RulePack| pack.timers().iter().map(|(region, act, _)| (region, act)).collect::<BTreeSet<_>>();
    for (region, act) in named(before).union(&named(after)) {
        let timer = |pack: &RulePack| or_none(pack.timers().of(*region, *act).map(of_timer).as_ref());
        let what = format!("{region}, {}", act.to_string().replace('_', " "));
        changes.value("timers", "timers.rules", &what, &timer(before), &timer(after));
    }
}

/// Calendars, day by day.
pub(super) fn calendars(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    for region in regions(before, after) {
        let (Some(old), Some(new)) = (before.calendars().of(region), after.calendars().of(region)) else { continue };
        let range = |calendar: &HolidayCalendar| format!("{} to {}", calendar.first_day, calendar.last_day);
        changes.value("calendars", "calendars.regional", &format!("{region} has a calendar from"), &range(old), &range(new));
        for (what, old, new) in [("closed", &old.holidays, &new.holidays), ("open", &old.working_days, &new.working_days)] {
            let days = |days: Vec<&Day>| joined(&days);
            if old != new {
                let (gone, come) = (old.difference(new).collect(), new.difference(old).collect());
                let words = format!("{region}, {what} besides: {}; no longer: {}", days(come), days(gone));
                changes.add("calendars", Effect::Changed, "calendars.regional", words);
            }
        }
    }
}

/// Rules that the contract holds.
pub(super) fn contract(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    for gone in before.contract().iter().filter(|rule| !after.contract().contains(rule)) {
        changes.add("contract", Effect::Removed, "contract.rules", gone.clone());
    }
    for come in after.contract().iter().filter(|rule| !before.contract().contains(rule)) {
        changes.add("contract", Effect::Added, "contract.rules", come.clone());
    }
}

/// Who holds a section, and whether it is a proposal.
pub(super) fn sections(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    for (old, new) in before.sections().iter().zip(after.sections()) {
        let key = format!("{}.held_by", old.name);
        changes.value("sections", &key, &format!("section {}", old.name), &old.to_string(), &new.to_string());
    }
}
