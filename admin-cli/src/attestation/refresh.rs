//! `creditbay attestation refresh`: a newer cosigned checkpoint in place of the one in a kept answer.
//!
//! The path is computed from the log's hash tiles, which are open to all; that the newer tree continues the old one is verified before
//! anything is replaced. Identity and content stay. Not here: what a chain of checkpoints admits (`protocol::chain`).

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::verify::verify_inclusion;
use creditbay_crypto::note::{Note, NoteVerifier};
use creditbay_crypto::sign::PublicKey;
use creditbay_protocol::attestation::fault::AttestationFault;
use creditbay_protocol::attestation::{Attestation, Sealed};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::chain::{Chain, ChainFault};
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::limits::MAX_NOTE_BYTES;
use creditbay_protocol::name::Origin;
use creditbay_protocol::policy::fault::Rejection;
use creditbay_protocol::proof::TlogProof;

use crate::exit::Exit;
use crate::host;
use crate::log::nodes::Tiles;
use crate::log::source::Source;
use crate::print::{Fields, Screen, entries};
use crate::trust::{Believed, BelievedArgs};

use super::kept;
use super::verify::examine;

/// An attestation, whom to believe, and where the log is published.
#[derive(Debug, Args)]
pub struct RefreshArgs {
    /// The .attestation.json file; it is replaced
    pub file: PathBuf,
    /// The issuer's published log: a folder of static files or the URL of an auditors' door; by default the one that policy or
    /// directory name
    #[arg(long, visible_alias = "node", value_name = "DIR|URL")]
    pub from: Option<String>,
    /// Refresh the query's proof, too
    #[arg(long)]
    pub query_too: bool,
    /// The asker's published log, for the query's proof
    #[arg(long, value_name = "DIR|URL", requires = "query_too")]
    pub query_from: Option<String>,
    /// For an https door: the file of the authority that certified it, PEM; by default the TLS key that the directory names is expected
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Whom to believe
    #[command(flatten)]
    pub believed: BelievedArgs,
}

/// What became of a proof.
struct Renewed {
    proof: TlogProof,
    from_size: u64,
    to_size: u64,
}

/// Refreshes.
pub async fn run(args: &RefreshArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let mut attestation = kept::read(&args.file)?;
    let believed = args.believed.load()?;
    let now = host::now()?;
    let mut faults = examine(&attestation, &believed, false, now).faults;
    faults.retain(|fault| !is_few(fault));
    let mut told = Vec::new();
    let opened = attestation.open(&mut Vec::new());
    let Some(opened) = opened.filter(|_| faults.is_empty()) else {
        return refuse(&faults, "The file is not good as it is; nothing was replaced.", screen);
    };
    let (ca, from) = (args.ca.as_deref(), args.from.as_deref());
    let answer = renew(&attestation.answer, opened.answer_leaf.hash(), from, ca, &believed, now).await?;
    attestation.answer.tlog_proof = answer.proof.to_string();
    told.push(("answer", answer));
    if args.query_too {
        let query = renew(&attestation.query, opened.query_leaf.hash(), args.query_from.as_deref(), ca, &believed, now).await?;
        attestation.query.tlog_proof = query.proof.to_string();
        told.push(("query", query));
    }
    let after = examine(&attestation, &believed, args.query_too && believed.policy.is_some(), now).faults;
    if !after.is_empty() {
        return refuse(&after, "The newer checkpoint is not accepted; nothing was replaced. Try again later.", screen);
    }
    kept::save(&attestation, &args.file)?;
    tell(&attestation, &told, screen)
}

/// Whether it is only that too few have cosigned yet, which a refresh is there to mend.
fn is_few(fault: &AttestationFault) -> bool {
    let quorum = |rejection: &Rejection| matches!(rejection, Rejection::NoQuorum { .. });
    match fault {
        AttestationFault::NoCosignature => true,
        AttestationFault::Rejected { rejection, .. } => quorum(rejection),
        _ => false,
    }
}

fn refuse(faults: &[AttestationFault], ending: &str, screen: &mut Screen) -> anyhow::Result<Exit> {
    if screen.is_json() {
        let listed: Vec<_> =
            faults.iter().map(|fault| serde_json::json!({ "kind": fault.kind(), "text": fault.to_string() })).collect();
        screen.json(&serde_json::json!({ "refreshed": false, "faults": listed }))?;
        return Ok(Exit::Refuted);
    }
    for fault in faults {
        screen.line(format!("  {fault}"))?;
    }
    screen.line(format!("\n{ending}"))?;
    Ok(Exit::Refuted)
}

