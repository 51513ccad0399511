//! A region's keys in wrong hands answer: replies that are not what was asked, not logged, not from there, or not there at all. The service
//! hears why, the query is closed in the asker's log, and the fault is counted.
//!
//! Not here: forks, which end trust whoever asks (`chains`).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use creditbay_crypto::hash::Digest;
use creditbay_protocol::answer::{Answer, Indeterminate, Reply, Truth, Verdict, Verdicts};
use creditbay_protocol::frame::{self, Logged};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::limits::MAX_FRAME_BYTES;
use creditbay_protocol::name::Origin;
use creditbay_protocol::predicate::LawOfOrigin;
use creditbay_protocol::query::Query;
use creditbay_protocol::refusal::{Fault, Refusal};
use harness::archive::parse;
use harness::counters::Counters;
use harness::forger::{Forger, Line, Said, now};
use harness::network::{Network, Said as Heard};
use quinn::{SendStream, VarInt};
use serde_json::json;
use tokio::task::JoinHandle;

use super::{alone, refused};

/// How an issuer replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Honest,
    Nothing,
    Noise,
    Endless,
    ToAnotherQuestion,
    WithTooManyVerdicts,
    FromAnotherLog,
    NeverLogged,
    AnotherAnswerThanLogged,
    AnotherLeafsPath,
    WithoutCheckpoint,
    AFaultThatThereIsNot,
}

const LIES: [(Manner, u16, &str, Fault); 9] = [
    (Manner::Nothing, 502, "reply_refused", Fault::Malformed),
    (Manner::Noise, 502, "reply_refused", Fault::Malformed),
    (Manner::ToAnotherQuestion, 502, "reply_refused", Fault::OtherQuestion),
    (Manner::WithTooManyVerdicts, 502, "reply_refused", Fault::OtherQuestion),
    (Manner::FromAnotherLog, 502, "reply_refused", Fault::WrongSender),
    (Manner::NeverLogged, 502, "reply_refused", Fault::ProofInvalid),
    (Manner::AnotherAnswerThanLogged, 502, "reply_refused", Fault::ProofInvalid),
    (Manner::AnotherLeafsPath, 502, "reply_refused", Fault::ProofInvalid),
    (Manner::Endless, 504, "no_answer", Fault::Oversized),
];

/// Answers what comes over one connection in this manner, until it is dropped.
struct Issuer(JoinHandle<()>);

impl Drop for Issuer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn serve(mut gz: Forger, mut line: Line, manner: std::sync::mpsc::Receiver<Manner>) -> Issuer {
    Issuer(tokio::spawn(async move {
        let (mut now, mut told) = (Manner::Honest, gz.size());
        while let Ok((mut send, mut recv)) = line.connection.accept_bi().await {
            now = manner.try_iter().last().unwrap_or(now);
            let asked = recv.read_to_end(MAX_FRAME_BYTES).await.unwrap();
            let asked: Logged<Query> = frame::decode(&asked).unwrap();
            reply(&mut gz, &mut line, &mut told, &asked, now, &mut send).await;
        }
    }))
}

async fn reply(gz: &mut Forger, line: &mut Line, told: &mut u64, asked: &Logged<Query>, manner: Manner, send: &mut SendStream) {
    let leaf = Leaf::new(asked.time, LeafBody::of_query(&asked.message, &asked.seed)).hash();
    let mut answer = Answer { query: leaf, reply: Reply::Refused(Refusal::Closing) };
    match manner {
        Manner::ToAnotherQuestion => answer.query = Digest([5; 32]),
        Manner::WithTooManyVerdicts => answer.reply = Reply::Answered(verdicts(2)),
        _ => {}
    }
    let mut said = gz.log_answer(&asked.message, &answer, now());
    if manner != Manner::WithoutCheckpoint {
        line.say(&gz.checkpoint(*told).unwrap()).await.unwrap();
        *told = gz.size();
    }
    match manner {
        Manner::FromAnotherLog => said.origin = Origin::new(gz.origin.owner(), 2).unwrap(),
        Manner::NeverLogged => said.seed = [9; 32],
        Manner::AnotherAnswerThanLogged => answer.reply = Reply::Refused(Refusal::LaneWrong),
        Manner::AnotherLeafsPath => said.index = 0,
        _ => {}
    }
    let whole = gz.frame(&answer, &Said { size: gz.size(), ..said }).unwrap();
    let bytes = match manner {
        Manner::Nothing => Vec::new(),
        Manner::Noise => vec![0x5a; whole.len()],
        Manner::Endless => vec![0; 64 * 1024],
        Manner::AFaultThatThereIsNot => {
            send.reset(VarInt::from_u32(200)).unwrap();
            return;
        }
        _ => whole,
    };
    // The asker stops reading what is too long.
    if send.write_all(&bytes).await.is_ok() {
        let _ = send.finish();
    }
}

