//! Two nodes in one process, at message level: the real exchange, policy and log over the in-memory store, a manual clock, seeded chance
//! and a network that is an argument. Not here: the stories.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use creditbay_configs::peers::{Directory, EndorsedDirectory};
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::record::{Fact, Record};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::notice::Noticed;
use creditbay_protocol::predicate::{
    AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose, RegistrationStatus, Statuses,
};
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::requester::Asked;

use super::super::Exchange;
use super::super::answer::{Peer, Released};
use super::super::ask::Outcome;
use super::super::closing::Closing;
use super::super::compose::{About, Question};
use super::super::erasures::Erasures;
use super::super::fault::AskError;
use super::super::network::{LinkError, Network, Reply};
use super::super::replay::Replay;
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::keys::{EpochKeys, RecordKeys};
use crate::host::telemetry::Metrics;
use crate::log::entry::Appended;
use crate::log::erase::Eraser;
use crate::log::fault::LogError;
use crate::log::recover::{Parts, Recovered, recover};
use crate::log::seals::Seals;
use crate::log::seen::{Followed, Seen};
use crate::log::succession::carry_over;
use crate::log::trust::Trust;
use crate::log::witness::Witness;
use crate::policy::budget::RefusalBudget;
use crate::policy::ledger::Ledger;
use crate::policy::orders::Orders;
use crate::policy::tags::Tags;
use crate::store::Store;
use crate::store::in_memory::InMemory;
use crate::store::log as layout;
use crate::store::records::Records;
use crate::witness::heads::Heads;

pub(super) const NETWORK: &str = include_str!("../../../../configs/samples/network/network.toml");
pub(super) const NETWORK_NOTE: &str = include_str!("../../../../configs/samples/network/network.note");
pub(super) const PACK: &str = include_str!("../../../../configs/samples/rules/gba-2026.1.toml");
pub(super) const COMPANY: &str = "91440101MA9XTEAT0A";
/// 2026-11-23T04:00:00Z.
pub(super) const NOON: u64 = 1_795_406_400_000;

pub(super) fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

pub(super) fn sample_key(city: &str, role: &str) -> SigningKey {
    SigningKey::from_seed(Seed::from_bytes(Digest::of(format!("creditbay sample {city} {role}").as_bytes()).0))
}

pub(super) fn directory() -> EndorsedDirectory {
    let directory = Directory::parse("network.toml", NETWORK).unwrap();
    let pinned: Vec<_> = directory.entry(region("gz")).unwrap().governance.signers().to_vec();
    directory.endorsed(NETWORK_NOTE.as_bytes(), &pinned).unwrap()
}

/// What the network does to the next messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    Fair,
    LosesTheReply,
    LosesTheCheckpoint,
    SendsEverythingTwice,
    FlipsABitOfTheReply,
}

/// Carries frames by calling the other node; checkpoints go before the frames that need them.
pub(super) struct InProcess {
    pub(super) nodes: Mutex<Vec<(Region, Weak<Exchange>)>>,
    pub(super) me: OnceLock<Region>,
    pub(super) weather: Arc<Mutex<Weather>>,
}

impl InProcess {
    fn node(&self, region: Region) -> Option<Arc<Exchange>> {
        let nodes = self.nodes.lock().unwrap();
        nodes.iter().find(|(name, _)| *name == region)?.1.upgrade()
    }
}

pub(super) fn carry_checkpoint(from: &Exchange, to: &Exchange, appended: &Appended) {
    let origin = *from.log.origin();
    let seen = to.log.seen().size(&origin);
    if seen < appended.head.signed().checkpoint().size {
        let proof = from.log.consistency(seen, &appended.head).unwrap();
        to.log.seen().hear(&origin, seen, &appended.head.signed().note_bytes(), &proof).unwrap().unwrap();
    }
}

