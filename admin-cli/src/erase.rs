//! `creditbay erase`: destroys what opens leaves of a running node's log, or what is recorded of a subject, on a ground that the log keeps.
//!
//! Not here: how it is destroyed, and how the other side is told; both are the node's.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{ArgGroup, Args};
use creditbay_protocol::calendar::Day;
use creditbay_protocol::erasure::ErasureGround;
use creditbay_protocol::identifier::Scheme;
use creditbay_protocol::name::Origin;
use serde::Deserialize;

use crate::client::{Problem, Reply};
use crate::exit::{Exit, HELP, UsageError};
use crate::node::AdminDoor;
use crate::print::{self, Fields, Screen, Table, count};

/// Bytes of an answer, and of one line of it, at most.
const MAX_BYTES: usize = 1 << 20;
/// Bytes of a file with a person's number that are read.
const MAX_NUMBER_BYTES: u64 = 256;

/// What is erased, and why.
#[derive(Debug, Args)]
#[command(after_help = HELP, group(ArgGroup::new("what").required(true)))]
pub struct EraseArgs {
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
    /// All exchanges about a subject, or with --records what is recorded of it: SCHEME:CODE, the scheme one of uscc, hk-brn, mo-entity, lei
    #[arg(long, value_name = "SCHEME:CODE", group = "what")]
    pub subject: Option<String>,
    /// All leaves of before a day, UTC+8: 2026-01-31
    #[arg(long, value_name = "DATE", group = "what")]
    pub before: Option<Day>,
    /// One leaf, by its index in the node's current log, or in the one named by --log
    #[arg(long, value_name = "INDEX", group = "what")]
    pub index: Option<u64>,
    /// The log of that leaf, where it is one before the current one: gz.creditbay/log/1; the rest looks through every log
    #[arg(long, value_name = "ORIGIN", requires = "index")]
    pub log: Option<Origin>,
    /// What is recorded of a natural person, whose number is all that this file holds; - reads it from standard input
    #[arg(long, value_name = "FILE", group = "what", conflicts_with = "records")]
    pub person_from: Option<PathBuf>,
    /// Erase the subject's records and reports, and not what opens leaves
    #[arg(long, requires = "subject", conflicts_with_all = ["before", "index", "outstanding", "force_early"])]
    pub records: bool,
    /// Erase nothing; show which notices the other sides have not acknowledged, and how retention stands
    #[arg(long, group = "what")]
    pub outstanding: bool,
    /// On which ground: subject_request, order or retention_over
    #[arg(long, value_name = "GROUND", value_parser = read_ground, required_unless_present = "outstanding", conflicts_with = "outstanding")]
    pub ground: Option<ErasureGround>,
    /// Erase also answers that may still be used: the other side is told first, and the bytes go once it has acknowledged
    #[arg(long)]
    pub force_early: bool,
}

/// What was erased, in the node's words.
#[derive(Debug, Deserialize)]
struct Done {
    leaves: Vec<u64>,
    exchanges: u64,
    receipts: u64,
    told: u64,
    waits_for_peers: bool,
    keys_destroyed: u64,
    sealed_anew: u64,
}

/// Which records were erased, in the node's words.
#[derive(Debug, Deserialize)]
struct RecordsDone {
    leaf: Option<u64>,
    records: u64,
    reports: u64,
    persons: u64,
    keys_destroyed: u64,
}

/// A line of the node's answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Progress { leaves: u64, of: u64 },
    Working,
    Done(serde_json::Value),
    RecordsDone(serde_json::Value),
    Failed(Problem),
}

