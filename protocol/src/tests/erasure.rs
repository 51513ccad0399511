//! An erasure's list proves one entry without telling the others; a notice is released, taken and acknowledged, each only by its leaf.

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::merkle::verify::ProofError;

use super::sample::{GZ, HK, Log, NOW, name, origin, seed};
use crate::erasure::{Erased, ErasedEntry, ErasedPart, ErasureGround, ErasureList, ErasureScope};
use crate::event::Event;
use crate::frame::{Kind, frame_bytes};
use crate::leaf::{Leaf, LeafBody};
use crate::limits::{MAX_ERASED, MAX_NOTICE_LEAVES};
use crate::notice::{Acknowledged, NamedLeaf, Notice, NoticeReceived, Noticed, release_erased};
use crate::refusal::Fault;
use crate::responder::{NotThisLeaf, Received};

fn list(indices: &[u64]) -> ErasureList {
    let entries = indices.iter().map(|index| ErasedEntry { log: 1, index: *index, part: ErasedPart::Exchange }).collect();
    ErasureList { seed: seed(7), entries }
}

fn notice(leaves: usize) -> Notice {
    let leaves = (0..leaves as u64).map(|index| NamedLeaf { index, leaf: Digest([index as u8; 32]) }).collect();
    Notice { sender: name("gz"), receiver: name("hk"), ground: ErasureGround::SubjectRequest, log: origin("hk"), leaves }
}

#[test]
fn every_entry_of_a_list_is_proved_and_no_other() {
    for count in [1, 2, 3, 7, 8, 500, MAX_ERASED as u64] {
        let indices: Vec<u64> = (0..count).map(|number| number * 3).collect();
        let list = list(&indices);
        let erased = list.erased(ErasureGround::Order, ErasureScope::Subject, false);
        assert_eq!(u64::from(erased.count), count);
        for index in [indices[0], indices[indices.len() / 2], indices[indices.len() - 1]] {
            let proof = list.prove(1, index).unwrap();
            assert_eq!((proof.verify(&erased), proof.entry.index), (Ok(()), index));
            let mut forged = proof.clone();
            forged.entry.index += 1;
            assert!(forged.verify(&erased).is_err(), "another leaf");
            let mut forged = proof.clone();
            forged.entry.log += 1;
            assert!(forged.verify(&erased).is_err(), "a leaf of another log");
            let mut forged = proof.clone();
            forged.entry.part = ErasedPart::Receipt;
            assert!(forged.verify(&erased).is_err(), "another part");
            let mut forged = proof.clone();
            forged.salt.0[0] ^= 1;
            assert!(forged.verify(&erased).is_err(), "another salt");
            let mut forged = proof;
            forged.path.push(Digest([0; 32]));
            assert!(matches!(forged.verify(&erased), Err(ProofError::WrongLength { .. })), "a longer path");
        }
        assert_eq!((list.prove(1, 1), list.prove(2, indices[0])), (None, None), "a leaf that is not in the list");
    }
    assert_eq!(list(&[]).root(), empty_root());
    let records = Erased::of_records(ErasureGround::Order);
    assert_eq!(
        list(&[]).erased(ErasureGround::Order, ErasureScope::Records, false),
        records,
        "an erasure of records has no list"
    );
    let proof = list(&[3]).prove(1, 3).unwrap();
    assert!(proof.verify(&records).is_err(), "and proves of no leaf that it was erased");
}

#[test]
fn the_same_leaves_under_another_seed_have_another_root() {
    let other = ErasureList { seed: seed(8), ..list(&[3, 5]) };
    assert_ne!(other.root(), list(&[3, 5]).root(), "or a guess of the leaves could be tried out");
}