impl Network for InProcess {
    fn exchange<'a>(&'a self, issuer: Region, asked: &'a Asked, appended: &'a Appended) -> Reply<'a> {
        Box::pin(async move {
            let me = self.node(*self.me.get().unwrap()).ok_or(LinkError::Lost)?;
            let other = self.node(issuer).ok_or(LinkError::Unreachable)?;
            carry_checkpoint(&me, &other, appended);
            let frame = asked.release(&appended.committed).map_err(|_| LinkError::Lost)?;
            let peer = Peer { region: me.me, log: *me.log.origin() };
            let weather = *self.weather.lock().unwrap();
            if weather == Weather::SendsEverythingTwice {
                let (first, second) = tokio::join!(other.answer(&peer, &frame), other.answer(&peer, &frame));
                let places =
                    [first, second].map(|answer| answer.map(|answer| answer.appended().committed.place().index).unwrap());
                assert_eq!(places[0], places[1], "the same query twice is one answer");
            }
            let released: Released = other.answer(&peer, &frame).await.map_err(LinkError::Fault)?;
            if weather == Weather::LosesTheCheckpoint {
                *self.weather.lock().unwrap() = Weather::Fair;
            } else {
                carry_checkpoint(&other, &me, released.appended());
            }
            let mut frame = released.frame(released.appended()).map_err(LinkError::Fault)?;
            match weather {
                Weather::LosesTheReply => {
                    *self.weather.lock().unwrap() = Weather::Fair;
                    Err(LinkError::Lost)
                }
                Weather::FlipsABitOfTheReply => {
                    frame[200] ^= 1;
                    Ok(frame)
                }
                _ => Ok(frame),
            }
        })
    }

    fn tell<'a>(&'a self, receiver: Region, noticed: &'a Noticed, appended: &'a Appended) -> Reply<'a> {
        Box::pin(async move {
            let me = self.node(*self.me.get().unwrap()).ok_or(LinkError::Lost)?;
            let other = self.node(receiver).ok_or(LinkError::Unreachable)?;
            carry_checkpoint(&me, &other, appended);
            let frame = noticed.release(&appended.committed).map_err(|_| LinkError::Lost)?;
            let peer = Peer { region: me.me, log: *me.log.origin() };
            let acknowledging = other.take_notice(&peer, &frame).await.map_err(LinkError::Fault)?;
            if *self.weather.lock().unwrap() == Weather::LosesTheReply {
                *self.weather.lock().unwrap() = Weather::Fair;
                return Err(LinkError::Lost);
            }
            carry_checkpoint(&other, &me, acknowledging.appended());
            acknowledging.frame(acknowledging.appended(), &other.entropy.seed()).map_err(LinkError::Fault)
        })
    }
}

pub(super) struct City {
    pub(super) exchange: Arc<Exchange>,
    pub(super) store: InMemory,
    pub(super) keys: Arc<tempfile::TempDir>,
}

pub(super) struct Bay {
    pub(super) gz: City,
    pub(super) hk: City,
    pub(super) time: Arc<AtomicU64>,
    pub(super) weather: Arc<Mutex<Weather>>,
    pub(super) networks: [Arc<InProcess>; 2],
}

/// A city's log over its store, with a writer that does not run yet.
pub(super) fn recovered(city: &str, store: &InMemory, seals: Arc<Seals>, time: &Arc<AtomicU64>) -> Result<Recovered, LogError> {
    let own = directory().entry(region(city)).unwrap().clone();
    let (clock, metrics) = (Arc::new(Clock::manual(time.clone())), Arc::new(Metrics::default()));
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    recover(Parts {
        origin: own.log_origin,
        signer: NoteSigner::new(own.log_origin.to_string().parse().unwrap(), KeyKind::Ed25519, sample_key(city, "log")),
        seals,
        entropy: Arc::new(Entropy::seeded(1)),
        seen: Arc::new(Seen::of_nobody(shared.clone(), clock.clone(), metrics.clone())?),
        store: shared,
        clock,
        metrics,
        reserve: None,
    })
}

pub(super) fn open(
    city: &str,
    store: InMemory,
    keys: Arc<tempfile::TempDir>,
    time: &Arc<AtomicU64>,
    network: Arc<InProcess>,
    packs: &[Arc<RulePack>],
) -> Result<City, LogError> {
    open_in(Arc::new(directory()), city, store, keys, time, network, packs)
}

