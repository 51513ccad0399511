//! A second transcription of the rules, apart from the pack's own rows: what is changed in one is noticed in the other.

use std::collections::BTreeMap;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, LegalBasis, Purpose};

use super::super::RulePack;
use super::super::budgets::{Budgets, Threshold};
use super::super::catalogue::Shape;
use super::super::purposes::PurposeRule;
use super::super::retention::Retention;
use super::super::sample::{TEXT, day, pack, read};
use super::super::section::Holder;

/// The matrix as agreed, columns FIN PROC INV CUST LIST PROF REG RND.
const ENTITIES: [(&str, &str); 26] = [
    ("REG_STATUS", "P P P P P - P P"),
    ("ABN_LIST", "P P P P P - P -"),
    ("SER_SAMR", "P P P - P - P -"),
    ("SER_TAX", "P P P P P - P -"),
    ("SER_WAGE", "P P - - P - P -"),
    ("SER_SAFETY", "P P - - P - P -"),
    ("SER_CUSTOMS", "P - P P P - P -"),
    ("SER_SOCINS", "- P - - P - P -"),
    ("SER_ANY", "P P P P P - P P"),
    ("COURT_DISHONEST", "P P P - P - P -"),
    ("PENALTY", "A P P P P - R -"),
    ("PERMIT", "P P P P P - P P"),
    ("TAX_GRADE", "A A - - A - R -"),
    ("AEO_GRADE", "P - - P P - P -"),
    ("ENV_GRADE", "P P P - P - P -"),
    ("LABOR_GRADE", "- A - - A - R -"),
    ("PUB_GRADE", "A - - - - - R -"),
    ("QUAL_GRADE", "- A - - A - R -"),
    ("NO_VIOL_REPORT", "A A A - A - - A"),
    ("COMMIT", "- P P - P - P -"),
    ("IPR_DISHONEST", "- P P - P - P P"),
    ("RES_INTEGRITY", "- - - - - C - C"),
    ("SEC_FILE", "P - P - P - P -"),
    ("GOV_DEFAULT", "P P P - - - P -"),
    ("INSOLVENCY", "P P P P P - P -"),
    ("REPORT_VERIFY", "A A A - A - - -"),
];

const PERSONS: [(&str, &str); 5] = [
    ("COURT_DISHONEST", "C - - - - C - -"),
    ("RES_INTEGRITY", "- - - - - C - C"),
    ("SEC_FILE", "- - - - C C - -"),
    ("INSOLVENCY", "C - - - - C - -"),
    ("REPORT_VERIFY", "C - - - - C - -"),
];

/// Type, lane, longest window in months, validity in days, laws of origin, kinds of subject.
type Row = (&'static str, &'static str, Option<u16>, u16, &'static str, &'static str);

const TYPES: [Row; 26] = [
    ("REG_STATUS", "P", None, 7, "CN HK MO", "entity household"),
    ("ABN_LIST", "P", None, 7, "CN", "entity household"),
    ("SER_SAMR", "P", Some(36), 7, "CN", "entity household"),
    ("SER_TAX", "P", Some(36), 7, "CN", "entity household"),
    ("SER_WAGE", "P", Some(36), 7, "CN", "entity household"),
    ("SER_SAFETY", "P", Some(36), 7, "CN", "entity household"),
    ("SER_CUSTOMS", "P", Some(36), 7, "CN", "entity household"),
    ("SER_SOCINS", "P", Some(36), 7, "CN", "entity household"),
    ("SER_ANY", "P", Some(36), 7, "CN", "entity household"),
    ("COURT_DISHONEST", "P", Some(60), 7, "CN", "entity household"),
    ("PENALTY", "P", Some(36), 7, "CN", "entity"),
    ("PERMIT", "P", None, 30, "CN HK MO", "entity"),
    ("TAX_GRADE", "A", Some(36), 90, "CN", "entity"),
    ("AEO_GRADE", "P", None, 30, "CN HK MO", "entity"),
    ("ENV_GRADE", "P", Some(36), 90, "CN", "entity"),
    ("LABOR_GRADE", "A", Some(36), 90, "CN", "entity"),
    ("PUB_GRADE", "A", None, 30, "CN", "entity"),
    ("QUAL_GRADE", "A", None, 90, "CN", "entity"),
    ("NO_VIOL_REPORT", "A", Some(60), 30, "CN", "entity"),
    ("COMMIT", "P", Some(36), 30, "CN", "entity"),
    ("IPR_DISHONEST", "P", Some(36), 7, "CN", "entity household"),
    ("RES_INTEGRITY", "C", Some(60), 30, "CN HK MO", "entity"),
    ("SEC_FILE", "P", Some(60), 30, "CN HK", "entity"),
    ("GOV_DEFAULT", "P", Some(36), 30, "CN", "public-body"),
    ("INSOLVENCY", "P", Some(60), 7, "CN HK MO", "entity"),
    ("REPORT_VERIFY", "A", None, 1, "CN HK MO", "entity"),
];