#[test]
fn a_notice_is_taken_from_its_sender_by_its_receiver_in_its_log_alone() {
    let mut log = Log::new("gz", GZ).fill(5);
    let noticed = Noticed::new(notice(2), seed(3));
    let committed = log.commit(&noticed.leaf(NOW), 4);
    let frame = noticed.release(&committed).unwrap();
    let received = || NoticeReceived::parse(&frame).ok().unwrap();
    let gz = log.origin;
    let identified = received().identify(name("hk"), name("gz"), &gz).ok().unwrap();
    let root = log.trusted(identified.size());
    let included = identified.include(&root).ok().unwrap();
    assert_eq!((included.notice(), included.leaf()), (&notice(2), committed.leaf()));

    assert_eq!(received().identify(name("hk"), name("sz"), &gz).err(), Some(Fault::WrongSender));
    assert_eq!(received().identify(name("hk"), name("gz"), &origin("sz")).err(), Some(Fault::WrongSender));
    assert_eq!(received().identify(name("sz"), name("gz"), &gz).err(), Some(Fault::WrongReceiver));
    let mut other = Log::new("gz", GZ).fill(5);
    other.commit(&Noticed::new(notice(1), seed(3)).leaf(NOW), 4);
    let identified = received().identify(name("hk"), name("gz"), &gz).ok().unwrap();
    assert_eq!(identified.include(&other.trusted(10)).err(), Some(Fault::ProofInvalid), "a log that does not have it");
    let identified = received().identify(name("hk"), name("gz"), &gz).ok().unwrap();
    assert_eq!(identified.include(&log.trusted(9)).err(), Some(Fault::CheckpointMissing));

    assert_eq!(Noticed::new(notice(3), seed(3)).release(&committed), Err(NotThisLeaf));
    assert_eq!(Kind::of(&frame), Ok(Kind::Erasure));
    assert_eq!(Received::parse(&frame).err(), Some(Fault::Malformed), "a notice is no query");
    for cut in 0..frame.len() {
        assert_eq!(NoticeReceived::parse(&frame[..cut]).err(), Some(Fault::Malformed), "cut at {cut}");
    }
}

#[test]
fn the_largest_notice_fits_the_frame_of_a_query_and_a_larger_one_is_refused() {
    let mut log = Log::new("gz", GZ);
    let noticed = Noticed::new(notice(MAX_NOTICE_LEAVES), seed(3));
    let committed = log.commit(&noticed.leaf(NOW), 0);
    assert_eq!(noticed.release(&committed).unwrap().len(), frame_bytes(1));
    for count in [0, MAX_NOTICE_LEAVES + 1] {
        let bytes = crate::wire::encode(&notice(count));
        assert!(crate::wire::decode::<Notice>(&bytes, 4096).is_err(), "{count} leaves");
    }
    let bytes = crate::wire::encode(&notice(MAX_NOTICE_LEAVES));
    assert_eq!(crate::wire::decode::<Notice>(&bytes, 4096), Ok(notice(MAX_NOTICE_LEAVES)));
}

#[test]
fn an_acknowledgement_is_the_leaf_of_the_receivers_own_erasure() {
    let hash = Digest([9; 32]);
    let scope = ErasureScope::Notice { peer: name("gz"), notice: hash };
    let erased = list(&[4, 8]).erased(ErasureGround::PeerNotice, scope, false);
    let mut log = Log::new("hk", HK).fill(3);
    let committed = log.commit(&Leaf::new(NOW, LeafBody::Event(Event::Erased(erased))), 2);
    let frame = release_erased(&erased, &seed(1), &committed).unwrap();
    let acknowledged = |log: &crate::name::Origin| Acknowledged::parse(&frame, name("gz"), &hash, log);
    let root = log.trusted(acknowledged(&log.origin).ok().unwrap().size());
    assert_eq!(acknowledged(&log.origin).ok().unwrap().include(&root), Ok(3));
    assert_eq!(acknowledged(&origin("sz")).err(), Some(Fault::WrongSender));
    assert_eq!(Acknowledged::parse(&frame, name("gz"), &Digest([8; 32]), &log.origin).err(), Some(Fault::OtherQuestion));
    assert_eq!(Acknowledged::parse(&frame, name("sz"), &hash, &log.origin).err(), Some(Fault::OtherQuestion));
    let other = Log::new("hk", HK).fill(6);
    assert_eq!(acknowledged(&log.origin).ok().unwrap().include(&other.trusted(6)), Err(Fault::ProofInvalid));
    let more = list(&[4, 8, 9]).erased(ErasureGround::PeerNotice, scope, false);
    assert_eq!(release_erased(&more, &seed(1), &committed), Err(NotThisLeaf));
}
