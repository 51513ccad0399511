//! Changes of what may be asked: purposes, types, cells, grades.
//!
//! Not here: on which basis and how much (`terms`).

use std::collections::BTreeSet;

use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::catalogue::{PersonRule, TypeRule};
use creditbay_protocol::predicate::{AttestationType, Lane, Purpose};

use super::super::words::{joined, of_lane, or_none};
use super::{Changes, Effect};

fn label(pack: &RulePack, of: AttestationType) -> String {
    pack.catalogue().get(of).map_or_else(|| of.to_string(), |rule| rule.label.en.clone())
}

/// Purposes.
pub(super) fn purposes(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    for purpose in Purpose::ALL {
        let key = format!("purposes.meaning.{purpose}");
        match (before.purposes().get(purpose), after.purposes().get(purpose)) {
            (None, Some(rule)) => changes.add("purposes", Effect::Added, key, format!("{purpose}: {}", rule.meaning)),
            (Some(rule), None) => changes.add("purposes", Effect::Removed, key, format!("{purpose}: {}", rule.meaning)),
            (Some(old), Some(new)) => {
                changes.value("purposes", &key, &format!("meaning of {purpose}"), &old.meaning, &new.meaning);
                let between = |regions: &Option<Vec<_>>| {
                    regions.as_ref().map_or_else(|| "all regions".to_owned(), |regions| joined(regions))
                };
                let (key, what) = (format!("purposes.only_between.{purpose}"), format!("{purpose} is for questions between"));
                changes.value("purposes", &key, &what, &between(&old.only_between), &between(&new.only_between));
                let key = format!("labels.purposes.{purpose}");
                labels(changes, &key, &format!("label of {purpose}"), old.label.texts(), new.label.texts());
            }
            (None, None) => {}
        }
    }
}

fn labels(changes: &mut Changes, key: &str, what: &str, before: [&str; 4], after: [&str; 4]) {
    for (language, (before, after)) in ["zh-Hans", "zh-Hant", "pt", "en"].into_iter().zip(before.into_iter().zip(after)) {
        changes.value("labels", &format!("{key}.{language}"), &format!("{what} in {language}"), before, after);
    }
}

/// Types of the catalogue, with their terms and labels.
pub(super) fn types(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    for of in AttestationType::ALL {
        let key = format!("catalogue.types.{of}");
        match (before.catalogue().get(*of), after.catalogue().get(*of)) {
            (None, Some(rule)) => {
                let words = format!("{} may be asked: {}", rule.label.en, of_lane(Some(rule.lane)));
                changes.add("catalogue", Effect::Added, key, words);
            }
            (Some(rule), None) => {
                changes.add("catalogue", Effect::Removed, key, format!("{} may no longer be asked", rule.label.en))
            }
            (Some(old), Some(new)) if old != new => type_rule(changes, &key, old, new),
            _ => {}
        }
    }
}

fn type_rule(changes: &mut Changes, key: &str, old: &TypeRule, new: &TypeRule) {
    let (label, section) = (&new.label.en, "catalogue");
    let key = |name: &str| format!("{key}.{name}");
    if old.lane != new.lane {
        let effect = if new.lane > old.lane { Effect::Tightened } else { Effect::Loosened };
        let words = format!("{label} at the loosest: {} -> {}", of_lane(Some(old.lane)), of_lane(Some(new.lane)));
        changes.add(section, effect, key("lane"), words);
    }
    members(changes, section, &key("subjects"), &format!("{label} about"), &old.subjects, &new.subjects);
    members(changes, section, &key("shapes"), &format!("{label} in the form"), &old.shapes, &new.shapes);
    members(changes, section, &key("origins"), &format!("{label} under the law of"), &old.origins, &new.origins);
    members(changes, section, &key("severities"), &format!("{label} counted from severity"), &old.severities, &new.severities);
    members(changes, section, &key("counts"), &format!("{label} counted up to"), &old.counts, &new.counts);
    members(changes, section, &key("domains"), &format!("{label} for domain"), &old.domains.members(), &new.domains.members());
    // A register more is a condition more for TRUE: neither looser nor stricter towards whoever asks.
    let what = format!("{label} rests on the registers");
    changes.value(section, &key("members"), &what, &joined(&old.registers), &joined(&new.registers));
    look_back(changes, &key("look_back_months"), label, old.look_back_months, new.look_back_months);
    changes.number(
        "freshness",
        &key("validity_days"),
        &format!("{label} may be used for days"),
        old.validity_days,
        new.validity_days,
    );
    if old.stale_after_days != new.stale_after_days {
        let what = format!("{label} is stale after days");
        changes.number(
            "freshness",
            &key("stale_after_days"),
            &what,
            old.stale_after_days.unwrap_or(0),
            new.stale_after_days.unwrap_or(0),
        );
    }
    labels(changes, &key("label"), &format!("label of {label}"), old.label.texts(), new.label.texts());
}

fn look_back(changes: &mut Changes, key: &str, label: &str, old: Option<u16>, new: Option<u16>) {
    changes.number(
        "catalogue",
        key,
        &format!("{label} looks back over months (0: today only)"),
        old.unwrap_or(0),
        new.unwrap_or(0),
    );
}

