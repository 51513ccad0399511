//! A drawn sample, its openings, and what `log verify --openings` makes of them: the good ones, and each forged twin by its kind.

use std::fs;

use creditbay_configs::rules::RulePack;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::secret::Seed;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::erasure::{ErasedEntry, ErasedPart, ErasureGround, ErasureList, ErasureScope};
use creditbay_protocol::event::Event;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Name, OrganisationId, Region};
use creditbay_protocol::opening::{FieldOpening, Held, LeafOpening};
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::shown::{Field, Shown};
use creditbay_protocol::wire;
use serde_json::{Value, json};

use super::{Bay, auditor, kinds};
use crate::exit::Exit;
use crate::log::drawn::SampleFile;
use crate::log::later::LaterArgs;
use crate::log::ruled::RulesArgs;
use crate::log::sample::of_entries;
use crate::log::sampled::SampleArgs;
use crate::log::{LogCommand, VerifyArgs};

/// 2026-11-23T04:00:00Z.
const NOON: u64 = 1_795_406_400_000;
const QUERIES: u64 = 300;
/// Leaves of the log from which the sample is drawn; the next one says that it was shown.
const SIZE: u64 = QUERIES + 1;
const DRAWN: u32 = 5;

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn seed(index: u64) -> Seed {
    Seed::from_bytes(Digest::of(&index.to_be_bytes()).0)
}

/// What hk's bank asks at this index.
fn query(pack: &RulePack, index: u64) -> Query {
    Query {
        asker: region("hk"),
        issuer: region("gz"),
        organisation: OrganisationId::new("bank.hk").unwrap(),
        operator: Name::new("a.chan").unwrap(),
        purpose: if index.is_multiple_of(2) { Purpose::Inv } else { Purpose::Fin },
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, "91440101MA9XTEAT0A").unwrap()),
        predicates: Predicates::new(vec![Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 }]).unwrap(),
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: pack.digest(),
        expires: Millis(NOON + index * 100 + 30_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    }
}

fn fields(query: &Query, seed: &Seed) -> Vec<FieldOpening> {
    [
        (Field::Message, wire::encode(query)),
        (Field::Subject, query.subject_bytes()),
        (Field::Operator, wire::encode(&query.operator)),
    ]
    .map(|(field, bytes)| FieldOpening::of(field, seed, &bytes))
    .to_vec()
}

/// An auditor's work on hk's log: the log, the sample that its root draws, and the openings of it.
struct Audited {
    bay: Bay,
    pack: RulePack,
    leaves: Vec<Leaf>,
    sample: SampleFile,
    lines: Vec<LeafOpening>,
}

impl Audited {
    /// A log in which one query may be another than it should be.
    fn with(change: impl Fn(u64, &mut Query)) -> Self {
        let bay = Bay::new(&of_entries(&[]));
        let text = fs::read_to_string(bay.path("net/rules/gba-2026.1.toml")).unwrap();
        let pack = RulePack::parse("pack.toml", &text).unwrap();
        let activated = Event::PackActivated { pack: pack.digest(), serial: pack.serial(), overlap: None };
        let mut leaves = vec![Leaf::new(Millis(NOON), LeafBody::Event(activated))];
        let asked = |index| {
            let mut query = query(&pack, index);
            change(index, &mut query);
            query
        };
        leaves.extend(
            (1..SIZE).map(|index| Leaf::new(Millis(NOON + index * 100), LeafBody::of_query(&asked(index), &seed(index)))),
        );
        write(&bay, &leaves);
        let file = bay.path("sample.json");
        let args = SampleArgs {
            place: bay.path("hk").display().to_string(),
            region: region("hk"),
            count: DRAWN,
            out: Some(file.clone()),
            later: LaterArgs::default(),
            trust: bay.trust(),
            auditor: auditor(),
        };
        assert_eq!(bay.run(&LogCommand::Sample(args)).0.unwrap(), Exit::Done);
        let sample = SampleFile::read(&file).unwrap();
        let opened = |index: &u64| Held::Fields(fields(&asked(*index), &seed(*index)));
        let lines = sample.leaves.iter().map(|index| line(*index, opened(index))).collect();
        Self { bay, pack, leaves, sample, lines }
    }

    fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// The log as it goes on once the sample was shown.
    fn go_on(&mut self) {
        let shown = Shown::of(&self.sample.leaves, Field::ALL, "audit", &seed(0)).unwrap();
        self.leaves.push(Leaf::new(Millis(NOON + 100_000), LeafBody::Event(Event::OpeningsShown(shown))));
        write(&self.bay, &self.leaves);
    }

