//! The main job across real processes: every question of the samples gets the outcome that an independent script derived, and each
//! answer is evidence that verifies from files alone.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use creditbay_protocol::answer::Truth;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::refusal::OutcomeClass;
use harness::archive::parse;
use harness::network::Network;
use harness::samples::{Expected, copy_records};
use serde_json::json;
use tempfile::TempDir;

/// Four cities with their sample records, shared by the tests that run at one time.
pub(crate) struct Shared {
    pub(crate) network: Network,
    pub(crate) expected: Expected,
    pub(crate) folder: TempDir,
}

static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// The shared network; the last test that holds it takes it down.
pub(crate) fn four_cities() -> Arc<Shared> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let folder = tempfile::tempdir().unwrap();
        let expected = Expected::load().unwrap();
        let network = Network::start_for_load(&folder.path().join("n"), &["gz", "sz", "hk", "mo"]).unwrap();
        for city in network.cities().to_vec() {
            let files = copy_records(&city, &folder.path().join("records").join(&city)).unwrap();
            let ended = network.import(&city, &files).unwrap();
            assert!(ended.code == 0 || ended.code == 5, "{city}: {ended:?}");
        }
        let made = Arc::new(Shared { network, expected, folder });
        *shared = Arc::downgrade(&made);
        made
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_of_the_samples_gets_its_outcome() {
    let shared = four_cities();
    let mut wrong = Vec::new();
    for question in &shared.expected.questions {
        let said = shared.network.query(&question.asker, &question.body()).await.unwrap();
        let outcome = match said.body["type"].as_str() {
            Some("declined") => "DECLINED".to_owned(),
            _ => said.body["attestation"]["content"]["answers"][0]["verdict"]["truth"]["value"].as_str().map_or_else(
                || said.body.to_string(),
                |value| match said.body["attestation"]["content"]["answers"][0]["verdict"]["truth"]["reason"].as_str() {
                    Some(reason) => format!("{value}({reason})"),
                    None => value.to_owned(),
                },
            ),
        };
        if outcome != question.expect {
            wrong.push(format!("{}: {outcome}, expected {}", question.id, question.expect));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), shared.expected.questions.len(), wrong.join("\n"));
}

