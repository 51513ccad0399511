//! A log that has ended, vouched for by the one after it: what the auditor of today's directory makes of it, and each forged twin.

use std::fs;

use creditbay_crypto::note::KeyKind;
use creditbay_crypto::secret::Seed;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::erasure::{ErasedEntry, ErasedPart, ErasureGround, ErasureList, ErasureScope};
use creditbay_protocol::event::{Event, RetirementGround};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Origin, Region};
use creditbay_protocol::opening::{Held, LeafOpening};
use creditbay_protocol::shown::{Field, Shown};
use serde_json::{Value, json};

use super::{Bay, auditor, kinds};
use crate::exit::{self, Exit};
use crate::log::drawn::SampleFile;
use crate::log::later::LaterArgs;
use crate::log::report::ReportArgs;
use crate::log::ruled::RulesArgs;
use crate::log::sample::{of_entries, queries};
use crate::log::sampled::SampleArgs;
use crate::log::{LogCommand, VerifyArgs};

const QUERIES: u64 = 300;
/// Leaves of the log that has ended: the last one retires it.
const SIZE: u64 = QUERIES + 1;

fn event(time: u64, event: Event) -> Vec<u8> {
    Leaf::new(Millis(time), LeafBody::Event(event)).bytes()
}

fn origin(number: u32) -> Origin {
    format!("hk.creditbay/log/{number}").parse().unwrap()
}

/// hk's logs, the newest of which the directory names.
struct Region3 {
    bay: Bay,
    /// The entries of each, the first log's first.
    logs: Vec<Vec<Vec<u8>>>,
}

impl Region3 {
    /// Two logs that have ended and a third one, which says this after its beginning.
    fn new(said: &[Event]) -> Self {
        let bay = Bay::new(&of_entries(&[]));
        let directory = bay.path("net/network.toml");
        let vkey = |number| bay.signer("hk", "log", &origin(number).to_string(), KeyKind::Ed25519).verifier().to_string();
        let text = fs::read_to_string(&directory).unwrap();
        let text = text.replace(&vkey(1), &vkey(3)).replace("\"hk.creditbay/log/1\"", "\"hk.creditbay/log/3\"");
        fs::write(directory, text).unwrap();
        let mut last = queries(QUERIES);
        let retired = |log: &mut Vec<Vec<u8>>| {
            log.push(event(1_795_000_002_000, Event::LogRetired { ground: RetirementGround::KeyChange }))
        };
        retired(&mut last);
        let mut logs = vec![last];
        for number in 2..4 {
            let before = of_entries(&logs[logs.len() - 1]);
            let begun = Event::LogBegun { predecessor: origin(number - 1), size: before.size, root: before.root };
            let mut log = vec![event(1_795_000_001_000, begun)];
            if number == 3 {
                log.extend(said.iter().map(|said| event(1_795_000_002_000, said.clone())));
            } else {
                retired(&mut log);
            }
            logs.push(log);
        }
        let all = Self { bay, logs };
        (1..4).for_each(|number| all.write(number));
        all
    }

    fn write(&self, number: u32) {
        let name = format!("log-{number}");
        fs::remove_dir_all(self.bay.path(&name)).ok();
        let sample = of_entries(&self.logs[number as usize - 1]);
        self.bay.write_log(&origin(number).to_string(), "gz", &name, &sample);
    }

    fn later(&self, numbers: &[u32]) -> LaterArgs {
        LaterArgs { later: numbers.iter().map(|number| self.place(*number)).collect() }
    }

    fn place(&self, number: u32) -> String {
        self.bay.path(&format!("log-{number}")).display().to_string()
    }

    fn args(&self, numbers: &[u32]) -> VerifyArgs {
        let mut args = VerifyArgs { place: Some(self.place(1)), later: self.later(numbers), ..self.bay.verify_args() };
        args.trust.network_note = None;
        args
    }

    fn verify(&self, args: VerifyArgs) -> (Exit, Vec<String>, Value) {
        let (exit, out) = self.bay.run(&LogCommand::Verify(args));
        (exit.unwrap(), kinds(&out), serde_json::from_str(&out).unwrap())
    }

