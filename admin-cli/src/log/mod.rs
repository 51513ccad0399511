//! `creditbay log`: verifies a whole log, exports it as static files, shows its leaves.
//!
//! What is believed is the region's key in a network directory; everything else is computed anew from the entries.
//! Not here: reconciliation of two logs.

pub mod copy;
pub mod export;
pub mod fault;
pub mod folder;
pub mod leaves;
pub mod nodes;
pub mod predecessor;
pub mod retire;
pub mod show;
pub mod source;
pub mod verify;
pub mod walk;

#[cfg(test)]
pub(crate) mod sample;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use creditbay_configs::peers::Directory;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::note::Note;
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::limits::MAX_NOTE_BYTES;
use creditbay_protocol::name::Region;

use crate::exit::{Exit, HELP};
use crate::file;
use crate::print::{self, Fields, Screen, Table, count, entries};
use crate::trust::{self, TrustArgs, Trusted};

use self::export::{ArchiveArgs, CopyArgs};
use self::fault::{Fault, Faults};
use self::leaves::Leaves;
use self::predecessor::{Checked, back};
use self::retire::RetireArgs;
use self::show::ShowArgs;
use self::source::{AuditorArgs, Source};
use self::verify::Audit;
use self::walk::walk;

/// Logs.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Verify a whole log: every entry, tile, the root and its signature; every fault is listed
    #[command(after_help = HELP)]
    Verify(VerifyArgs),
    /// Keep a log as static files (C2SP tlog-tiles), each of which leads to the signed root; goes on where an earlier run ended
    #[command(after_help = HELP)]
    Export(CopyArgs),
    /// Keep such a copy up to date, as a second home of the evidence
    #[command(after_help = HELP)]
    Archive(ArchiveArgs),
    /// End a node's log for ever; the region's next log goes on from it
    #[command(after_help = HELP)]
    Retire(RetireArgs),
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
    /// A checkpoint of this log that was kept earlier: the log must continue it
    #[arg(long, value_name = "FILE")]
    pub earlier: Option<PathBuf>,
    /// The folder of the retired log that this one goes on from; again for the one before that
    #[arg(long, value_name = "DIR")]
    pub predecessor: Vec<PathBuf>,
    /// Whom to believe
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Who reads
    #[command(flatten)]
    pub auditor: AuditorArgs,
}

/// What was found of a log.
struct Report {
    place: String,
    checkpoint: Option<Checkpoint>,
    cosigned_by: Vec<String>,
    leaves: Leaves,
    goes_on_from: Vec<Checked>,
    faults: Faults,
    because: String,
}

/// Runs a command.
pub async fn run(command: &LogCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        LogCommand::Verify(args) => verify_log(args, screen).await,
        LogCommand::Export(args) => export::export(args, screen).await,
        LogCommand::Archive(args) => export::archive(args, screen).await,
        LogCommand::Retire(args) => retire::run(args, screen).await,
        LogCommand::Show(args) => show::run(args, screen).await,
    }
}

async fn verify_log(args: &VerifyArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let trusted = args.trust.load()?;
    let entry = trust::entry(&trusted.directory, args.region)?;
    let place = args.place.clone().unwrap_or_else(|| entry.auditors.clone());
    let earlier = args.earlier.as_deref().map(|path| kept(path, entry)).transpose()?.flatten();
    let source = Source::open_expecting(&place, &args.auditor, Some(entry.tls))?;
    let mut report = audit(place, source, &trusted, entry, earlier, screen).await?;
    if report.checkpoint.is_some_and(|checkpoint| checkpoint.size > 0) {
        let (leaves, faults) = (&report.leaves, &mut report.faults);
        report.goes_on_from = back(entry.log_origin, leaves, &args.predecessor, entry.name, faults, screen).await?;
    }
    tell(&report, "Verified", screen)
}

/// A checkpoint that was kept; `None` if there is no such file, or it was of an empty log.
fn kept(path: &Path, entry: &RegionEntry) -> anyhow::Result<Option<Checkpoint>> {
    let Some(note) = file::read_if_there(path, MAX_NOTE_BYTES as u64)? else {
        if path.file_name().is_some_and(|name| name == "checkpoint") {
            return Ok(None);
        }
        bail!("{} does not exist; check the path", path.display());
    };
    let signed = SignedCheckpoint::verify(&note, &entry.log_origin, &entry.log)
        .with_context(|| format!("{} is no checkpoint of {}; move it away", path.display(), entry.log_origin))?;
    Ok(Some(*signed.checkpoint()).filter(|checkpoint| checkpoint.size > 0))
}

