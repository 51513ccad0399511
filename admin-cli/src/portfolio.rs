//! `creditbay portfolio`: declares about how many subjects an organisation means to ask, so that its node does not take it for one that
//! tries out identifiers.
//!
//! Not here: the subjects, and how many a rule pack admits; the node says so.

use anyhow::bail;
use clap::{Args, Subcommand};
use creditbay_crypto::hash::Digest;
use creditbay_protocol::predicate::Purpose;
use serde::{Deserialize, Serialize};

use crate::client::Problem;
use crate::exit::{Exit, HELP};
use crate::node::{ServicesDoor, ServicesPlace};
use crate::print::{Fields, Screen};
use crate::rules::read_purpose;

/// Bytes of an answer at most.
const MAX_BYTES: usize = 1 << 16;

/// Portfolios.
#[derive(Debug, Subcommand)]
pub enum PortfolioCommand {
    /// Declare a portfolio; questions name it with --portfolio
    #[command(after_help = HELP)]
    Declare(DeclareArgs),
}

/// What is declared.
#[derive(Debug, Args)]
pub struct DeclareArgs {
    /// The asking node
    #[command(flatten)]
    pub door: ServicesDoor,
    /// What for: FIN, PROC, INV, CUST, LIST, PROF, REG or RND
    #[arg(long, value_parser = read_purpose)]
    pub purpose: Purpose,
    /// About how many subjects at most
    #[arg(long, value_name = "N")]
    pub size: u32,
    /// For how many days
    #[arg(long, value_name = "N")]
    pub days: u32,
}

/// What the door says of a portfolio that it took.
#[derive(Serialize, Deserialize)]
struct Open {
    portfolio: Digest,
    purpose: Purpose,
    size: u32,
    until: String,
}

/// Runs a command.
pub async fn run(command: &PortfolioCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    let PortfolioCommand::Declare(args) = command;
    let ServicesPlace { mut client, headers, .. } = args.door.place()?;
    let body = serde_json::json!({ "purpose": args.purpose, "size": args.size, "days": args.days });
    let reply = client.post("/v1/portfolios", &headers, body.to_string().into_bytes(), MAX_BYTES).await?;
    if reply.status != 200 {
        bail!("{} says {}: {}", client.door(), reply.status, Problem::of(&reply));
    }
    let open: Open = serde_json::from_slice(&reply.body).map_err(|_| {
        anyhow::anyhow!("{} answers in another form than this program knows; use the node's own version", client.door())
    })?;
    if screen.is_json() {
        screen.json(&open)?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    fields.add("portfolio", open.portfolio).add("purpose", open.purpose).add("subjects", open.size).add("until", &open.until);
    screen.line(format!("{fields}\n\nName it in every question: creditbay query --portfolio {}", open.portfolio))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests;