fn verdicts(count: usize) -> Verdicts {
    let verdict = Verdict {
        truth: Truth::Indeterminate(Indeterminate::NoSource),
        band: None,
        contested: false,
        valid_until: now().day(),
        coverage: 0,
    };
    Verdicts { verdicts: vec![verdict; count], coverage: Vec::new(), law_of_origin: LawOfOrigin::Cn, as_of: now().day() }
}

async fn ask(network: &Network) -> Heard {
    let question = json!({"purpose": "FIN", "operator": "a.chan", "subject": {"scheme": "uscc", "value": "91440106YL19999995"},
        "predicates": [{"shape": "not_listed", "of": "SER_ANY", "window_months": 0}]});
    network.query("mo", &question).await.unwrap()
}

/// gz's keys dial mo, as gz would: mo asks over that connection.
async fn connected(network: &Network) -> (Issuer, std::sync::mpsc::Sender<Manner>) {
    let gz = Forger::of(network, "gz").unwrap().fill(5, 0);
    let line = Line::greeted(&gz, "mo", 0).await.unwrap();
    let (say, manner) = std::sync::mpsc::channel();
    let issuer = serve(gz, line, manner);
    network.await_peer("mo", "gz").await.unwrap();
    (issuer, say)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_lie_of_an_issuer_is_named_to_the_service_counted_and_closed() {
    let (folder, network) = alone("mo", &["gz", "mo"]);
    let (_issuer, manner) = connected(&network).await;
    for (lie, status, problem, fault) in LIES {
        let before = Counters::read(&network, "mo").await.unwrap();
        manner.send(lie).unwrap();
        let said = ask(&network).await;
        assert_eq!((said.status, said.body["type"].as_str()), (status, Some(problem)), "{lie:?}: {}", said.body);
        let mut expected = BTreeMap::from([(format!("creditbay_problems_total{{problem=\"{problem}\"}}"), 1)]);
        assert!(said.body["detail"].as_str().unwrap().contains(&fault.to_string()), "{lie:?}: {}", said.body);
        let counted = match status {
            502 => format!("creditbay_replies_refused_total{{peer=\"gz\",fault=\"{fault}\"}}"),
            _ => format!("creditbay_link_errors_total{{peer=\"gz\",why=\"{fault}\"}}"),
        };
        expected.insert(counted, 1);
        assert_eq!(refused(&network, "mo", &before).await, expected, "{lie:?}");
    }
    manner.send(Manner::Honest).unwrap();
    let said = ask(&network).await;
    assert_eq!((said.status, said.body["outcome"].as_str()), (200, Some("refused")), "{}", said.body);

    let leaves = parse(&network.export("mo", &folder.path().join("mo")).await.unwrap()).unwrap();
    let count = |kind: &str| leaves.iter().filter(|leaf| leaf.body.kind() == kind).count();
    assert_eq!((count("query"), count("abandoned")), (LIES.len() + 1, LIES.len()), "each lie is closed, the truth is not");
}

/// What may come right is tried again until the query expires: a missing checkpoint, a connection that broke.
#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_never_shows_its_tree_costs_a_query_its_lifetime() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::lay_out(&folder.path().join("n"), &["gz", "mo"]).unwrap();
    network.configure("mo", "query_lifetime_seconds = 30", "query_lifetime_seconds = 3").unwrap();
    network.configure("mo", "peer_wait_seconds = 2", "peer_wait_seconds = 0").unwrap();
    network.launch("mo").unwrap();
    let (_issuer, manner) = connected(&network).await;
    for lie in [Manner::WithoutCheckpoint, Manner::AFaultThatThereIsNot] {
        manner.send(lie).unwrap();
        let (before, since) = (Counters::read(&network, "mo").await.unwrap(), Instant::now());
        let said = ask(&network).await;
        assert_eq!((said.status, said.body["type"].as_str()), (504, Some("no_answer")), "{lie:?}: {}", said.body);
        assert!(since.elapsed() > Duration::from_secs(2), "{lie:?} was given up early");
        let why = if lie == Manner::WithoutCheckpoint { "checkpoint_missing" } else { "lost" };
        let counted = refused(&network, "mo", &before).await;
        assert!(counted[&format!("creditbay_link_errors_total{{peer=\"gz\",why=\"{why}\"}}")] >= 2, "{lie:?}: {counted:?}");
    }
    manner.send(Manner::Honest).unwrap();
    assert_eq!(ask(&network).await.status, 200);
}