/// One change for each member that comes or goes.
fn members<T: PartialEq + std::fmt::Display>(
    changes: &mut Changes,
    section: &'static str,
    key: &str,
    what: &str,
    old: &[T],
    new: &[T],
) {
    for gone in old.iter().filter(|one| !new.contains(one)) {
        changes.add(section, Effect::Tightened, key, format!("{what} {gone}: no longer"));
    }
    for come in new.iter().filter(|one| !old.contains(one)) {
        changes.add(section, Effect::Loosened, key, format!("{what} {come}: new"));
    }
}

/// Rows about natural persons.
pub(super) fn persons(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    for of in AttestationType::ALL {
        let key = format!("catalogue.persons.{of}");
        match (before.catalogue().person(*of), after.catalogue().person(*of)) {
            (None, Some(_)) => {
                let words = format!("{} of natural persons may be confirmed by a carried report", label(after, *of));
                changes.add("catalogue", Effect::Added, key, words);
            }
            (Some(_), None) => {
                let words = format!("{} of natural persons may no longer be confirmed", label(before, *of));
                changes.add("catalogue", Effect::Removed, key, words);
            }
            (Some(old), Some(new)) => person_rule(changes, &key, &label(after, *of), old, new),
            (None, None) => {}
        }
    }
}

fn person_rule(changes: &mut Changes, key: &str, label: &str, old: &PersonRule, new: &PersonRule) {
    let label = format!("{label} of natural persons");
    members(changes, "catalogue", &format!("{key}.origins"), &format!("{label} under the law of"), &old.origins, &new.origins);
    look_back(changes, &format!("{key}.look_back_months"), &label, old.look_back_months, new.look_back_months);
    let counted = |sensitive| if sensitive { "as sensitive" } else { "as not sensitive" };
    let what = format!("{label} counts");
    changes.value("catalogue", &format!("{key}.sensitive"), &what, counted(old.sensitive), counted(new.sensitive));
}

/// Cells of the matrix, of the types that both packs have.
pub(super) fn cells(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    for of in AttestationType::ALL {
        for purpose in Purpose::ALL {
            let (old, new) = (before.matrix().cell(*of, *purpose), after.matrix().cell(*of, *purpose));
            cell(changes, after, ("cells", ""), (*of, *purpose), (old, new));
            let (old, new) = (before.matrix().person_cell(*of, *purpose), after.matrix().person_cell(*of, *purpose));
            cell(changes, after, ("persons", " of natural persons"), (*of, *purpose), (old, new));
        }
    }
}

fn cell(
    changes: &mut Changes,
    pack: &RulePack,
    (rows, about): (&str, &str),
    (of, purpose): (AttestationType, Purpose),
    (old, new): (Option<Lane>, Option<Lane>),
) {
    if old == new {
        return;
    }
    let tightened = new.is_none() || old.is_some_and(|old| new.is_some_and(|new| new > old));
    let effect = if tightened { Effect::Tightened } else { Effect::Loosened };
    let named = pack.purposes().get(&purpose).map_or_else(|| purpose.to_string(), |rule| rule.label.en.clone());
    let words = format!("{}{about} for {named}: {} -> {}", label(pack, of), of_lane(old), of_lane(new));
    changes.add("matrix", effect, format!("matrix.{rows}.{of}.{purpose}"), words);
}

/// Scales and band maps.
pub(super) fn grades(changes: &mut Changes, before: &RulePack, after: &RulePack) {
    let scales = |pack: &RulePack| pack.scales().scales().map(|scale| (scale.of, scale.law)).collect::<BTreeSet<_>>();
    for (of, law) in scales(before).union(&scales(after)) {
        let grades = |pack: &RulePack| or_none(pack.scales().scale(*of, *law).map(|scale| scale.grades.join(" < ")).as_ref());
        let what = format!("grades of {} under {law}", label(after, *of));
        changes.value("scales", &format!("scales.native ({of}, {law})"), &what, &grades(before), &grades(after));
    }
    let maps = |pack: &RulePack| pack.scales().maps().map(|map| map.id).collect::<BTreeSet<_>>();
    for id in maps(before).union(&maps(after)) {
        let of = |pack: &RulePack| or_none(pack.scales().map(*id).map(|map| map.of).as_ref());
        let key = format!("bands.maps ({id})");
        changes.value("bands", &key, &format!("band map {id} is of"), &of(before), &of(after));
        for law in creditbay_protocol::predicate::LawOfOrigin::ALL {
            let row = |pack: &RulePack| {
                let row = pack.scales().map(*id).and_then(|map| map.rows.get(law));
                row.map_or_else(|| "none".to_owned(), |row| joined(row))
            };
            let what = format!("bands of map {id} for the grades under {law}, worst first");
            changes.value("bands", &key, &what, &row(before), &row(after));
        }
        let settled = |pack: &RulePack| or_none(pack.scales().map(*id).and_then(|map| map.source.clone()).as_ref());
        changes.value("bands", &key, &format!("text behind map {id}"), &settled(before), &settled(after));
    }
}
