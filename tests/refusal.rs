//! What must be refused, is, under its own name: by the asker's own node, by the issuer, at the doors. A fault leaves no leaf.

use creditbay_crypto::hash::Digest;
use creditbay_node::exchange::network::LinkError;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::domains::Domains;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::LeafBody;
use creditbay_protocol::limits::{FRAME_HEAD_BYTES, MAX_FRAME_BYTES};
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::refusal::OutcomeClass;
use creditbay_protocol::refusal::{Fault, Refusal, RefusalClass};
use harness::archive::parse;
use harness::hostile::{Rogue, frame, knock, send, strangers_key};
use harness::http::Door;
use harness::network::Network;
use harness::samples::Expected;
use serde_json::{Value, json};

use crate::exchange::four_cities;

const UNKNOWN: &str = "91440106YL19999995";

fn question(purpose: &str) -> Value {
    json!({"purpose": purpose, "operator": "a.chan", "subject": {"scheme": "uscc", "value": UNKNOWN},
        "predicates": [{"shape": "not_listed", "of": "SER_ANY", "window_months": 0}]})
}

/// Leaves of a log after the activation of its rule pack, which is its first.
pub(crate) async fn log_size(network: &Network, city: &str) -> u64 {
    network.log_size(city).await.unwrap() - 1
}

/// A query of mo's to gz that all rules admit.
pub(crate) async fn admitted(rogue: &Rogue) -> Query {
    let exchange = rogue.exchange();
    Query {
        asker: exchange.me,
        issuer: Region::new("gz").unwrap(),
        organisation: Name::new("bank.mo").unwrap(),
        operator: Name::new("a.chan").unwrap(),
        purpose: Purpose::Fin,
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, UNKNOWN).unwrap()),
        predicates: Predicates::new(vec![Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 }]).unwrap(),
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: exchange.orders.read().await.pack().digest(),
        expires: exchange.clock.now().plus(30_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_that_may_not_ask_is_declined_at_home() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let said = network.query("hk", &question("PROF")).await.unwrap();
    assert_eq!(said.status, 403, "{}", said.body);
    assert_eq!((said.body["type"].as_str(), said.body["reason"].as_str()), (Some("declined"), Some("purpose_not_admitted")));
    let leaves = parse(&network.export("hk", &folder.path().join("hk")).await.unwrap()).unwrap();
    assert_eq!(leaves.len(), 2, "the rule pack's activation and what was declined");
    assert!(
        matches!(&leaves[1].body, LeafBody::Declined { class: RefusalClass::Policy, purpose: Purpose::Prof, .. }),
        "{:?}",
        leaves[1]
    );
    assert_eq!(said.body["leaf"], 1);
    assert_eq!(log_size(&network, "gz").await, 0, "nothing was sent");
}

