//! The audit of a tiled log, and its forged twins.

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{Note, NoteVerifier};
use creditbay_protocol::tile::{TileError, TilePath, decode_bundle, encode_bundle};

use super::{Audit, Chunk};
use crate::log::fault::{Fault, Faults, MAX_LISTED};
use crate::log::sample::{Sample, of_entries, plain_entries};

fn path(level: Option<u8>, index: u64, width: u16) -> TilePath {
    TilePath { level, index, width }
}

/// Runs an audit over what the sample holds; gives the tiles it asked for, too.
fn walked(sample: &Sample, root: &Digest, earlier: Option<(u64, Digest)>) -> (Faults, Vec<TilePath>) {
    let mut audit = Audit::new(sample.size);
    if let Some((size, root)) = earlier {
        audit.expect_earlier(size, root);
    }
    let mut asked = Vec::new();
    for path in TilePath::all(sample.size).filter(|path| path.level.is_none()) {
        let hash_path = TilePath { level: Some(0), ..path };
        asked.extend([path, hash_path]);
        let get = |path| sample.files.get(&path).map(Vec::as_slice);
        audit.take(&Chunk::read(path, get(path), get(hash_path)).0);
        while let Some(path) = audit.next_upper() {
            asked.push(path);
            audit.upper(get(path));
        }
    }
    assert_eq!(audit.done(), sample.size);
    (audit.finish(root), asked)
}

fn faults(sample: &Sample) -> Vec<Fault> {
    walked(sample, &sample.root, None).0.listed().to_vec()
}

#[test]
fn every_size_verifies_and_every_tile_is_looked_at() {
    for size in (0..20).chain([255, 256, 257, 511, 512, 513, 600, 70_000]) {
        let sample = of_entries(&plain_entries(size));
        let (faults, mut asked) = walked(&sample, &sample.root, None);
        assert!(faults.is_empty(), "{size}: {faults:?}");
        asked.sort();
        let mut all: Vec<_> = TilePath::all(size).collect();
        all.sort();
        assert_eq!(asked, all, "{size}");
    }
}

#[test]
fn a_flipped_bit_in_an_entry_names_the_entry() {
    for index in [0u64, 255, 256, 599] {
        let mut sample = of_entries(&plain_entries(600));
        let bundle = path(None, index / 256, if index < 512 { 256 } else { 88 });
        let at = (index % 256) as usize * 10 + 9;
        sample.files.get_mut(&bundle).unwrap()[at] ^= 1;
        assert_eq!(faults(&sample), [Fault::EntryChanged { index }]);
    }
}

#[test]
fn a_flipped_bit_in_a_hash_tile_names_the_tile() {
    let mut sample = of_entries(&plain_entries(600));
    sample.files.get_mut(&path(Some(0), 1, 256)).unwrap()[32 * 3] ^= 1;
    assert_eq!(faults(&sample), [Fault::HashChanged { path: path(Some(0), 1, 256), index: 259 }]);
    let mut sample = of_entries(&plain_entries(600));
    sample.files.get_mut(&path(Some(1), 0, 2)).unwrap()[32] ^= 1;
    assert_eq!(faults(&sample), [Fault::UpperHash { path: path(Some(1), 0, 2), position: 1 }]);
}

#[test]
fn swapped_entries_are_both_named() {
    let mut entries = plain_entries(300);
    let genuine = of_entries(&entries);
    entries.swap(7, 290);
    let swapped = of_entries(&entries);
    let mut sample = genuine.clone();
    for (path, bytes) in swapped.files {
        if path.level.is_none() {
            sample.files.insert(path, bytes);
        }
    }
    assert_eq!(faults(&sample), [Fault::EntryChanged { index: 7 }, Fault::EntryChanged { index: 290 }]);
}