    /// Verifies the first log by the two after it.
    fn kinds(&self) -> Vec<String> {
        let (exit, kinds, report) = self.verify(self.args(&[2, 3]));
        assert_eq!(exit == Exit::Done, kinds.is_empty(), "{report}");
        kinds
    }
}

#[test]
fn a_log_that_has_ended_is_vouched_for_by_those_after_it() {
    let hk = Region3::new(&[]);
    let (exit, kinds, report) = hk.verify(hk.args(&[3, 2]));
    assert_eq!((exit, kinds), (Exit::Done, vec![]), "{report}");
    let after = json!([{ "origin": "hk.creditbay/log/2", "size": 2 }, { "origin": "hk.creditbay/log/3", "size": 1 }]);
    assert_eq!((&report["origin"], &report["size"], &report["goes_on_in"]), (&json!("hk.creditbay/log/1"), &json!(SIZE), &after));
    let (_, kinds, _) = hk.verify(hk.args(&[]));
    assert_eq!(kinds, ["checkpoint", "begins_again"][..1], "alone it is no log of the directory");
    let second = VerifyArgs { place: Some(hk.place(2)), predecessor: vec![hk.bay.path("log-1")], ..hk.args(&[3]) };
    let (exit, _, report) = hk.verify(second);
    assert_eq!((exit, &report["goes_on_from"][0]["checked"]), (Exit::Done, &json!(true)), "{report}");
    let (exit, out) = hk.bay.run(&LogCommand::Report(ReportArgs {
        place: hk.place(1),
        region: Region::new("hk").unwrap(),
        csv: None,
        svg: None,
        later: hk.later(&[2, 3]),
        trust: hk.args(&[]).trust,
        auditor: auditor(),
    }));
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (exit.unwrap(), &report["origin"], &report["messages"]),
        (Exit::Done, &json!("hk.creditbay/log/1"), &json!(QUERIES))
    );
}

#[test]
fn later_logs_that_do_not_lead_to_the_audited_one_are_a_wrong_command_line() {
    let hk = Region3::new(&[]);
    let refused = |args: VerifyArgs, words: &str| {
        let error = hk.bay.run(&LogCommand::Verify(args)).0.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        exit::of_error(&error)
    };
    assert_eq!(refused(hk.args(&[2]), "none is hk.creditbay/log/3"), Exit::Usage);
    assert_eq!(refused(hk.args(&[1, 2, 3]), "hk.creditbay/log/1 is the first log of its region"), Exit::Usage);
    assert_eq!(refused(hk.args(&[3, 3]), "is given twice"), Exit::Failed);
    hk.bay.write_log("gz.creditbay/log/7", "hk", "log-7", &of_entries(&queries(3)));
    assert_eq!(refused(hk.args(&[2, 3, 7]), "gz.creditbay/log/7 is not between"), Exit::Usage);
}

#[test]
fn every_forgery_in_the_chain_of_later_logs_is_refused_by_name() {
    let forged = |change: &dyn Fn(&mut Region3)| {
        let mut hk = Region3::new(&[]);
        change(&mut hk);
        hk.kinds()
    };
    let longer = |hk: &mut Region3| {
        hk.logs[0].push(queries(1)[0].clone());
        hk.write(1);
    };
    assert_eq!(forged(&longer)[0], "other_predecessor", "leaves behind the end");
    let rewritten = |hk: &mut Region3| {
        hk.logs[0].swap(3, 4);
        hk.write(1);
    };
    assert!(forged(&rewritten).contains(&"other_predecessor".to_owned()));
    let changed = |hk: &mut Region3| {
        let entries = hk.bay.path("log-1/tile/entries/000");
        let last = fs::metadata(&entries).unwrap().len() as usize - 1;
        super::flip(&entries, last);
    };
    assert_eq!(forged(&changed), ["entry_changed"]);
    let between = |hk: &mut Region3| {
        hk.logs[1].insert(1, queries(1)[0].clone());
        hk.write(2);
    };
    assert_eq!(forged(&between), ["other_predecessor"], "the log between is not the one that the newest names");
    let unsigned = |hk: &mut Region3| {
        let path = hk.bay.path("log-3/checkpoint");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replacen("\n1\n", "\n2\n", 1)).unwrap();
    };
    assert_eq!(forged(&unsigned), ["in_later"], "only a signed log vouches for another");
    let going_on = |hk: &mut Region3| {
        hk.logs[0].pop();
        let ended = of_entries(&hk.logs[0]);
        let begun = Event::LogBegun { predecessor: origin(1), size: ended.size, root: ended.root };
        hk.logs[1][0] = event(1_795_000_001_000, begun);
        let between = of_entries(&hk.logs[1]);
        let begun = Event::LogBegun { predecessor: origin(2), size: between.size, root: between.root };
        hk.logs[2][0] = event(1_795_000_001_000, begun);
        (1..4).for_each(|number| hk.write(number));
    };
    assert_eq!(forged(&going_on), ["not_retired"]);
}

