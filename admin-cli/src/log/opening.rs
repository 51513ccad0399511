//! `creditbay log open` and `check-opening`: what a leaf hides, shown by its node, and held against the leaf by anybody.
//!
//! Not here: the check itself (`protocol::opening`), and whether the leaves stand in a signed tree (`creditbay log verify`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use creditbay_crypto::hash::base64_decode;
use creditbay_crypto::note::Note;
use creditbay_protocol::answer::Reply;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::leaf::Leaf;
use creditbay_protocol::limits::{MAX_SHOWN, MAX_WIRE_BYTES};
use creditbay_protocol::name::{OperatorId, Origin};
use creditbay_protocol::opening::{Held, LeafOpening, OpeningFault, Revealed};
use creditbay_protocol::query::Query;
use creditbay_protocol::shown::Field;
use creditbay_protocol::tile::{TILE_WIDTH, TilePath, decode_bundle};
use creditbay_protocol::wire;

use crate::client::{Client, Problem};
use crate::exit::{Exit, UsageError};
use crate::file;
use crate::node::AdminDoor;
use crate::print::{Fields, Screen, count};

use super::drawn::SampleFile;
use super::source::{AuditorArgs, Source};

/// Bytes of an answer, or of a file of openings, at most: a line has about 1 200.
const MAX_BYTES: usize = 8 << 20;

/// Which leaves are opened, and for what.
#[derive(Debug, Args)]
pub struct OpenArgs {
    /// The leaves, by their index in the node's current log, or in the one named by --log
    #[arg(required_unless_present = "sample", conflicts_with = "sample", value_name = "INDEX")]
    pub indices: Vec<u64>,
    /// The leaves that an auditor drew, as `creditbay log sample --out` wrote them
    #[arg(long, value_name = "FILE", requires = "out")]
    pub sample: Option<PathBuf>,
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
    /// The log, where the leaves are of one before the current one: gz.creditbay/log/1
    #[arg(long, value_name = "ORIGIN")]
    pub log: Option<Origin>,
    /// What is shown: message, subject or operator; repeat for several [default: subject; of a sample all three]
    #[arg(long = "field", value_name = "FIELD", value_parser = read_field)]
    pub fields: Vec<Field>,
    /// For what it is shown, in words that name no subject; the log keeps a commitment to it
    #[arg(long = "for", value_name = "GROUND")]
    pub ground: String,
    /// Write the openings to this file, a line for each leaf, for `creditbay log check-opening`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What is checked, and against which log.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A file that `creditbay log open --out` wrote
    pub file: PathBuf,
    /// The log: a folder of static files, or the URL of an auditors' door
    #[arg(long, value_name = "DIR|URL")]
    pub leaf_from: String,
    /// A later log of the same region, where leaves of a log that has ended were erased under that one; may be repeated
    #[arg(long, value_name = "DIR|URL")]
    pub later: Vec<String>,
    /// Who reads
    #[command(flatten)]
    pub auditor: AuditorArgs,
}

/// Runs `creditbay log open`.
pub async fn open(args: &OpenArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let sample = args.sample.as_deref().map(SampleFile::read).transpose()?;
    let (indices, fields) = match &sample {
        Some(sample) => (&sample.leaves, Field::ALL),
        None => (&args.indices, &[Field::Subject][..]),
    };
    let fields = if args.fields.is_empty() { fields } else { &args.fields };
    if sample.is_none() && indices.len() > MAX_SHOWN {
        return Err(UsageError(format!("{MAX_SHOWN} leaves are shown at a time at most")).into());
    }
    // Looked at first: what was shown is a leaf, whether or not it could be written down.
    if let Some(path) = args.out.as_deref().filter(|path| path.exists()) {
        bail!("{} exists; name another file for the openings", path.display());
    }
    let mut client = args.door.client()?;
    let (mut bytes, mut lines) = (Vec::new(), Vec::new());
    for part in indices.chunks(MAX_SHOWN) {
        let log = args.log.or(sample.as_ref().map(|sample| sample.log));
        let asked = serde_json::json!({ "indices": part, "fields": fields, "ground": args.ground, "log": log });
        let (reply, read) = shown(&mut client, &asked).await?;
        bytes.extend(reply);
        lines.extend(read);
    }
    if let Some(stranger) = sample.iter().find_map(|sample| lines.iter().find(|line| line.log != sample.log)) {
        bail!("the sample is of another log than this node's, {}; ask the node whose log it is", stranger.log);
    }
    if let Some(path) = &args.out {
        file::write_new(path, file::PRIVATE, &bytes)?;
    }
    for line in lines.iter().filter(|_| sample.is_none()) {
        if screen.is_json() {
            screen.json(line)?;
        } else {
            screen.line(told(line, None)?)?;
        }
    }
    if sample.is_some() && screen.is_json() {
        screen.json(&serde_json::json!({ "ok": true, "shown": lines.len(), "out": args.out }))?;
    }
    if let Some(path) = args.out.as_deref().filter(|_| !screen.is_json()) {
        let shown = count(lines.len() as u64, "opening");
        screen.line(format!("\n{shown} written to {}, readable by its owner alone.", path.display()))?;
    }
    Ok(Exit::Done)
}

