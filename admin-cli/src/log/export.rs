//! `creditbay log export` and `creditbay log archive`: a log as static files, brought up to date once or for ever (PROTOCOL 35.3).
//!
//! Tiles before the checkpoint that needs them, each file durable before it has its name: a folder with a checkpoint has all that the
//! checkpoint promises, whenever the program was killed. Not here: the checks of what is fetched (`copy`).

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use creditbay_configs::peers::Directory;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::Note;
use creditbay_protocol::checkpoint::{Checkpoint, SignedCheckpoint};
use creditbay_protocol::limits::MAX_NOTE_BYTES;
use creditbay_protocol::name::Region;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;
use crate::file;
use crate::host;
use crate::print::{self, Fields, Screen, count, entries};
use crate::trust::{self, TrustArgs, Trusted};

use super::copy::{Copy, Refused, prune};
use super::fault::Fault;
use super::folder::Archive;
use super::source::{AuditorArgs, Source};

/// The longest pause between two looks at a door that does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A log and where to keep it.
#[derive(Debug, Clone, Args)]
pub struct CopyArgs {
    /// The URL of an auditors' door, or a folder of static files; without it the door in the network directory
    #[arg(value_name = "URL")]
    pub place: Option<String>,
    /// The folder to keep it in; one that holds an earlier copy of the same log is continued
    pub dir: PathBuf,
    /// Whose log it is
    #[arg(long, value_name = "REGION")]
    pub region: Region,
    /// Check every file that is kept once more, too
    #[arg(long)]
    pub whole: bool,
    /// Remove partial tiles whose full ones are kept
    #[arg(long)]
    pub prune_partials: bool,
    /// Whom to believe
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Who reads
    #[command(flatten)]
    pub auditor: AuditorArgs,
}

/// A log that is kept up to date.
#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// Go on for ever: look for a newer checkpoint again and again, until SIGTERM or SIGINT
    #[arg(long)]
    pub follow: bool,
    /// Seconds between two looks; doubled while the door does not answer, up to 300
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub every: u64,
    /// What and where
    #[command(flatten)]
    pub copy: CopyArgs,
}

/// A folder that this process alone keeps a log in.
struct Kept {
    archive: Archive,
    checkpoint: PathBuf,
    _lock: File,
}

/// What one look at the log brought.
struct Round {
    checkpoint: Checkpoint,
    before: u64,
    cosigned_by: Vec<String>,
}

impl CopyArgs {
    fn place<'a>(&'a self, entry: &'a RegionEntry) -> &'a str {
        self.place.as_deref().unwrap_or(&entry.auditors)
    }
}

/// Brings a copy up to date once.
pub async fn export(args: &CopyArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let trusted = args.trust.load()?;
    let entry = trust::entry(&trusted.directory, args.region)?;
    let kept = Kept::open(&args.dir)?;
    let mut source = Source::open_expecting(args.place(entry), &args.auditor, Some(entry.tls))?;
    match kept.bring(&mut source, args, entry, &trusted.directory, screen).await {
        Ok(round) => {
            tell(&round, &trusted, screen)?;
            Ok(Exit::Done)
        }
        Err(Refused::Fault(fault)) => refuse(&fault, args, entry, &trusted, screen),
        Err(Refused::Failed(error)) => Err(error),
    }
}

