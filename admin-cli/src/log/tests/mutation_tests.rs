//! A thousand mutations of a log's files: each is refused with a named fault, or changes nothing of the verdict; none panics.
//!
//! Bit flips, cuts, additions, swaps, and files of another log, of a log of another number, of the same log at another size; of tiles,
//! bundles, the checkpoint and its cosignature. They follow from their number, so the same ones run each time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::KeyKind;
use creditbay_protocol::checkpoint::Checkpoint;

use super::Bay;
use crate::exit::Exit;
use crate::log::sample::{of_entries, queries, query};
use crate::log::{LogCommand, VerifyArgs};

const MUTATIONS: u64 = 1000;
const SIZE: u64 = 270;

/// Numbers that look like chance.
struct Chance(u64, u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.1 += 1;
        let bytes = Digest::of(&[self.0.to_be_bytes(), self.1.to_be_bytes()].concat()).0;
        (u64::from_be_bytes(bytes[..8].try_into().unwrap()) % bound as u64) as usize
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// What a mutation did.
fn mutate(bay: &Bay, log: &BTreeMap<PathBuf, Vec<u8>>, number: u64) -> String {
    let mut chance = Chance(number, 0);
    let paths: Vec<_> = log.keys().collect();
    // The checkpoint is one file of several, and most of the signatures.
    let path = if number.is_multiple_of(3) { bay.path("log/checkpoint") } else { paths[chance.below(paths.len())].clone() };
    let bytes = &log[&path];
    let (what, changed) = match chance.below(8) {
        0 | 1 => {
            let (mut changed, at) = (bytes.clone(), chance.below(bytes.len()));
            changed[at] ^= 1 << chance.below(8);
            (format!("bit of byte {at} flipped"), changed)
        }
        2 => {
            let length = chance.below(bytes.len());
            (format!("cut to {length}"), bytes[..length].to_vec())
        }
        3 => {
            let more = chance.below(600) + 1;
            (format!("{more} bytes added"), [bytes.clone(), vec![chance.below(256) as u8; more]].concat())
        }
        4 => {
            let (mut changed, one, other) = (bytes.clone(), chance.below(bytes.len()), chance.below(bytes.len()));
            changed.swap(one, other);
            (format!("bytes {one} and {other} swapped"), changed)
        }
        5 => {
            let other = paths[chance.below(paths.len())];
            (format!("replaced by {}", other.display()), log[other].clone())
        }
        _ => {
            let from = ["other", "number", "shorter", "longer"][chance.below(4)];
            let relative = path.strip_prefix(bay.path("log")).unwrap();
            let replay = fs::read(bay.path(from).join(relative)).unwrap_or_default();
            (format!("replaced by that of {from}"), replay)
        }
    };
    fs::write(&path, changed).unwrap();
    format!("{number}: {} {what}", path.display())
}

#[test]
fn a_thousand_mutations_are_refused_by_name_or_change_nothing() {
    let bay = Bay::new(&of_entries(&queries(SIZE)));
    bay.write("shorter", &of_entries(&queries(SIZE - 1)));
    bay.write("longer", &of_entries(&queries(SIZE + 1)));
    let other: Vec<_> = (0..SIZE).map(|index| query(1_790_000_000_000 + index, "gz", "hk")).collect();
    bay.write_of("gz", "hk", "other", &of_entries(&other));
    bay.write("number", &of_entries(&queries(SIZE)));
    let second = Checkpoint { origin: "hk.creditbay/log/2".parse().unwrap(), size: SIZE, root: of_entries(&queries(SIZE)).root };
    let signed = second.sign(&bay.signer("hk", "log", "hk.creditbay/log/1", KeyKind::Ed25519)).unwrap();
    fs::write(bay.path("number/checkpoint"), signed.note_bytes()).unwrap();

    let verdict = || {
        let (exit, out) = bay.run(&LogCommand::Verify(VerifyArgs { ..bay.verify_args() }));
        let report: serde_json::Value = serde_json::from_str(&out).unwrap_or_default();
        (exit, report)
    };
    let whole = |report: &serde_json::Value| ["ok", "origin", "size", "root", "kinds"].map(|key| report[key].clone());
    let (exit, good) = verdict();
    assert_eq!(exit.unwrap(), Exit::Done);
    let log = files(&bay.path("log"));
    let (mut refused, mut unchanged) = (BTreeMap::<String, u64>::new(), 0);
    for number in 0..MUTATIONS {
        let what = mutate(&bay, &log, number);
        let (exit, report) = verdict();
        match exit.unwrap_or_else(|error| panic!("{what}: {error:#}")) {
            Exit::Refuted => {
                let kind = report["faults"][0]["kind"].as_str().unwrap_or_else(|| panic!("{what}: no fault is named: {report}"));
                *refused.entry(kind.to_owned()).or_default() += 1;
            }
            _ => {
                assert_eq!(whole(&report), whole(&good), "{what}");
                unchanged += 1;
            }
        }
        for (path, bytes) in &log {
            if fs::read(path).unwrap() != *bytes {
                fs::write(path, bytes).unwrap();
            }
        }
    }
    assert_eq!(refused.values().sum::<u64>() + unchanged, MUTATIONS);
    for kind in ["checkpoint", "cosignature", "tile", "entry_changed", "hash_changed", "upper_hash"] {
        assert!(refused.contains_key(kind), "{kind} was never met: {refused:?}, unchanged {unchanged}");
    }
}
