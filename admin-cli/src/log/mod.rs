//! `creditbay log`: verifies a whole log, judges it by the rules, holds two against one another, counts, exports, shows.
//!
//! What is believed is the region's key in a network directory; everything else is computed anew from the entries.
//! Not here: the rules themselves (`configs::rules`).

pub mod opening;
pub mod source;

pub mod copy;
pub mod export;
pub mod fault;
pub mod folder;
pub mod kept;
pub mod leaves;
pub mod nodes;
pub mod orphan;
pub mod predecessor;

pub mod later;

pub mod prepare;
pub mod retire;
pub mod verify;
pub mod walk;

pub mod draw;
pub mod drawn;
pub mod opened;
pub mod ruled;

pub mod auditing;
pub mod compare;
pub mod findings;

pub mod reconcile;
pub mod report;
pub mod sampled;
pub mod show;

#[cfg(test)]
pub(crate) mod sample;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use creditbay_crypto::note::Note;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::name::Region;
use creditbay_protocol::policy::Policy;

use crate::exit::{Exit, HELP};
use crate::host;
use crate::print::Screen;
use crate::trust::{self, TrustArgs};

use self::auditing::{Auditing, Place, Vouched};
use self::compare::{AlsoArgs, Shown};
use self::export::{ArchiveArgs, CopyArgs};
use self::fault::{Fault, Faults};
use self::kept::{Kept, KeptArgs, Seen};
use self::later::{Later, LaterArgs};
use self::opened::Openings;
use self::opening::{CheckArgs, OpenArgs};
use self::predecessor::back;
use self::prepare::Wanted;
use self::reconcile::ReconcileArgs;
use self::report::ReportArgs;
use self::retire::RetireArgs;
use self::ruled::{RulesArgs, Ruling};
use self::sampled::SampleArgs;
use self::show::ShowArgs;
use self::source::{AuditorArgs, Source};

/// Logs.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Verify a whole log: every entry, tile, the root and its signature; every fault is listed
    #[command(after_help = HELP)]
    Verify(VerifyArgs),
    /// Keep a log as static files (C2SP tlog-tiles), each of which leads to the signed root; goes on where an earlier run ended
    #[command(after_help = HELP, allow_missing_positional = true)]
    Export(CopyArgs),
    /// Keep such a copy up to date, as a second home of the evidence
    #[command(after_help = HELP, allow_missing_positional = true)]
    Archive(ArchiveArgs),
    /// End a node's log for ever; the region's next log goes on from it
    #[command(after_help = HELP)]
    Retire(RetireArgs),
    /// Hold two logs against one another: what was asked in one is answered in the other, and the reverse
    #[command(after_help = HELP)]
    Reconcile(ReconcileArgs),
    /// Count what a log disclosed: by peer, purpose, type, outcome and day
    #[command(after_help = HELP)]
    Report(ReportArgs),
    /// Draw the leaves that the operator is to open, from the signed root
    #[command(after_help = HELP)]
    Sample(SampleArgs),
    /// Show leaves; nothing is verified
    Show(ShowArgs),
    /// Show, on the node, what leaves hide, and prove it; that it was shown is a leaf itself
    #[command(after_help = HELP)]
    Open(OpenArgs),
    /// Hold a file of openings against the leaves of a log, without the node
    #[command(after_help = HELP)]
    CheckOpening(CheckArgs),
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
    #[arg(long, value_name = "CHECKPOINT", alias = "earlier", conflicts_with = "later")]
    pub since: Option<PathBuf>,
    /// The folder of the retired log that this one goes on from; again for the one before that
    #[arg(long, value_name = "DIR")]
    pub predecessor: Vec<PathBuf>,
    /// The logs after it, where it has ended
    #[command(flatten)]
    pub later: LaterArgs,
    /// What was seen before
    #[command(flatten)]
    pub kept: KeptArgs,
    /// Further sources
    #[command(flatten)]
    pub also: AlsoArgs,
    /// The rules
    #[command(flatten)]
    pub rules: RulesArgs,
    /// A trust policy (C2SP tlog-policy) that must accept the checkpoint, besides the directory
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
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
        LogCommand::Export(args) => export::export(args, screen).await,
        LogCommand::Archive(args) => export::archive(args, screen).await,
        LogCommand::Retire(args) => retire::run(args, screen).await,
        LogCommand::Reconcile(args) => Box::pin(reconcile::run(args, screen)).await,
        LogCommand::Report(args) => report::run(args, screen).await,
        LogCommand::Sample(args) => sampled::run(args, screen).await,
        LogCommand::Open(args) => opening::open(args, screen).await,
        LogCommand::CheckOpening(args) => opening::check(args, screen).await,
        LogCommand::Show(args) => show::run(args, screen).await,
    }
}