/// A city's node under a directory.
pub(super) fn open_in(
    directory: Arc<EndorsedDirectory>,
    city: &str,
    store: InMemory,
    keys: Arc<tempfile::TempDir>,
    time: &Arc<AtomicU64>,
    network: Arc<InProcess>,
    packs: &[Arc<RulePack>],
) -> Result<City, LogError> {
    let own = directory.entry(region(city)).unwrap().clone();
    let (clock, metrics) = (Arc::new(Clock::manual(time.clone())), Arc::new(Metrics::default()));
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    carry_over(&*shared, own.log_origin)?;
    // A node that is started again draws other numbers than before: a key would come back.
    let batches = layout::head(&*shared)?.map_or(0, |head| head.batches);
    let entropy = Arc::new(Entropy::seeded(city.len() as u64 + u64::from(city.as_bytes()[0]) + (batches << 16)));
    let others: Vec<_> = directory.regions().iter().filter(|entry| entry.name != own.name).collect();
    let peers: Vec<_> = others.iter().map(|entry| Followed { origin: entry.log_origin, log: entry.log.clone() }).collect();
    let origins = others.iter().map(|entry| entry.log_origin);
    let trust = Arc::new(Trust::recover(shared.clone(), None, origins, clock.clone(), metrics.clone())?);
    let witnesses = directory.regions().iter().map(|entry| entry.witness.clone()).collect();
    let seen = Arc::new(Seen::recover(&*shared, &peers, witnesses, trust, clock.clone())?);
    let record_keys = RecordKeys::in_folder(keys.path(), &entropy).unwrap();
    let seals = Arc::new(Seals::new(EpochKeys::in_folder(keys.path()).unwrap()).unwrap());
    let signer = |role: &str, name: &str, kind| NoteSigner::new(name.parse().unwrap(), kind, sample_key(city, role));
    let recovered = recover(Parts {
        store: shared.clone(),
        origin: own.log_origin,
        signer: signer("log", &own.log_origin.to_string(), KeyKind::Ed25519),
        seals: seals.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        metrics: metrics.clone(),
        seen,
        reserve: None,
    })?;
    let Recovered { log, mut writer, queue } = recovered;
    if own.log_origin.number() > 1 {
        writer.begin()?;
    }
    let replay = Replay::default();
    replay.recover(&log, &seals)?;
    tokio::spawn(writer.run_as_task(queue));
    network.me.set(own.name).unwrap();
    let heads = Arc::new(Heads::new(Vec::new(), log.head()));
    let erasures = Erasures::new(Eraser::new(shared.clone(), own.log_origin.number(), seals.clone(), entropy.clone()));
    let exchange = Arc::new(Exchange {
        me: own.name,
        heads,
        directory,
        orders: Orders::recover(&*shared, packs.to_vec(), clock.now()).unwrap(),
        ledger: Ledger::new(shared.clone(), Tags::new(EpochKeys::of(keys.path(), "budgets").unwrap(), entropy.clone())),
        log,
        seals,
        witness: Witness::new(signer("witness", &format!("{city}.creditbay/witness"), KeyKind::CosignatureV1)),
        records: Arc::new(Records::open(shared, record_keys, entropy.clone()).unwrap()),
        replay,
        withholding: tokio::sync::Mutex::default(),
        closing: Closing::default(),
        refusals: RefusalBudget::new(3),
        network,
        erasures,
        clock,
        entropy,
        metrics,
        query_lifetime_ms: 30_000,
    });
    Ok(City { exchange, store, keys })
}

/// The bundled pack.
pub(super) fn sample_pack() -> Arc<RulePack> {
    Arc::new(RulePack::parse("gba-2026.1.toml", PACK).unwrap())
}

/// Two nodes under the bundled pack.
pub(super) fn bay() -> Bay {
    bay_with(&[sample_pack()])
}

