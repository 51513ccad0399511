//! The log alone: what its three commits of one exchange cost at rest, and its batches against a plain file.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use creditbay_configs::peers::Directory;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_node::host::clock::Clock;
use creditbay_node::host::entropy::Entropy;
use creditbay_node::host::keys::EpochKeys;
use creditbay_node::host::telemetry::Metrics;
use creditbay_node::log::append::Item;
use creditbay_node::log::entry::{Appended, Entry};
use creditbay_node::log::recover::{Parts, recover};
use creditbay_node::log::rows::Seals;
use creditbay_node::log::seen::Seen;
use creditbay_node::node::Node;
use creditbay_node::store::on_disk::OnDisk;
use creditbay_protocol::answer::{Reply, Verdicts};
use creditbay_protocol::chain::Chain;
use creditbay_protocol::predicate::LawOfOrigin;
use creditbay_protocol::requester::{Asked, Replied};
use creditbay_protocol::responder::Received;
use creditbay_protocol::wire;
use tokio::sync::oneshot;

use crate::query;

const ROUNDS: usize = 300;
const BATCHES: usize = 60;
const BATCH: usize = 256;

/// The sum of the medians of the three commits, in microseconds: query, answer, receipt, one after the other with nothing else running.
/// All three go to one store: in an exchange, too, the other store stands still meanwhile.
pub(crate) async fn three_commits(folder: &Path) -> Result<f64> {
    let gz = Node::start(&folder.join("gz/node.toml")).await?;
    let exchange = gz.exchange.clone();
    let own = exchange.directory.entry(exchange.me).context("a node is in its directory")?.clone();
    let mut micros = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let asked =
            Arc::new(Asked::new(query(own.name, own.name, exchange.pack.digest(), &exchange.clock), exchange.entropy.seed()));
        let began = Instant::now();
        let appended = exchange.log.append(Entry::Query(asked.clone())).await?;
        micros[0].push(began.elapsed().as_micros() as u64);

        let root = trust(&appended, &own.log, &exchange.clock)?;
        let fresh = Received::parse(&asked.release(&appended.committed)?)
            .and_then(|query| query.identify(own.name, own.name, &own.log_origin))
            .and_then(|query| query.include(&root))
            .and_then(|query| query.fresh(exchange.clock.now(), exchange.log.watermark()))
            .map_err(|fault| anyhow::anyhow!("{fault}"))?;
        let judged = Arc::new(fresh.judge(said(&asked), exchange.entropy.seed()));
        let began = Instant::now();
        let answered = exchange.log.append(Entry::Answer(judged.clone())).await?;
        micros[1].push(began.elapsed().as_micros() as u64);

        let root = trust(&answered, &own.log, &exchange.clock)?;
        let verified = Replied::parse(&judged.release(&answered.committed)?)
            .and_then(|reply| reply.attribute(&asked, appended.committed.leaf(), &own.log_origin))
            .and_then(|reply| reply.include(&asked, &root))
            .map_err(|fault| anyhow::anyhow!("{fault}"))?;
        let note = exchange.witness.cosign(&root)?;
        let began = Instant::now();
        exchange.log.keep_receipt(appended.committed.place().index, Arc::new(verified), note).await?;
        micros[2].push(began.elapsed().as_micros() as u64);
    }
    drop(exchange);
    gz.shut_down().await;
    let medians = micros.map(|mut micros| {
        micros.sort_unstable();
        micros[micros.len() / 2] as f64
    });
    println!("  commits alone, p50 us: query {:.0}, answer {:.0}, receipt {:.0}", medians[0], medians[1], medians[2]);
    Ok(medians.iter().sum())
}

fn said(asked: &Asked) -> Reply {
    let day = "2026-11-23".parse().expect("invariant: a date");
    let verdict = creditbay_protocol::answer::Verdict {
        truth: creditbay_protocol::answer::Truth::True,
        band: None,
        contested: false,
        valid_until: day,
        coverage: 0,
    };
    let verdicts = vec![verdict; asked.query().predicates.as_slice().len()];
    Reply::Answered(Verdicts { verdicts, coverage: Vec::new(), law_of_origin: LawOfOrigin::Cn, as_of: day })
}

fn trust(
    appended: &Appended,
    log: &creditbay_crypto::note::NoteVerifier,
    clock: &Clock,
) -> Result<creditbay_protocol::chain::TrustedRoot> {
    let note = appended.head.signed().note_bytes();
    let origin = appended.head.signed().checkpoint().origin;
    Ok(Chain::unseen(origin, log.clone()).advance(&note, &[], clock.now())?)
}

/// Batches of 256 queries, with their leaves, hashes, sealed rows and head, against the same bytes appended to a plain file with
/// fdatasync; interleaved, so that both meet the same noise. Returns the log's rate over the file's.
pub(crate) fn against_a_file(folder: &Path) -> Result<f64> {
    let network = folder.join("network.toml");
    let directory = Directory::parse("network.toml", &std::fs::read_to_string(network)?)?;
    let own = directory.entry("gz".parse()?).context("no gz")?;
    let (clock, entropy, metrics) = (Arc::new(Clock::host()), Arc::new(Entropy::system()), Arc::new(Metrics::default()));
    let store = Arc::new(OnDisk::open(&folder.join("log-alone/store"), 32)?);
    let parts = Parts {
        store: store.clone(),
        origin: own.log_origin,
        signer: NoteSigner::new(own.log.name().clone(), KeyKind::Ed25519, SigningKey::from_seed(Seed::from_bytes([3; 32]))),
        seals: Arc::new(Seals::new(EpochKeys::in_folder(&folder.join("log-alone/keys"))?)),
        clock: clock.clone(),
        entropy: entropy.clone(),
        metrics: metrics.clone(),
        seen: Arc::new(Seen::recover(&*store, &[], clock.clone(), metrics)?),
        reserve: None,
    };
    let mut writer = recover(parts)?.writer;
    let mut file = File::create(folder.join("log-alone/plain"))?;
    let (mut log_us, mut file_us) = (0, 0);
    for _ in 0..BATCHES {
        let mut bytes = Vec::new();
        let mut waiting = Vec::new();
        let mut items = Vec::new();
        for _ in 0..BATCH {
            let asked = Arc::new(Asked::new(query(own.name, own.name, Digest([1; 32]), &clock), entropy.seed()));
            bytes.extend(asked.leaf(clock.now()).bytes());
            bytes.extend([0; 32]);
            bytes.extend(wire::encode(&(asked.seed(), asked.query())));
            let (done, wait) = oneshot::channel();
            waiting.push(wait);
            items.push(Item::Leaf { entry: Entry::Query(asked), spendings: Vec::new(), done });
        }
        let began = Instant::now();
        writer.write(items);
        log_us += began.elapsed().as_micros();
        for wait in waiting {
            wait.blocking_recv()??;
        }
        let began = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        file_us += began.elapsed().as_micros();
    }
    let per_second = |us: u128| (BATCHES * BATCH) as f64 / (us as f64 / 1e6);
    println!("  batches of {BATCH}: log {:.0} leaves per second, plain file {:.0}", per_second(log_us), per_second(file_us));
    Ok(file_us as f64 / log_us as f64)
}
