//! A region's keys in wrong hands ask: every fault that an asker can provoke, each as often as it is counted, and none of them a leaf.
//!
//! Not here: a fault that needs a store which forgot (`other_bytes_under_index`, in the node's own tests), and those of an issuer (`issuers`).

use std::collections::BTreeMap;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::erasure::ErasureGround;
use creditbay_protocol::limits::{BODY_BYTES, FRAME_HEAD_BYTES, FRESHNESS_MS, MAX_FRAME_BYTES};
use creditbay_protocol::name::Origin;
use creditbay_protocol::notice::{NamedLeaf, Notice};
use creditbay_protocol::predicate::Purpose;
use creditbay_protocol::query::Query;
use creditbay_protocol::refusal::Fault;
use harness::counters::Counters;
use harness::forger::{Forger, Line, Said, now};

use super::{REFUSALS, alone, refused};
use crate::refusal::log_size;

/// How often each lie is told.
const TIMES: u64 = 3;

/// What it is, its frame, and the fault that it must have.
type Lie = (&'static str, Vec<u8>, Fault);

/// Frames that are no frames, made of one that is.
fn unreadable(whole: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let with = |at: usize, byte: u8| {
        let mut changed = whole.to_vec();
        changed[at] = byte;
        changed
    };
    vec![
        ("nothing", Vec::new()),
        ("noise", vec![0x5a; whole.len()]),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("the head alone", whole[..FRAME_HEAD_BYTES].to_vec()),
        ("longer", [whole, &[0]].concat()),
        ("of another version", with(0, 2)),
        ("with more levels than its tree has", with(2, whole[2] + 1)),
        ("of a kind that there is not", with(3, 2)),
        ("of the other kind", with(3, 1)),
        ("with a body longer than a body", with(5, 0xff)),
        ("with padding that says something", with(FRAME_HEAD_BYTES + 1_000, 1)),
    ]
}

/// What an asker can say that is well formed and wrong, and last a frame that is right; all under the tree of all that it logged for it.
fn wrong(mo: &mut Forger) -> (Vec<Lie>, Vec<u8>) {
    let (good, time) = (mo.query("gz").unwrap(), now());
    let said = mo.log(&good, time);
    let cases = [
        ("as another region", Query { asker: "hk".parse().unwrap(), ..good.clone() }, time, Fault::WrongSender),
        ("for another node", Query { issuer: "hk".parse().unwrap(), ..good.clone() }, time, Fault::WrongReceiver),
        ("past its expiry", Query { expires: Millis(time.0 - FRESHNESS_MS - 1), ..good.clone() }, time, Fault::Expired),
        ("of the future", good.clone(), time.plus(FRESHNESS_MS + 20_000), Fault::FromTheFuture),
        ("that lives too long", Query { expires: time.plus(600_000), ..good.clone() }, time, Fault::LifetimeTooLong),
    ];
    let logged = cases.map(|(what, query, time, fault)| {
        let said = mo.log(&query, time);
        (what, query, said, fault)
    });
    let notice = notice(mo);
    let told = mo.log_notice(&notice, time);
    let size = mo.size();
    let under = |said: Said| Said { size, ..said };
    let mut frames: Vec<_> =
        logged.into_iter().map(|(what, query, said, fault)| (what, mo.frame(&query, &under(said)).unwrap(), fault)).collect();
    let said = under(said);
    let mut bent = mo.frame(&good, &said).unwrap();
    bent[FRAME_HEAD_BYTES + BODY_BYTES] ^= 1;
    let elsewhere = Origin::new(said.origin.owner(), 2).unwrap();
    let asked = |said: Said| mo.frame(&good, &said).unwrap();
    frames.extend([
        ("of another log", asked(Said { origin: elsewhere, ..said }), Fault::WrongSender),
        ("with a bent path", bent, Fault::ProofInvalid),
        ("with another leaf's path", asked(Said { index: said.index + 1, ..said }), Fault::ProofInvalid),
        ("that was never logged", asked(Said { seed: [9; 32], ..said }), Fault::ProofInvalid),
        ("at another time than logged", asked(Said { time: said.time.plus(1), ..said }), Fault::ProofInvalid),
        ("a notice of another leaf", mo.frame(&notice, &said).unwrap(), Fault::ProofInvalid),
        ("a notice about no exchange", mo.frame(&notice, &under(told)).unwrap(), Fault::NoSuchExchange),
    ]);
    (frames, asked(said))
}

/// A notice that names the leaf with which gz's log begins, which is no exchange.
fn notice(mo: &Forger) -> Notice {
    let (log, leaves) = (mo.entry("gz").unwrap().log_origin, vec![NamedLeaf { index: 0, leaf: Digest([3; 32]) }]);
    Notice { sender: mo.region, receiver: "gz".parse().unwrap(), ground: ErasureGround::SubjectRequest, log, leaves }
}

fn fault(fault: Fault) -> String {
    format!("creditbay_faults_total{{peer=\"mo\",fault=\"{fault}\"}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_that_an_asker_can_provoke_is_counted_as_often_as_it_was_provoked() {
    let (_folder, network) = alone("gz", &["gz", "hk", "mo"]);
    let mut mo = Forger::of(&network, "mo").unwrap().fill(5, 0);
    let (mut told, whole) = wrong(&mut mo);
    told.extend(unreadable(&whole).into_iter().map(|(what, bytes)| (what, bytes, Fault::Malformed)));
    told.push(("without end", vec![0; MAX_FRAME_BYTES + 1], Fault::Oversized));

    let mut line = Line::greeted(&mo, "gz", 0).await.unwrap();
    let before = Counters::read(&network, "gz").await.unwrap();
    let mut expected = BTreeMap::new();
    for (what, frame, named) in &told {
        for _ in 0..TIMES {
            assert_eq!(line.send(frame).await.unwrap(), Err(*named), "{what}");
        }
        *expected.entry(fault(*named)).or_default() += TIMES;
    }
    assert_eq!(refused(&network, "gz", &before).await, expected);
    assert_eq!(log_size(&network, "gz").await, 0, "no lie cost a leaf");
    let answer = line.send(&whole).await.unwrap().unwrap();
    assert_eq!(line.send(&whole).await.unwrap(), Ok(answer), "and the truth is answered on the same connection, replayed or not");
    assert_eq!(log_size(&network, "gz").await, 1);

    // A tree that was not shown: the query waits for its checkpoint, and is answered under it.
    let (seen, query) = (mo.size(), mo.query("gz").unwrap());
    let said = mo.log(&query, now());
    let early = mo.frame(&query, &said).unwrap();
    let before = Counters::read(&network, "gz").await.unwrap();
    let (first, second, third) = tokio::join!(line.send(&early), line.send(&early), line.send(&early));
    for said in [first, second, third] {
        assert_eq!(said.unwrap(), Err(Fault::CheckpointMissing));
    }
    assert_eq!(refused(&network, "gz", &before).await, BTreeMap::from([(fault(Fault::CheckpointMissing), TIMES)]));
    line.say(&mo.checkpoint(seen).unwrap()).await.unwrap();
    assert!(line.send(&early).await.unwrap().is_ok());
    assert_eq!(log_size(&network, "gz").await, 2);
}

/// What the rules refuse is a leaf, of which a peer may cause so many in a minute.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_beyond_a_peers_budget_are_faults_and_no_leaves() {
    let (_folder, network) = alone("gz", &["gz", "mo"]);
    let mut mo = Forger::of(&network, "mo").unwrap();
    let query = Query { purpose: Purpose::Prof, ..mo.query("gz").unwrap() };
    let asked: Vec<_> = (0..2 * REFUSALS + TIMES).map(|_| mo.log(&query, now())).collect();
    let line = Line::greeted(&mo, "gz", 0).await.unwrap();
    let before = Counters::read(&network, "gz").await.unwrap();
    let (mut leaves, mut faults) = (0, 0);
    for said in asked {
        match line.send(&mo.frame(&query, &Said { size: mo.size(), ..said }).unwrap()).await.unwrap() {
            Ok(_) => leaves += 1,
            Err(named) => {
                assert_eq!(named, Fault::LeafBudgetSpent);
                faults += 1;
            }
        }
    }
    // Where a minute ends meanwhile, the budget begins anew.
    assert!((REFUSALS..=2 * REFUSALS).contains(&leaves), "{leaves} leaves, {faults} faults");
    assert_eq!(refused(&network, "gz", &before).await, BTreeMap::from([(fault(Fault::LeafBudgetSpent), faults)]));
    let size = log_size(&network, "gz").await;
    assert!((leaves..=leaves + 1).contains(&size), "{size} leaves; beside the refusals at most the one that sums up a minute");
}
