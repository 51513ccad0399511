//! The checkpoints that an auditor verified, kept so that every later run is held against all of them.
//!
//! A folder per log and key, a file per checkpoint, the note byte for byte: two auditors can exchange them. What contradicts one of
//! them is written beside them as evidence, both notes in one file, and never removed.
//! Not here: whether a log continues them (`verify`).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::limits::MAX_NOTE_BYTES;
use serde::Serialize;

use crate::file;

/// Checkpoints of one log that are held against it at most: one an hour for seven years.
const MAX_KEPT: usize = 65_536;
/// How the file of a checkpoint ends.
const ENDING: &str = "checkpoint";

/// Where checkpoints are kept.
#[derive(Debug, Clone, Args)]
pub struct KeptArgs {
    /// The folder of the checkpoints that were verified before: each log must continue all of its own, and the new one is added
    /// [default: creditbay/checkpoints in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "DIR", conflicts_with = "no_keep")]
    pub kept: Option<PathBuf>,
    /// Neither look at checkpoints that were kept, nor keep this one
    #[arg(long)]
    pub no_keep: bool,
}

/// A signed checkpoint and where it was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// A file or a URL.
    pub from: String,
    /// The checkpoint.
    pub signed: SignedCheckpoint,
}

/// The folder of one log's checkpoints.
#[derive(Debug)]
pub struct Kept {
    folder: PathBuf,
}

/// Notes that contradict one another, for a file.
#[derive(Debug, Serialize)]
struct Evidence<'a> {
    what: &'a str,
    origin: String,
    seen_at: String,
    notes: Vec<Noted<'a>>,
}

#[derive(Debug, Serialize)]
struct Noted<'a> {
    from: &'a str,
    note: String,
}

impl KeptArgs {
    /// The folder of this log's checkpoints; `None` where none are kept.
    pub fn of(&self, entry: &RegionEntry) -> Option<Kept> {
        let folder = match &self.kept {
            _ if self.no_keep => return None,
            Some(folder) => folder.clone(),
            None => state_folder()?.join("creditbay/checkpoints"),
        };
        // The key's id too: a development network has the origins of every other.
        let name = format!("{}+{:08x}", entry.log_origin.to_string().replace('/', "+"), entry.log.key_id());
        Some(Kept { folder: folder.join(name) })
    }
}

/// Where programs of this user keep what they remember.
fn state_folder() -> Option<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))
}

impl Kept {
    /// Every checkpoint that was kept, in the order of their names.
    pub fn read(&self, entry: &RegionEntry) -> anyhow::Result<Vec<Seen>> {
        let files = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files.with_context(|| format!("{} cannot be read", self.folder.display()))?,
        };
        let mut paths = Vec::new();
        for file in files {
            let path = file.with_context(|| format!("{} cannot be read", self.folder.display()))?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                paths.push(path);
            }
        }
        if paths.len() > MAX_KEPT {
            bail!("{} holds more than {MAX_KEPT} checkpoints; move the older ones away", self.folder.display());
        }
        paths.sort();
        paths.iter().map(|path| read(path, entry)?.with_context(|| format!("{} was removed meanwhile", path.display()))).collect()
    }

    /// Keeps a checkpoint; one that was kept already stays as it is.
    pub fn keep(&self, signed: &SignedCheckpoint) -> anyhow::Result<()> {
        let checkpoint = signed.checkpoint();
        let begin: String = checkpoint.root.to_string().chars().take(16).collect();
        let path = self.folder.join(format!("{:013}-{begin}.{ENDING}", checkpoint.size));
        if path.exists() {
            return Ok(());
        }
        self.make_folder()?;
        file::write(&path, file::PUBLIC, &signed.note_bytes())
    }

    /// Writes down notes that contradict one another. Gives the file.
    pub fn keep_evidence(&self, what: &str, notes: &[&Seen], now: Millis) -> anyhow::Result<PathBuf> {
        self.make_folder()?;
        let noted = |seen: &&Seen| (seen.from.clone(), String::from_utf8_lossy(&seen.signed.note_bytes()).into_owned());
        let noted: Vec<_> = notes.iter().map(noted).collect();
        let evidence = Evidence {
            what,
            origin: notes.first().map(|seen| seen.signed.checkpoint().origin.to_string()).unwrap_or_default(),
            seen_at: now.to_string(),
            notes: noted.iter().map(|(from, note)| Noted { from, note: note.clone() }).collect(),
        };
        let text = serde_json::to_string_pretty(&evidence).context("the evidence has no form in JSON")?;
        let name = |number: u32| self.folder.join(format!("{what}-{}-{number}.evidence.json", now.0));
        let path = (0..).map(name).find(|path| !path.exists()).context("no name is free for the evidence")?;
        file::write_new(&path, file::PUBLIC, text.as_bytes())?;
        Ok(path)
    }

    fn make_folder(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.folder).with_context(|| format!("{} cannot be made", self.folder.display()))
    }
}

/// A checkpoint of this log in a file; `None` if there is no such file.
pub fn read(path: &Path, entry: &RegionEntry) -> anyhow::Result<Option<Seen>> {
    let Some(note) = file::read_if_there(path, MAX_NOTE_BYTES as u64)? else { return Ok(None) };
    let signed = SignedCheckpoint::verify(&note, &entry.log_origin, &entry.log)
        .with_context(|| format!("{} is no checkpoint of {}; move it away", path.display(), entry.log_origin))?;
    Ok(Some(Seen { from: path.display().to_string(), signed }))
}
