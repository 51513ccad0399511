//! `creditbay attestation proof`: the bare `.tlog-proof` and the leaf's bytes, as other people's tools take them.
//!
//! Neither says whom the answer is about: a leaf holds commitments. Not here: verifying them.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use crate::exit::Exit;
use crate::file;
use crate::print::{Fields, Screen};

use super::kept;

/// An attestation and where its proof goes.
#[derive(Debug, Args)]
pub struct ProofArgs {
    /// The .attestation.json file
    pub file: PathBuf,
    /// The folder for the two files; by default the one of the attestation
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The query's proof and leaf instead of the answer's
    #[arg(long)]
    pub query: bool,
}

/// Writes both.
pub fn run(args: &ProofArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let attestation = kept::read(&args.file)?;
    let mut faults = Vec::new();
    let opened = attestation.open(&mut faults);
    let Some(opened) = opened.filter(|_| faults.is_empty()) else {
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        bail!("{}: {}; no leaf can be made of it", args.file.display(), told.join("; "));
    };
    let (leaf, sealed, part) = match args.query {
        true => (opened.query_leaf, &attestation.query, "query"),
        false => (opened.answer_leaf, &attestation.answer, "answer"),
    };
    let folder = args.out.clone().or_else(|| args.file.parent().map(Path::to_owned)).unwrap_or_default();
    // The file's name may be the subject's identifier; the leaf's hash says nothing.
    let stem = leaf.hash().to_string();
    let [proof, bytes] = ["tlog-proof", "leaf"].map(|extension| folder.join(format!("{stem}.{extension}")));
    file::write(&proof, file::PUBLIC, sealed.tlog_proof.as_bytes())?;
    file::write(&bytes, file::PUBLIC, &leaf.bytes())?;
    if screen.is_json() {
        screen.json(&serde_json::json!({
            "part": part, "leaf_hash": leaf.hash(), "log": sealed.log, "proof": proof, "leaf": bytes,
        }))?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    fields
        .add("proof", proof.display())
        .add("leaf", bytes.display())
        .add("log", sealed.log)
        .add("leaf hash", format!("{} (SHA-256 of 0x00 and the leaf's bytes)", leaf.hash()));
    screen.line(format!("Wrote the {part}'s proof, not verified:\n\n{fields}"))?;
    Ok(Exit::Done)
}
