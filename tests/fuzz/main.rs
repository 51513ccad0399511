//! Fuzzing on the stable toolchain: every target over its corpus, over its seeds, and over a bounded number of inputs that a seed
//! determines (`README.md`).
//!
//! `CREDITBAY_WRITE_CORPUS=1` writes the seeds into the corpus; `CREDITBAY_FUZZ_RUNS=N` makes N times as many inputs. Not here: coverage;
//! `fuzz/` runs the same functions under libFuzzer.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "a run tells what it did")]

mod mutate;
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::time::Instant;

use creditbay_crypto::hash::Digest;

use self::mutate::{Chance, mutated};
use self::targets::{TARGETS, Target, seeds};

/// Files of one target's corpus, and bytes of them together.
const MAX_FILES: usize = 20;
const MAX_BYTES: u64 = 64 * 1024;
/// Inputs made for a target, where nothing else is said below.
const RUNS: u64 = 20_000;

/// Inputs made for a target: fewer where one takes long, so that all together stay within a minute.
fn runs(target: &str) -> u64 {
    let times = std::env::var("CREDITBAY_FUZZ_RUNS").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    let once = match target {
        "rule_pack" => 1_000,
        "directory" => 2_000,
        "endorsement" | "node_toml" | "records_csv" | "records_xml" => 6_000,
        _ => RUNS,
    };
    once * times
}

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// The corpus of a target, by the names of its files.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder(target)) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())).collect()
}

/// Runs a target; an input that breaks it is kept where temporary files are, and named.
fn run(name: &str, target: Target, input: &[u8], from: &str) -> bool {
    catch_unwind(|| target(input)).unwrap_or_else(|_| {
        let kept = std::env::temp_dir().join(format!("{name}-{}", &Digest::of(input).to_string()[..12]));
        fs::write(&kept, input).unwrap();
        panic!("target {name} broke on {from}; the input is {}: minimise it and add it to its corpus", kept.display());
    })
}

#[test]
fn every_input_of_the_corpus_keeps_the_promises() {
    for (name, target) in TARGETS {
        let files = corpus(name);
        let taken = files.iter().filter(|(file, input)| run(name, *target, input, file)).count();
        assert!(taken > 0, "{name}: no file of {} is taken, so nothing behind the decoder is tried", files.len());
    }
}

#[test]
fn every_seed_is_taken() {
    let write = std::env::var("CREDITBAY_WRITE_CORPUS").as_deref() == Ok("1");
    let mut seeded = BTreeSet::new();
    for (name, input) in seeds::all() {
        let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
        assert!(run(name, *target, &input, "a seed"), "{name} does not take its seed {:?}", String::from_utf8_lossy(&input));
        seeded.insert(name);
        if write {
            fs::create_dir_all(folder(name)).unwrap();
            fs::write(folder(name).join(format!("seed-{}", &Digest::of(&input).to_string()[..12])), &input).unwrap();
        }
    }
    assert_eq!(seeded.len(), TARGETS.len(), "a target without a seed");
}

#[test]
fn the_corpus_is_small_and_belongs_to_the_targets() {
    for (name, _) in TARGETS {
        let files = corpus(name);
        let bytes: usize = files.iter().map(|(_, input)| input.len()).sum();
        assert!(files.len() <= MAX_FILES, "{name}: {} files, at most {MAX_FILES}", files.len());
        assert!(bytes as u64 <= MAX_BYTES, "{name}: {bytes} bytes, at most {MAX_BYTES}");
    }
    let folders = fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let strays: Vec<_> = folders.filter(|folder| !TARGETS.iter().any(|(name, _)| name == folder)).collect();
    assert!(strays.is_empty(), "folders of no target: {strays:?}");
}

#[test]
fn mutated_inputs_keep_the_promises() {
    eprintln!("{:<20} {:>8} {:>8} {:>8}", "target", "inputs", "taken", "ms");
    for (name, target) in TARGETS {
        let inputs: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, input)| input).collect();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        let (began, mut chance, mut taken) = (Instant::now(), Chance::of(name, 1), 0u64);
        for number in 0..runs(name) {
            let input = mutated(&mut chance, &inputs);
            taken += u64::from(run(name, *target, &input, &format!("mutated input {number}")));
        }
        eprintln!("{name:<20} {:>8} {taken:>8} {:>8}", runs(name), began.elapsed().as_millis());
    }
}
