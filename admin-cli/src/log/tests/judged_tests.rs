//! Logs judged by the rules, held against one another, counted and drawn from; by the commands, on signed folders.

use std::fs;
use std::path::PathBuf;

use creditbay_configs::rules::RulePack;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::KeyKind;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::event::{Event, RetirementGround, Suspended};
use creditbay_protocol::identifier::SubjectKind;
use creditbay_protocol::leaf::{Commitments, Leaf, LeafBody};
use creditbay_protocol::name::{OrganisationId, Region};
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::refusal::{OutcomeClass, RefusalClass};
use creditbay_protocol::terms::Terms;
use serde_json::Value;

use super::{Bay, auditor, kinds};
use crate::exit::Exit;
use crate::log::later::LaterArgs;
use crate::log::reconcile::ReconcileArgs;
use crate::log::report::ReportArgs;
use crate::log::ruled::RulesArgs;
use crate::log::sample::of_entries;
use crate::log::sampled::SampleArgs;
use crate::log::{LogCommand, VerifyArgs};
use crate::trust::TrustArgs;

/// 2026-11-23T04:00:00Z.
const NOON: u64 = 1_795_406_400_000;

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn pack_file(bay: &Bay) -> PathBuf {
    bay.path("net/rules/gba-2026.1.toml")
}

fn pack(bay: &Bay) -> RulePack {
    RulePack::parse("pack.toml", &fs::read_to_string(pack_file(bay)).unwrap()).unwrap()
}

/// What hk's bank may ask gz.
fn terms(pack: &RulePack, purpose: Purpose) -> Terms {
    Terms {
        asker: region("hk"),
        issuer: region("gz"),
        organisation: OrganisationId::new("bank.hk").unwrap(),
        purpose,
        subject_kind: SubjectKind::Entity,
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: pack.digest(),
        predicates: Predicates::new(vec![Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 }]).unwrap(),
        with_digest: false,
        authorisation: None,
        portfolio: None,
    }
}

fn leaf(at: u64, body: LeafBody) -> Leaf {
    Leaf::new(Millis(NOON + at), body)
}

fn activated(pack: &RulePack) -> Leaf {
    leaf(0, LeafBody::Event(Event::PackActivated { pack: pack.digest(), serial: pack.serial(), overlap: None }))
}

fn commitments(number: u64) -> Commitments {
    let commitment = |part: u8| Digest::of(&[number.to_be_bytes().as_slice(), &[part]].concat());
    Commitments { message: commitment(0), subject: commitment(1), operator: commitment(2) }
}

/// The logs of hk, which asks so often, and gz, which answers each but the last, which it refuses.
fn exchanges(pack: &RulePack, count: u64) -> (Vec<Leaf>, Vec<Leaf>) {
    let (mut hk, mut gz) = (vec![activated(pack)], vec![activated(pack)]);
    for number in 1..=count {
        let terms = terms(pack, if number % 2 == 0 { Purpose::Inv } else { Purpose::Fin });
        let query = leaf(number * 100, LeafBody::Query { terms: terms.clone(), commitments: commitments(number) });
        let outcome = if number < count { OutcomeClass::Answered } else { OutcomeClass::Refused(RefusalClass::Capacity) };
        let answer = LeafBody::Answer { terms, outcome, query: query.hash(), commitments: commitments(number + 1_000_000) };
        gz.push(leaf(number * 100 + 7, answer));
        hk.push(query);
    }
    (hk, gz)
}

fn write(bay: &Bay, owner: &str, leaves: &[Leaf]) {
    let other = if owner == "hk" { "gz" } else { "hk" };
    let entries: Vec<_> = leaves.iter().map(Leaf::bytes).collect();
    fs::remove_dir_all(bay.path(owner)).ok();
    bay.write_of(owner, other, owner, &of_entries(&entries));
}

/// A network with the two logs.
fn bay(count: u64) -> (Bay, RulePack) {
    let bay = Bay::new(&of_entries(&[]));
    let pack = pack(&bay);
    let (hk, gz) = exchanges(&pack, count);
    write(&bay, "hk", &hk);
    write(&bay, "gz", &gz);
    (bay, pack)
}

fn judged(bay: &Bay, owner: &str) -> (Exit, Value) {
    let rules = RulesArgs {
        rules: vec![pack_file(bay)],
        rules_note: vec![bay.path("net/rules/gba-2026.1.note")],
        sample: 3,
        ..RulesArgs::default()
    };
    let place = Some(bay.path(owner).display().to_string());
    let (exit, out) = bay.run(&LogCommand::Verify(VerifyArgs { place, region: region(owner), rules, ..bay.verify_args() }));
    (exit.unwrap(), serde_json::from_str(&out).unwrap())
}

fn reconciled(bay: &Bay) -> (Exit, Value) {
    reconciled_by(bay, &[])
}

