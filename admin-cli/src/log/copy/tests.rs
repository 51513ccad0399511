//! Copies of sample logs: what is fetched, what is kept, and what is refused before it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use indicatif::ProgressBar;

use crate::log::sample::{Sample, of_entries, plain_entries};

use super::*;

/// Sizes around the width of one tile.
const SIZES: [u64; 8] = [1, 2, 255, 256, 257, 511, 512, 600];

fn write(folder: &Path, files: &BTreeMap<TilePath, Vec<u8>>) {
    for (path, bytes) in files {
        let target = folder.join(path.to_string());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
}

fn checkpoint(sample: &Sample) -> Checkpoint {
    Checkpoint { origin: "hk.creditbay/log/1".parse().unwrap(), size: sample.size, root: sample.root }
}

fn bring(from: Option<&Sample>, to: &Sample, folder: &Path) -> Result<(), Fault> {
    let served = tempfile::tempdir().unwrap();
    write(served.path(), &to.files);
    bring_from(served.path(), from, to, folder)
}

fn bring_from(served: &Path, from: Option<&Sample>, to: &Sample, folder: &Path) -> Result<(), Fault> {
    let archive = Archive::in_folder(folder).unwrap();
    let mut source = Source::Folder(served.to_owned());
    let copy = Copy::new(&mut source, &archive, from.map(checkpoint), checkpoint(to));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(copy.bring(&ProgressBar::hidden())).map_err(|refused| match refused {
        Refused::Fault(fault) => fault,
        Refused::Failed(error) => panic!("{error:#}"),
    })
}

fn missing(sample: &Sample, folder: &Path) -> Vec<String> {
    let kept = |path: &TilePath| fs::read(folder.join(path.to_string())).ok();
    sample.files.iter().filter(|(path, bytes)| kept(path).as_ref() != Some(*bytes)).map(|(path, _)| path.to_string()).collect()
}

#[test]
fn a_copy_grows_from_any_size_to_any_other_and_has_every_file_of_both() {
    let entries = plain_entries(66_000);
    let within =
        SIZES.iter().flat_map(|small| SIZES.iter().filter(move |large| *large >= small).map(move |large| (*small, *large)));
    // Around the width of one tile of tiles.
    for (small, large) in within.chain([(600, 66_000), (65_535, 65_537), (65_536, 65_792), (65_537, 66_000)]) {
        let (small, large) = (of_entries(&entries[..small as usize]), of_entries(&entries[..large as usize]));
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &small.files);
        bring(Some(&small), &large, folder.path()).unwrap();
        assert_eq!(missing(&large, folder.path()), Vec::<String>::new(), "{} to {}", small.size, large.size);
        assert_eq!(missing(&small, folder.path()), Vec::<String>::new(), "{} stays", small.size);
    }
}

#[test]
fn what_is_kept_is_not_asked_for_again() {
    let entries = plain_entries(700);
    let (small, large) = (of_entries(&entries[..600]), of_entries(&entries));
    let (served, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), &small.files);
    let edge = |path: &TilePath| path.level.is_some() && path.width < 256;
    let asked = |path: &TilePath| edge(path) || !small.files.contains_key(path);
    let new: BTreeMap<_, _> = large.files.clone().into_iter().filter(|(path, _)| asked(path)).collect();
    write(served.path(), &new);
    bring_from(served.path(), Some(&small), &large, folder.path()).unwrap();
    assert_eq!(missing(&large, folder.path()), Vec::<String>::new());
}

#[test]
fn an_interrupted_run_goes_on_and_a_damaged_rest_of_it_is_noticed() {
    let large = of_entries(&plain_entries(700));
    let folder = tempfile::tempdir().unwrap();
    let rest: BTreeMap<_, _> = large.files.clone().into_iter().filter(|(path, _)| path.index == 1).collect();
    write(folder.path(), &rest);
    bring(None, &large, folder.path()).unwrap();
    assert_eq!(missing(&large, folder.path()), Vec::<String>::new());
    for path in ["tile/0/001", "tile/entries/001"] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &rest);
        let mut bytes = fs::read(folder.path().join(path)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(folder.path().join(path), bytes).unwrap();
        assert_eq!(bring(None, &large, folder.path()), Err(Fault::ExportDiffers(TilePath::parse(path).unwrap())));
    }
}

