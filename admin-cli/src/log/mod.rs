//! `creditbay log`: verifies a whole log, exports it as static files, shows its leaves.
//!
//! What is believed is the region's key in a network directory; everything else is computed anew from the entries.
//! Not here: reconciliation of two logs.

pub mod source;

pub mod fault;
pub mod kept;
pub mod leaves;
pub mod prepare;
pub mod verify;
pub mod walk;

pub mod findings;
pub mod show;

#[cfg(test)]
mod sample;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use creditbay_configs::peers::Directory;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::note::Note;
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::leaf::Leaf;
use creditbay_protocol::name::Region;

use crate::exit::{Exit, HELP};
use crate::file;
use crate::host;
use crate::print::{self, Screen};
use crate::trust::{self, TrustArgs, Trusted};

use self::fault::{Fault, Faults};
use self::findings::Findings;
use self::kept::{Kept, KeptArgs, Seen};
use self::leaves::Leaves;
use self::show::ShowArgs;
use self::source::{AuditorArgs, Source};
use self::verify::Audit;
use self::walk::{Archive, Walk};

/// Logs.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Verify a whole log: every entry, tile, the root and its signature; every fault is listed
    #[command(after_help = HELP)]
    Verify(VerifyArgs),
    /// Verify a log at a URL and keep it as static files (C2SP tlog-tiles)
    #[command(after_help = HELP)]
    Export(ExportArgs),
    /// Show leaves; nothing is verified
    Show(ShowArgs),
}

/// A log and whom to believe.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A folder of static files, or the URL of an auditors' door; without it the door in the network directory
    #[arg(value_name = "DIR|URL")]
    pub place: Option<String>,
    /// Whose log it is
    #[arg(long, value_name = "REGION")]
    pub region: Region,
    /// A checkpoint of this log that was seen earlier, by somebody else say: the log must continue it
    #[arg(long, value_name = "CHECKPOINT", alias = "earlier")]
    pub since: Option<PathBuf>,
    /// What was seen before
    #[command(flatten)]
    pub kept: KeptArgs,
    /// Whom to believe
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Who reads
    #[command(flatten)]
    pub auditor: AuditorArgs,
}

/// A log and where to keep it.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The URL of an auditors' door, or a folder of static files
    #[arg(value_name = "URL")]
    pub place: String,
    /// The folder to keep it in; one that holds an earlier export of the same log is continued
    pub dir: PathBuf,
    /// Whose log it is
    #[arg(long, value_name = "REGION")]
    pub region: Region,
    /// Whom to believe
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Who reads
    #[command(flatten)]
    pub auditor: AuditorArgs,
}

/// Runs a command.
pub async fn run(command: &LogCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        LogCommand::Verify(args) => verify_log(args, screen).await,
        LogCommand::Export(args) => export(args, screen).await,
        LogCommand::Show(args) => show::run(args, screen).await,
    }
}

async fn verify_log(args: &VerifyArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let trusted = args.trust.load()?;
    let entry = trust::entry(&trusted.directory, args.region)?;
    let place = args.place.clone().unwrap_or_else(|| entry.auditors.clone());
    let mut source = Source::open(&place, &args.auditor)?;
    let kept = args.kept.of(entry);
    let mut earlier = kept.as_ref().map(|kept| kept.read(entry)).transpose()?.unwrap_or_default();
    if let Some(path) = &args.since {
        let seen = kept::read(path, entry)?;
        earlier.push(seen.with_context(|| format!("{} does not exist; check the path", path.display()))?);
    }
    let place = Place { place, source: &mut source, entry, earlier: &earlier, archive: None };
    let mut findings = audit(place, &trusted, screen, &mut |_, _| ()).await?;
    if let (Some(kept), Ok(signed)) = (&kept, SignedCheckpoint::verify(&findings.note, &entry.log_origin, &entry.log)) {
        let found = Seen { from: findings.place.clone(), signed };
        findings.evidence = keep_evidence(kept, &found, &earlier, &findings.faults)?;
        if findings.faults.is_empty() {
            kept.keep(&found.signed)?;
        }
    }
    findings.tell("Verified", screen)
}

/// Writes down each earlier checkpoint that the log does not continue, together with the log's.
fn keep_evidence(kept: &Kept, found: &Seen, earlier: &[Seen], faults: &Faults) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for fault in faults.listed() {
        let contradicts = |seen: &&Seen| {
            let Checkpoint { size, root, .. } = *seen.signed.checkpoint();
            match fault {
                Fault::Rewritten { size: at, earlier, .. } => (*at, *earlier) == (size, root),
                Fault::Shrunk { earlier, .. } => *earlier == size,
                _ => false,
            }
        };
        if let Some(seen) = earlier.iter().find(contradicts) {
            files.push(kept.keep_evidence(fault.kind(), &[seen, found], host::now()?)?);
        }
    }
    Ok(files)
}

