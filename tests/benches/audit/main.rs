//! What auditing a whole log costs, as ratios out of one run: `cargo bench -p creditbay-tests --bench audit [-- LEAVES]`.
//!
//! The log is a folder of static files with leaves as a node writes them, a third of a minute apart; the audit is the command as people
//! call it, held against SHA-256 alone over the same bytes on the same processors. All of it is in the page cache.
//! Figures of one run belong together; the machine is noisy, so compare ratios, not runs.
#![allow(clippy::print_stdout)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use creditbay_configs::rules::RulePack;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::key_file;
use creditbay_crypto::merkle::{leaf_hash, node_hash};
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_protocol::answer::{Answer, Reply, Truth, Verdict, Verdicts};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::event::Event;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::tile::{TILE_WIDTH, TilePath, decode_bundle, encode_bundle};
use harness::network::{Network, files_below};

const ROUNDS: usize = 5;
const COMPANY: &str = "91440101MA9XTEAT0A";
/// Between two leaves, so that no day's budget is spent: 8 640 leaves a day, half of them answers.
const APART_MS: u64 = 10_000;

fn main() -> Result<()> {
    let leaves = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000u64);
    let folder = tempfile::tempdir()?;
    let network = Network::lay_out(&folder.path().join("n"), &["gz", "hk"])?;
    let log = folder.path().join("log");
    let bytes = write_log(&network, &log, leaves)?;
    let files = files_below(&log)?;
    println!(
        "a log of {leaves} leaves: {} files, {:.1} MB, {:.0} bytes a leaf",
        files.len(),
        mega(bytes),
        bytes as f64 / leaves as f64
    );

    let processors = thread::available_parallelism().map_or(1, usize::from);
    println!("medians of {ROUNDS} rounds, in turns, on {processors} processors");
    let rules = ["--rules".to_owned(), network.folder().join("rules/gba-2026.1.toml").display().to_string()];
    let (mut sha, mut tree, mut plain, mut ruled) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        sha.push(each_file(&files, processors, |_, bytes| {
            std::hint::black_box(Digest::of(bytes));
        })?);
        tree.push(each_file(&files, processors, hash_as_a_tree)?);
        plain.push(verify(&network, &log, &[])?);
        ruled.push(verify(&network, &log, &rules)?);
    }
    let [sha, tree, plain, ruled] = [sha, tree, plain, ruled].map(median);
    for (what, seconds) in [
        ("SHA-256 alone, file by file", sha),
        ("the tree's hashes alone, leaf by leaf and node by node", tree),
        ("creditbay log verify", plain),
        ("creditbay log verify --rules", ruled),
    ] {
        println!("  {what:<56} {seconds:>7.3} s  {:>7.0} MB/s  {:>9.0} leaves/s", mega(bytes) / seconds, leaves as f64 / seconds);
    }
    println!();
    ratio("log verify over SHA-256 alone", sha / plain, ">= 0.6");
    ratio("log verify over the tree's hashes alone", tree / plain, "beside it");
    ratio("log verify --rules over SHA-256 alone", sha / ruled, "beside it");
    Ok(())
}

fn ratio(what: &str, value: f64, goal: &str) {
    println!("{what:<64} {value:>8.3}   goal {goal}");
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_unstable_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Seconds that the command takes, start of the process included.
fn verify(network: &Network, log: &Path, more: &[String]) -> Result<f64> {
    let directory = network.folder().join("network.toml").display().to_string();
    let log = log.display().to_string();
    let arguments = ["--json", "log", "verify", &log, "--region", "hk", "--network", &directory, "--no-keep"];
    let began = Instant::now();
    let ended = network.creditbay(arguments.iter().copied().chain(more.iter().map(String::as_str)))?;
    let seconds = began.elapsed().as_secs_f64();
    ensure!(ended.code == 0, "{}{}", ended.stdout.chars().take(2000).collect::<String>(), ended.stderr);
    Ok(seconds)
}

/// Seconds that it takes to read every file and to do this with it, on so many threads.
fn each_file(files: &[PathBuf], threads: usize, act: fn(&Path, &[u8])) -> Result<f64> {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        let work = || -> Result<()> {
            while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                act(path, &fs::read(path)?);
            }
            Ok(())
        };
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().try_for_each(|one| one.join().map_err(|_| anyhow::anyhow!("a thread failed"))?)
    })?;
    Ok(began.elapsed().as_secs_f64())
}