fn of(name: &str) -> AttestationType {
    AttestationType::from_name(name).unwrap()
}

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

/// The cells that differ from the agreed rows.
fn differences(pack: &RulePack) -> Vec<String> {
    let mut different = Vec::new();
    for (section, rows) in [("cells", &ENTITIES[..]), ("persons", &PERSONS)] {
        for (name, row) in rows {
            let cells: Vec<&str> = row.split(' ').collect();
            assert_eq!(cells.len(), Purpose::ALL.len());
            for (purpose, agreed) in Purpose::ALL.iter().zip(cells) {
                let matrix = pack.matrix();
                let cell =
                    if section == "cells" { matrix.cell(of(name), *purpose) } else { matrix.person_cell(of(name), *purpose) };
                if cell != Lane::from_name(agreed) {
                    different.push(format!("{section}.{name}.{purpose}"));
                }
            }
        }
    }
    different
}

#[test]
fn the_matrix_is_the_agreed_one() {
    assert_eq!(differences(&pack()), Vec::<String>::new());
    assert_eq!(pack().catalogue().iter().map(|(of, _)| of.as_str()).collect::<Vec<_>>(), ENTITIES.map(|(name, _)| name));
    assert_eq!(pack().catalogue().persons().map(|(of, _)| of.as_str()).collect::<Vec<_>>(), PERSONS.map(|(name, _)| name));
    assert_eq!(pack().matrix().person_cell(AttestationType::TaxGrade, Purpose::Fin), None);
}

#[test]
fn every_flipped_cell_is_noticed() {
    for (section, rows, strict) in [("cells", &ENTITIES[..], "R"), ("persons", &PERSONS, "C")] {
        for (name, _) in rows {
            let start = TEXT.find(&format!("[matrix.{section}]")).unwrap();
            let row = start + TEXT[start..].find(&format!("\n{name} ")).unwrap() + 1;
            for purpose in Purpose::ALL {
                let at = row + TEXT[row..].find(&format!("{purpose} = \"")).unwrap() + purpose.as_str().len() + 4;
                let flipped = if &TEXT[at..=at] == "-" { strict } else { "-" };
                let text = format!("{}{flipped}{}", &TEXT[..at], &TEXT[at + 1..]);
                let pack = read(&text).unwrap();
                assert_eq!(differences(&pack), [format!("{section}.{name}.{purpose}")]);
                assert_ne!(pack.digest(), super::super::sample::pack().digest());
            }
        }
    }
}

