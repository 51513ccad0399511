//! Files of openings against a log of static files: what holds, and each forgery by its words.

use std::path::Path;

use creditbay_crypto::secret::Seed;
use creditbay_protocol::erasure::{ErasedEntry, ErasedPart, ErasureGround, ErasureList, ErasureScope};
use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::Name;
use creditbay_protocol::opening::{FieldOpening, Held, LeafOpening};
use creditbay_protocol::shown::{Field, Shown};

use super::{CheckArgs, check};
use crate::exit::Exit;
use crate::log::source::AuditorArgs;
use crate::print::Screen;

const GROUND: &str = "complaint 2026/7";

fn seed() -> Seed {
    Seed::from_bytes([7; 32])
}

/// A log of one leaf, which says that openings were shown.
fn log(folder: &Path) {
    let shown = Shown::of(&[3], &[Field::Subject], GROUND, &seed()).unwrap();
    log_of(folder, "gz.creditbay/log/1", Event::OpeningsShown(shown));
}

fn log_of(folder: &Path, origin: &str, event: Event) {
    let leaf = Leaf::new(creditbay_protocol::calendar::Millis(7), LeafBody::Event(event));
    let bundles = folder.join("tile/entries");
    std::fs::create_dir_all(bundles.join("000.p")).unwrap();
    std::fs::write(bundles.join("000.p/1"), creditbay_protocol::tile::encode_bundle([leaf.bytes().as_slice()])).unwrap();
    let root = creditbay_crypto::hash::base64_encode(&leaf.hash().0);
    let signature = creditbay_crypto::hash::base64_encode(&[0; 68]);
    std::fs::write(folder.join("checkpoint"), format!("{origin}\n1\n{root}\n\n— {origin} {signature}\n")).unwrap();
}

fn line(index: u64, log: &str, ground: &str) -> LeafOpening {
    let opening = FieldOpening::of(Field::Message, &seed(), ground.as_bytes());
    LeafOpening::new(log.parse().unwrap(), index, 1, Held::Fields(vec![opening]))
}

fn checked(text: &str) -> (anyhow::Result<Exit>, String) {
    checked_with(text, Vec::new())
}

fn checked_with(text: &str, later: Vec<String>) -> (anyhow::Result<Exit>, String) {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path());
    let (file, out) = (folder.path().join("openings"), folder.path().join("out"));
    std::fs::write(&file, text).unwrap();
    let auditor = AuditorArgs { auditor_key: None, auditor_name: Name::new("auditor").unwrap(), ca: None, tls_key: None };
    let args = CheckArgs { file, leaf_from: folder.path().display().to_string(), later, auditor };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut screen = Screen::over(Box::new(std::fs::File::create(&out).unwrap()), false);
    let exit = runtime.block_on(check(&args, &mut screen));
    drop(screen);
    (exit, std::fs::read_to_string(out).unwrap())
}

#[test]
fn an_opening_holds_against_its_leaf_without_a_node() {
    let good = line(0, "gz.creditbay/log/1", GROUND);
    let text = serde_json::to_string(&good).unwrap();
    assert!(
        text.starts_with(
            r#"{"format":"creditbay-opening/1","log":"gz.creditbay/log/1","index":0,"shown":1,"holds":{"fields":[{"#
        ),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<LeafOpening>(&text).unwrap(), good);
    let (exit, said) = checked(&format!("{text}\n"));
    assert_eq!(exit.unwrap(), Exit::Done);
    assert!(said.contains(GROUND) && said.contains("All hold"), "{said}");
}

#[test]
fn a_forged_opening_is_refused_and_the_others_are_still_checked() {
    let lines = [
        line(0, "gz.creditbay/log/1", "another ground"),
        line(0, "gz.creditbay/log/1", GROUND),
        line(1, "gz.creditbay/log/1", GROUND),
        line(0, "hk.creditbay/log/1", GROUND),
    ];
    let text: Vec<_> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    let (exit, said) = checked(&text.join("\n"));
    assert_eq!(exit.unwrap(), Exit::Refuted);
    for words in ["does not open leaf 0", GROUND, "none of index 1", "of log hk.creditbay/log/1", "3 openings refused"] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
}

#[test]
fn a_leaf_of_a_log_that_has_ended_is_erased_by_the_later_log_that_is_given() {
    let erases = |index| ErasureList { seed: seed(), entries: vec![ErasedEntry { log: 1, index, part: ErasedPart::Exchange }] };
    let [second, third] = [2, 3].map(|number| format!("gz.creditbay/log/{number}"));
    let held = Held::Erased { log: Some(second.parse().unwrap()), leaf: 0, proof: erases(0).prove(1, 0).unwrap() };
    let line = LeafOpening {
        shown_in: Some(second.parse().unwrap()),
        ..LeafOpening::new("gz.creditbay/log/1".parse().unwrap(), 0, 1, held)
    };
    let text = serde_json::to_string(&line).unwrap();
    let of = |origin: &str, index| {
        let folder = tempfile::tempdir().unwrap();
        let erased = erases(index).erased(ErasureGround::Order, ErasureScope::Leaf, false);
        log_of(folder.path(), origin, Event::Erased(erased));
        folder
    };
    let [right, wrong, other] = [of(&second, 0), of(&second, 9), of(&third, 0)];
    let with = |folder: &tempfile::TempDir| checked_with(&text, vec![folder.path().display().to_string()]);
    let (exit, said) = with(&right);
    assert!(exit.unwrap() == Exit::Done && said.contains(&format!("by leaf 0 of {second}")), "{said}");
    for ((exit, said), words) in [
        (checked(&text), "give that log with --later"),
        (with(&other), "give that log with --later"),
        (with(&wrong), "does not have leaf 0 in its list"),
    ] {
        assert!(exit.unwrap() == Exit::Refuted && said.contains(words), "{said}");
    }
}

#[test]
fn a_file_that_is_none_is_an_error() {
    for text in ["", "x", "{}", r#"{"format":"creditbay-opening/1"}"#] {
        let (exit, _) = checked(text);
        assert!(format!("{:#}", exit.unwrap_err()).contains("no file of openings"), "{text:?}");
    }
}