async fn export(args: &ExportArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let trusted = args.trust.load()?;
    let entry = trust::entry(&trusted.directory, args.region)?;
    let path = args.dir.join("checkpoint");
    let earlier: Vec<Seen> = kept::read(&path, entry)?.into_iter().collect();
    let mut source = Source::open(&args.place, &args.auditor)?;
    let archive = Archive::in_folder(&args.dir)?;
    let place = Place { place: args.place.clone(), source: &mut source, entry, earlier: &earlier, archive: Some(&archive) };
    let findings = audit(place, &trusted, screen, &mut |_, _| ()).await?;
    if !findings.faults.is_empty() {
        let exit = findings.tell("", screen)?;
        if !screen.is_json() {
            screen.line(format!("\nThe tiles are in {} as they came; its checkpoint was left as it is.", args.dir.display()))?;
        }
        return Ok(exit);
    }
    // Last, so that a folder with a checkpoint has all that it promises.
    file::write(&path, file::PUBLIC, &findings.note)?;
    findings.tell("Verified and exported", screen)
}

/// A log, where it is read, and what it is held against.
struct Place<'a> {
    place: String,
    source: &'a mut Source,
    entry: &'a RegionEntry,
    earlier: &'a [Seen],
    archive: Option<&'a Archive>,
}

/// A leaf with its place and hash, as it is handed on.
pub struct Read<'a> {
    /// Its index.
    pub index: u64,
    /// Its hash.
    pub hash: &'a Digest,
    /// The leaf.
    pub leaf: &'a Leaf,
}

async fn audit(
    place: Place<'_>,
    trusted: &Trusted,
    screen: &Screen,
    each: &mut dyn FnMut(&Read<'_>, &mut Faults),
) -> anyhow::Result<Findings> {
    let Place { place, source, entry, earlier, archive } = place;
    let note = source.checkpoint().await?;
    let mut faults = Faults::new();
    let checkpoint = read_checkpoint(&note, entry, &mut faults);
    let cosigned_by = cosigners(&note, &trusted.directory, entry.name, &mut faults);
    let mut leaves = Leaves::of(entry.name);
    if let Some(checkpoint) = &checkpoint {
        let mut audit = Audit::new(checkpoint.size);
        earlier.iter().map(|seen| seen.signed.checkpoint()).for_each(|earlier| audit.expect_earlier(earlier.size, earlier.root));
        let bar = print::progress(screen, checkpoint.size, "{msg} [{bar:40}] {pos}/{len} entries {eta}");
        bar.set_message(checkpoint.origin.to_string());
        let mut walk = Walk::begin(source, audit, archive);
        while let Some(batch) = walk.next().await? {
            leaves.read_batch(&batch, &mut faults);
            for (index, (hash, leaf)) in (batch.first..).zip(batch.leaves.iter().flatten()) {
                if let Ok(leaf) = leaf {
                    each(&Read { index, hash, leaf }, &mut faults);
                }
            }
            bar.set_position(walk.done());
        }
        bar.finish_and_clear();
        let root = if checkpoint.size == 0 { empty_root() } else { checkpoint.root };
        faults.extend(walk.finish(&root));
    }
    let (because, held_against) = (trusted.because.clone(), earlier.len());
    Ok(Findings { place, checkpoint, note, cosigned_by, leaves, faults, because, held_against, evidence: Vec::new() })
}

/// Size and root, if they can be read at all: what an unsigned checkpoint says is still held against the tiles, so that all faults show.
fn read_checkpoint(note: &[u8], entry: &RegionEntry, faults: &mut Faults) -> Option<Checkpoint> {
    match SignedCheckpoint::verify(note, &entry.log_origin, &entry.log) {
        Ok(signed) => Some(*signed.checkpoint()),
        Err(error) => {
            faults.add(Fault::Checkpoint(error));
            Note::parse(note).ok().and_then(|note| Checkpoint::parse(&note.text).ok())
        }
    }
}

/// The other regions that cosigned; a cosignature that does not verify is a fault.
fn cosigners(note: &[u8], directory: &Directory, owner: Region, faults: &mut Faults) -> Vec<String> {
    let Ok(note) = Note::parse(note) else { return Vec::new() };
    trust::cosigners(&note, directory, owner).map_err(|error| faults.add(Fault::Cosignature(error))).unwrap_or_default()
}

#[cfg(test)]
mod tests;
