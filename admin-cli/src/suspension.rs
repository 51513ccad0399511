//! `creditbay rules suspend` and `resume`: the operator's word that a peer is not answered, or a type neither asked nor answered, whatever the
//! rule pack admits.
//!
//! Not here: what a suspension forbids, which is the node's, and how trust in a log is suspended, which no operator orders.

use anyhow::bail;
use clap::{Args, Subcommand};
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::AttestationType;
use serde::Deserialize;

use crate::authorisation::grant::read_type;
use crate::client::Problem;
use crate::exit::{Exit, HELP};
use crate::node::AdminDoor;
use crate::print::{Fields, Screen};

/// Bytes of an answer at most.
const MAX_BYTES: usize = 1 << 16;

/// Suspensions.
#[derive(Debug, Subcommand)]
pub enum SuspensionCommand {
    /// Suspend a peer or a type at a running node, at once
    #[command(after_help = HELP)]
    Suspend(SuspensionArgs),
    /// Lift the suspension of a peer or a type
    #[command(after_help = HELP)]
    Resume(SuspensionArgs),
}

/// What is suspended, and where.
#[derive(Debug, Args)]
pub struct SuspensionArgs {
    /// The node
    #[command(flatten)]
    pub door: AdminDoor,
    /// A type of attestation: TAX_GRADE
    #[arg(long = "type", value_name = "TYPE", value_parser = read_type, conflicts_with = "peer", required_unless_present = "peer")]
    pub of: Option<AttestationType>,
    /// A peer: hk
    #[arg(long, value_name = "REGION")]
    pub peer: Option<Region>,
}

/// What the node says that took it.
#[derive(Deserialize)]
struct Taken {
    leaf: u64,
}

/// Runs a command.
pub async fn run(command: &SuspensionCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    let (args, in_force) = match command {
        SuspensionCommand::Suspend(args) => (args, true),
        SuspensionCommand::Resume(args) => (args, false),
    };
    let mut client = args.door.client()?;
    let (body, what) = match (args.of, args.peer) {
        (Some(of), _) => (serde_json::json!({ "type": of, "in_force": in_force }), format!("type {of}")),
        (None, peer) => (
            serde_json::json!({ "peer": peer, "in_force": in_force }),
            format!("peer {}", peer.map(|peer| peer.to_string()).unwrap_or_default()),
        ),
    };
    let headers = [("content-type", "application/json".to_owned())];
    let reply = client.post("/v1/suspensions", &headers, body.to_string().into_bytes(), MAX_BYTES).await?;
    if reply.status != 200 {
        bail!("{} says {}: {}", client.door(), reply.status, Problem::of(&reply));
    }
    let Taken { leaf } = serde_json::from_slice(&reply.body).map_err(|_| {
        anyhow::anyhow!("{} answers in another form than this program knows; use the node's own version", client.door())
    })?;
    if screen.is_json() {
        screen.json(&serde_json::json!({ "type": args.of, "peer": args.peer, "in_force": in_force, "leaf": leaf }))?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    fields.add(if in_force { "suspended" } else { "resumed" }, what).add("recorded", format!("leaf {leaf} of this node's log"));
    screen.line(fields)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests;