/// With these logs after hk's.
fn reconciled_by(bay: &Bay, later: &[&str]) -> (Exit, Value) {
    let place = |owner: &str| bay.path(owner).display().to_string();
    let (exit, out) = bay.run(&LogCommand::Reconcile(ReconcileArgs {
        a: place("gz"),
        b: place("hk"),
        region_a: region("gz"),
        region_b: region("hk"),
        later_a: Vec::new(),
        later_b: later.iter().map(|later| place(later)).collect(),
        trust: TrustArgs { network_note: None, ..bay.trust() },
        auditor: auditor(),
    }));
    (exit.unwrap(), serde_json::from_str(&out).unwrap())
}

fn mismatches(report: &Value) -> Vec<&str> {
    report["mismatches"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect()
}

#[test]
fn logs_that_keep_the_rules_are_told_in_three_parts() {
    let (bay, pack) = bay(300);
    for (owner, judged_as) in [("hk", "queries"), ("gz", "answers")] {
        let (exit, report) = judged(&bay, owner);
        assert_eq!((exit, &report["faults"]), (Exit::Done, &serde_json::json!([])), "{report}");
        let rules = &report["rules"];
        assert_eq!(rules["packs"][0]["digest"], pack.digest().to_string());
        assert_eq!(rules["signed"], "by every region of the directory");
        assert_eq!(rules["from_leaves"]["judged"][judged_as], if owner == "hk" { 300 } else { 299 });
        assert_eq!(rules["by_opening"]["sample"].as_array().unwrap().len(), 3);
        assert!(rules["contract"]["rules"].as_array().unwrap().len() > 2);
        let sections = ["from_leaves", "by_opening", "contract"].map(|part| rules[part]["sections"].as_array().unwrap().len());
        assert_eq!(sections.iter().sum::<usize>(), pack.sections().len(), "each section is in one part: {rules}");
    }
    let (_, report) = judged(&bay, "gz");
    assert_eq!(report["rules"]["from_leaves"]["refused_though_admitted"], serde_json::json!({ "capacity": 1 }));
}

#[test]
fn a_log_that_breaks_a_rule_is_refused_at_the_leaf_although_it_is_signed() {
    let (bay, pack) = bay(5);
    let (mut hk, mut gz) = exchanges(&pack, 5);
    hk.push(leaf(900, LeafBody::Query { terms: terms(&pack, Purpose::Prof), commitments: commitments(9) }));
    gz.insert(3, leaf(210, LeafBody::Event(Event::Suspension { of: Suspended::Peer(region("hk")), in_force: true })));
    write(&bay, "hk", &hk);
    write(&bay, "gz", &gz);
    let (exit, report) = judged(&bay, "hk");
    assert_eq!(
        (exit, report["faults"][0]["kind"].as_str(), report["faults"][0]["index"].as_u64()),
        (Exit::Refuted, Some("not_admitted"), Some(6))
    );
    let (exit, report) = judged(&bay, "gz");
    assert_eq!((exit, kinds(&report.to_string())), (Exit::Refuted, vec!["suspended".to_owned(); 2]));
    assert_eq!(report["rules"]["from_leaves"]["breaches"], 2);
}

#[test]
fn a_pack_that_nobody_signed_is_not_judged_by() {
    let (bay, _) = bay(3);
    let note = bay.path("net/network.note");
    let rules = RulesArgs { rules: vec![pack_file(&bay)], rules_note: vec![note], sample: 0, ..RulesArgs::default() };
    let error = bay.run(&LogCommand::Verify(VerifyArgs { rules, ..bay.verify_args() })).0.unwrap_err();
    assert!(error.to_string().contains("none is over gba-2026.1"), "{error}");
}

#[test]
fn two_logs_that_fit_reconcile_whatever_their_order() {
    let (bay, _) = bay(700);
    let (exit, report) = reconciled(&bay);
    assert_eq!((exit, mismatches(&report)), (Exit::Done, vec![]), "{report}");
    assert_eq!(report["exchanges"][1]["counts"]["matched"], 700, "{}", report["exchanges"]);
    assert_eq!(report["exchanges"][0]["counts"]["matched"], 0);
}

#[test]
fn what_one_log_does_not_say_is_named_and_a_log_that_does_not_verify_is_refused() {
    let (bay, pack) = bay(700);
    let (hk, gz) = exchanges(&pack, 700);
    // Long after, so that nothing may still be in flight.
    let later = || leaf(900_000, LeafBody::Event(Event::TurnedAway { peer: region("mo"), since: Millis(0), count: 1 }));
    let without = |leaves: &[Leaf], index: usize| {
        let mut leaves = leaves.to_vec();
        leaves.remove(index);
        leaves.push(later());
        leaves
    };
    write(&bay, "hk", &without(&hk, 300));
    write(&bay, "gz", &without(&gz, 650));
    let (exit, report) = reconciled(&bay);
    assert_eq!((exit, mismatches(&report)), (Exit::Refuted, vec!["answer_without_query", "query_unanswered"]), "{report}");
    assert_eq!(report["mismatches"][0]["answer"], 300);
    assert_eq!(report["mismatches"][1]["query"], 649);

    write(&bay, "hk", &hk);
    write(&bay, "gz", &gz);
    super::flip(&bay.path("gz/tile/0/000"), 5);
    let (exit, report) = reconciled(&bay);
    assert_eq!(
        (exit, &report["logs"][0]["ok"], &report["logs"][1]["ok"]),
        (Exit::Refuted, &Value::Bool(false), &Value::Bool(true))
    );
}

#[test]
fn a_log_that_has_ended_reconciles_by_the_one_after_it() {
    let (bay, pack) = bay(700);
    let (mut hk, _) = exchanges(&pack, 700);
    hk.push(leaf(70_100, LeafBody::Event(Event::LogRetired { ground: RetirementGround::KeyChange })));
    write(&bay, "hk", &hk);
    let ended = of_entries(&hk.iter().map(Leaf::bytes).collect::<Vec<_>>());
    let [first, second] = ["hk.creditbay/log/1", "hk.creditbay/log/2"];
    let begun = Event::LogBegun { predecessor: first.parse().unwrap(), size: ended.size, root: ended.root };
    bay.write_log(second, "gz", "hk-2", &of_entries(&[leaf(70_200, LeafBody::Event(begun)).bytes()]));
    let directory = bay.path("net/network.toml");
    let vkey = |log: &str| bay.signer("hk", "log", log, KeyKind::Ed25519).verifier().to_string();
    let text = fs::read_to_string(&directory).unwrap();
    let named = |log: &str| format!("\"{log}\"");
    fs::write(directory, text.replace(&vkey(first), &vkey(second)).replace(&named(first), &named(second))).unwrap();

    let (exit, report) = reconciled_by(&bay, &["hk-2"]);
    assert_eq!((exit, mismatches(&report)), (Exit::Done, vec![]), "{report}");
    assert_eq!(report["exchanges"][1]["counts"]["matched"], 700);
    assert_eq!(report["logs"][1]["goes_on_in"], serde_json::json!([{ "origin": second, "size": 1 }]));
    let (exit, report) = reconciled(&bay);
    assert_eq!((exit, &report["logs"][1]["ok"]), (Exit::Refuted, &Value::Bool(false)), "alone it is no log of the directory");
    hk.remove(300);
    write(&bay, "hk", &hk);
    let (exit, report) = reconciled_by(&bay, &["hk-2"]);
    assert_eq!((exit, mismatches(&report)), (Exit::Refuted, vec!["answer_without_query"]), "{report}");
    assert_eq!(report["logs"][1]["faults"][0]["kind"], "other_predecessor", "nor is it the log that has ended");
}

#[test]
fn numbers_add_up_to_the_leaves_in_table_csv_and_chart() {
    let (bay, _) = bay(300);
    let (csv, svg) = (bay.path("report.csv"), bay.path("report.svg"));
    let (exit, out) = bay.run(&LogCommand::Report(ReportArgs {
        place: bay.path("gz").display().to_string(),
        region: region("gz"),
        later: LaterArgs::default(),
        csv: Some(csv.clone()),
        svg: Some(svg.clone()),
        trust: bay.trust(),
        auditor: auditor(),
    }));
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (exit.unwrap(), &report["messages"], &report["kinds"]["answer"]),
        (Exit::Done, &300.into(), &299.into()),
        "{report}"
    );
    assert_eq!(report["by"]["peer"]["hk"], serde_json::json!({ "answered": 299, "refused": 1, "asked": 0, "declined": 0 }));
    assert_eq!(report["by"]["purpose"]["FIN"]["answered"], 150);
    assert_eq!(report["by"]["type"]["SER_ANY"]["refused"], 1);
    assert_eq!(report["by"]["day"]["2026-11-23"]["answered"], 299);
    let lines = fs::read_to_string(csv).unwrap();
    let sum: u64 = lines.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(sum, 300, "{lines}");
    let svg = fs::read_to_string(svg).unwrap();
    assert!(svg.starts_with("<svg ") && svg.contains("2026-11-23: answered 299"), "{svg}");
}

#[test]
fn a_sample_is_drawn_from_a_log_that_verifies_alone() {
    let (bay, _) = bay(300);
    let sample = || {
        let args = SampleArgs {
            place: bay.path("gz").display().to_string(),
            region: region("gz"),
            count: 7,
            out: None,
            later: LaterArgs::default(),
            trust: bay.trust(),
            auditor: auditor(),
        };
        let (exit, out) = bay.run(&LogCommand::Sample(args));
        (exit.unwrap(), serde_json::from_str::<Value>(&out).unwrap())
    };
    let (exit, drawn) = sample();
    assert_eq!((exit, drawn["sample"].as_array().unwrap().len(), drawn["of"].as_u64()), (Exit::Done, 7, Some(300)));
    super::flip(&bay.path("gz/tile/0/000"), 5);
    assert_eq!(sample().0, Exit::Refuted);
}
