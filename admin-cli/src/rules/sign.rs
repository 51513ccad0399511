//! `creditbay rules sign`: one governance key's line in the note over a pack's digest.
//!
//! Not here: who must sign (network directory) and whether all have (`check`).

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
    let directory = args.network.as_deref().map(trust::read).transpose()?;
    let signer = endorse::signer(&args.key, &args.name)?;
    let listed = |key| {
        let mut regions = directory.iter().flat_map(|directory| directory.regions());
        regions.any(|region| region.governance.signers().contains(key))
    };
    if directory.is_some() && !listed(signer.verifier()) {
        bail!("the network directory lists no governance key {}; check --name and --key", signer.verifier());
    }
    let digest = pack.digest();
    let signing = Signing { label: Label::RULES, digest: &digest, key: &args.key, name: &args.name, note: &args.note };
    let Endorsed { note, already } = endorse::add(&signing)?;
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