/// Brings a copy up to date, and again whenever the log has grown.
pub async fn archive(args: &ArchiveArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    if !args.follow {
        return export(&args.copy, screen).await;
    }
    let trusted = args.copy.trust.load()?;
    let entry = trust::entry(&trusted.directory, args.copy.region)?;
    let kept = Kept::open(&args.copy.dir)?;
    let place = args.copy.place(entry);
    let mut source = Source::open_expecting(place, &args.copy.auditor, Some(entry.tls))?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be heard")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be heard")?;
    let every = Duration::from_secs(args.every);
    let mut pause = every;
    loop {
        // A look is never cut off in the middle of a file: what is written aside has no name yet, and the next run goes on from there.
        let looked = tokio::select! {
            looked = kept.bring(&mut source, &args.copy, entry, &trusted.directory, screen) => looked,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        let failed = match looked {
            Ok(round) => {
                kept.say(place, &round.checkpoint, None)?;
                if round.checkpoint.size > round.before {
                    tell_growth(&round, screen)?;
                }
                pause = every;
                None
            }
            Err(Refused::Fault(fault)) => {
                kept.say_stopped(place, &fault)?;
                return refuse(&fault, &args.copy, entry, &trusted, screen);
            }
            Err(Refused::Failed(error)) => Some(format!("{error:#}")),
        };
        if let Some(failed) = failed {
            pause = (pause * 2).min(LONGEST_PAUSE);
            kept.say_silent(place, entry, &failed)?;
            if !screen.is_json() {
                screen.line(format!("{}  {failed}; looking again in {} s", host::now()?, pause.as_secs()))?;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    if !screen.is_json() {
        screen.line("Ended by a signal; the folder is whole as it stands.")?;
    }
    Ok(Exit::Done)
}

impl Kept {
    /// Makes the folder if there is none, and takes it for this process.
    fn open(dir: &Path) -> anyhow::Result<Self> {
        let archive = Archive::in_folder(dir)?;
        let path = dir.join(".lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.with_context(|| format!("{} cannot be written", path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!("{}: another process keeps a log in this folder; choose another", dir.display())
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(|| format!("{} cannot be locked", path.display())),
        }
        remove_rests(dir)?;
        Ok(Self { archive, checkpoint: dir.join("checkpoint"), _lock: lock })
    }

    /// One look at the log: all that is new, and then the checkpoint that needs it.
    async fn bring(
        &self,
        source: &mut Source,
        args: &CopyArgs,
        entry: &RegionEntry,
        directory: &Directory,
        screen: &Screen,
    ) -> Result<Round, Refused> {
        let (note, from) = self.newest(entry)?;
        let offered = source.checkpoint().await?;
        let signed = SignedCheckpoint::verify(&offered, &entry.log_origin, &entry.log).map_err(Fault::Checkpoint)?;
        let parsed = Note::parse(&offered).map_err(|error| Fault::Checkpoint(error.into()))?;
        let cosigned_by = trust::cosigners(&parsed, directory, entry.name).map_err(Fault::Cosignature)?;
        let to = *signed.checkpoint();
        let bar = print::progress(screen, to.size, "{msg} [{bar:40}] {pos}/{len} entries {eta}");
        bar.set_message(to.origin.to_string());
        let brought = Copy::new(source, &self.archive, from, to).whole(args.whole).bring(&bar).await;
        bar.finish_and_clear();
        if let Err(Refused::Fault(fault @ (Fault::Rewritten { .. } | Fault::Shrunk { .. }))) = &brought {
            self.keep_evidence(&offered, fault)?;
        }
        brought?;
        let before = from.map_or(0, |from| from.size);
        if note.as_deref() != Some(&offered) {
            file::write(&self.checkpoint, file::PUBLIC, &offered)?;
        }
        if args.prune_partials {
            prune(&self.archive, before, to.size)?;
        }
        Ok(Round { checkpoint: to, before, cosigned_by })
    }

    /// The checkpoint that is kept.
    fn newest(&self, entry: &RegionEntry) -> anyhow::Result<(Option<Vec<u8>>, Option<Checkpoint>)> {
        let Some(note) = file::read_if_there(&self.checkpoint, MAX_NOTE_BYTES as u64)? else { return Ok((None, None)) };
        let signed = SignedCheckpoint::verify(&note, &entry.log_origin, &entry.log).with_context(|| {
            format!("{} is no checkpoint of {}; choose another folder", self.checkpoint.display(), entry.log_origin)
        })?;
        let kept = Some(*signed.checkpoint()).filter(|checkpoint| checkpoint.size > 0);
        Ok((Some(note), kept))
    }

    /// A signed note that contradicts the one that is kept proves something, so it is kept beside it.
    fn keep_evidence(&self, note: &[u8], fault: &Fault) -> anyhow::Result<()> {
        let folder = self.checkpoint.with_file_name("refused");
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let name = format!("{}-{}.note", fault.kind(), &Digest::of(note).to_string()[..16]);
        file::write(&folder.join(name), file::PUBLIC, note)
    }

    /// How the copy stands, for whoever watches it.
    fn say(&self, place: &str, checkpoint: &Checkpoint, trouble: Option<&str>) -> anyhow::Result<()> {
        let changed = fs::metadata(&self.checkpoint).and_then(|found| found.modified()).ok();
        let age = changed.and_then(|changed| changed.elapsed().ok()).map(|age| age.as_secs());
        let status = serde_json::json!({
            "place": place, "origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root,
            "looked_at": host::now()?.to_string(), "checkpoint_age_seconds": age, "trouble": trouble,
        });
        file::write(&self.checkpoint.with_file_name("archive.json"), file::PUBLIC, format!("{status}\n").as_bytes())
    }

    fn say_silent(&self, place: &str, entry: &RegionEntry, trouble: &str) -> anyhow::Result<()> {
        let (_, kept) = self.newest(entry)?;
        kept.map_or(Ok(()), |kept| self.say(place, &kept, Some(trouble)))
    }

    fn say_stopped(&self, place: &str, fault: &Fault) -> anyhow::Result<()> {
        let status = serde_json::json!({
            "place": place, "looked_at": host::now()?.to_string(),
            "trouble": format!("stopped: {fault}"), "fault": fault.kind(),
        });
        file::write(&self.checkpoint.with_file_name("archive.json"), file::PUBLIC, format!("{status}\n").as_bytes())
    }
}

/// What a killed process left beside the files: it never had their names.
fn remove_rests(folder: &Path) -> anyhow::Result<()> {
    let unreadable = || format!("{} cannot be read", folder.display());
    for entry in fs::read_dir(folder).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type().with_context(unreadable)?.is_dir() {
            remove_rests(&entry.path())?;
        } else if name.starts_with('.') && name.ends_with(".new") {
            fs::remove_file(entry.path()).with_context(|| format!("{} cannot be removed", entry.path().display()))?;
        }
    }
    Ok(())
}

fn tell(round: &Round, trusted: &Trusted, screen: &mut Screen) -> anyhow::Result<()> {
    let Round { checkpoint, before, cosigned_by } = round;
    let new = checkpoint.size - before;
    if screen.is_json() {
        return screen.json(&serde_json::json!({
            "ok": true, "origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root, "new": new,
            "cosigned_by": cosigned_by, "faults": [], "directory": trusted.because,
        }));
    }
    screen.line(format!("Exported: {} of {}, {new} of them new\n", entries(checkpoint.size), checkpoint.origin))?;
    let mut fields = Fields::new();
    fields.add("root", checkpoint.root);
    let cosigned_by = if cosigned_by.is_empty() { "no other region".to_owned() } else { cosigned_by.join(", ") };
    fields.add("cosigned by", cosigned_by).add("directory", &trusted.because);
    screen.line(fields)?;
    screen.line("\nEvery file leads to the signed root; `creditbay log verify` judges what the entries say.")
}

fn tell_growth(round: &Round, screen: &mut Screen) -> anyhow::Result<()> {
    let Round { checkpoint, before, .. } = round;
    if screen.is_json() {
        let new = checkpoint.size - before;
        return screen.json(&serde_json::json!({ "size": checkpoint.size, "root": checkpoint.root, "new": new }));
    }
    screen.line(format!("{}  {}, {} new", host::now()?, entries(checkpoint.size), checkpoint.size - before))
}

fn refuse(fault: &Fault, args: &CopyArgs, entry: &RegionEntry, trusted: &Trusted, screen: &mut Screen) -> anyhow::Result<Exit> {
    let place = args.place(entry);
    if screen.is_json() {
        let listed = serde_json::json!({
            "kind": fault.kind(), "path": fault.path().map(|path| path.to_string()), "index": fault.index(), "text": fault.to_string(),
        });
        screen.json(&serde_json::json!({ "ok": false, "place": place, "faults": [listed], "directory": trusted.because }))?;
        return Ok(Exit::Refuted);
    }
    screen.line(format!("Refused, {}: the log at {place}\n", count(1, "fault")))?;
    screen.line(format!("  {}: {fault}\n", fault.kind()))?;
    let dir = args.dir.display();
    screen.line(format!("What {dir} holds was left as it is. A note that contradicts it is in {dir}/refused."))?;
    screen.line("`creditbay log verify` lists all faults; tell the other regions.")?;
    Ok(Exit::Refuted)
}