async fn verify_log(args: &VerifyArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let trusted = args.trust.load()?;
    let policy = args.policy.as_deref().map(trust::read_policy).transpose()?;
    let entry = trust::entry(&trusted.directory, args.region)?;
    let place = args.place.clone().unwrap_or_else(|| entry.auditors.clone());
    let mut source = Source::open_expecting(&place, &args.auditor, Some(entry.tls))?;
    let lines = args.rules.opening_lines()?;
    let later = args.later.read(&args.auditor, entry, &opened::elsewhere(lines.as_deref().unwrap_or_default()), screen).await?;
    // What was seen of a log that has ended bears another name: the one after it vouches for its end.
    let kept = args.kept.of(entry).filter(|_| later.is_none());
    let mut earlier = kept.as_ref().map(|kept| kept.read(entry)).transpose()?.unwrap_or_default();
    if let Some(path) = &args.since {
        let seen = kept::read(path, entry)?;
        earlier.push(seen.with_context(|| format!("{} does not exist; check the path", path.display()))?);
    }
    let drawn = args.rules.drawn_earlier(entry)?;
    earlier.extend(drawn.iter().map(|drawn| Seen { from: drawn.path.display().to_string(), signed: drawn.signed.clone() }));
    let vouched = Vouched::by(later.as_ref());
    let wanted = if args.rules.rules.is_empty() { Wanted::Order } else { Wanted::Leaves };
    let place = Place { place, source: &mut source, entry, earlier: &earlier, vouched, wanted };
    let mut auditing = Auditing::begin(place, &trusted, screen).await?;
    let (of, log) = ((auditing.root(), auditing.size()), auditing.origin().unwrap_or(entry.log_origin));
    let (goes_on_in, leaves, faults) = later.map(Later::into_parts).unwrap_or_default();
    let openings = lines.map(|lines| Openings::new(lines, log, (&goes_on_in, leaves)));
    let mut ruling = args.rules.begin(entry, &trusted.directory, of, drawn, openings)?;
    while let Some(batch) = auditing.next().await? {
        if let Some(ruling) = &mut ruling {
            batch.reads().for_each(|read| ruling.leaf(&read));
        }
    }
    let mut findings = auditing.finish();
    findings.faults.extend(faults);
    findings.goes_on_in = goes_on_in.into_iter().collect();
    if let Some(policy) = &policy {
        hold_against(policy, &findings.note, &mut findings.faults);
    }
    if let Some(signed) = findings.signed.clone() {
        let found = Seen { from: findings.place.clone(), signed };
        if let Some(kept) = &kept {
            findings.evidence = keep_evidence(kept, &found, &earlier, &findings.faults)?;
            // What breaks the rules, or is shown otherwise elsewhere, is a log all the same, and has to be continued.
            if findings.faults.is_empty() {
                kept.keep(&found.signed)?;
            }
        }
        let mut shown = args.also.read(&args.auditor, entry, &mut findings.faults).await?;
        shown.push(Shown { source, seen: found });
        for contradiction in compare::compare(shown, &mut findings.faults).await? {
            let [one, other] = &contradiction.notes;
            if let Some(kept) = &kept {
                findings.evidence.push(kept.keep_evidence(contradiction.kind, &[one, other], host::now()?)?);
            }
        }
    }
    if findings.checkpoint.is_some_and(|checkpoint| checkpoint.size > 0) {
        let (leaves, faults) = (&findings.leaves, &mut findings.faults);
        findings.goes_on_from = back(log, leaves, &args.predecessor, entry, faults, screen).await?;
    }
    if let Some((ruled, faults)) = ruling.map(Ruling::end) {
        findings.faults.extend(faults);
        findings.ruled = Some(ruled);
    }
    findings.tell("Verified", screen)
}

/// Every reason of the policy against the checkpoint; one that is no note is a fault already.
fn hold_against(policy: &Policy, note: &[u8], faults: &mut Faults) {
    let rejections = Note::parse(note).map(|note| policy.judge(&note).rejections).unwrap_or_default();
    rejections.into_iter().for_each(|rejection| faults.add(Fault::Policy(rejection)));
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

#[cfg(test)]
mod tests;