/// Every refusal of the issuer's, out of a peer that asks no rules of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_skips_its_rules_is_refused_by_the_issuers() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "mo"]).unwrap();
    network.stop("mo").unwrap();
    let rogue = Rogue::take_over(&network.config("mo")).await.unwrap();
    let good = admitted(&rogue).await;
    let of = |predicate| Predicates::new(vec![predicate]).unwrap();
    let pack = rogue.exchange().orders.read().await.pack().digest();
    let cases = [
        (Query { purpose: Purpose::Prof, ..good.clone() }, Refusal::PurposeNotAdmitted),
        (Query { pack: Digest([9; 32]), ..good.clone() }, Refusal::RulePack { named: Digest([9; 32]), active: pack }),
        (
            Query { predicates: of(Predicate::ExistsValid { of: AttestationType::SerAny }), ..good.clone() },
            Refusal::ShapeNotAdmitted,
        ),
        (
            Query { predicates: of(Predicate::NotListed { of: AttestationType::SerAny, window_months: 37 }), ..good.clone() },
            Refusal::WindowTooLong,
        ),
        (
            Query {
                predicates: of(Predicate::HashMatches {
                    of: AttestationType::GovDefault,
                    domains: Domains::NONE,
                    window_months: 0,
                }),
                ..good.clone()
            },
            Refusal::SubjectKindNotAdmitted,
        ),
        (Query { lane: Lane::Regulators, ..good.clone() }, Refusal::LaneWrong),
        (Query { legal_basis: LegalBasis::HkPubreg, ..good.clone() }, Refusal::BasisWrong),
        (
            Query { subject: Subject::Entity(Identifier::parse(Scheme::HkBrn, "99000001").unwrap()), ..good.clone() },
            Refusal::SubjectElsewhere,
        ),
    ];
    for (number, (query, expected)) in cases.iter().enumerate() {
        let attestation = rogue.ask(query.clone()).await.unwrap().attestation();
        assert_eq!(attestation.content.refusal, Some(*expected));
        assert!(attestation.content.answers.is_empty());
        assert_eq!(log_size(&network, "gz").await, number as u64 + 1, "a refusal is a leaf of the issuer's");
    }
    let answered = rogue.ask(good).await.unwrap().attestation();
    assert_eq!(answered.content.refusal, None, "and what the rules admit is answered");
    let asked = rogue.exchange().log.head().signed().checkpoint().size;
    assert_eq!(asked, 1 + cases.len() as u64 + 1, "each costs the asker a leaf too");
    rogue.withdraw().await;
    let leaves = parse(&network.export("gz", &folder.path().join("gz")).await.unwrap()).unwrap();
    let refused = leaves.iter().filter(|leaf| matches!(leaf.body, LeafBody::Answer { outcome: OutcomeClass::Refused(_), .. }));
    assert_eq!(refused.count(), cases.len());
}