/// Has a node show these leaves: its answer, and the lines in it.
async fn shown(client: &mut Client, asked: &serde_json::Value) -> anyhow::Result<(Vec<u8>, Vec<LeafOpening>)> {
    let headers = [("content-type", "application/json".to_owned())];
    let reply = client.post("/v1/openings", &headers, asked.to_string().into_bytes(), MAX_BYTES).await?;
    if reply.status != 200 {
        bail!("{} says {}: {}", client.door(), reply.status, Problem::of(&reply));
    }
    let lines = read_lines(&reply.body).with_context(|| format!("{} answers in another form", client.door()))?;
    Ok((reply.body, lines))
}

/// Runs `creditbay log check-opening`.
pub async fn check(args: &CheckArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let read = file::read_if_there(&args.file, MAX_BYTES as u64)?;
    let read = read.with_context(|| format!("{} does not exist; check the path", args.file.display()))?;
    let lines = read_lines(&read).with_context(|| format!("{}: no file of openings", args.file.display()))?;
    let mut log = Entries::open(&args.leaf_from, &args.auditor).await?;
    let mut later = Vec::new();
    for place in &args.later {
        later.push(Entries::open(place, &args.auditor).await?);
    }
    let mut refuted = 0u64;
    for line in &lines {
        let outcome = check_line(line, &mut log, &mut later).await?;
        refuted += u64::from(outcome.is_err());
        match (screen.is_json(), outcome) {
            (true, outcome) => {
                let fault = outcome.err();
                screen.json(&serde_json::json!({ "index": line.index, "ok": fault.is_none(), "fault": fault }))?;
            }
            (false, Ok(revealed)) => screen.line(told(line, Some(&revealed))?)?,
            (false, Err(fault)) => screen.line(format!("  leaf {}  REFUSED: {fault}", line.index))?,
        }
    }
    if !screen.is_json() {
        let said = if refuted == 0 { "All hold".to_owned() } else { format!("{} refused", count(refuted, "opening")) };
        screen.line(format!(
            "\n{said}, of {}, against the leaves of {} as they lie at {}; `creditbay log verify` says whether those are what the log signed.",
            count(lines.len() as u64, "opening"),
            log.origin,
            args.leaf_from
        ))?;
    }
    Ok(if refuted == 0 { Exit::Done } else { Exit::Refuted })
}

async fn check_line(
    line: &LeafOpening,
    log: &mut Entries,
    later: &mut [Entries],
) -> anyhow::Result<Result<Vec<Revealed>, String>> {
    if line.log != log.origin {
        return Ok(Err(format!("the opening is of log {}, the leaves are of {}", line.log, log.origin)));
    }
    let Some(leaf) = log.leaf(line.index).await? else {
        return Ok(Err(format!("the log has {} leaves, and so none of index {}", log.size, line.index)));
    };
    let held = line.check(&leaf);
    if let (Ok(_), Some((of, erasure))) = (&held, line.erasure()) {
        let Some(log) = std::iter::once(log).chain(later).find(|log| log.origin == of) else {
            return Ok(Err(format!("said to be erased by leaf {erasure} of {of}; give that log with --later")));
        };
        let Some(erasure) = log.leaf(erasure).await? else {
            return Ok(Err(format!("{of} has no leaf {erasure}, which is said to be the erasure")));
        };
        if let Err(fault) = line.check_erased(&erasure) {
            return Ok(Err(fault.to_string()));
        }
    }
    Ok(held.map_err(|fault: OpeningFault| fault.to_string()))
}

/// The entries of a log, a bundle of which is kept.
struct Entries {
    source: Source,
    origin: Origin,
    size: u64,
    bundles: BTreeMap<u64, Vec<u8>>,
    place: String,
}

impl Entries {
    async fn open(place: &str, auditor: &AuditorArgs) -> anyhow::Result<Self> {
        let mut source = Source::open(place, auditor)?;
        let unreadable = || format!("{place}: the checkpoint cannot be read");
        let note = Note::parse(&source.checkpoint().await?).with_context(unreadable)?;
        let Checkpoint { origin, size, .. } = Checkpoint::parse(&note.text).with_context(unreadable)?;
        Ok(Self { source, origin, size, bundles: BTreeMap::new(), place: place.to_owned() })
    }