#[test]
fn a_sample_of_an_ended_log_is_held_against_erasures_of_the_later_ones() {
    // Drawn from the final root, so that the operator's node can open it at any time after.
    let plain = Region3::new(&[]);
    let file = plain.bay.path("sample.json");
    let args = SampleArgs {
        place: plain.place(1),
        region: Region::new("hk").unwrap(),
        count: 1,
        out: Some(file.clone()),
        later: plain.later(&[2, 3]),
        trust: plain.args(&[]).trust,
        auditor: auditor(),
    };
    assert_eq!(plain.bay.run(&LogCommand::Sample(args)).0.unwrap(), Exit::Done);
    let sample = SampleFile::read(&file).unwrap();
    assert_eq!(sample.log, origin(1));
    let index = sample.leaves[0];
    let entries = vec![ErasedEntry { log: 1, index, part: ErasedPart::Exchange }];
    let list = ErasureList { seed: Seed::from_bytes([9; 32]), entries };
    let erased = list.erased(ErasureGround::SubjectRequest, ErasureScope::Leaf, false);
    let shown = Shown::of(&sample.leaves, Field::ALL, "audit", &Seed::from_bytes([8; 32])).unwrap();
    let hk = Region3::new(&[Event::Erased(erased), Event::EarlierOpeningsShown { log: origin(1), shown }]);
    let holds = Held::Erased { log: Some(origin(3)), leaf: 1, proof: list.prove(1, index).unwrap() };
    let line = LeafOpening { shown_in: Some(origin(3)), ..LeafOpening::new(origin(1), index, 2, holds) };
    let verify = |line: &LeafOpening| {
        let openings = hk.bay.path("openings");
        fs::write(&openings, serde_json::to_string(line).unwrap()).unwrap();
        let rules = RulesArgs {
            rules: vec![hk.bay.path("net/rules/gba-2026.1.toml")],
            openings: Some(openings),
            sample: 1,
            ..RulesArgs::default()
        };
        // The sample's queries are under no pack that was activated; only what the opening shows is looked at here.
        let (_, kinds, report) = hk.verify(VerifyArgs { rules, ..hk.args(&[2, 3]) });
        (kinds, report["rules"]["by_opening"]["openings"].clone())
    };
    let (_, outcome) = verify(&line);
    let gone = json!([{ "index": index, "erasure": 1, "log": "hk.creditbay/log/3", "ground": "subject_request" }]);
    assert_eq!((&outcome["erased"], &outcome["faults"], &outcome["shown_beyond"]), (&gone, &json!(0), &json!([])), "{outcome}");
    let refused = |line: LeafOpening, kind: &str| {
        let (kinds, outcome) = verify(&line);
        assert!(kinds.contains(&kind.to_owned()) && outcome["faults"] == json!(1), "{kind}: {kinds:?} {outcome}");
    };
    refused(LeafOpening { shown: 1, ..line.clone() }, "other_shown");
    let at = |log, leaf| {
        let Held::Erased { proof, .. } = &line.holds else { panic!("erased") };
        LeafOpening { holds: Held::Erased { log, leaf, proof: proof.clone() }, ..line.clone() }
    };
    refused(at(Some(origin(3)), 2), "opening_unfit");
    refused(at(Some(origin(3)), 9), "erasure_beyond");
    refused(at(Some(origin(4)), 1), "erasure_elsewhere");
    refused(at(Some(origin(2)), 1), "opening_unfit");
}