/// Whatever is wrong before a query is verified closes the stream with a code, and leaves no leaf.
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_has_a_code_and_no_leaf() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "mo"]).unwrap();
    network.stop("mo").unwrap();
    let rogue = Rogue::take_over(&network.config("mo")).await.unwrap();
    let session = rogue.session("gz").await.unwrap();
    let good = admitted(&rogue).await;
    let (asked, appended) = rogue.log(good.clone()).await.unwrap();
    let whole = frame(&session, &asked, &appended).unwrap();

    let mut faults = vec![
        ("nothing", Vec::new(), Fault::Malformed),
        ("noise", vec![0x5a; whole.len()], Fault::Malformed),
        ("cut", whole[..whole.len() - 1].to_vec(), Fault::Malformed),
        ("the head alone", whole[..FRAME_HEAD_BYTES].to_vec(), Fault::Malformed),
        ("longer", [whole.as_slice(), &[0]].concat(), Fault::Malformed),
        ("too long", vec![0; MAX_FRAME_BYTES + 1], Fault::Oversized),
    ];
    // The seed begins after the head and the time: another seed is another leaf, which no proof leads to.
    let mut reseeded = whole.clone();
    reseeded[FRAME_HEAD_BYTES + 8] ^= 1;
    faults.push(("another seed", reseeded, Fault::ProofInvalid));
    let now = rogue.exchange().clock.now();
    let wrong = [
        ("for another node", Query { issuer: Region::new("mo").unwrap(), ..good.clone() }, Fault::WrongReceiver),
        ("of another sender", Query { asker: Region::new("gz").unwrap(), ..good.clone() }, Fault::WrongSender),
        ("expired", Query { expires: Millis(now.0 - 60_000), ..good.clone() }, Fault::Expired),
        ("too long-lived", Query { expires: now.plus(10 * 60_000), ..good.clone() }, Fault::LifetimeTooLong),
    ];
    for (what, query, fault) in wrong {
        let (asked, appended) = rogue.log(query).await.unwrap();
        faults.push((what, frame(&session, &asked, &appended).unwrap(), fault));
    }
    for (what, bytes, fault) in faults {
        assert_eq!(send(&session, &bytes).await, Err(LinkError::Fault(fault)), "{what}");
        assert_eq!(log_size(&network, "gz").await, 0, "{what} left a leaf");
    }
    assert!(send(&session, &whole).await.is_ok(), "the whole frame is answered on the same connection");

    let metrics = Door::at(network.services_url("gz").unwrap()).unwrap().get("/metrics").await.unwrap();
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    for fault in ["malformed", "oversized", "proof_invalid", "wrong_receiver", "wrong_sender", "expired", "lifetime_too_long"] {
        assert!(metrics.contains(&format!("fault=\"{fault}\"")), "{fault} is not counted:\n{metrics}");
    }
    rogue.withdraw().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_query_twice_gets_the_same_answer_and_one_leaf() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "mo"]).unwrap();
    network.stop("mo").unwrap();
    let rogue = Rogue::take_over(&network.config("mo")).await.unwrap();
    let session = rogue.session("gz").await.unwrap();
    let (asked, appended) = rogue.log(admitted(&rogue).await).await.unwrap();
    let whole = frame(&session, &asked, &appended).unwrap();
    let (first, at_once) = tokio::join!(send(&session, &whole), send(&session, &whole));
    let later = send(&session, &whole).await.unwrap();
    assert_eq!(first.clone().unwrap(), at_once.unwrap());
    assert_eq!(first.unwrap(), later, "the tree did not grow meanwhile, so even the proof is the same");
    assert_eq!(log_size(&network, "gz").await, 1);

    // Killed and started again, the issuer still remembers.
    drop(session);
    network.kill("gz").unwrap();
    network.launch("gz").unwrap();
    let session = rogue.session("gz").await.unwrap();
    assert_eq!(send(&session, &whole).await.unwrap(), later);
    assert_eq!(log_size(&network, "gz").await, 1);
    rogue.withdraw().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_not_greeted() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(&folder.path().join("n"), &["gz", "mo"]).unwrap();
    let directory = std::fs::read_to_string(network.folder().join("network.toml")).unwrap();
    let directory = creditbay_configs::peers::Directory::parse("network.toml", &directory).unwrap();
    let gz = directory.entry(Region::new("gz").unwrap()).unwrap();
    let told = knock(gz.address, &strangers_key(), gz.tls).await.unwrap();
    assert!(told != "greeted" && told != "silence", "{told}");
    assert_eq!(network.query("mo", &question("FIN")).await.unwrap().status, 200, "and those who are known are served on");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_door_names_what_is_wrong() {
    let shared = four_cities();
    let hk = shared.network.services("hk").unwrap();
    let bearer = format!("Bearer {}", hk.token);
    let post = async |token: &str, kind: &str, body: Vec<u8>| {
        let reply = hk.door.call("POST", "/v1/queries", &[("authorization", token), ("content-type", kind)], body).await.unwrap();
        let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        assert_eq!(reply.content_type, "application/problem+json", "{problem}");
        assert_eq!(problem["status"], reply.status, "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        assert!(!problem.to_string().contains("YL199"), "a problem repeats the identifier: {problem}");
        (reply.status, problem["type"].as_str().unwrap_or_default().to_owned())
    };
    let good = question("FIN");
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body.to_string().into_bytes()
    };
    let subject = |scheme: &str, value: &str| with("subject", json!({"scheme": scheme, "value": value}));
    let json_type = "application/json";
    let cases = [
        ("no token", &"Bearer x".to_owned(), json_type, good.to_string().into_bytes(), 401, "unauthorised"),
        ("no JSON", &bearer, json_type, b"{".to_vec(), 400, "bad_request"),
        ("noise", &bearer, json_type, vec![0xff; 400], 400, "bad_request"),
        ("another type", &bearer, "text/plain", good.to_string().into_bytes(), 400, "bad_request"),
        ("too large", &bearer, json_type, vec![b' '; 1 << 20], 413, "too_large"),
        ("unknown key", &bearer, json_type, with(UNKNOWN, json!(1)), 400, "bad_request"),
        ("no such purpose", &bearer, json_type, with("purpose", json!(UNKNOWN)), 400, "bad_request"),
        (
            "nine predicates",
            &bearer,
            json_type,
            with("predicates", json!(vec![good["predicates"][0].clone(); 9])),
            400,
            "bad_request",
        ),
        (
            "no such shape",
            &bearer,
            json_type,
            with("predicates", json!([{"shape": UNKNOWN, "of": "SER_ANY"}])),
            400,
            "bad_request",
        ),
        ("no such scheme", &bearer, json_type, subject(UNKNOWN, "1"), 400, "bad_identifier"),
        ("wrong check character", &bearer, json_type, subject("uscc", "91440106YL19999996"), 400, "bad_identifier"),
        ("a region without a node", &bearer, json_type, subject("uscc", "91440604YL5000017"), 400, "bad_identifier"),
        ("its own subject", &bearer, json_type, subject("hk-brn", "99000001"), 409, "own_subject"),
        ("an issuer that is none", &bearer, json_type, with("issuer", json!("xx")), 404, "no_issuer"),
    ];
    let before = log_size(&shared.network, "hk").await;
    for (what, token, kind, body, status, name) in cases {
        assert_eq!(post(token, kind, body).await, (status, name.to_owned()), "{what}");
    }
    let after = log_size(&shared.network, "hk").await;
    assert!(after >= before, "{before} {after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entry_bundles_are_for_enrolled_auditors() {
    let shared = four_cities();
    let question = shared.expected.question("hk-gz-fin-not-listed-ser-any-0-gz-clean").unwrap();
    assert_eq!(shared.network.query("hk", &question.body()).await.unwrap().status, 200);
    let door = Door::at(shared.network.auditors_url("gz").unwrap()).unwrap();
    let auditor = shared.network.auditor().unwrap();
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let path = "tile/entries/000.p/1";
    let get = async |claim: &str| door.call("GET", &format!("/{path}"), &[("authorization", claim)], "").await.unwrap().status;
    assert_eq!(get(&auditor.claim(path, seconds)).await, 200);
    assert_eq!(door.get("/tile/0/000.p/1").await.unwrap().status, 200, "hash tiles are for everybody");
    for (what, claim) in [
        ("no claim", String::new()),
        ("for another path", auditor.claim("tile/entries/000", seconds)),
        ("an old claim", auditor.claim(path, seconds - 3_600)),
        ("of the future", auditor.claim(path, seconds + 3_600)),
        ("another name", auditor.claim(path, seconds).replace(&auditor.name, "nobody")),
        ("another time than signed", auditor.claim(path, seconds).replace(&seconds.to_string(), &(seconds + 1).to_string())),
    ] {
        assert_eq!(get(&claim).await, 401, "{what}");
    }
    for nowhere in ["/tile/0/000.p/300", "/tile/0/x001", "/tile/9/999", "/tile/entries/../../gz", "/checkpoint2"] {
        assert_eq!(door.get(nowhere).await.unwrap().status, 404, "{nowhere}");
    }
}

#[test]
fn two_daemons_on_one_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let second = network.launch_in_vain("gz").unwrap();
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.stderr.contains("another daemon holds this store"), "{}", second.stderr);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let question = Expected::load().unwrap().question("hk-gz-fin-not-listed-ser-any-0-gz-unknown").unwrap().clone();
    assert_eq!(runtime.block_on(network.query("hk", &question.body())).unwrap().status, 200, "the first one serves on");
}

/// A store that was put back to an earlier state would sign a second history; the peers' notes betray it before it signs anything.
#[test]
fn a_store_that_was_rolled_back_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let question = Expected::load().unwrap().question("hk-gz-fin-not-listed-ser-any-0-gz-unknown").unwrap().clone();
    let ask = |network: &Network| runtime.block_on(network.query("hk", &question.body())).unwrap().status;
    assert_eq!(ask(&network), 200);
    network.stop("gz").unwrap();
    let (data, kept) = (network.folder().join("gz/data"), folder.path().join("kept"));
    copy(&data, &kept);
    network.launch("gz").unwrap();
    network.await_peers("hk").unwrap();
    assert_eq!(ask(&network), 200);
    network.stop("gz").unwrap();
    std::fs::remove_dir_all(&data).unwrap();
    copy(&kept, &data);
    let refused = network.launch("gz").unwrap_err().to_string();
    assert!(refused.contains("ROLLBACK"), "{refused}");
}

pub(crate) fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
