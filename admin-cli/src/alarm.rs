//! `creditbay trust show|restore|export|verify`: logs that gave cause for an alarm, the evidence, and the operator's decision.
//!
//! The evidence is a file that anybody verifies offline with the log's key alone. Not here: what suspends trust, which is the node's, and
//! suspending a peer by order (`creditbay rules suspend`).

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use creditbay_crypto::note::NoteVerifier;
use creditbay_protocol::fork::{Evidence, EvidenceFault, Finding};
use creditbay_protocol::name::Region;
use serde::{Deserialize, Serialize};

use crate::client::{Client, Problem, Reply};
use crate::exit::{Exit, HELP, UsageError};
use crate::file;
use crate::node::AdminDoor;
use crate::print::{Fields, Screen, Table};
use crate::trust;

/// Bytes of an answer at most.
const MAX_BYTES: usize = 4 << 20;

/// Trust in logs.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Show which logs gave cause for an alarm, and what was decided
    #[command(after_help = HELP)]
    Show(ShowArgs),
    /// Trust a peer's log again; a leaf of this node's log says so
    #[command(after_help = HELP)]
    Restore(RestoreArgs),
    /// Write the evidence of the alarms as files that anybody can verify
    #[command(after_help = HELP)]
    Export(ExportArgs),
    /// Verify a file of evidence, offline
    #[command(after_help = HELP)]
    Verify(VerifyArgs),
}

/// Whose alarms.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
    /// Only this peer's log: hk
    #[arg(long, value_name = "REGION")]
    pub peer: Option<Region>,
}

/// Whom to trust again, and why.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
    /// The peer whose log is trusted again: hk
    #[arg(long, value_name = "REGION")]
    pub peer: Region,
    /// Why, for those who ask later; its SHA-256 stands in the leaf
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Which evidence goes where.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
    /// Only of this peer's log: hk
    #[arg(long, value_name = "REGION")]
    pub peer: Option<Region>,
    /// The folder for the files
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// The file, and the key to verify it with.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The file of evidence
    pub file: PathBuf,
    /// The network directory that names the log's key
    #[arg(long, value_name = "FILE", required_unless_present = "vkey")]
    pub network: Option<PathBuf>,
    /// The log's verifier key, instead of --network
    #[arg(long, value_name = "VKEY", conflicts_with = "network")]
    pub vkey: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    log: String,
    peer: Option<Region>,
    suspended: Option<String>,
    cases: Vec<Case>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Case {
    number: u32,
    alarm: String,
    what: String,
    size: u64,
    since: String,
    evidence: String,
    decided: Option<Decision>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Decision {
    at: String,
    reason: String,
    leaf: u64,
}

/// Runs a command.
pub async fn run(command: &TrustCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        TrustCommand::Show(args) => show(args, screen).await,
        TrustCommand::Restore(args) => restore(args, screen).await,
        TrustCommand::Export(args) => export(args, screen).await,
        TrustCommand::Verify(args) => verify(args, screen),
    }
}

fn good(client: &Client, reply: Reply) -> anyhow::Result<Vec<u8>> {
    if reply.status != 200 {
        bail!("{} says {}: {}", client.door(), reply.status, Problem::of(&reply));
    }
    Ok(reply.body)
}

async fn list(client: &mut Client, peer: Option<Region>) -> anyhow::Result<Vec<Listed>> {
    let reply = client.get("/v1/trust", &[], MAX_BYTES).await?;
    let body = good(client, reply)?;
    let listed: Vec<Listed> = serde_json::from_slice(&body).map_err(|_| {
        anyhow::anyhow!("{} answers in another form than this program knows; use the node's own version", client.door())
    })?;
    let wanted =
        |listed: &Listed| peer.map_or(listed.peer.is_some() || !listed.cases.is_empty(), |peer| listed.peer == Some(peer));
    let listed: Vec<_> = listed.into_iter().filter(wanted).collect();
    match peer {
        Some(peer) if listed.is_empty() => bail!("{} knows no peer {peer}; `creditbay status` lists the peers", client.door()),
        _ => Ok(listed),
    }
}

async fn show(args: &ShowArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let listed = list(&mut args.door.client()?, args.peer).await?;
    if screen.is_json() {
        screen.json(&serde_json::to_value(&listed)?)?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["log", "trust"]);
    for log in &listed {
        let trust = log.suspended.as_ref().map_or_else(|| "good".to_owned(), |why| format!("suspended: {why}"));
        table.row(vec![log.log.clone(), trust]);
    }
    screen.line(table)?;
    for (log, case) in listed.iter().flat_map(|log| log.cases.iter().map(move |case| (log, case))) {
        let decided = match &case.decided {
            None => "not yet; creditbay trust restore --peer REGION --reason TEXT".to_owned(),
            Some(Decision { at, reason, leaf }) => format!("trusted again at {at}, leaf {leaf}: {reason}"),
        };
        let mut fields = Fields::new();
        fields
            .add("case", format!("{} of {}, {} at size {}", case.number, log.log, case.alarm, case.size))
            .add("what", &case.what)
            .add("since", &case.since)
            .add("evidence", format!("SHA-256 {}; creditbay trust export --out DIR", case.evidence))
            .add("decided", decided);
        screen.line(format!("\n{fields}"))?;
    }
    Ok(Exit::Done)
}