/// How erasure stands.
#[derive(Debug, Deserialize)]
pub struct Standing {
    pending: Option<u64>,
    outstanding: Vec<Outstanding>,
    retention_done: Option<Day>,
    retention_erased: u64,
    retention_failed: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Outstanding {
    peer: String,
    notices: u64,
    oldest_leaf: u64,
}

/// Runs the command.
pub async fn run(args: &EraseArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    if args.outstanding {
        return outstanding(args, screen).await;
    }
    let mut client = args.door.client()?;
    let headers = [("content-type", "application/json".to_owned())];
    let mut stream = client.post_bytes("/v1/erasures", &headers, body(args)?.to_string().into_bytes()).await?;
    if stream.status != 200 {
        let status = stream.status;
        let reply: Reply = stream.whole(MAX_BYTES).await?;
        bail!("{} says {status}: {}", client.door(), Problem::of(&reply));
    }
    let bar = print::progress(screen, 0, "looking through the log [{bar:40}] {pos}/{len} leaves");
    let (mut held, mut done, mut of_records) = (Vec::new(), None, false);
    while let Some(piece) = stream.next().await? {
        held.extend_from_slice(&piece);
        if held.len() > MAX_BYTES {
            bail!("{} answers with a line of more than {MAX_BYTES} bytes; use the node's own version", client.door());
        }
        while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = held.drain(..=end).collect();
            let line = serde_json::from_slice(&line)
                .with_context(|| format!("{} answers in another form than this program knows", client.door()))?;
            match line {
                Line::Progress { leaves, of } => {
                    bar.set_length(of);
                    bar.set_position(leaves);
                }
                Line::Working => {}
                Line::Done(said) => done = Some(said),
                Line::RecordsDone(said) => (done, of_records) = (Some(said), true),
                Line::Failed(problem) => bail!("{}{problem}", before(&problem)),
            }
        }
    }
    bar.finish_and_clear();
    let said = done.with_context(|| {
        format!("{} ended its answer early; what was logged is carried through: see `creditbay status`", client.door())
    })?;
    if screen.is_json() {
        screen.json(&said)?;
    } else if of_records {
        tell_records(&serde_json::from_value(said)?, screen)?;
    } else {
        tell(&serde_json::from_value(said)?, screen)?;
    }
    Ok(Exit::Done)
}

/// What a refusal leaves undone. Where the log stopped, nobody knows whether the leaf is durable; the next start does.
fn before(problem: &Problem) -> &'static str {
    match problem.kind.as_str() {
        "bad_request" | "still_usable" | "under_way" | "no_leaf" | "no_log" | "bad_ground" => "nothing was erased. ",
        _ => "not finished; what the log says by then is carried through when the node starts again. ",
    }
}

fn body(args: &EraseArgs) -> anyhow::Result<serde_json::Value> {
    let subject = args.subject.as_deref().map(read_subject).transpose()?;
    let person = args.person_from.as_deref().map(read_person).transpose()?;
    Ok(serde_json::json!({
        "index": args.index, "log": args.log, "before": args.before, "ground": args.ground, "force_early": args.force_early,
        "records": args.records, "person": person,
        "subject": subject.map(|(scheme, code)| serde_json::json!({ "scheme": scheme.as_str(), "identifier": code })),
    }))
}

fn tell(done: &Done, screen: &mut Screen) -> anyhow::Result<()> {
    if done.leaves.is_empty() {
        return screen.line("Nothing was found that had to be erased; nothing was logged.");
    }
    let leaves: Vec<_> = done.leaves.iter().map(ToString::to_string).collect();
    let mut fields = Fields::new();
    fields
        .add("erased", format!("what opens {}, and {}", leaves_of(done.exchanges), count(done.receipts, "receipt")))
        .add("recorded", format!("leaf {} of this node's log", leaves.join(", ")))
        .add(
            "keys",
            format!("{} destroyed, {} sealed anew", count(done.keys_destroyed, "key"), count(done.sealed_anew, "value")),
        );
    if done.told > 0 {
        fields.add("other side", format!("is told of {}; see --outstanding", count(done.told, "exchange")));
    }
    screen.line(fields)?;
    if done.waits_for_peers {
        screen.line("\nSome of it could still be used: the bytes are destroyed once the other side has acknowledged.")?;
    }
    screen.line(
        "\nWhat services were given as answers lies outside the nodes, as do copies of the data directory made before; neither is erased by this.",
    )
}