    /// Verifies the log as it lies there, with these openings of the sample in the file.
    fn verify(&self, lines: &[LeafOpening]) -> (Exit, Vec<String>, Value) {
        fs::write(self.bay.path("sample.json"), serde_json::to_string(&self.sample).unwrap()).unwrap();
        let drawn = Some(self.bay.path("sample.json"));
        self.verify_by(lines, RulesArgs { drawn, ..RulesArgs::default() })
    }

    fn verify_by(&self, lines: &[LeafOpening], args: RulesArgs) -> (Exit, Vec<String>, Value) {
        let text: Vec<_> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
        let openings = self.bay.path("openings");
        fs::write(&openings, text.join("\n")).unwrap();
        let rules = RulesArgs {
            rules: vec![self.bay.path("net/rules/gba-2026.1.toml")],
            rules_note: vec![self.bay.path("net/rules/gba-2026.1.note")],
            openings: Some(openings),
            ..args
        };
        let place = Some(self.bay.path("hk").display().to_string());
        let (exit, out) = self.bay.run(&LogCommand::Verify(VerifyArgs { place, rules, ..self.bay.verify_args() }));
        (exit.unwrap(), kinds(&out), serde_json::from_str(&out).unwrap())
    }
}

fn write(bay: &Bay, leaves: &[Leaf]) {
    let entries: Vec<_> = leaves.iter().map(Leaf::bytes).collect();
    fs::remove_dir_all(bay.path("hk")).ok();
    bay.write_of("hk", "gz", "hk", &of_entries(&entries));
}

fn line(index: u64, holds: Held) -> LeafOpening {
    LeafOpening::new("hk.creditbay/log/1".parse().unwrap(), index, SIZE, holds)
}

#[test]
fn a_sample_that_is_opened_whole_is_judged_and_told_apart_from_the_other_parts() {
    let mut audited = Audited::new();
    // Of the copy from which it was drawn: the leaf which says that it was shown stands behind its end.
    let args = RulesArgs { sample: DRAWN, ..RulesArgs::default() };
    let (exit, kinds, report) = audited.verify_by(&audited.lines, args);
    assert_eq!((exit, kinds), (Exit::Done, vec![]), "{report}");
    assert_eq!(report["rules"]["by_opening"]["openings"]["shown_beyond"], json!([SIZE]));
    // Of the log as it went on, by the file of the sample.
    audited.go_on();
    let (exit, kinds, report) = audited.verify(&audited.lines);
    assert_eq!((exit, kinds), (Exit::Done, vec![]), "{report}");
    let part = &report["rules"]["by_opening"];
    let outcome = json!({ "opened": DRAWN, "erased": [], "expired": [], "missing": [], "shown_beyond": [], "faults": 0 });
    assert_eq!((&part["openings"], &part["of"], &part["size"]), (&outcome, &json!(QUERIES), &json!(SIZE)));
    let drawn: Vec<_> = part["sample"].as_array().unwrap().iter().map(|one| one["index"].as_u64().unwrap()).collect();
    assert_eq!(drawn, audited.sample.leaves);
    assert_eq!(report["rules"]["from_leaves"]["breaches"], 0);
    // The root of the log as it is now draws others.
    let args = RulesArgs { sample: DRAWN, ..RulesArgs::default() };
    let (exit, kinds, _) = audited.verify_by(&audited.lines, args);
    assert_eq!(exit, Exit::Refuted);
    assert!(kinds.contains(&"not_opened".to_owned()) && kinds.contains(&"not_drawn".to_owned()), "{kinds:?}");
}

#[test]
fn every_forgery_of_the_openings_is_a_fault_of_its_kind() {
    let mut audited = Audited::new();
    audited.go_on();
    let forged = |change: &dyn Fn(&mut Vec<LeafOpening>)| {
        let mut lines = audited.lines.clone();
        change(&mut lines);
        let (exit, kinds, report) = audited.verify(&lines);
        assert_eq!(exit, Exit::Refuted, "{report}");
        assert_eq!(report["rules"]["from_leaves"]["breaches"], 0, "{report}");
        kinds
    };
    let stranger = (1..SIZE).find(|index| !audited.sample.leaves.contains(index)).unwrap();
    let other = Held::Fields(fields(&query(&audited.pack, stranger), &seed(stranger)));
    assert_eq!(forged(&|lines| lines[1].holds = lines[0].holds.clone()), ["opening_unfit"], "one opening swapped");
    assert_eq!(forged(&|lines| drop(lines.remove(2))), ["not_opened", "other_shown"], "one left out");
    assert_eq!(forged(&|lines| lines.push(line(stranger, other.clone()))), ["not_drawn", "other_shown"], "one too many");
    let another = |lines: &mut Vec<LeafOpening>| lines[0] = line(stranger, other.clone());
    assert_eq!(forged(&another), ["not_opened", "not_drawn", "other_shown"], "another sample");
    assert_eq!(forged(&|lines| lines.push(lines[0].clone())), ["opened_twice"]);
    assert_eq!(forged(&|lines| lines[0].holds = Held::Nothing), ["said_to_hide_nothing"]);
    assert_eq!(forged(&|lines| lines[0].shown = 7), ["other_shown", "other_shown"]);
    let of_gz = |lines: &mut Vec<LeafOpening>| lines[0].log = "gz.creditbay/log/1".parse().unwrap();
    assert_eq!(forged(&of_gz), ["opening_of_other_log", "not_opened", "other_shown"]);
    let subject_only = |lines: &mut Vec<LeafOpening>| {
        let Held::Fields(fields) = &mut lines[0].holds else { panic!("a field") };
        fields.retain(|field| field.field == Field::Subject);
    };
    assert_eq!(forged(&subject_only), ["field_not_opened", "field_not_opened"]);
}