    async fn leaf(&mut self, index: u64) -> anyhow::Result<Option<Leaf>> {
        if index >= self.size {
            return Ok(None);
        }
        let number = index / TILE_WIDTH;
        let width = u16::try_from((self.size - number * TILE_WIDTH).min(TILE_WIDTH))?;
        let path = TilePath { level: None, index: number, width };
        if !self.bundles.contains_key(&number) {
            let bundle = self.source.bytes(path).await?;
            self.bundles.clear();
            self.bundles.insert(number, bundle.with_context(|| format!("{}: {path} is missing", self.place))?);
        }
        let bundle = self.bundles.get(&number).map_or(&[][..], Vec::as_slice);
        let entries = decode_bundle(bundle, usize::from(width)).with_context(|| format!("{}: {path}", self.place))?;
        let entry = entries.get(usize::try_from(index % TILE_WIDTH)?).with_context(|| format!("{}: {path}", self.place))?;
        Ok(Some(Leaf::parse(entry).with_context(|| format!("{}: leaf {index}", self.place))?))
    }
}

/// The lines of a file of openings, at least one.
pub fn read_lines(text: &[u8]) -> anyhow::Result<Vec<LeafOpening>> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let lines: Vec<LeafOpening> = lines.map(serde_json::from_slice).collect::<Result<_, _>>()?;
    if lines.is_empty() { bail!("there is no opening in it") } else { Ok(lines) }
}

/// What one line says. Where it was not held against a leaf, the bytes are read as what the field should be.
fn told(line: &LeafOpening, revealed: Option<&[Revealed]>) -> anyhow::Result<Fields> {
    let mut fields = Fields::new();
    let of = line.shown_in.map(|log| format!(" of {log}")).unwrap_or_default();
    fields.add("leaf", format!("{} of {}, shown by leaf {}{of}", line.index, line.log, line.shown));
    match &line.holds {
        Held::Nothing => drop(fields.add("hides", "nothing of that kind")),
        Held::Erased { log, leaf, .. } => {
            let of = log.map(|log| format!(" of {log}")).unwrap_or_default();
            fields.add("erased", format!("by leaf {leaf}{of}, which has the time and the ground"));
        }
        Held::Fields(openings) => {
            for (number, opening) in openings.iter().enumerate() {
                let known = revealed.and_then(|revealed| revealed.get(number));
                let said = match known {
                    Some(revealed) => describe(revealed),
                    None => unchecked(opening.field, &base64_decode(&opening.bytes)?),
                };
                fields.add(opening.field.as_str(), said);
            }
        }
    }
    Ok(fields)
}

fn unchecked(field: Field, bytes: &[u8]) -> String {
    let revealed = match (field, bytes.len()) {
        (Field::Message, _) => wire::decode::<Query>(bytes, MAX_WIRE_BYTES).ok().map(|query| Revealed::Query(Box::new(query))),
        (Field::Subject, 0) => Some(Revealed::Nobody),
        (Field::Subject, 32) => wire::decode(bytes, 32).ok().map(Revealed::Report),
        (Field::Subject, _) => wire::decode(bytes, MAX_WIRE_BYTES).ok().map(Revealed::Subject),
        (Field::Operator, _) => wire::decode::<OperatorId>(bytes, MAX_WIRE_BYTES).ok().map(Revealed::Operator),
    };
    revealed.as_ref().map_or_else(|| format!("{} bytes; see --json, or check them against the leaf", bytes.len()), describe)
}

fn describe(revealed: &Revealed) -> String {
    match revealed {
        Revealed::Query(query) => {
            let subject = query.subject.entity().map_or_else(
                || "whoever brought the report".to_owned(),
                |subject| format!("{}:{}", subject.scheme(), subject.expose()),
            );
            let asked: Vec<_> = query.predicates.as_slice().iter().map(ToString::to_string).collect();
            format!("query about {subject}: {}", asked.join("; "))
        }
        Revealed::Answer(answer) => match &answer.reply {
            Reply::Answered(said) => {
                let truths: Vec<_> = said.verdicts.iter().map(|verdict| verdict.truth.to_string()).collect();
                format!("answer as of {}: {}", said.as_of, truths.join("; "))
            }
            Reply::Refused(refusal) => format!("refused: {refusal}"),
        },
        Revealed::Notice(notice) => format!("notice to {}: {} leaves of {}", notice.receiver, notice.leaves.len(), notice.log),
        Revealed::Ground(ground) => format!("shown for: {ground}"),
        Revealed::Subject(subject) => format!("{}:{}", subject.scheme(), subject.expose()),
        Revealed::Report(digest) => format!("the bearer of the report {digest}"),
        Revealed::Nobody => "a natural person, of whom nothing was kept".to_owned(),
        Revealed::Operator(operator) => operator.to_string(),
    }
}

fn read_field(text: &str) -> Result<Field, String> {
    let known = || Field::ALL.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ");
    Field::from_name(text).ok_or_else(|| format!("no field; one of {}", known()))
}

#[cfg(test)]
mod tests;