/// The proof of the same leaf under the newest published checkpoint of its log.
async fn renew(
    sealed: &Sealed,
    leaf: Digest,
    place: Option<&str>,
    ca: Option<&Path>,
    believed: &Believed,
    now: Millis,
) -> anyhow::Result<Renewed> {
    let old = TlogProof::parse(&sealed.tlog_proof)?;
    let Known { key, published, tls } = known(&sealed.log, &old, believed)?;
    let Some(place) = place.map(str::to_owned).or(published) else {
        bail!("nobody says where {} is published; name the place with --from (for a query, --query-from)", sealed.log);
    };
    let mut source = Source::open_as_anybody(&place, ca, tls)?;
    let note = source.checkpoint().await?;
    let mut chain = Chain::resume(sealed.log, key.clone(), &old.note, now)?;
    let newest = SignedCheckpoint::verify(&note, &sealed.log, &key).with_context(|| format!("the checkpoint at {place}"))?;
    let (from_size, to_size) = (chain.size(), newest.checkpoint().size);
    let mut tiles = Tiles::of(to_size);
    let proof = if to_size > from_size { tiles.consistency(from_size, &mut source).await? } else { Vec::new() };
    chain.advance(&note, &proof, now).map_err(|fault| told(fault, &place))?;
    if to_size == from_size {
        let note = joined(&old.note, &newest)?;
        return Ok(Renewed { proof: TlogProof { note, ..old }, from_size, to_size });
    }
    let path = tiles.inclusion(old.index, &mut source).await?;
    verify_inclusion(&leaf, old.index, to_size, &path, &newest.checkpoint().root)
        .with_context(|| format!("the tiles at {place} do not lead to the leaf"))?;
    Ok(Renewed { proof: TlogProof { index: old.index, path, note }, from_size, to_size })
}

fn told(fault: ChainFault, place: &str) -> anyhow::Error {
    let evidence = match fault {
        ChainFault::Fork { .. } => "; keep the attestation and that checkpoint, together they prove it",
        ChainFault::Shrunk { .. } => "; the place is behind, ask in another",
        _ => "; nothing was replaced",
    };
    anyhow::anyhow!("{place}: {fault}{evidence}")
}

/// A log: its key, where it is published, and the TLS key that is expected there.
struct Known {
    key: NoteVerifier,
    published: Option<String>,
    tls: Option<PublicKey>,
}

/// The log that signed the old note.
fn known(origin: &Origin, old: &TlogProof, believed: &Believed) -> anyhow::Result<Known> {
    let mut regions = believed.trusted.iter().flat_map(|trusted| trusted.directory.regions());
    let entry = regions.find(|entry| entry.log_origin == *origin);
    let tls = entry.map(|entry| entry.tls);
    if let Some(policy) = &believed.policy {
        let judged = policy.judge(&Note::parse(&old.note)?).log;
        if let Some(log) = judged.map(|at| &policy.logs()[at]) {
            return Ok(Known { key: log.key.clone(), published: log.url.as_ref().map(ToString::to_string), tls });
        }
    }
    let entry = entry.with_context(|| format!("{origin} is a log of neither policy nor directory"))?;
    Ok(Known { key: entry.log.clone(), published: Some(entry.auditors.clone()), tls })
}

/// One tree, two notes: every line of both, each once, as many as a note may have.
fn joined(old: &[u8], newest: &SignedCheckpoint) -> anyhow::Result<Vec<u8>> {
    let mut note = newest.note().clone();
    for line in Note::parse(old)?.lines {
        let known = note.lines.iter().any(|other| other.name == line.name && other.key_id == line.key_id);
        let more = Note { text: note.text.clone(), lines: note.lines.iter().cloned().chain([line]).collect() };
        if !known && more.to_string().len() <= MAX_NOTE_BYTES {
            note = more;
        }
    }
    Ok(note.to_string().into_bytes())
}

fn tell(attestation: &Attestation, renewed: &[(&'static str, Renewed)], screen: &mut Screen) -> anyhow::Result<Exit> {
    if screen.is_json() {
        let parts = renewed.iter().map(|(part, one)| {
            serde_json::json!({ "part": part, "from_size": one.from_size, "to_size": one.to_size, "hashes": one.proof.path.len() })
        });
        screen.json(&serde_json::json!({ "refreshed": true, "id": attestation.id, "parts": parts.collect::<Vec<_>>() }))?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    for (part, one) in renewed {
        fields.add(*part, format!("under {} of its log, before {}", entries(one.to_size), entries(one.from_size)));
    }
    fields.add("id", &attestation.id);
    screen.line(format!("Refreshed; it says what it said, and its identity is the same:\n\n{fields}"))?;
    Ok(Exit::Done)
}