async fn audit(
    place: String,
    mut source: Source,
    trusted: &Trusted,
    entry: &RegionEntry,
    earlier: Option<Checkpoint>,
    screen: &Screen,
) -> anyhow::Result<Report> {
    let note = source.checkpoint().await?;
    let mut faults = Faults::new();
    let checkpoint = read_checkpoint(&note, entry, &mut faults);
    let cosigned_by = cosigners(&note, &trusted.directory, entry.name, &mut faults);
    let mut leaves = Leaves::of(entry.name);
    if let Some(checkpoint) = &checkpoint {
        let mut audit = Audit::new(checkpoint.size);
        if let Some(earlier) = &earlier {
            audit.expect_earlier(earlier.size, earlier.root);
        }
        let bar = print::progress(screen, checkpoint.size, "{msg} [{bar:40}] {pos}/{len} entries {eta}");
        bar.set_message(checkpoint.origin.to_string());
        faults.extend(walk(&mut source, &mut audit, Some(&mut leaves), &bar).await?);
        bar.finish_and_clear();
        let root = if checkpoint.size == 0 { empty_root() } else { checkpoint.root };
        faults.extend(audit.finish(&root));
    }
    Ok(Report { place, checkpoint, cosigned_by, leaves, goes_on_from: Vec::new(), faults, because: trusted.because.clone() })
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

fn tell(report: &Report, good: &str, screen: &mut Screen) -> anyhow::Result<Exit> {
    let exit = if report.faults.is_empty() { Exit::Done } else { Exit::Refuted };
    if screen.is_json() {
        screen.json(&as_json(report))?;
        return Ok(exit);
    }
    match (&report.checkpoint, exit) {
        (Some(checkpoint), Exit::Done) => {
            screen.line(format!("{good}: {} of {}\n", entries(checkpoint.size), checkpoint.origin))?
        }
        _ => screen.line(format!("Refused, {}: the log at {}\n", count(report.faults.count(), "fault"), report.place))?,
    }
    if !report.faults.is_empty() {
        let mut table = Table::new(&["fault", "what"]);
        for fault in report.faults.listed() {
            table.row(vec![fault.kind().to_owned(), fault.to_string()]);
        }
        screen.line(table)?;
        let beyond = report.faults.count() - report.faults.listed().len() as u64;
        if beyond > 0 {
            screen.line(format!("  and {beyond} more"))?;
        }
        screen.line("")?;
    }
    let mut fields = Fields::new();
    if let Some(checkpoint) = &report.checkpoint {
        fields.add("log", format!("{}, {}", checkpoint.origin, entries(checkpoint.size))).add("root", checkpoint.root);
    }
    let kinds: Vec<_> = report.leaves.counts().iter().map(|(kind, number)| format!("{kind} {number}")).collect();
    fields.add("kinds", if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") });
    if let Some((first, last)) = report.leaves.span() {
        fields.add("time", format!("{first} to {last}"));
    }
    for Checked { origin, size, seen } in &report.goes_on_from {
        let how = if *seen { "held against it" } else { "not looked at (--predecessor)" };
        fields.add("goes on from", format!("{origin}, {}, {how}", entries(*size)));
    }
    fields.add(
        "cosigned by",
        if report.cosigned_by.is_empty() { "no other region".to_owned() } else { report.cosigned_by.join(", ") },
    );
    fields.add("directory", &report.because);
    screen.line(fields)?;
    if !report.faults.is_empty() {
        screen
            .line("\nKeep the folder, or export the log with `creditbay log export`, as evidence, and tell the other regions.")?;
    }
    Ok(exit)
}

fn as_json(report: &Report) -> serde_json::Value {
    let fault = |fault: &Fault| {
        let path = fault.path().map(|path| path.to_string());
        serde_json::json!({ "kind": fault.kind(), "path": path, "index": fault.index(), "text": fault.to_string() })
    };
    let faults: Vec<_> = report.faults.listed().iter().map(fault).collect();
    let before =
        |Checked { origin, size, seen }: &Checked| serde_json::json!({ "origin": origin, "size": size, "checked": seen });
    let goes_on_from: Vec<_> = report.goes_on_from.iter().map(before).collect();
    let checkpoint = report.checkpoint.as_ref();
    let span = report.leaves.span();
    serde_json::json!({
        "ok": report.faults.is_empty(), "place": report.place,
        "origin": checkpoint.map(|checkpoint| checkpoint.origin), "size": checkpoint.map(|checkpoint| checkpoint.size),
        "root": checkpoint.map(|checkpoint| checkpoint.root), "cosigned_by": report.cosigned_by, "kinds": report.leaves.counts(),
        "first_time": span.map(|(first, _)| first.to_string()), "last_time": span.map(|(_, last)| last.to_string()),
        "goes_on_from": goes_on_from, "faults": faults, "fault_count": report.faults.count(), "directory": report.because,
    })
}

#[cfg(test)]
mod tests;
