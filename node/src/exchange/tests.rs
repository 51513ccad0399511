//! Two nodes in one process, at message level: the real exchange, policy and log over the in-memory store, a manual clock, seeded chance
//! and a network that is an argument.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use creditbay_configs::peers::{Directory, EndorsedDirectory};
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::record::{Fact, Record};
use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::answer::Truth;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{
    AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose, RegistrationStatus, Statuses,
};
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::refusal::{Fault, Refusal};
use creditbay_protocol::requester::Asked;

use super::Exchange;
use super::answer::{Peer, Released};
use super::ask::{About, AskError, Outcome, Question};
use super::network::{LinkError, Network, Reply};
use super::replay::Replay;
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::keys::EpochKeys;
use crate::host::telemetry::Metrics;
use crate::log::entry::Appended;
use crate::log::fault::LogError;
use crate::log::recover::{Parts, Recovered, recover};
use crate::log::rows::Seals;
use crate::log::seen::Seen;
use crate::log::witness::Witness;
use crate::policy::budget::RefusalBudget;
use crate::store::Store;
use crate::store::in_memory::{Failure, InMemory};
use crate::store::log as layout;
use crate::store::records::Records;

const NETWORK: &str = include_str!("../../../configs/samples/network/network.toml");
const NETWORK_NOTE: &str = include_str!("../../../configs/samples/network/network.note");
const PACK: &str = include_str!("../../../configs/samples/rules/gba-2026.1.toml");
const COMPANY: &str = "91440101MA9XTEAT0A";
/// 2026-11-23T04:00:00Z.
const NOON: u64 = 1_795_406_400_000;

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn sample_key(city: &str, role: &str) -> SigningKey {
    SigningKey::from_seed(Seed::from_bytes(Digest::of(format!("creditbay sample {city} {role}").as_bytes()).0))
}

fn directory() -> EndorsedDirectory {
    let directory = Directory::parse("network.toml", NETWORK).unwrap();
    let pinned: Vec<_> = directory.entry(region("gz")).unwrap().governance.signers().to_vec();
    directory.endorsed(NETWORK_NOTE.as_bytes(), &pinned).unwrap()
}

/// What the network does to the next messages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    LosesTheReply,
    SendsEverythingTwice,
    FlipsABitOfTheReply,
}

/// Carries frames by calling the other node; checkpoints go before the frames that need them.
struct InProcess {
    nodes: Mutex<Vec<(Region, Weak<Exchange>)>>,
    me: OnceLock<Region>,
    weather: Arc<Mutex<Weather>>,
}

impl InProcess {
    fn node(&self, region: Region) -> Option<Arc<Exchange>> {
        let nodes = self.nodes.lock().unwrap();
        nodes.iter().find(|(name, _)| *name == region)?.1.upgrade()
    }
}

fn carry_checkpoint(from: &Exchange, to: &Exchange, appended: &Appended) {
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
            carry_checkpoint(&other, &me, released.appended());
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
}

struct City {
    exchange: Arc<Exchange>,
    store: InMemory,
    keys: Arc<tempfile::TempDir>,
}

struct Bay {
    gz: City,
    hk: City,
    time: Arc<AtomicU64>,
    weather: Arc<Mutex<Weather>>,
}

fn open(
    city: &str,
    store: InMemory,
    keys: Arc<tempfile::TempDir>,
    time: &Arc<AtomicU64>,
    network: Arc<InProcess>,
) -> Result<City, LogError> {
    let directory = Arc::new(directory());
    let own = directory.entry(region(city)).unwrap().clone();
    let (clock, metrics) = (Arc::new(Clock::manual(time.clone())), Arc::new(Metrics::default()));
    let entropy = Arc::new(Entropy::seeded(city.len() as u64 + u64::from(city.as_bytes()[0])));
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let others: Vec<_> = directory.regions().iter().filter(|entry| entry.name != own.name).collect();
    let peers: Vec<_> = others.iter().map(|entry| (entry.log_origin, entry.log.clone())).collect();
    let seen = Arc::new(Seen::recover(&*shared, &peers, clock.clone(), metrics.clone())?);
    let seals = Arc::new(Seals::new(EpochKeys::in_folder(keys.path()).unwrap()));
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
    let Recovered { log, writer, queue } = recovered;
    let replay = Replay::default();
    replay.recover(&log, &seals, &entropy)?;
    tokio::spawn(writer.run_as_task(queue));
    network.me.set(own.name).unwrap();
    let exchange = Arc::new(Exchange {
        me: own.name,
        directory,
        pack: Arc::new(RulePack::parse("gba-2026.1.toml", PACK).unwrap()),
        log,
        seals,
        witness: Witness::new(signer("witness", &format!("{city}.creditbay/witness"), KeyKind::CosignatureV1)),
        records: Arc::new(Records::open(shared, [7; 32], entropy.clone()).unwrap()),
        replay,
        refusals: RefusalBudget::new(3),
        network,
        clock,
        entropy,
        metrics,
        query_lifetime_ms: 30_000,
    });
    Ok(City { exchange, store, keys })
}