fn tell_records(done: &RecordsDone, screen: &mut Screen) -> anyhow::Result<()> {
    let Some(leaf) = done.leaf else {
        return screen.line("Nothing is recorded of it; nothing was logged.");
    };
    let erased = [(done.records, "record"), (done.reports, "report"), (done.persons, "row about a person")];
    let erased: Vec<_> =
        erased.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} x {what}")).collect();
    let mut fields = Fields::new();
    fields
        .add("erased", erased.join(", "))
        .add("recorded", format!("leaf {leaf} of this node's log"))
        .add("keys", format!("{} destroyed", count(done.keys_destroyed, "key")));
    screen.line(fields)?;
    screen.line(
        "\nA file that holds them brings them back when it is imported. What opens leaves about the subject is erased without --records.",
    )
}

async fn outstanding(args: &EraseArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let mut client = args.door.client()?;
    let reply = client.get("/v1/erasures", &[], MAX_BYTES).await?;
    if reply.status != 200 {
        bail!("{} says {}: {}", client.door(), reply.status, Problem::of(&reply));
    }
    let said: serde_json::Value = serde_json::from_slice(&reply.body)?;
    if screen.is_json() {
        screen.json(&said)?;
        return Ok(Exit::Done);
    }
    let standing: Standing = serde_json::from_value(said).context("the node answers in another form; use its own version")?;
    screen.line(fields(&standing))?;
    if !standing.outstanding.is_empty() {
        screen.line(format!("\n{}", table(&standing)))?;
    }
    Ok(Exit::Done)
}

fn leaves_of(number: u64) -> String {
    if number == 1 { "1 leaf".to_owned() } else { format!("{number} leaves") }
}

/// How erasure stands, in two lines.
pub fn fields(standing: &Standing) -> Fields {
    let notices: u64 = standing.outstanding.iter().map(|of| of.notices).sum();
    let pending = standing.pending.map_or_else(|| "unknown".to_owned(), |pending| format!("{pending} not carried through yet"));
    let retention = match (&standing.retention_failed, standing.retention_done) {
        (Some(failed), _) => format!("LAGS: {failed}"),
        (None, Some(day)) => format!("done on {day}, {} erased since the start", standing.retention_erased),
        (None, None) => "has not run yet".to_owned(),
    };
    let mut fields = Fields::new();
    fields.add("erasures", format!("{pending}, {} not acknowledged", count(notices, "notice"))).add("retention", retention);
    fields
}

fn table(standing: &Standing) -> Table {
    let mut table = Table::new(&["peer", ">notices", ">oldest leaf"]);
    for Outstanding { peer, notices, oldest_leaf } in &standing.outstanding {
        table.row(vec![peer.clone(), notices.to_string(), oldest_leaf.to_string()]);
    }
    table
}

/// A number from a file: on the command line all who see the list of processes would read it.
fn read_person(file: &Path) -> anyhow::Result<String> {
    let mut number = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(MAX_NUMBER_BYTES).read_to_string(&mut number)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_NUMBER_BYTES).read_to_string(&mut number))
    };
    read.with_context(|| format!("--person-from {}: cannot be read", file.display()))?;
    Ok(number.trim().to_owned())
}

fn read_subject(text: &str) -> anyhow::Result<(Scheme, &str)> {
    let (scheme, code) = text
        .split_once(':')
        .ok_or_else(|| UsageError("--subject: write SCHEME:CODE, the scheme one of uscc, hk-brn, mo-entity, lei".to_owned()))?;
    let scheme = scheme.parse().map_err(|error| UsageError(format!("--subject: {error}")))?;
    Ok((scheme, code))
}

fn read_ground(text: &str) -> Result<ErasureGround, String> {
    match ErasureGround::from_name(text) {
        Some(ErasureGround::PeerNotice) | None => Err("no ground; one of subject_request, order, retention_over".to_owned()),
        Some(ground) => Ok(ground),
    }
}

#[cfg(test)]
mod tests;