#[test]
fn a_sample_that_its_root_does_not_draw_is_refused() {
    let mut audited = Audited::new();
    audited.go_on();
    let stranger = (1..SIZE).find(|index| !audited.sample.leaves.contains(index)).unwrap();
    let good = audited.sample.clone();
    audited.sample.leaves[0] = stranger;
    audited.sample.leaves.sort_unstable();
    assert_eq!(audited.verify(&audited.lines).1, ["other_sample"]);
    audited.sample = SampleFile { count: 2, ..good.clone() };
    assert!(audited.verify(&audited.lines).1.contains(&"other_sample".to_owned()));
    // A checkpoint that the log signed, and that it does not continue.
    let mut forked = Audited::with(|index, query| {
        if index == 1 {
            query.operator = Name::new("b.lam").unwrap();
        }
    });
    forked.bay = audited.bay;
    write(&forked.bay, &forked.leaves);
    forked.sample = good;
    let (exit, kinds, report) = forked.verify(&audited.lines);
    assert_eq!((exit, kinds[0].as_str()), (Exit::Refuted, "rewritten"), "{report}");
}

#[test]
fn what_was_erased_is_told_with_its_erasure_and_too_early_is_a_fault() {
    let mut audited = Audited::new();
    let index = audited.sample.leaves[0];
    let entries = vec![ErasedEntry { log: 1, index, part: ErasedPart::Exchange }];
    let list = ErasureList { seed: seed(9), entries };
    let erasure = SIZE + 1;
    let held = Held::Erased { log: None, leaf: erasure, proof: list.prove(1, index).unwrap() };
    audited.lines[0].holds = held;
    audited.go_on();
    let mut later = audited.lines.clone();
    let Held::Erased { log, .. } = &mut later[0].holds else { panic!("erased") };
    *log = Some("hk.creditbay/log/2".parse().unwrap());
    assert_eq!(audited.verify(&later).1, ["erasure_elsewhere"], "an erasure that is not at hand is not believed");
    let beyond = audited.verify(&audited.lines);
    assert_eq!((beyond.0, beyond.1), (Exit::Refuted, vec!["erasure_beyond".to_owned()]));
    let day = Millis(NOON).day();
    for (ground, scope, after_days, faults, key) in [
        (ErasureGround::SubjectRequest, ErasureScope::Leaf, 1, vec![], "erased"),
        (ErasureGround::RetentionOver, ErasureScope::Retention(day), 1, vec!["erased_early"], ""),
        (ErasureGround::RetentionOver, ErasureScope::Retention(day), 6 * 366, vec![], "expired"),
    ] {
        let erased = list.erased(ground, scope, false);
        let leaf = Leaf::new(Millis(NOON + after_days * 86_400_000), LeafBody::Event(Event::Erased(erased)));
        let mut leaves = audited.leaves.clone();
        leaves.push(leaf);
        write(&audited.bay, &leaves);
        let (exit, kinds, report) = audited.verify(&audited.lines);
        assert_eq!(
            (exit == Exit::Done, kinds),
            (faults.is_empty(), faults.iter().map(ToString::to_string).collect()),
            "{report}"
        );
        if !key.is_empty() {
            let gone = json!([{ "index": index, "erasure": erasure, "ground": ground.as_str() }]);
            assert_eq!(report["rules"]["by_opening"]["openings"][key], gone, "{report}");
        }
    }
}

#[test]
fn what_only_an_opening_shows_is_a_breach_of_its_own_part() {
    let mut audited = Audited::with(|_, query| query.expires = query.expires.plus(3_600_000));
    audited.go_on();
    let (exit, kinds, report) = audited.verify(&audited.lines);
    assert_eq!((exit, kinds), (Exit::Refuted, vec!["opened_lifetime".to_owned(); DRAWN as usize]), "{report}");
    let rules = &report["rules"];
    assert_eq!((&rules["from_leaves"]["breaches"], &rules["by_opening"]["openings"]["faults"]), (&json!(0), &json!(DRAWN)));
}