async fn restore(args: &RestoreArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    #[derive(Deserialize)]
    struct Decided {
        leaf: u64,
    }
    let mut client = args.door.client()?;
    let body = serde_json::json!({ "peer": args.peer, "reason": args.reason });
    let headers = [("content-type", "application/json".to_owned())];
    let reply = client.post("/v1/trust/decisions", &headers, body.to_string().into_bytes(), MAX_BYTES).await?;
    let Decided { leaf } = serde_json::from_slice(&good(&client, reply)?).context("the node's answer cannot be read")?;
    if screen.is_json() {
        screen.json(&serde_json::json!({ "peer": args.peer, "reason": args.reason, "leaf": leaf }))?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    fields.add("trusted again", args.peer).add("recorded", format!("leaf {leaf} of this node's log"));
    screen.line(fields)?;
    Ok(Exit::Done)
}

async fn export(args: &ExportArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let mut client = args.door.client()?;
    let mut written = Vec::new();
    for log in list(&mut client, args.peer).await? {
        for case in &log.cases {
            let path = format!("/v1/trust/evidence?log={}&case={}", log.log, case.number);
            let reply = client.get(&path, &[], MAX_BYTES).await?;
            let body = good(&client, reply)?;
            std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
            let name = format!("{}-case-{}.evidence.json", log.log.replace('/', "-"), case.number);
            let file = args.out.join(name);
            std::fs::write(&file, body).with_context(|| file.display().to_string())?;
            written.push(file.display().to_string());
        }
    }
    if screen.is_json() {
        screen.json(&serde_json::json!({ "written": written }))?;
        return Ok(Exit::Done);
    }
    match written.as_slice() {
        [] => screen.line("There is no evidence: no log gave cause for an alarm.")?,
        files => {
            screen.line(format!("{}\n\nVerify each: creditbay trust verify FILE --network network.toml", files.join("\n")))?
        }
    }
    Ok(Exit::Done)
}

fn verify(args: &VerifyArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let text = file::read_text(&args.file)?;
    let evidence: Evidence = serde_json::from_str(&text).with_context(|| {
        format!("{}: not a file of evidence; take it as `creditbay trust export` wrote it", args.file.display())
    })?;
    let key = key_for(args, &evidence)?;
    let found = evidence.verify(&key);
    if screen.is_json() {
        let fault = found.as_ref().err().map(ToString::to_string);
        let fork = found.as_ref().is_ok_and(Finding::is_fork);
        let says = found.as_ref().ok().map(says);
        screen.json(
            &serde_json::json!({ "verified": found.is_ok(), "fork": fork, "says": says, "fault": fault, "log": evidence.log }),
        )?;
        return Ok(if found.is_ok() { Exit::Done } else { Exit::Refuted });
    }
    match found {
        Ok(finding) => {
            let mut fields = Fields::new();
            fields.add("log", key.name()).add("key", &key).add("verified", says(&finding));
            screen.line(fields)?;
            Ok(Exit::Done)
        }
        Err(fault) => {
            screen.line(format!("Refused: {fault}"))?;
            Ok(Exit::Refuted)
        }
    }
}

/// The key that the verifier knows for the log: its own, or the directory's.
fn key_for(args: &VerifyArgs, evidence: &Evidence) -> anyhow::Result<NoteVerifier> {
    match (&args.vkey, &args.network) {
        (Some(vkey), _) => NoteVerifier::parse(vkey).map_err(|error| UsageError(format!("--vkey: {error}")).into()),
        (None, Some(network)) => {
            let directory = trust::read(network)?;
            let named = |log: &str| evidence.log.split('+').next() == Some(log);
            let entry = directory.regions().iter().find(|entry| named(entry.log.name().as_str()));
            entry.map(|entry| entry.log.clone()).with_context(|| format!("{}: {}", network.display(), EvidenceFault::OtherKey))
        }
        (None, None) => Err(UsageError("name the log's key: --network FILE or --vkey VKEY".to_owned()).into()),
    }
}

fn says(finding: &Finding) -> String {
    match finding {
        Finding::TwoRoots { size, roots: [first, second] } => format!(
            "FORK: both notes are signed by the log's key and have one size, {size}, and two roots, {} and {}",
            first.to_base64(),
            second.to_base64()
        ),
        Finding::TwoLeaves { index, sizes: [first, second] } => {
            format!(
                "FORK: the trees of size {first} and {second}, both signed by the log's key, have different leaves at {index}"
            )
        }
        Finding::Unproved { sizes: [first, second], proof } => format!(
            "no fork is proved: both notes are signed by the log's key, sizes {first} and {second}, and the proof between them does not hold ({proof})"
        ),
    }
}
