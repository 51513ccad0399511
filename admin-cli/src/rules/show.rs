//! `creditbay rules show`: a pack as tables.
//!
//! Not here: two packs side by side (`diff`).

use creditbay_configs::rules::RulePack;
use creditbay_protocol::predicate::{Lane, Purpose};

use crate::exit::Exit;
use crate::print::{Fields, Screen, Table};

use super::words::{joined, of_timer, or_none};

/// Runs the command.
pub(super) fn run(pack: &RulePack, screen: &mut Screen) -> anyhow::Result<Exit> {
    let purposes: Vec<Purpose> = pack.purposes().keys().copied().collect();
    if screen.is_json() {
        screen.json(&as_json(pack, &purposes))?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    fields
        .add("pack", format!("{}, edition {}", pack.id(), pack.serial()))
        .add("sha-256", pack.digest())
        .add("effect", format!("from {}; the edition before for {} days more", pack.effective_from(), pack.overlap_days()))
        .add("regions", joined(pack.regions()));
    screen.line(format!(
        "{fields}\n\nWho may ask what, in which lane (P public, A authorised, C carried, R regulators, - refused)\n"
    ))?;
    screen.line(types(pack, &purposes))?;
    screen.line(format!("\nAbout natural persons, who carry the report\n\n{}", persons(pack, &purposes)))?;
    screen.line(format!("\nGrades, worst first, and their bands\n\n{}", grades(pack)))?;
    screen.line(format!("\nOn which legal basis, lane by lane\n\n{}", bases(pack)))?;
    screen.line(format!("\nHow much\n\n{}", limits(pack)))?;
    screen.line(format!("\nBy when\n\n{}", timers(pack)))?;
    screen.line(format!("\nWho sees to it\n\n{}", sections(pack)))?;
    Ok(Exit::Done)
}

fn types(pack: &RulePack, purposes: &[Purpose]) -> Table {
    let mut headings = vec!["type"];
    headings.extend(purposes.iter().map(|purpose| purpose.as_str()));
    headings.extend([">months", ">days", "about", "shapes", "label"]);
    let mut table = Table::new(&headings);
    for (of, rule) in pack.catalogue().iter() {
        let mut row = vec![of.to_string()];
        row.extend(purposes.iter().map(|purpose| cell(pack.matrix().cell(of, *purpose))));
        row.push(rule.look_back_months.map_or_else(|| "today".to_owned(), |months| months.to_string()));
        row.push(rule.validity_days.to_string());
        row.push(joined(&rule.subjects));
        row.push(joined(&rule.shapes));
        row.push(rule.label.en.clone());
        table.row(row);
    }
    table
}

fn persons(pack: &RulePack, purposes: &[Purpose]) -> Table {
    let mut headings = vec!["type"];
    headings.extend(purposes.iter().map(|purpose| purpose.as_str()));
    headings.extend([">months", ">days"]);
    let mut table = Table::new(&headings);
    for (of, rule) in pack.catalogue().persons() {
        let mut row = vec![of.to_string()];
        row.extend(purposes.iter().map(|purpose| cell(pack.matrix().person_cell(of, *purpose))));
        row.push(rule.look_back_months.map_or_else(|| "today".to_owned(), |months| months.to_string()));
        row.push(rule.validity_days.to_string());
        table.row(row);
    }
    table
}

fn cell(lane: Option<Lane>) -> String {
    lane.map_or("-", |lane| lane.as_str()).to_owned()
}

fn grades(pack: &RulePack) -> Table {
    let mut table = Table::new(&["type", "law", ">map", "grades and bands", ""]);
    for scale in pack.scales().scales() {
        let map = pack.scales().maps().find(|map| map.of == scale.of);
        let bands = map.and_then(|map| map.rows.get(&scale.law));
        let graded = scale.grades.iter().enumerate().map(|(rank, grade)| {
            let band = bands.and_then(|bands| bands.get(rank)).map_or_else(|| "-".to_owned(), u8::to_string);
            format!("{grade} {band}")
        });
        let settled = map.and_then(|map| Some((map.settled.get(&scale.law)?, map.source.as_ref()?)));
        let settled = settled.map(|(ranks, source)| {
            let names: Vec<&str> = ranks.iter().filter_map(|rank| scale.grade(*rank)).collect();
            format!("{}: {source}", names.join(", "))
        });
        table.row(vec![
            scale.of.to_string(),
            scale.law.to_string(),
            map.map_or_else(String::new, |map| map.id.to_string()),
            graded.collect::<Vec<_>>().join(", "),
            settled.unwrap_or_default(),
        ]);
    }
    table
}

fn bases(pack: &RulePack) -> Table {
    let mut table = Table::new(&["issuer", "asker", "P", "A", "C", "R"]);
    for issuer in pack.regions() {
        for asker in pack.regions().iter().filter(|asker| *asker != issuer) {
            let pair = pack.bases().between(*issuer, *asker);
            let mut row = vec![issuer.to_string(), asker.to_string()];
            row.extend(Lane::ALL.iter().map(|lane| or_none(pair.and_then(|pair| pair.of(*lane)).as_ref())));
            table.row(row);
        }
    }
    table
}

fn limits(pack: &RulePack) -> Table {
    let mut table = Table::new(&["", ">"]);
    for (key, number) in pack.budgets().named() {
        table.row(vec![key.replace('_', " "), number.to_string()]);
    }
    if let Some(rule) = pack.witnessed() {
        let purposes = rule.purposes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        table.row(vec![format!("witnesses of an answer for {purposes}"), rule.quorum.to_string()]);
        table.row(vec!["seconds that it waits for them".to_owned(), rule.wait_seconds.to_string()]);
    }
    for threshold in &pack.volumes().thresholds {
        let kind = if threshold.sensitive { "sensitive answers about persons a year" } else { "answers about persons a year" };
        let then = if threshold.refuse { "refused from" } else { "warned of from" };
        table.row(vec![format!("{kind}, {then}"), threshold.persons.to_string()]);
    }
    table
}

fn timers(pack: &RulePack) -> Table {
    let mut table = Table::new(&["region", "act", "within", "", "source"]);
    for (region, act, timer) in pack.timers().iter() {
        let mark = if timer.illustrative { "ILL" } else { "" };
        table.row(vec![
            region.to_string(),
            act.to_string().replace('_', " "),
            of_timer(timer),
            mark.to_owned(),
            timer.source.clone(),
        ]);
    }
    table
}

fn sections(pack: &RulePack) -> Table {
    let mut table = Table::new(&["section", "held by", ""]);
    for section in pack.sections() {
        let proposal = if section.illustrative { "ILL: a proposal, not law" } else { "" };
        table.row(vec![section.name.to_owned(), section.held_by.to_string(), proposal.to_owned()]);
    }
    table
}

fn as_json(pack: &RulePack, purposes: &[Purpose]) -> serde_json::Value {
    let types: Vec<_> = pack
        .catalogue()
        .iter()
        .map(|(of, rule)| {
            let cells: serde_json::Map<_, _> =
                purposes.iter().map(|purpose| (purpose.to_string(), serde_json::json!(pack.matrix().cell(of, *purpose)))).collect();
            serde_json::json!({
                "type": of, "lane": rule.lane, "subjects": rule.subjects, "cells": cells,
                "shapes": rule.shapes.iter().map(ToString::to_string).collect::<Vec<_>>(), "origins": rule.origins,
                "look_back_months": rule.look_back_months, "registers": rule.registers, "severities": rule.severities, "counts": rule.counts,
                "domains": rule.domains, "validity_days": rule.validity_days, "stale_after_days": rule.stale_after_days, "label": rule.label,
            })
        })
        .collect();
    let persons: Vec<_> = pack
        .catalogue()
        .persons()
        .map(|(of, rule)| {
            let cells: serde_json::Map<_, _> = purposes
                .iter()
                .map(|purpose| (purpose.to_string(), serde_json::json!(pack.matrix().person_cell(of, *purpose))))
                .collect();
            serde_json::json!({
                "type": of, "cells": cells, "origins": rule.origins, "look_back_months": rule.look_back_months,
                "sensitive": rule.sensitive, "validity_days": rule.validity_days,
            })
        })
        .collect();
    let sections: Vec<_> = pack
        .sections()
        .iter()
        .map(|section| serde_json::json!({ "name": section.name, "illustrative": section.illustrative, "held_by": section.held_by.to_string() }))
        .collect();
    let budgets: serde_json::Map<_, _> =
        pack.budgets().named().into_iter().map(|(key, number)| (key.to_owned(), serde_json::json!(number))).collect();
    serde_json::json!({
        "id": pack.id(), "serial": pack.serial(), "digest": pack.digest(), "supersedes": pack.supersedes(),
        "effective_from": pack.effective_from(), "overlap_days": pack.overlap_days(), "regions": pack.regions(), "types": types,
        "persons": persons, "budgets": budgets, "sections": sections,
    })
}