/// The hashes of a bundle's leaves, and the nodes above them.
fn hash_as_a_tree(path: &Path, bytes: &[u8]) {
    if !path.components().any(|part| part.as_os_str() == "entries") {
        return;
    }
    let width = if path.parent().is_some_and(|folder| folder.extension().is_some()) { None } else { Some(TILE_WIDTH as usize) };
    let entries = width.and_then(|width| decode_bundle(bytes, width).ok()).unwrap_or_default();
    let mut level: Vec<Digest> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    while level.len() > 1 {
        let (pairs, _) = level.as_chunks::<2>();
        level = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    std::hint::black_box(level);
}

/// Writes the log of hk, signed by its key. Gives its bytes.
fn write_log(network: &Network, folder: &Path, leaves: u64) -> Result<u64> {
    let pack = network.folder().join("rules/gba-2026.1.toml");
    let pack = RulePack::parse("pack.toml", &fs::read_to_string(pack)?)?;
    let mut files = Files { folder, bytes: 0, levels: vec![(0, Vec::new())] };
    let mut bundle = Vec::with_capacity(TILE_WIDTH as usize);
    for index in 0..leaves {
        let leaf = leaf(&pack, index)?.bytes();
        files.hash(0, leaf_hash(&leaf))?;
        bundle.push(leaf);
        if bundle.len() as u64 == TILE_WIDTH || index + 1 == leaves {
            let path = TilePath { level: None, index: index / TILE_WIDTH, width: u16::try_from(bundle.len())? };
            files.write(path, &encode_bundle(bundle.iter().map(Vec::as_slice)))?;
            bundle.clear();
        }
    }
    let root = files.end()?;
    let key = key_file::from_pem(&fs::read_to_string(network.folder().join("hk/keys/log.pem"))?)?;
    let checkpoint = Checkpoint { origin: "hk.creditbay/log/1".parse()?, size: leaves, root };
    let signed = checkpoint.sign(&NoteSigner::new("hk.creditbay/log/1".parse()?, KeyKind::Ed25519, key))?;
    fs::write(folder.join("checkpoint"), signed.note_bytes())?;
    Ok(files.bytes)
}

/// The files as they are written, and the hashes of each tile level that wait for their tile.
struct Files<'a> {
    folder: &'a Path,
    bytes: u64,
    levels: Vec<(u64, Vec<Digest>)>,
}

impl Files<'_> {
    fn write(&mut self, path: TilePath, bytes: &[u8]) -> Result<()> {
        let file = self.folder.join(path.to_string());
        fs::create_dir_all(file.parent().context("a tile is in a folder")?)?;
        self.bytes += bytes.len() as u64;
        Ok(fs::write(file, bytes)?)
    }

    fn tile(&mut self, level: usize, index: u64, hashes: &[Digest]) -> Result<()> {
        let path = TilePath { level: Some(u8::try_from(level)?), index, width: u16::try_from(hashes.len())? };
        self.write(path, &hashes.iter().flat_map(|hash| hash.0).collect::<Vec<_>>())
    }

    fn hash(&mut self, level: usize, hash: Digest) -> Result<()> {
        if level == self.levels.len() {
            self.levels.push((0, Vec::new()));
        }
        let (index, hashes) = &mut self.levels[level];
        hashes.push(hash);
        if hashes.len() as u64 == TILE_WIDTH {
            let (number, full) = (*index, std::mem::take(hashes));
            *index += 1;
            self.tile(level, number, &full)?;
            self.hash(level + 1, root_over(&full))?;
        }
        Ok(())
    }

    /// Writes the partial tiles. Gives the root: what waits on a level stands to the right of what waits above.
    fn end(&mut self) -> Result<Digest> {
        let mut right: Option<Digest> = None;
        for level in 0..self.levels.len() {
            let (index, hashes) = std::mem::take(&mut self.levels[level]);
            if !hashes.is_empty() {
                self.tile(level, index, &hashes)?;
            }
            let waiting = hashes.into_iter().chain(right.take());
            right = Some(waiting.collect::<Vec<_>>()).filter(|all| !all.is_empty()).map(|all| root_over(&all));
        }
        right.context("a log without leaves")
    }
}

/// The root over hashes of which each but the last is of a perfect subtree, all of one size.
fn root_over(hashes: &[Digest]) -> Digest {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len().next_power_of_two() / 2);
            node_hash(&root_over(left), &root_over(right))
        }
    }
}

/// The pack's activation, then queries to gz and answers to gz in turns.
fn leaf(pack: &RulePack, index: u64) -> Result<Leaf> {
    let first = Millis(u64::try_from(pack.effective_from().number())? * 86_400_000);
    let time = first.plus(index * APART_MS);
    if index == 0 {
        let event = Event::PackActivated { pack: pack.digest(), serial: pack.serial(), overlap: None };
        return Ok(Leaf::new(time, LeafBody::Event(event)));
    }
    let (hk, gz) = (Region::new("hk")?, Region::new("gz")?);
    let asks = index.is_multiple_of(2);
    let (asker, issuer) = if asks { (hk, gz) } else { (gz, hk) };
    let query = Query {
        asker,
        issuer,
        organisation: Name::new(&format!("bank.{asker}"))?,
        operator: Name::new("a.chan")?,
        purpose: Purpose::Fin,
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, COMPANY)?),
        predicates: Predicates::new(vec![Predicate::NotListed { of: AttestationType::CourtDishonest, window_months: 0 }])
            .context("one predicate")?,
        lane: Lane::Public,
        legal_basis: if asks { LegalBasis::CnPub } else { LegalBasis::HkPubreg },
        pack: pack.digest(),
        expires: time.plus(30_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    };
    let seed = Seed::from_bytes(Digest::of(&index.to_be_bytes()).0);
    if asks {
        return Ok(Leaf::new(time, LeafBody::of_query(&query, &seed)));
    }
    let valid_until = time.day().plus_days(7);
    let verdict = Verdict { truth: Truth::True, band: None, contested: false, valid_until, coverage: 0 };
    let (verdicts, as_of) = (vec![verdict], time.day());
    let verdicts = Verdicts { verdicts, coverage: Vec::new(), law_of_origin: LawOfOrigin::Hk, as_of };
    let answer = Answer { query: Digest::of(&seed_bytes(index)), reply: Reply::Answered(verdicts) };
    Ok(Leaf::new(time, LeafBody::of_answer(&query, &answer, &seed)))
}

/// Stands for the hash of a query's leaf in another log: each is another.
fn seed_bytes(index: u64) -> [u8; 16] {
    (u128::from(index) << 64).to_be_bytes()
}
