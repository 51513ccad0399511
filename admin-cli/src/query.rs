//! `creditbay query`: asks one question through a node's services' door, as a service does.
//!
//! The node decides whether the question may be asked; this program only writes it down and tells the answer.
//! Not here: what the answer means in law, and the proof's verification (`attestation`).

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use creditbay_configs::rules::phrase::{Asked, SHAPES};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::identifier::Scheme;
use creditbay_protocol::name::{OperatorId, Region};
use creditbay_protocol::predicate::{Predicate, Predicates, Purpose};
use serde::Deserialize;

use crate::attestation::kept;
use crate::authorisation::show;
use crate::client::{Client, Problem, Reply};
use crate::exit::{Exit, HELP, UsageError};
use crate::file;
use crate::host::Stopwatch;
use crate::node::{ServicesDoor, ServicesPlace};
use crate::print::{Fields, Screen};
use crate::rules::read_purpose;
use crate::trust;

/// Bytes of an answer at most: an attestation with two proofs has some 10 KiB.
const MAX_BYTES: usize = 1 << 20;

/// A question.
#[derive(Debug, Args)]
#[command(after_help = format!("{SHAPES}\n\n{HELP}"))]
pub struct QueryArgs {
    /// The asking node
    #[command(flatten)]
    pub door: ServicesDoor,
    /// What for: FIN, PROC, INV, CUST, LIST, PROF, REG or RND
    #[arg(long, value_parser = read_purpose)]
    pub purpose: Purpose,
    /// About whom: SCHEME:CODE, the scheme one of uscc, hk-brn, mo-entity, lei
    #[arg(long, value_name = "SCHEME:CODE", required_unless_present = "bearer")]
    pub subject: Option<String>,
    /// About whoever brought the report whose digest is given; nothing else says who that is
    #[arg(long, conflicts_with = "subject", requires = "issuer")]
    pub bearer: bool,
    /// A predicate, as below; one to eight
    #[arg(long, required = true, value_name = "PREDICATE")]
    pub ask: Vec<Asked>,
    /// Who asks, as the organisation's own staff number
    #[arg(long, value_name = "NAME", default_value = "cli")]
    pub operator: OperatorId,
    /// The region to ask; without it the code says which
    #[arg(long, value_name = "REGION")]
    pub issuer: Option<Region>,
    /// What the entity permitted, as `creditbay authorisation new` wrote it
    #[arg(long, value_name = "FILE")]
    pub authorisation: Option<PathBuf>,
    /// SHA-256 of the file that the subject brought, for hash_matches
    #[arg(long, value_name = "HEX", value_parser = read_digest, conflicts_with = "report")]
    pub digest: Option<Digest>,
    /// The file that the subject brought: it is hashed here and does not leave
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// The declared portfolio under which it is asked
    #[arg(long, value_name = "HEX", value_parser = read_digest)]
    pub portfolio: Option<Digest>,
    /// Keep the attestation in this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Verify the answer against this network directory (with --node: the node's own)
    #[arg(long, value_name = "FILE")]
    pub network: Option<PathBuf>,
}

/// What the door says when it has an answer.
#[derive(Deserialize)]
struct Answered {
    outcome: String,
    attestation: Attestation,
}

/// Runs the command.
pub async fn run(args: &QueryArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let body = question(args, screen)?;
    let ServicesPlace { mut client, headers, network } = args.door.place()?;
    let network = args.network.clone().or(network);
    let watch = Stopwatch::start();
    let reply = client.post("/v1/queries", &headers, body, MAX_BYTES).await?;
    let milliseconds = watch.milliseconds();
    if reply.status != 200 {
        return declined_or_failed(&reply, &client, screen);
    }
    let answered: Answered = serde_json::from_slice(&reply.body).map_err(|_| {
        anyhow::anyhow!("{} answers in another form than this program knows; use the node's own version", client.door())
    })?;
    if let Some(path) = &args.out {
        kept::save(&answered.attestation, path)?;
    }
    let faults = match &network {
        Some(path) => Some(answered.attestation.verify(&trust::read(path)?.known_logs()).err().unwrap_or_default()),
        None => None,
    };
    let verified = faults.as_ref().map(Vec::is_empty);
    let faults: Vec<String> = faults.unwrap_or_default().iter().map(ToString::to_string).collect();
    if screen.is_json() {
        screen.json(&serde_json::json!({
            "outcome": answered.outcome, "milliseconds": milliseconds, "verified": verified, "faults": faults, "saved": args.out,
            "attestation": answered.attestation,
        }))?;
    } else {
        kept::tell(&answered.attestation, screen)?;
        let checked = match verified {
            None => "not verified here; --network FILE, or `creditbay attestation verify`".to_owned(),
            Some(true) => "verified: query and answer stand in their logs".to_owned(),
            Some(false) => format!("does NOT verify: {}", faults.join("; ")),
        };
        screen.line(format!("\n  {checked}\n  {milliseconds} ms"))?;
        if let Some(path) = &args.out {
            screen.line(format!("  kept in {}", path.display()))?;
        }
    }
    Ok(match (verified, answered.outcome.as_str()) {
        (Some(false), _) => Exit::Refuted,
        (_, "answered") => Exit::Done,
        _ => Exit::Declined,
    })
}