#[test]
fn a_whole_other_log_under_the_signed_root_is_another_root() {
    let genuine = of_entries(&plain_entries(300));
    let mut entries = plain_entries(300);
    entries.swap(7, 290);
    let other = of_entries(&entries);
    let expected = Fault::Root { size: 300, computed: other.root, signed: genuine.root };
    assert_eq!(walked(&other, &genuine.root, None).0.listed(), [expected]);
}

#[test]
fn entry_and_hash_that_both_lead_elsewhere_are_told_apart_from_one_that_does_not() {
    let mut sample = of_entries(&plain_entries(20));
    sample.files.get_mut(&path(None, 0, 20)).unwrap()[9] ^= 1;
    sample.files.get_mut(&path(Some(0), 0, 20)).unwrap()[32 * 5] ^= 1;
    let found = faults(&sample);
    let tile = path(Some(0), 0, 20);
    assert!(matches!(found[0], Fault::Root { size: 20, .. }));
    assert_eq!(
        found[1..],
        [Fault::EntryAndHashDiffer { path: tile, index: 0 }, Fault::EntryAndHashDiffer { path: tile, index: 5 }]
    );
}

#[test]
fn each_missing_tile_is_named_and_the_rest_is_still_verified() {
    let whole = of_entries(&plain_entries(600));
    for missing in TilePath::all(600) {
        let mut sample = whole.clone();
        sample.files.remove(&missing);
        assert_eq!(faults(&sample), [Fault::Missing(missing)]);
    }
    let mut sample = whole.clone();
    sample.files.remove(&path(None, 0, 256));
    sample.files.get_mut(&path(None, 1, 256)).unwrap()[9] ^= 1;
    assert_eq!(faults(&sample), [Fault::Missing(path(None, 0, 256)), Fault::EntryChanged { index: 256 }]);
}

#[test]
fn without_entry_and_hash_there_is_no_root() {
    let mut sample = of_entries(&plain_entries(600));
    sample.files.remove(&path(None, 1, 256));
    sample.files.remove(&path(Some(0), 1, 256));
    let expected =
        [Fault::Missing(path(None, 1, 256)), Fault::Missing(path(Some(0), 1, 256)), Fault::RootUnknown { leaves: 256 }];
    assert_eq!(faults(&sample), expected);
}

#[test]
fn a_size_that_nothing_bears_out_is_given_up() {
    let mut audit = Audit::new(1 << 40);
    for index in 0.. {
        if audit.given_up() {
            break;
        }
        audit.take(&Chunk::read(path(None, index, 256), None, None).0);
        while audit.next_upper().is_some() {
            audit.upper(None);
        }
    }
    let done = audit.done();
    let faults = audit.finish(&Digest([1; 32]));
    assert!(done < 1 << 20 && faults.count() > 2_000, "{done} {}", faults.count());
}

#[test]
fn a_tile_of_another_width_is_named() {
    let mut sample = of_entries(&plain_entries(600));
    let tile = path(Some(0), 2, 88);
    sample.files.get_mut(&tile).unwrap().truncate(32 * 87);
    assert_eq!(faults(&sample), [Fault::Tile { path: tile, error: TileError::Width { expected: 32 * 88, found: 32 * 87 } }]);
    let mut sample = of_entries(&plain_entries(600));
    sample.files.get_mut(&path(Some(1), 0, 2)).unwrap().extend([0; 32]);
    let error = TileError::Width { expected: 64, found: 96 };
    assert_eq!(faults(&sample), [Fault::Tile { path: path(Some(1), 0, 2), error }]);
}

#[test]
fn a_bundle_cut_at_any_byte_is_named() {
    let whole = of_entries(&plain_entries(3));
    let bundle = path(None, 0, 3);
    for cut in 0..whole.files[&bundle].len() {
        let mut sample = whole.clone();
        sample.files.get_mut(&bundle).unwrap().truncate(cut);
        let found = faults(&sample);
        assert!(matches!(found[..], [Fault::Tile { path, .. }] if path == bundle), "{cut}: {found:?}");
    }
    let mut sample = whole.clone();
    let longer = encode_bundle(decode_bundle(&whole.files[&bundle], 3).unwrap().into_iter().chain([b"x".as_slice()]));
    sample.files.insert(bundle, longer);
    assert_eq!(faults(&sample), [Fault::Tile { path: bundle, error: TileError::Count { expected: 3, found: 4 } }]);
}

