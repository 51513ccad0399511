//! `creditbay network sign`: one governance key's line in the note over a network directory.
//!
//! Who signs agrees to all of it, to the ranges of other regions' logs, too, that it calls lost: those are told first. Not here: writing a
//! directory, and acting on one (`node`).

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use creditbay_configs::endorsement;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::KeyName;

use crate::endorse::{self, Endorsed, Signing};
use crate::exit::Exit;
use crate::print::{Fields, Screen};
use crate::trust;

/// A directory and a governance key.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The network directory; one that does not hold together is not signed
    pub file: PathBuf,
    /// The governance key: PKCS#8 in PEM, mode 0600
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// The key's name, as in the directory
    #[arg(long, value_name = "NAME")]
    pub name: KeyName,
    /// The note; made if there is none, otherwise it gets one more line
    #[arg(long, value_name = "FILE")]
    pub note: PathBuf,
}

/// Runs the command.
pub fn run(args: &SignArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let directory = trust::read(&args.file)?;
    let signer = endorse::signer(&args.key, &args.name)?;
    if !directory.regions().iter().any(|region| region.governance.signers().contains(signer.verifier())) {
        bail!("the directory lists no governance key {}; check --name and --key", signer.verifier());
    }
    let digest = directory.digest();
    let signing = Signing { label: Label::NETWORK, digest, key: &args.key, name: &args.name, note: &args.note };
    let Endorsed { note, already } = endorse::add(&signing)?;
    let regions: Vec<_> = directory.regions().iter().map(|entry| (entry.name, &entry.governance)).collect();
    let verified = endorsement::verify(Label::NETWORK, digest, note.to_string().as_bytes(), &regions);
    let missing = verified.map_or_else(|error| error.to_string(), |_| "nobody: every region has signed".to_owned());
    let orphaned: Vec<_> = directory.orphaned().map(|(region, range)| format!("{region}: {range}")).collect();
    if screen.is_json() {
        screen.json(&serde_json::json!({
            "serial": directory.serial(), "digest": digest, "signed": args.name.as_str(), "already": already,
            "lines": note.lines.len(), "missing": missing, "orphaned": orphaned,
        }))?;
        return Ok(Exit::Done);
    }
    let mut fields = Fields::new();
    fields
        .add("directory", format!("edition {}", directory.serial()))
        .add("sha-256", digest)
        .add(if already { "signed before" } else { "signed" }, format!("{} in {}", args.name.as_str(), args.note.display()));
    for range in orphaned {
        fields.add("given up", range);
    }
    fields.add("missing", missing);
    screen.line(fields)?;
    Ok(Exit::Done)
}