/// `creditbay network new --codes` with the bundled file: whatever the records hold without a city has its node.
#[tokio::test(flavor = "multi_thread")]
async fn the_samples_file_of_codes_names_a_node_for_each_that_names_no_city() {
    let shared = four_cities();
    let directory = std::fs::read_to_string(shared.network.folder().join("network.toml")).unwrap();
    let directory = creditbay_configs::peers::Directory::parse("network.toml", &directory).unwrap();
    let issuer =
        |scheme, code: &str| directory.issuer_of(&Identifier::parse(scheme, code).unwrap()).map(|region| region.to_string());
    let province = &shared.expected.province_codes;
    assert!(province.len() == 4 && province.iter().all(|code| issuer(Scheme::Uscc, code).as_deref() == Some("gz")));
    assert_eq!(issuer(Scheme::Lei, &shared.expected.scenarios["hk_lei"].value).as_deref(), Some("hk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_a_leaf_on_both_sides_and_verifies_from_the_directory_alone() {
    let shared = four_cities();
    let question = shared.expected.question("hk-gz-fin-not-listed-ser-any-0-gz-listed").unwrap();
    let said = shared.network.query("hk", &question.body()).await.unwrap();
    let attestation: Attestation = serde_json::from_value(said.body["attestation"].clone()).unwrap();
    assert_eq!(attestation.content.answers[0].verdict.truth, Truth::False);

    let directory = std::fs::read_to_string(shared.network.folder().join("network.toml")).unwrap();
    let directory = creditbay_configs::peers::Directory::parse("network.toml", &directory).unwrap();
    let id = attestation.verify(&directory.known_logs()).unwrap();
    let without_issuer: Vec<_> = directory.known_logs().into_iter().filter(|log| log.region.as_str() != "gz").collect();
    assert!(attestation.verify(&without_issuer).is_err(), "an answer verified without its issuer's key");

    let (asked, answered) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let asked = parse(&shared.network.export("hk", asked.path()).await.unwrap()).unwrap();
    let answered = parse(&shared.network.export("gz", answered.path()).await.unwrap()).unwrap();
    let leaf = answered.iter().find(|leaf| leaf.hash() == id).expect("the answer's leaf stands in gz's log");
    let LeafBody::Answer { query, outcome: OutcomeClass::Answered, terms, .. } = &leaf.body else { panic!("{leaf:?}") };
    let query = asked.iter().find(|leaf| leaf.hash() == *query).expect("the query's leaf stands in hk's log");
    assert!(matches!(&query.body, LeafBody::Query { terms: asked, .. } if asked == terms), "both leaves name the same terms");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_predicates_are_answered_in_their_order() {
    let shared = four_cities();
    let listed = &shared.expected.scenarios["gz_listed"];
    let question = json!({"purpose": "FIN", "operator": "a.chan", "subject": {"scheme": listed.scheme, "value": listed.value}, "predicates": [
        {"shape": "not_listed", "of": "SER_WAGE", "window_months": 0},
        {"shape": "status_in", "of": "REG_STATUS", "statuses": ["active"]},
        {"shape": "not_listed", "of": "SER_TAX", "window_months": 36}]});
    let said = shared.network.query("hk", &question).await.unwrap();
    let attestation: Attestation = serde_json::from_value(said.body["attestation"].clone()).unwrap();
    let truths: Vec<_> = attestation.content.answers.iter().map(|answered| answered.verdict.truth).collect();
    assert_eq!(truths, [Truth::False, Truth::True, Truth::True]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_exchanges_at_once_are_all_answered() {
    let shared = four_cities();
    let mut asked = tokio::task::JoinSet::new();
    for number in 0..200 {
        let question = &shared.expected.questions[number % shared.expected.questions.len()];
        let (services, body) = (shared.network.services(&question.asker).unwrap(), question.body());
        let declined = question.expect == "DECLINED";
        asked.spawn(async move { (services.ask(&body).await.unwrap(), declined) });
    }
    while let Some(said) = asked.join_next().await {
        let (said, declined) = said.unwrap();
        assert_eq!(said.status, if declined { 403 } else { 200 }, "{}", said.body);
        assert!(said.took < Duration::from_secs(30));
    }
}

#[test]
fn a_restart_continues_the_same_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let question = Expected::load().unwrap().question("hk-gz-fin-not-listed-ser-any-0-gz-unknown").unwrap().clone();
    let ask = |network: &Network| runtime.block_on(network.query("hk", &question.body())).unwrap();
    assert_eq!(ask(&network).status, 200);
    let before = runtime.block_on(network.export("gz", &folder.path().join("before"))).unwrap();
    for city in ["gz", "hk"] {
        network.stop(city).unwrap();
    }
    for city in ["gz", "hk"] {
        network.launch(city).unwrap();
    }
    network.await_peers("hk").unwrap();
    assert_eq!(runtime.block_on(network.export("gz", &folder.path().join("same"))).unwrap(), before);
    assert_eq!(ask(&network).status, 200);
    let after = runtime.block_on(network.export("gz", &folder.path().join("after"))).unwrap();
    assert_eq!(after[..before.len()], before, "the log goes on from what it was");
    assert_eq!(after.len(), before.len() + 1);
}

#[test]
fn a_peer_that_is_down_costs_an_answer_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let question = Expected::load().unwrap().question("hk-gz-fin-not-listed-ser-any-0-gz-unknown").unwrap().clone();
    network.stop("gz").unwrap();
    let said = runtime.block_on(network.query("hk", &question.body())).unwrap();
    assert_eq!((said.status, said.body["type"].as_str()), (504, Some("no_answer")), "{}", said.body);
    network.launch("gz").unwrap();
    network.await_peers("hk").unwrap();
    let said = runtime.block_on(network.query("hk", &question.body())).unwrap();
    assert_eq!(said.status, 200, "{}", said.body);
    // The first query stays in the log and is carried through now, or closed when its lifetime ends.
    let since = std::time::Instant::now();
    loop {
        let kinds = |city: &str| {
            let leaves = runtime.block_on(network.export(city, &folder.path().join(city))).unwrap();
            parse(&leaves).unwrap().iter().map(|leaf| leaf.body.kind()).collect::<Vec<_>>()
        };
        let (gz, hk) = (kinds("gz"), kinds("hk"));
        assert_eq!(hk.iter().filter(|kind| **kind == "query").count(), 2);
        let closed = gz.iter().filter(|kind| **kind == "answer").count() + hk.iter().filter(|kind| **kind == "abandoned").count();
        if closed == 2 {
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "a query is neither answered nor abandoned: gz {gz:?}, hk {hk:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