fn bay() -> Bay {
    let time = Arc::new(AtomicU64::new(NOON));
    let weather = Arc::new(Mutex::new(Weather::Fair));
    let networks: [Arc<InProcess>; 2] =
        std::array::from_fn(|_| Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: weather.clone() }));
    let gz = open("gz", InMemory::new(), Arc::new(tempfile::tempdir().unwrap()), &time, networks[0].clone()).unwrap();
    let hk = open("hk", InMemory::new(), Arc::new(tempfile::tempdir().unwrap()), &time, networks[1].clone()).unwrap();
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
    Bay { gz, hk, time, weather }
}

fn question(purpose: Purpose, predicate: Predicate) -> Question {
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

fn clean() -> Question {
    question(Purpose::Fin, Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 })
}

fn leaves(city: &City) -> Vec<LeafBody> {
    let size = city.exchange.log.head().signed().checkpoint().size;
    let leaves = layout::read_leaves(&city.store, 0, size).unwrap();
    leaves.iter().map(|leaf| Leaf::parse(leaf).unwrap().body).collect()
}

fn kinds(city: &City) -> Vec<&'static str> {
    leaves(city).iter().map(LeafBody::kind).collect()
}

async fn answered(bay: &Bay, question: Question) -> Attestation {
    match bay.hk.exchange.ask(question).await.unwrap() {
        Outcome::Answered(answer) => answer.attestation(),
        Outcome::Declined { refusal, .. } => panic!("declined: {refusal}"),
    }
}

#[tokio::test(start_paused = true)]
async fn one_question_one_answer_that_verifies_offline() {
    let bay = bay();
    let attestation = answered(&bay, clean()).await;
    assert_eq!(attestation.content.answers[0].verdict.truth, Truth::True);
    assert_eq!((kinds(&bay.hk), kinds(&bay.gz)), (vec!["query"], vec!["answer"]));
    attestation.verify(&directory().known_logs()).unwrap();
    let LeafBody::Answer { query, .. } = &leaves(&bay.gz)[0] else { panic!("no answer") };
    let asked = layout::read_leaves(&bay.hk.store, 0, 1).unwrap();
    assert_eq!(*query, Leaf::parse(&asked[0]).unwrap().hash(), "the answer's leaf names the query's");
}

#[tokio::test(start_paused = true)]
async fn what_the_rules_do_not_admit_is_declined_at_home_and_goes_nowhere() {
    let bay = bay();
    let refused = bay.hk.exchange.ask(question(Purpose::Prof, Predicate::ExistsValid { of: AttestationType::Permit })).await;
    assert!(matches!(refused, Ok(Outcome::Declined { refusal: Refusal::PurposeNotAdmitted, index: 0 })));
    let person = Question { subject: About::NaturalPerson, ..clean() };
    let refused = bay.hk.exchange.ask(person).await;
    assert!(matches!(refused, Ok(Outcome::Declined { refusal: Refusal::NaturalPerson, index: 1 })));
    assert_eq!((kinds(&bay.hk), kinds(&bay.gz)), (vec!["declined", "declined"], vec![]));
}

/// A query that skips its own node's rules.
fn rogue_query(bay: &Bay, purpose: Purpose) -> Query {
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
        pack: hk.pack.digest(),
        expires: hk.clock.now().plus(30_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    }
}

