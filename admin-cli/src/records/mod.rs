//! `creditbay records`: hands record files to a running node, and tells what became of every row and what is held.
//!
//! A file goes to the admin door as it is; the node reads, checks and keeps. Rejected rows come back with identifying cells blanked
//! and are written beside the file. Not here: layouts and checks, which are the node's.

pub mod amend;
pub mod outcome;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;

use crate::client::{Client, FileBody, Problem};
use crate::exit::{Exit, HELP};
use crate::file::{self, Aside};
use crate::node::AdminDoor;
use crate::print::{self, Screen, Table, count};
use crate::status::{self, Register};

use self::amend::{ObjectArgs, RepairArgs, WithdrawArgs};
use self::outcome::{Done, End, Heard, Line, Lines, Told};

/// Bytes of a status at most.
const MAX_BYTES: usize = 1 << 20;

/// Records of a node.
#[derive(Debug, Subcommand)]
pub enum RecordsCommand {
    /// Hand record files to a running node
    #[command(after_help = HELP)]
    Import(ImportArgs),
    /// Show which registers the node holds, how many rows each has, and how far they are synchronised
    #[command(after_help = HELP)]
    Status(StatusArgs),
    /// Credit was repaired: a record is answered from no more
    #[command(after_help = HELP)]
    Repair(RepairArgs),
    /// A decision was revoked or found void, or a report taken back
    #[command(after_help = HELP)]
    Withdraw(WithdrawArgs),
    /// An objection was raised, upheld or rejected
    #[command(after_help = HELP)]
    Object(ObjectArgs),
}

/// Files to be taken over.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The files, one register each
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
    /// Take over nothing of a file in which a row is rejected
    #[arg(long)]
    pub strict: bool,
}

/// Whose records.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
}

/// What became of one file.
struct Taken {
    file: PathBuf,
    heard: Heard,
    rejected_file: Option<PathBuf>,
}

/// Runs a command.
pub async fn run(command: &RecordsCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        RecordsCommand::Import(args) => import(args, screen).await,
        RecordsCommand::Status(args) => show(args, screen).await,
        RecordsCommand::Repair(args) => amend::repair(args, screen).await,
        RecordsCommand::Withdraw(args) => amend::withdraw(args, screen).await,
        RecordsCommand::Object(args) => amend::object(args, screen).await,
    }
}

async fn import(args: &ImportArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let mut client = args.door.client()?;
    let mut all = Vec::new();
    for path in &args.files {
        let taken = import_file(&mut client, path, args.strict, screen)
            .await
            .with_context(|| format!("{} was not taken over", path.display()))?;
        if screen.is_json() {
            screen.json(&as_json(&taken))?;
        } else {
            tell_rows(&taken, screen)?;
        }
        all.push(taken);
    }
    if !screen.is_json() {
        screen.line(summary(&all))?;
    }
    let failed = all.iter().any(|taken| matches!(taken.heard.end, Some(End::Failed(_))));
    let rejected = all.iter().any(|taken| taken.heard.rejected > 0);
    Ok(match (failed, rejected) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::RowsRejected,
        (false, false) => Exit::Done,
    })
}

async fn import_file(client: &mut Client, path: &Path, strict: bool, screen: &Screen) -> anyhow::Result<Taken> {
    let file = File::open(path).context("it cannot be opened")?;
    let found = file.metadata().context("it cannot be opened")?;
    if !found.is_file() {
        bail!("it is no file");
    }
    let bar = print::progress(screen, found.len(), "{wide_msg} [{bar:30}] {bytes}/{total_bytes}");
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    bar.set_message(name.clone());
    let query = if strict { "&strict=true" } else { "" };
    let target = format!("/v1/import?file={}{query}", percent_encoded(&name));
    let mut stream = client.post_file(&target, FileBody::new(file, found.len(), bar.clone())).await?;
    if stream.status != 200 {
        return Err(anyhow!("{}", Problem::of(&stream.whole(MAX_BYTES).await?)));
    }
    let mut reader = Reader { heard: Heard::default(), rejected: RejectedFile::beside(path), bar: bar.clone(), name };
    let mut lines = Lines::default();
    while let Some(piece) = stream.next().await? {
        for line in lines.take(&piece)? {
            reader.take(line)?;
        }
    }
    if let Some(line) = lines.finish()? {
        reader.take(line)?;
    }
    bar.finish_and_clear();
    if reader.heard.end.is_none() {
        bail!(
            "the node's answer ended before it said what became of the file; ask `creditbay records status`, then import it again"
        );
    }
    let rejected_file = reader.rejected.finish()?;
    Ok(Taken { file: path.to_owned(), heard: reader.heard, rejected_file })
}

/// Follows the answer about one file.
struct Reader {
    heard: Heard,
    rejected: RejectedFile,
    bar: ProgressBar,
    name: String,
}

impl Reader {
    fn take(&mut self, line: Line) -> anyhow::Result<()> {
        match self.heard.take(line) {
            Told::Nothing => {}
            Told::Rows(rows) => self.bar.set_message(format!("{}: {}", self.name, count(rows, "row"))),
            Told::Csv(text) => self.rejected.append(&text)?,
        }
        Ok(())
    }
}

/// `FILE.rejected.csv`, made with its first rejected row.
struct RejectedFile {
    path: PathBuf,
    header: Option<String>,
    aside: Option<Aside>,
}

