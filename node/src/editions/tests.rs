//! Editions that a node goes forward to, and those that it does not go back to.

use creditbay_configs::endorsement;
use creditbay_configs::peers::Directory;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, Note, NoteSigner, NoteVerifier};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;

use super::*;
use crate::store::in_memory::{Failure, InMemory};

const NETWORK: &str = include_str!("../../../configs/samples/network/network.toml");

/// The sample's keys follow from what they are for.
fn signer(region: &str, role: &str, name: &str) -> NoteSigner {
    let seed = Digest::of(format!("creditbay sample {region} {role}").as_bytes());
    NoteSigner::new(name.parse().unwrap(), KeyKind::Ed25519, SigningKey::from_seed(Seed::from_bytes(seed.0)))
}

/// An edition of the sample that all four signed.
fn edition(serial: u32, change: impl FnOnce(&mut Vec<RegionEntry>)) -> EndorsedDirectory {
    let mut regions = Directory::parse("network.toml", NETWORK).unwrap().regions().to_vec();
    change(&mut regions);
    let directory = Directory::parse("network.toml", &Directory::to_toml(serial, &regions)).unwrap();
    let text = endorsement::text(Label::NETWORK, directory.digest());
    let governor = |region: &str| signer(region, "governance", &format!("{region}.creditbay/governance"));
    let lines = ["gz", "sz", "hk", "mo"].map(|region| governor(region).sign(&text).unwrap()).to_vec();
    let note = Note { text, lines }.to_string();
    directory.endorsed(note.as_bytes(), &[governor("gz").verifier().clone()]).unwrap()
}

/// gz lost all of its first log, of which 5 leaves were seen.
fn lost(regions: &mut [RegionEntry], seen: u64) {
    let (first, second) = ("gz.creditbay/log/1", "gz.creditbay/log/2");
    let key = *signer("gz", "log 2", second).verifier().key();
    regions[0].log_origin = second.parse().unwrap();
    regions[0].log = NoteVerifier::new(second.parse().unwrap(), KeyKind::Ed25519, key);
    regions[0].orphaned = vec![OrphanedRange {
        log: first.parse().unwrap(),
        size: 0,
        root: creditbay_crypto::merkle::empty_root(),
        seen,
        note: Digest([1; 32]),
    }];
}

#[test]
fn a_node_goes_forward_and_never_back_over_restarts_too() {
    let store = InMemory::new();
    accept(&store, &edition(3, |_| {})).unwrap();
    accept(&store, &edition(3, |_| {})).unwrap();
    assert_eq!(store.commits(), 1, "the same again is nothing new");
    let store = store.reopen();
    accept(&store, &edition(5, |_| {})).unwrap();
    let store = store.reopen();
    assert!(matches!(accept(&store, &edition(4, |_| {})), Err(EditionFault::Older { offered: 4, newest: 5, .. })));
    let other = edition(5, |regions| regions[1].title.en = "Shumchun".to_owned());
    assert!(matches!(accept(&store, &other), Err(EditionFault::SameSerial { serial: 5, .. })));
    assert!(accept(&store, &edition(5, |_| {})).is_ok());
}

#[test]
fn a_range_that_was_listed_is_listed_for_ever() {
    let store = InMemory::new();
    accept(&store, &edition(1, |_| {})).unwrap();
    accept(&store, &edition(2, |regions| lost(regions, 5))).unwrap();
    let gone = |directory: &EndorsedDirectory| matches!(accept(&store, directory), Err(EditionFault::RangeGone { .. }));
    assert!(gone(&edition(3, |_| {})));
    assert!(gone(&edition(3, |regions| lost(regions, 6))), "nor otherwise than it was");
    accept(&store, &edition(3, |regions| lost(regions, 5))).unwrap();
    assert_eq!(layout::orphaned(&store).unwrap().len(), 1);
}

#[test]
fn nothing_is_done_by_an_edition_that_is_not_durable() {
    for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
        let store = InMemory::new();
        accept(&store, &edition(1, |_| {})).unwrap();
        store.fail(0, failure);
        assert!(matches!(accept(&store, &edition(2, |regions| lost(regions, 5))), Err(EditionFault::Store(_))));
        let store = store.reopen();
        accept(&store, &edition(2, |regions| lost(regions, 5))).unwrap();
        assert!(matches!(accept(&store, &edition(1, |_| {})), Err(EditionFault::Older { .. })), "{failure:?}");
    }
}