#[test]
fn the_catalogue_is_the_agreed_one() {
    let pack = pack();
    for (name, lane, look_back, validity, origins, subjects) in TYPES {
        let rule = pack.catalogue().get(of(name)).unwrap();
        let found = (rule.lane.as_str(), rule.look_back_months, rule.validity_days);
        assert_eq!(found, (lane, look_back, validity), "{name}");
        assert_eq!(rule.origins.iter().map(|law| law.as_str()).collect::<Vec<_>>().join(" "), origins, "{name}");
        assert_eq!(rule.subjects.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(" "), subjects, "{name}");
        assert_eq!(rule.shapes, Shape::answerable(of(name)), "{name}");
        assert_eq!(rule.stale_after_days, (name != "SER_ANY").then_some(45), "{name}");
        assert_eq!(rule.domains.members().len(), if name == "NO_VIOL_REPORT" { 38 } else { 0 }, "{name}");
        assert!(rule.label.texts().iter().all(|text| !text.is_empty()));
    }
    for (name, _) in PERSONS {
        let (rule, person) = (pack.catalogue().get(of(name)).unwrap(), pack.catalogue().person(of(name)).unwrap());
        assert_eq!((&person.origins, person.look_back_months, person.sensitive), (&rule.origins, rule.look_back_months, true));
        assert_eq!((person.validity_days, person.stale_after_days), (rule.validity_days, rule.stale_after_days));
    }
    let any = &pack.catalogue().get(AttestationType::SerAny).unwrap().registers;
    assert_eq!(
        any.iter().map(|of| of.as_str()).collect::<Vec<_>>().join(" "),
        "SER_SAMR SER_TAX SER_WAGE SER_SAFETY SER_CUSTOMS SER_SOCINS"
    );
}

#[test]
fn the_bands_are_the_agreed_ones() {
    let pack = pack();
    // Type, law, grades from the worst, and the band of each.
    let agreed = [
        ("TAX_GRADE", LawOfOrigin::Cn, "D C M B A", "0 1 2 3 4"),
        ("AEO_GRADE", LawOfOrigin::Cn, "严重失信 失信 常规 认证 高级认证", "0 1 2 3 4"),
        ("AEO_GRADE", LawOfOrigin::Hk, "Tier1 Tier2", "3 4"),
        ("AEO_GRADE", LawOfOrigin::Mo, "B A", "3 4"),
        ("ENV_GRADE", LawOfOrigin::Cn, "红 黄 蓝 绿", "0 1 3 4"),
        ("LABOR_GRADE", LawOfOrigin::Cn, "C B A", "0 2 4"),
        ("PUB_GRADE", LawOfOrigin::Cn, "D C B A", "0 1 3 4"),
        ("QUAL_GRADE", LawOfOrigin::Cn, "D C B A", "0 1 3 4"),
    ];
    assert_eq!((pack.scales().scales().count(), pack.scales().maps().count()), (agreed.len(), 6));
    for (name, law, grades, bands) in agreed {
        let scale = pack.scales().scale(of(name), law).unwrap();
        let found: Vec<String> = scale.grades.iter().map(|grade| grade.replace(' ', "")).collect();
        assert_eq!(found.join(" "), grades, "{name}");
        let map = pack.scales().maps().find(|map| map.of == of(name)).unwrap();
        let found: Vec<String> = map.rows[&law].iter().map(u8::to_string).collect();
        assert_eq!((found.join(" "), map.illustrative), (bands.to_owned(), true), "{name}");
    }
}