impl RejectedFile {
    fn beside(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(".rejected.csv");
        Self { path: PathBuf::from(name), header: None, aside: None }
    }

    fn append(&mut self, text: &str) -> anyhow::Result<()> {
        let line = format!("{}\n", text.trim_end_matches(['\r', '\n']));
        match (&mut self.aside, self.header.take()) {
            (Some(aside), _) => aside.append(line.as_bytes())?,
            (None, None) => self.header = Some(line),
            (None, Some(header)) => {
                let mut aside = Aside::create(&self.path, file::PRIVATE)?;
                aside.append(header.as_bytes())?;
                aside.append(line.as_bytes())?;
                self.aside = Some(aside);
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<Option<PathBuf>> {
        let Some(aside) = self.aside else { return Ok(None) };
        aside.finish()?;
        Ok(Some(self.path))
    }
}

/// A file's name as part of a query (RFC 3986, 2.1).
fn percent_encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn as_json(taken: &Taken) -> serde_json::Value {
    let (done, failed) = match &taken.heard.end {
        Some(End::Done(done)) => (Some(done), None),
        Some(End::Failed(reason)) => (None, Some(reason)),
        None => (None, None),
    };
    serde_json::json!({
        "file": taken.file, "done": done, "failed": failed, "rejected": taken.heard.shown, "rejected_rows": taken.heard.rejected,
        "rejected_file": taken.rejected_file, "persons": taken.heard.persons, "unmatched": taken.heard.unmatched,
    })
}

fn tell_rows(taken: &Taken, screen: &mut Screen) -> anyhow::Result<()> {
    let heard = &taken.heard;
    if let Some(End::Failed(reason)) = &heard.end {
        screen.line(format!("{}: nothing was taken over: {reason}\n", taken.file.display()))?;
    }
    if !heard.shown.is_empty() {
        screen.line(format!("{}: {} rejected\n", taken.file.display(), count(heard.rejected, "row")))?;
        let mut table = Table::new(&[">row", "column", "reason"]);
        for rejected in &heard.shown {
            table.row(vec![rejected.row.to_string(), rejected.column.clone(), rejected.reason.clone()]);
        }
        screen.line(&table)?;
        let more = heard.rejected - heard.shown.len() as u64;
        if more > 0 {
            screen.line(format!("  and {} more", count(more, "row")))?;
        }
        if let Some(path) = &taken.rejected_file {
            screen.line(format!("  all of them, identifying cells blanked: {}", path.display()))?;
        }
        screen.line("")?;
    }
    let (persons, unmatched) = match &heard.end {
        Some(End::Done(done)) => (done.persons, done.unmatched),
        _ => (0, 0),
    };
    if !heard.persons.is_empty() {
        let rows = numbers(&heard.persons, persons);
        screen.line(format!("{}: set aside, about natural persons: rows {rows}\n", taken.file.display()))?;
    }
    if !heard.unmatched.is_empty() {
        let (rows, repairs) = (numbers(&heard.unmatched, unmatched), count(unmatched, "row"));
        screen.line(format!(
            "{}: {repairs} of repairs and withdrawals match no record that is here: rows {rows}; they are kept for one that comes later, compare document, authority and subject\n",
            taken.file.display()
        ))?;
    }
    Ok(())
}

/// The first rows by number, and how many more of `all` there are.
fn numbers(first: &[u64], all: u64) -> String {
    let rows = first.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = all.saturating_sub(first.len() as u64);
    if more > 0 { format!("{rows} and {more} more") } else { rows }
}

fn summary(all: &[Taken]) -> Table {
    let headings = ["file", "register", ">rows", ">added", ">replaced", ">duplicates", ">rejected", ">persons", "synchronised"];
    let mut table = Table::new(&headings);
    for taken in all {
        let name = taken.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match &taken.heard.end {
            Some(End::Done(done)) => table.row(summary_row(name, done)),
            _ => table.row(vec![name, "not taken over".to_owned()]),
        }
    }
    table
}

fn summary_row(name: String, done: &Done) -> Vec<String> {
    let mut row = vec![name, done.register.clone()];
    row.extend(
        [done.rows, done.added, done.replaced, done.duplicates, done.rejected, done.persons].map(|number| number.to_string()),
    );
    row.push(done.synchronised.clone().unwrap_or_else(|| "-".to_owned()));
    row
}

async fn show(args: &StatusArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    #[derive(serde::Deserialize)]
    struct Records {
        registers: Vec<Register>,
        subjects: u64,
        #[serde(default)]
        persons: u64,
    }
    let mut client = args.door.client()?;
    let reply = client.get("/v1/records", &[], MAX_BYTES).await?;
    if reply.status != 200 {
        bail!("{} tells nothing of its records: {}", client.door(), Problem::of(&reply));
    }
    if screen.is_json() {
        screen.json(&serde_json::from_slice::<serde_json::Value>(&reply.body)?)?;
        return Ok(Exit::Done);
    }
    let records: Records = serde_json::from_slice(&reply.body).map_err(|error| {
        anyhow!("{} answers in another form than this program knows ({error}); use the node's own version", client.door())
    })?;
    let persons = count(records.persons, "row");
    let subjects = count(records.subjects, "subject");
    screen.line(format!(
        "{}\n\n  {subjects}; {persons} about natural persons, under pseudonyms, never asked about",
        status::registers(&records.registers)
    ))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests;
