//! `creditbay attestation`: shows an answer that was kept, verifies it, takes its proof out, and renews that.
//!
//! Verification needs the file and whom to believe, nothing else: no node is asked. Not here: the checks
//! (`protocol::attestation`, `protocol::third_party`).

pub mod kept;
pub mod proof;
pub mod refresh;
pub mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::exit::{Exit, HELP};
use crate::print::Screen;

use self::proof::ProofArgs;
use self::refresh::RefreshArgs;
use self::verify::VerifyArgs;

/// Answers that were kept.
#[derive(Debug, Subcommand)]
pub enum AttestationCommand {
    /// Show what an attestation says; nothing is verified
    Show(ShowArgs),
    /// Verify an attestation offline; every fault is listed
    #[command(after_help = HELP)]
    Verify(VerifyArgs),
    /// Write an attestation's bare proof and leaf, for other tools; neither says whom it is about
    Proof(ProofArgs),
    /// Put a newer cosigned checkpoint of the issuer's published log in place of the one in an attestation
    #[command(after_help = HELP)]
    Refresh(RefreshArgs),
}

/// An attestation.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The .attestation.json file
    pub file: PathBuf,
}

/// Runs a command.
pub async fn run(command: &AttestationCommand, screen: &mut Screen) -> anyhow::Result<Exit> {
    match command {
        AttestationCommand::Show(args) => show(args, screen),
        AttestationCommand::Verify(args) => verify::run(args, screen),
        AttestationCommand::Proof(args) => proof::run(args, screen),
        AttestationCommand::Refresh(args) => refresh::run(args, screen).await,
    }
}

fn show(args: &ShowArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let attestation = kept::read(&args.file)?;
    if screen.is_json() {
        screen.json(&serde_json::json!({ "verified": null, "id": attestation.id, "content": attestation.content }))?;
    } else {
        kept::tell(&attestation, screen)?;
        screen.line("\n  not verified; `creditbay attestation verify` does that")?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
pub(crate) mod tests;