async fn ask_rogue(bay: &Bay, query: Query) -> Result<Attestation, AskError> {
    let hk = &bay.hk.exchange;
    let asked = Arc::new(Asked::new(query, hk.entropy.seed()));
    let appended = hk.log.append(crate::log::entry::Entry::Query(asked.clone())).await.unwrap();
    hk.carry_through(asked, appended).await.map(|answer| answer.attestation())
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_skips_its_own_rules_is_refused_with_a_leaf_on_both_sides() {
    let bay = bay();
    let refused = ask_rogue(&bay, rogue_query(&bay, Purpose::Prof)).await.unwrap();
    assert_eq!(refused.content.refusal, Some(Refusal::PurposeNotAdmitted));
    refused.verify(&directory().known_logs()).unwrap();
    assert_eq!((kinds(&bay.hk), kinds(&bay.gz)), (vec!["query"], vec!["refusal"]));
}

#[tokio::test(start_paused = true)]
async fn another_rule_pack_is_refused_and_both_are_named() {
    let bay = bay();
    let query = Query { pack: Digest([9; 32]), ..rogue_query(&bay, Purpose::Fin) };
    let refused = ask_rogue(&bay, query).await.unwrap();
    let active = bay.gz.exchange.pack.digest();
    assert_eq!(refused.content.refusal, Some(Refusal::RulePack { named: Digest([9; 32]), active }));
}

#[tokio::test(start_paused = true)]
async fn refusals_beyond_the_budget_are_faults_and_cost_no_leaf() {
    let bay = bay();
    for _ in 0..3 {
        ask_rogue(&bay, rogue_query(&bay, Purpose::Prof)).await.unwrap();
    }
    let refused = ask_rogue(&bay, rogue_query(&bay, Purpose::Prof)).await;
    assert!(matches!(refused, Err(AskError::NoAnswer(LinkError::Fault(Fault::LeafBudgetSpent)))));
    assert_eq!(kinds(&bay.gz), ["refusal"; 3]);
    assert_eq!(kinds(&bay.hk).last(), Some(&"abandoned"));
}

#[tokio::test(start_paused = true)]
async fn asked_twice_or_a_lost_reply_is_one_answer_and_one_leaf() {
    let bay = bay();
    *bay.weather.lock().unwrap() = Weather::SendsEverythingTwice;
    answered(&bay, clean()).await.verify(&directory().known_logs()).unwrap();
    *bay.weather.lock().unwrap() = Weather::LosesTheReply;
    answered(&bay, clean()).await.verify(&directory().known_logs()).unwrap();
    assert_eq!((kinds(&bay.hk), kinds(&bay.gz)), (vec!["query"; 2], vec!["answer"; 2]));
    assert!(bay.gz.exchange.metrics.counted("creditbay_answers_again_total", &[]) >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_changed_reply_reaches_no_service_and_is_closed_as_abandoned() {
    let bay = bay();
    *bay.weather.lock().unwrap() = Weather::FlipsABitOfTheReply;
    let refused = bay.hk.exchange.ask(clean()).await;
    assert!(matches!(refused, Err(AskError::ReplyRefused(Fault::Malformed | Fault::ProofInvalid | Fault::OtherQuestion))));
    assert_eq!(kinds(&bay.hk), ["query", "abandoned"]);
}

#[tokio::test(start_paused = true)]
async fn stale_and_early_queries_are_faults() {
    let bay = bay();
    let expired = Query { expires: Millis(NOON - 40_000), ..rogue_query(&bay, Purpose::Fin) };
    assert!(matches!(ask_rogue(&bay, expired).await, Err(AskError::NoAnswer(_))));
    let long = Query { expires: Millis(NOON + 121_000), ..rogue_query(&bay, Purpose::Fin) };
    let refused = ask_rogue(&bay, long).await;
    assert!(matches!(refused, Err(AskError::NoAnswer(LinkError::Fault(Fault::LifetimeTooLong)))));
    let elsewhere = Query { asker: region("mo"), ..rogue_query(&bay, Purpose::Fin) };
    let refused = ask_rogue(&bay, elsewhere).await;
    assert!(matches!(refused, Err(AskError::NoAnswer(LinkError::Fault(Fault::WrongSender)))));
    assert_eq!(kinds(&bay.gz), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_stops_intake_before_any_leaf_carries_it() {
    let bay = bay();
    answered(&bay, clean()).await;
    bay.time.store(NOON - 3_600_000, Ordering::Release);
    assert!(matches!(bay.hk.exchange.ask(clean()).await, Err(AskError::Log(LogError::Clock(_)))));
    bay.time.store(NOON + 1, Ordering::Release);
    answered(&bay, clean()).await;
    assert_eq!(kinds(&bay.hk), ["query", "query"]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_releases_nothing_and_the_same_code_recovers() {
    for failure in [Failure::NotPersisted, Failure::ReportedAsFailed] {
        let bay = bay();
        answered(&bay, clean()).await;
        bay.gz.store.fail(0, failure);
        let refused = bay.hk.exchange.ask(clean()).await;
        assert!(matches!(refused, Err(AskError::NoAnswer(_))), "nothing leaves a log that failed");
        let durable = bay.gz.store.reopen();
        let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
        let again = open("gz", durable, bay.gz.keys.clone(), &bay.time, network).unwrap();
        let expected = if failure == Failure::NotPersisted { 1 } else { 2 };
        assert_eq!(again.exchange.log.head().signed().checkpoint().size, expected, "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_whose_root_does_not_match_does_not_open() {
    let bay = bay();
    answered(&bay, clean()).await;
    let mut head = layout::head(&bay.gz.store).unwrap().unwrap();
    head.root = Digest([0; 32]);
    let mut batch = crate::store::Batch::default();
    layout::set_head(&mut batch, &head);
    bay.gz.store.commit(crate::store::Tree::Log, batch).unwrap();
    let network = Arc::new(InProcess { nodes: Mutex::default(), me: OnceLock::new(), weather: bay.weather.clone() });
    let refused = open("gz", bay.gz.store.reopen(), bay.gz.keys.clone(), &bay.time, network).err().unwrap();
    assert!(matches!(refused, LogError::SelfCheck { size: 1 }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn many_at_once_share_flushes_and_every_answer_verifies() {
    let bay = Arc::new(bay());
    let before = bay.hk.store.commits();
    let asking: Vec<_> = (0..200)
        .map(|_| {
            let bay = bay.clone();
            tokio::spawn(async move { answered(&bay, clean()).await })
        })
        .collect();
    for asked in asking {
        asked.await.unwrap().verify(&directory().known_logs()).unwrap();
    }
    assert_eq!(kinds(&bay.gz).len(), 200);
    assert!(bay.hk.store.commits() - before < 100, "group commit: {} flushes", bay.hk.store.commits() - before);
    let refused = bay.hk.exchange.log.prove(200, &bay.hk.exchange.log.head());
    assert!(refused.is_err());
}