#[test]
fn a_log_continues_its_earlier_checkpoints_or_was_rewritten() {
    let sample = of_entries(&plain_entries(600));
    for size in [1, 255, 256, 300, 600] {
        let earlier = of_entries(&plain_entries(size)).root;
        assert!(walked(&sample, &sample.root, Some((size, earlier))).0.is_empty(), "{size}");
        let forged = walked(&sample, &sample.root, Some((size, Digest([1; 32])))).0;
        assert_eq!(forged.listed(), [Fault::Rewritten { size, computed: earlier, earlier: Digest([1; 32]) }]);
    }
    let several = [(599, Digest([2; 32])), (256, of_entries(&plain_entries(256)).root), (600, sample.root), (3, Digest([1; 32]))];
    let mut audit = Audit::new(sample.size);
    several.iter().for_each(|(size, root)| audit.expect_earlier(*size, *root));
    for path in TilePath::all(sample.size).filter(|path| path.level.is_none()) {
        let get = |path| sample.files.get(&path).map(Vec::as_slice);
        audit.take(&Chunk::read(path, get(path), get(TilePath { level: Some(0), ..path })).0);
    }
    let found = audit.finish(&sample.root);
    let sizes = found.listed().iter().map(|fault| match fault {
        Fault::Rewritten { size, .. } => *size,
        other => panic!("{other}"),
    });
    assert_eq!(sizes.collect::<Vec<_>>(), [3, 599], "each that is not continued, whatever their order");
    let shrunk = walked(&sample, &sample.root, Some((601, Digest([1; 32])))).0;
    assert_eq!(shrunk.listed(), [Fault::Shrunk { size: 600, earlier: 601 }]);
}

#[test]
fn faults_beyond_the_listed_ones_are_counted() {
    let mut sample = of_entries(&plain_entries(2_000));
    let other: Vec<Vec<u8>> = plain_entries(2_000)
        .into_iter()
        .map(|mut entry| {
            entry[7] ^= 1;
            entry
        })
        .collect();
    for (path, bytes) in of_entries(&other).files {
        if path.level.is_none() {
            sample.files.insert(path, bytes);
        }
    }
    let (faults, _) = walked(&sample, &sample.root, None);
    assert_eq!((faults.listed().len(), faults.count()), (MAX_LISTED, 2_000));
}

/// transparency-dev/tessera `testdata/log`: sizes 0 to 15, a checkpoint for each.
#[test]
fn a_log_of_another_implementation_verifies_at_every_size() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/tiled-log"));
    if !folder.is_dir() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "published vectors are missing: {}", folder.display());
        eprintln!("notice: skipped, no published vectors at {}", folder.display());
        return;
    }
    let key = NoteVerifier::parse("example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx").unwrap();
    for size in 0..=15u64 {
        let note = Note::parse(&std::fs::read(folder.join(format!("checkpoint.{size}"))).unwrap()).unwrap();
        note.verify(std::slice::from_ref(&key)).unwrap();
        let lines: Vec<_> = note.text.lines().collect();
        assert_eq!(lines[1], size.to_string());
        let files = TilePath::all(size).map(|path| (path, std::fs::read(folder.join(path.to_string())).unwrap())).collect();
        let sample = Sample { files, root: Digest::from_base64(lines[2]).unwrap(), size };
        assert!(faults(&sample).is_empty(), "{size}: {:?}", faults(&sample));
        for path in TilePath::all(size) {
            let mut forged = sample.clone();
            *forged.files.get_mut(&path).unwrap().last_mut().unwrap() ^= 1;
            assert_eq!(faults(&forged).len(), 1, "{size} {path}");
        }
    }
}