#[test]
fn what_is_kept_is_checked_again_on_request() {
    let large = of_entries(&plain_entries(1_000));
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &large.files);
    let archive = Archive::in_folder(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let again = |whole| {
        let mut source = Source::Folder(folder.path().to_owned());
        let copy = Copy::new(&mut source, &archive, Some(checkpoint(&large)), checkpoint(&large)).whole(whole);
        runtime.block_on(copy.bring(&ProgressBar::hidden()))
    };
    again(true).unwrap();
    let path = folder.path().join("tile/entries/001");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    again(false).unwrap();
    assert!(matches!(again(true), Err(Refused::Fault(Fault::ExportDiffers(_)))));
}

#[test]
fn every_file_with_a_flipped_bit_is_refused_and_not_kept() {
    let large = of_entries(&plain_entries(1_000));
    for path in large.files.keys() {
        let (served, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut files = large.files.clone();
        *files.get_mut(path).unwrap().last_mut().unwrap() ^= 1;
        write(served.path(), &files);
        let fault = bring_from(served.path(), None, &large, folder.path()).unwrap_err();
        let partial = path.width < 256;
        match (path.level, partial) {
            (None, _) => assert!(matches!(fault, Fault::EntryChanged { .. }), "{path}: {fault}"),
            (Some(_), true) => assert!(matches!(fault, Fault::Root { .. }), "{path}: {fault}"),
            (Some(_), false) => assert_eq!(fault, Fault::Strange(*path)),
        }
        assert!(!folder.path().join(path.to_string()).exists(), "{path} was kept");
        files.remove(path);
        let served = tempfile::tempdir().unwrap();
        write(served.path(), &files);
        let fault = bring_from(served.path(), None, &large, folder.path()).unwrap_err();
        assert_eq!(fault, Fault::Missing(*path));
    }
}

#[test]
fn another_history_is_refused_before_anything_of_it_is_kept() {
    let entries = plain_entries(1_000);
    let small = of_entries(&entries[..300]);
    let mut other = entries.clone();
    other[7] = b"another".to_vec();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &small.files);
    let files = || walkdir(folder.path());
    let before = files();
    for size in [400, 600, 1_000] {
        let fault = bring(Some(&small), &of_entries(&other[..size]), folder.path()).unwrap_err();
        assert!(matches!(fault, Fault::Rewritten { size: 300, .. }), "{fault}");
    }
    let fault = bring(Some(&small), &of_entries(&other[..300]), folder.path()).unwrap_err();
    assert!(matches!(fault, Fault::Rewritten { size: 300, .. }), "{fault}");
    let fault = bring(Some(&small), &of_entries(&entries[..299]), folder.path()).unwrap_err();
    assert_eq!(fault, Fault::Shrunk { size: 299, earlier: 300 });
    assert_eq!(files(), before);
}

fn walkdir(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(walkdir(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn partial_files_go_when_their_full_ones_are_kept_and_not_before() {
    let entries = plain_entries(600);
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::in_folder(folder.path()).unwrap();
    let samples: Vec<_> = [100, 200, 300, 600].iter().map(|size| of_entries(&entries[..*size])).collect();
    for pair in [(None, 0), (Some(0), 1), (Some(1), 2), (Some(2), 3)] {
        let (from, to): (Option<usize>, usize) = pair;
        let from = from.map(|from| &samples[from]);
        bring(from, &samples[to], folder.path()).unwrap();
        prune(&archive, from.map_or(0, |from| from.size), samples[to].size).unwrap();
        assert_eq!(missing(&samples[to], folder.path()), Vec::<String>::new());
        let full = samples[to].size >= 256;
        assert_eq!(folder.path().join("tile/0/000.p").exists(), !full, "{}", samples[to].size);
        assert_eq!(folder.path().join("tile/entries/000.p").exists(), !full);
    }
    assert!(folder.path().join("tile/0/002.p/88").exists() && !folder.path().join("tile/0/001.p").exists());
}