/// Reads a digest.
pub fn read_digest(text: &str) -> Result<Digest, String> {
    Digest::from_hex(text).map_err(|error| error.to_string())
}

/// The question as the door reads it. The code is handed on as it was typed: the node judges it, and its log keeps what it refuses.
fn question(args: &QueryArgs, screen: &Screen) -> anyhow::Result<Vec<u8>> {
    let predicates: Vec<Predicate> = args.ask.iter().map(|asked| asked.0).collect();
    let predicates =
        Predicates::new(predicates).ok_or_else(|| UsageError("--ask: one to eight predicates in a question".to_owned()))?;
    let mut body = serde_json::json!({
        "purpose": args.purpose, "operator": args.operator, "subject": subject(args)?, "predicates": predicates,
    });
    if let Some(issuer) = args.issuer {
        body["issuer"] = serde_json::json!(issuer);
    }
    if let Some(path) = &args.authorisation {
        body["authorisation"] = serde_json::json!(show::read(path)?);
    }
    let digest = match &args.report {
        Some(path) => Some(file::digest(path, screen)?),
        None => args.digest,
    };
    if let Some(digest) = digest {
        body["digest"] = serde_json::json!(digest);
    }
    if let Some(portfolio) = args.portfolio {
        body["portfolio"] = serde_json::json!(portfolio);
    }
    serde_json::to_vec(&body).context("the question has no form in JSON")
}

fn subject(args: &QueryArgs) -> anyhow::Result<serde_json::Value> {
    if args.bearer {
        return Ok(serde_json::json!({ "scheme": "bearer" }));
    }
    let written = args.subject.as_deref().unwrap_or_default().split_once(':');
    let (scheme, value) = written
        .ok_or_else(|| UsageError("--subject: write SCHEME:CODE, the scheme one of uscc, hk-brn, mo-entity, lei".to_owned()))?;
    let scheme: Scheme = scheme.parse().map_err(|error| UsageError(format!("--subject: {error}")))?;
    Ok(serde_json::json!({ "scheme": scheme, "value": value }))
}

/// 403 is an outcome, everything else a failure that says what to do.
fn declined_or_failed(reply: &Reply, client: &Client, screen: &mut Screen) -> anyhow::Result<Exit> {
    let problem = Problem::of(reply);
    if reply.status != 403 {
        let next = match reply.status {
            400 => "correct the question",
            401 => "check the token (--token-file) and that the node knows its hash",
            404 => "name the region with --issuer",
            409 => "ask that region's own register: a node does not ask itself",
            502 => "tell the operators of both regions: the reply was refused",
            503 => "ask again later; `creditbay status` says what stopped the node",
            504 => "ask again later: the other region's node gave no answer in time",
            _ => "look at the node's own messages",
        };
        bail!("{} says {}: {problem}; {next}", client.door(), reply.status);
    }
    if screen.is_json() {
        screen.json(&serde_json::json!({
            "outcome": "declined", "reason": problem.reason, "detail": problem.detail, "leaf": problem.leaf,
        }))?;
    } else {
        let mut fields = Fields::new();
        fields.add("declined", problem.reason.as_deref().unwrap_or(&problem.title)).add("why", &problem.detail);
        if let Some(leaf) = problem.leaf {
            fields.add("recorded", format!("leaf {leaf} of this node's log"));
        }
        screen.line(format!("{fields}\n"))?;
        screen.line("Nothing was sent to another region. `creditbay rules explain` shows the rule.")?;
    }
    Ok(Exit::Declined)
}

#[cfg(test)]
pub(crate) mod tests;
