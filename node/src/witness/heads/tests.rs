//! Which of the heads that were offered is published.

use std::time::Duration;

use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::event::{Event, Suspended};
use creditbay_protocol::name::Region;
use tokio::sync::oneshot;

use super::*;
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::keys::EpochKeys;
use crate::host::telemetry::Metrics;
use crate::log::append::Item;
use crate::log::entry::Entry;
use crate::log::recover::{Parts, Recovered, recover};
use crate::log::seals::Seals;
use crate::log::seen::Seen;
use crate::store::Store;
use crate::store::in_memory::InMemory;

fn signer(name: &str, kind: KeyKind, seed: u8) -> NoteSigner {
    NoteSigner::new(name.parse().unwrap(), kind, SigningKey::from_seed(Seed::from_bytes([seed; 32])))
}

/// The heads of a log of so many leaves, from the empty one on.
fn heads_of(count: usize) -> Vec<Arc<SignedHead>> {
    let (clock, metrics) = (Arc::new(Clock::host()), Arc::new(Metrics::default()));
    let store: Arc<dyn Store> = Arc::new(InMemory::new());
    let keys = tempfile::tempdir().unwrap();
    let origin = "gz.creditbay/log/1";
    let opened = recover(Parts {
        seen: Arc::new(Seen::of_nobody(store.clone(), clock.clone(), metrics.clone()).unwrap()),
        store,
        origin: origin.parse().unwrap(),
        signer: signer(origin, KeyKind::Ed25519, 7),
        seals: Arc::new(Seals::new(EpochKeys::in_folder(keys.path()).unwrap()).unwrap()),
        clock,
        entropy: Arc::new(Entropy::system()),
        metrics,
        reserve: None,
    });
    let Recovered { log, mut writer, .. } = opened.unwrap();
    let mut heads = vec![log.head()];
    for _ in 0..count {
        let event = Event::Suspension { of: Suspended::Peer(Region::new("hk").unwrap()), in_force: true };
        let (done, _wait) = oneshot::channel();
        writer.write(vec![Item::Leaf { entry: Entry::Event(event), spendings: Vec::new(), done }]);
        heads.push(log.head());
    }
    heads
}

fn published(heads: &Heads) -> (u64, usize) {
    let CosignedHead { head, note } = heads.published();
    assert_eq!(head.signed().checkpoint().size, note.checkpoint().size);
    (note.checkpoint().size, note.note().lines.len() - 1)
}

#[tokio::test(start_paused = true)]
async fn a_head_is_published_once_everybody_in_reach_has_cosigned_it_or_a_second_has_passed() {
    let log = heads_of(4);
    let [hk, mo] =
        [("hk.creditbay/witness", 1), ("mo.creditbay/witness", 2)].map(|(name, seed)| signer(name, KeyKind::CosignatureV1, seed));
    let heads = Heads::new(vec![hk.verifier().clone(), mo.verifier().clone()], log[0].clone());
    let cosign = |witness: &NoteSigner, size: usize| {
        let line = witness.cosign(&log[size].signed().note().text, 1_795_406_400).unwrap();
        heads.cosigned(witness.verifier().name(), size as u64, line);
    };
    heads.offer(&log[1]);
    assert_eq!(published(&heads), (0, 0), "nobody has answered yet");
    cosign(&hk, 1);
    assert_eq!(published(&heads), (1, 1), "mo was never in reach: nobody waits for it");
    cosign(&mo, 1);
    assert_eq!(published(&heads), (1, 2), "what comes later is added");

    heads.offer(&log[2]);
    cosign(&hk, 2);
    assert_eq!(published(&heads), (1, 2), "mo is in reach and has not cosigned it");
    heads.out_of_reach(mo.verifier().name());
    assert_eq!(published(&heads), (2, 1), "a witness that does not answer only delays");
    cosign(&mo, 1);
    assert_eq!(published(&heads), (2, 1), "and never is a smaller head shown than before");

    heads.offer(&log[3]);
    tokio::time::advance(Duration::from_millis(999)).await;
    assert_eq!(published(&heads), (2, 1));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(published(&heads), (3, 0), "a second after it was offered it waits no longer");
    heads.offer(&log[1]);
    assert_eq!(published(&heads), (3, 0), "an older head is not offered again");
}

#[tokio::test(start_paused = true)]
async fn without_witnesses_the_newest_head_is_published_at_once() {
    let log = heads_of(2);
    let heads = Heads::new(Vec::new(), log[0].clone());
    assert_eq!(published(&heads), (0, 0));
    heads.offer(&log[2]);
    assert_eq!(published(&heads), (2, 0));
}

/// A connection that was made anew knows no head from before it, so the smallest would never do for an answer that waited over it.
#[tokio::test(start_paused = true)]
async fn an_answer_is_covered_by_the_newest_head_that_has_enough() {
    let log = heads_of(4);
    let hk = signer("hk.creditbay/witness", KeyKind::CosignatureV1, 1);
    let heads = Heads::new(vec![hk.verifier().clone()], log[0].clone());
    (1..=4).for_each(|size| heads.offer(&log[size]));
    for size in [2, 3] {
        let line = hk.cosign(&log[size].signed().note().text, 1_795_406_400).unwrap();
        heads.cosigned(hk.verifier().name(), size as u64, line);
    }
    let covering = |index| heads.covering(index, |note| note.note().lines.len() > 1);
    let size = |head: CosignedHead| head.note.checkpoint().size;
    assert_eq!((size(covering(1).await), size(covering(2).await)), (3, 3));
    let waits = tokio::time::timeout(Duration::from_secs(60), covering(3)).await;
    assert!(waits.is_err(), "none of those that cover it has enough");
}