/// Two nodes that loaded these packs.
pub(super) fn bay_with(packs: &[Arc<RulePack>]) -> Bay {
    let time = Arc::new(AtomicU64::new(NOON));
    let weather = Arc::new(Mutex::new(Weather::Fair));
    let networks: [Arc<InProcess>; 2] =
        std::array::from_fn(|_| Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: weather.clone() }));
    let gz = open("gz", InMemory::new(), Arc::new(tempfile::tempdir().unwrap()), &time, networks[0].clone(), packs).unwrap();
    let hk = open("hk", InMemory::new(), Arc::new(tempfile::tempdir().unwrap()), &time, networks[1].clone(), packs).unwrap();
    for network in &networks {
        let nodes = [&gz, &hk].map(|city| (city.exchange.me, Arc::downgrade(&city.exchange)));
        network.nodes.lock().unwrap().extend(nodes);
    }
    let subject = Identifier::parse(Scheme::Uscc, COMPANY).unwrap();
    let registered = Fact::Registration { status: RegistrationStatus::Active, since: "2020-01-01".parse().unwrap() };
    let record = Record { register: AttestationType::RegStatus, key: Digest::of(b"registration"), fact: registered };
    gz.exchange.records.merge(vec![(subject, record)]).unwrap();
    for register in AttestationType::ALL {
        gz.exchange.records.synchronise(*register, Millis(NOON - 1000)).unwrap();
    }
    let ticking = time.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            ticking.fetch_add(100, Ordering::AcqRel);
        }
    });
    Bay { gz, hk, time, weather, networks }
}

pub(super) fn question(purpose: Purpose, predicate: Predicate) -> Question {
    Question {
        organisation: Name::new("bank.hk").unwrap(),
        operator: Name::new("a.chan").unwrap(),
        purpose,
        subject: About::Entity(Identifier::parse(Scheme::Uscc, COMPANY).unwrap()),
        issuer: None,
        predicates: Predicates::new(vec![predicate]).unwrap(),
        authorisation: None,
        digest: None,
        portfolio: None,
    }
}

pub(super) fn clean() -> Question {
    question(Purpose::Fin, Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 })
}

pub(super) fn leaves(city: &City) -> Vec<LeafBody> {
    let size = city.exchange.log.head().signed().checkpoint().size;
    let leaves = layout::read_leaves(&city.store, 0, size).unwrap();
    leaves.iter().map(|leaf| Leaf::parse(leaf).unwrap().body).collect()
}

/// The kinds of a log's leaves after the activation of its first pack.
pub(super) fn kinds(city: &City) -> Vec<&'static str> {
    leaves(city).iter().map(LeafBody::kind).skip_while(|kind| *kind == "pack-activated").collect()
}

pub(super) async fn answered(bay: &Bay, question: Question) -> Attestation {
    match bay.hk.exchange.ask(question).await.unwrap() {
        Outcome::Answered(answer) => answer.attestation(),
        Outcome::Declined { refusal, .. } => panic!("declined: {refusal}"),
    }
}

/// A query that skips its own node's rules.
pub(super) fn rogue_query(bay: &Bay, purpose: Purpose) -> Query {
    let hk = &bay.hk.exchange;
    Query {
        asker: hk.me,
        issuer: region("gz"),
        organisation: Name::new("bank.hk").unwrap(),
        operator: Name::new("a.chan").unwrap(),
        purpose,
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, COMPANY).unwrap()),
        predicates: Predicates::new(vec![Predicate::StatusIn {
            of: AttestationType::RegStatus,
            statuses: Statuses::of(&[RegistrationStatus::Active]).unwrap(),
        }])
        .unwrap(),
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: sample_pack().digest(),
        expires: hk.clock.now().plus(30_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    }
}

pub(super) async fn ask_rogue(bay: &Bay, query: Query) -> Result<Attestation, AskError> {
    let hk = &bay.hk.exchange;
    let asked = Arc::new(Asked::new(query, hk.entropy.seed()));
    let appended = hk.log.append(crate::log::entry::Entry::Query(asked.clone())).await.unwrap();
    hk.carry_through(asked, appended).await.map(|answer| answer.attestation())
}

impl Bay {
    /// Lets another node of gz's answer from now on.
    pub(super) fn replace_gz(&self, gz: &City) {
        for network in &self.networks {
            let mut nodes = network.nodes.lock().unwrap();
            nodes.retain(|(name, _)| *name != gz.exchange.me);
            nodes.push((gz.exchange.me, Arc::downgrade(&gz.exchange)));
        }
    }
}
