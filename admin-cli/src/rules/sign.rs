//! `creditbay rules sign`: one governance key's line in the note over a pack's digest.
//!
//! Not here: who must sign (network directory) and whether all have (`check`).

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use creditbay_configs::endorsement;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, KeyName, Note, NoteSigner};

use crate::exit::Exit;
use crate::file;
use crate::print::{Fields, Screen};
use crate::trust;

/// A rule pack and a governance key.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The rule pack; one that does not hold together is not signed
    pub file: PathBuf,
    /// The governance key: PKCS#8 in PEM, mode 0600
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The key's name, as in the network directory
    #[arg(long, value_name = "NAME")]
    pub name: KeyName,
    /// The note; made if there is none, otherwise it gets one more line
    #[arg(long, value_name = "FILE")]
    pub note: PathBuf,
    /// The network directory: only a key that it lists signs, and who is still missing is told
    #[arg(long, value_name = "FILE")]
    pub network: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(args: &SignArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let pack = super::read(&args.file)?;
    let text = endorsement::text(Label::RULES, &pack.digest());
    let signer = NoteSigner::new(args.name.clone(), KeyKind::Ed25519, file::read_key(&args.key)?);
    let directory = args.network.as_deref().map(trust::read).transpose()?;
    let listed = |key| {
        let mut regions = directory.iter().flat_map(|directory| directory.regions());
        regions.any(|region| region.governance.signers().contains(key))
    };
    if directory.is_some() && !listed(signer.verifier()) {
        bail!("the network directory lists no governance key {}; check --name and --key", signer.verifier());
    }
    let mut note = match file::read_if_there(&args.note, file::MAX_TEXT_BYTES)? {
        None => Note { text: text.clone(), lines: Vec::new() },
        Some(bytes) => Note::parse(&bytes).with_context(|| format!("{} is no signed note", args.note.display()))?,
    };
    if note.text != text {
        bail!("{} is over another file, or another edition of this one; write to a new note", args.note.display());
    }
    let line = signer.sign(&text)?;
    let already = note.lines.contains(&line);
    if !already {
        note.lines.push(line);
        file::write(&args.note, file::PUBLIC, note.to_string().as_bytes())?;
    }
    let missing = directory.map(|directory| {
        let regions: Vec<_> = directory.regions().iter().map(|entry| (entry.name, &entry.governance)).collect();
        let verified = endorsement::verify(Label::RULES, &pack.digest(), note.to_string().as_bytes(), &regions);
        verified.map_or_else(|error| error.to_string(), |_| "nobody: every region of the network has signed".to_owned())
    });
    if screen.is_json() {
        screen.json(&serde_json::json!({
            "id": pack.id(), "digest": pack.digest(), "signed": args.name.as_str(), "already": already,
            "lines": note.lines.len(), "missing": missing,
        }))?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    fields
        .add("pack", format!("{}, edition {}", pack.id(), pack.serial()))
        .add("sha-256", pack.digest())
        .add(if already { "signed before" } else { "signed" }, format!("{} in {}", args.name.as_str(), args.note.display()));
    if let Some(missing) = missing {
        fields.add("missing", missing);
    }
    screen.line(fields)?;
    Ok(Exit::Done)
}