#[test]
fn the_legal_bases_are_the_agreed_ones() {
    use LegalBasis::{CnEntAuth, CnPiStat, CnPub, HkEntAuth, HkPubreg, MoEntAuth, MoPubreg, OwnRequest};
    let (cn, hk, mo) = ((CnPub, CnEntAuth), (HkPubreg, HkEntAuth), (MoPubreg, MoEntAuth));
    let pack = pack();
    for (issuer, bases) in [("gz", Some(cn)), ("sz", Some(cn)), ("hk", Some(hk)), ("mo", Some(mo)), ("fs", None)] {
        for asker in ["gz", "sz", "hk", "mo"] {
            let pair = pack.bases().between(region(issuer), region(asker));
            let bases = bases.filter(|_| issuer != asker);
            let mainland = |name| ["gz", "sz"].contains(&name);
            let lane = |lane| pair.and_then(|pair| pair.of(lane));
            assert_eq!(lane(Lane::Public), bases.map(|bases| bases.0), "{issuer} answers {asker}");
            assert_eq!(lane(Lane::Authorised), bases.map(|bases| bases.1), "{issuer} answers {asker}");
            let carried = bases.filter(|_| mainland(issuer) || mainland(asker)).map(|_| OwnRequest);
            assert_eq!(lane(Lane::Carried), carried, "{issuer} answers {asker}");
            let regulators = bases.filter(|_| mainland(issuer) && mainland(asker)).map(|_| CnPiStat);
            assert_eq!(lane(Lane::Regulators), regulators, "{issuer} answers {asker}");
        }
    }
}

#[test]
fn the_head_of_the_pack_can_be_read() {
    let pack = pack();
    assert_eq!(pack.digest(), Digest::of(TEXT.as_bytes()));
    assert_eq!((pack.id().as_str(), pack.serial(), pack.regions().len(), pack.purposes().len()), ("gba-2026.1", 1, 4, 8));
    assert_eq!((pack.supersedes(), pack.effective_from(), pack.overlap_days()), (None, day("2026-11-01"), 30));
    assert_eq!(
        ["gz", "sz", "hk", "mo", "fs"].map(|name| pack.law(region(name)).map_or("-", |law| law.as_str())),
        ["CN", "CN", "HK", "MO", "-"]
    );
    assert_eq!(pack.unreviewed_languages(), ["pt"]);
    assert_eq!(pack.contract().len(), 5);
    let penalties = pack.sections().iter().find(|section| section.name == "penalties").unwrap();
    assert_eq!((pack.sections().len(), penalties.illustrative, penalties.held_by), (18, false, Holder::Openings));
    assert_eq!(pack.sections()[2].to_string(), "ILL; held by software, checkable from leaves");
}

#[test]
fn supervision_alone_is_between_the_mainland_regions_alone() {
    let pack = pack();
    let purposes: &BTreeMap<Purpose, PurposeRule> = pack.purposes();
    for (purpose, rule) in purposes {
        let reg = *purpose == Purpose::Reg;
        assert_eq!(rule.only_between.is_some(), reg);
        assert_eq!(rule.admits(region("hk"), region("gz")), !reg, "{purpose}");
        assert_eq!(rule.admits(region("gz"), region("hk")), !reg, "{purpose}");
        assert!(rule.admits(region("gz"), region("sz")) && rule.label.texts().iter().all(|text| !text.is_empty()));
    }
}

#[test]
fn periods_budgets_and_volumes_are_the_agreed_ones() {
    let pack = pack();
    let agreed = Retention { answer_days: 30, audit_months: 60, authorisation_months: 60, withdrawal_months: 60 };
    assert_eq!(pack.retention(), &agreed);
    let agreed = Budgets {
        requester_per_day: 10_000,
        peer_per_day: 100_000,
        subject_per_day: 20,
        types_per_subject_and_day: 12,
        subjects_per_day: 500,
        unknown_subjects_per_day: 20,
        portfolio_subjects: 10_000,
        portfolio_days: 31,
    };
    assert_eq!(pack.budgets(), &agreed);
    let named = pack.budgets().named();
    assert!(
        named.iter().all(|(key, number)| TEXT.replace('_', "").contains(&format!("\n{} = {number}\n", key.replace('_', ""))))
    );
    let threshold = |persons, sensitive, refuse| Threshold { persons, sensitive, refuse };
    assert_eq!(pack.volumes().warn_percent, 80);
    assert_eq!(
        pack.volumes().thresholds,
        [threshold(10_000, true, true), threshold(100_000, false, false), threshold(1_000_000, false, true)]
    );
}
