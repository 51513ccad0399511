//! `creditbay rules check`: whether a pack holds together, when it takes effect, and who signed it.
//!
//! Not here: the checks of a pack itself (`configs::rules`).

use std::path::PathBuf;

use clap::Args;
use creditbay_configs::endorsement;
use creditbay_configs::peers::Directory;
use creditbay_configs::rules::RulePack;
use creditbay_crypto::label::Label;
use creditbay_protocol::calendar::Day;
use creditbay_protocol::name::Region;

use crate::exit::Exit;
use crate::file;
use crate::print::{Fields, Screen};
use crate::trust;

use super::words::joined;

/// A rule pack and its signatures.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The rule pack
    pub file: PathBuf,
    /// The signatures over it
    #[arg(long, value_name = "FILE", requires = "network")]
    pub note: Option<PathBuf>,
    /// The network directory with the governance keys
    #[arg(long, value_name = "FILE")]
    pub network: Option<PathBuf>,
    /// The day for which to check; today if it is not said
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub on: Option<Day>,
}

/// Runs the command.
pub(super) fn run(args: &CheckArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let read = file::read_text(&args.file)?;
    let pack = match RulePack::parse(&args.file.display().to_string(), &read) {
        Ok(pack) => pack,
        Err(error) => return refuse(&[error.to_string()], screen),
    };
    let mut absent: Vec<Region> = Vec::new();
    let mut signed = "not checked (--note, --network)".to_owned();
    if let Some(network) = &args.network {
        let directory = trust::read(network)?;
        let mut faults = other_laws(&pack, &directory);
        absent = pack.regions().iter().copied().filter(|region| directory.entry(*region).is_none()).collect();
        if let Some(note) = &args.note {
            // As a node does: every region of the network signs, whether or not the pack names more.
            let regions: Vec<_> = directory.regions().iter().map(|entry| (entry.name, &entry.governance)).collect();
            match endorsement::verify(Label::RULES, &pack.digest(), file::read_text(note)?.as_bytes(), &regions) {
                Ok(endorsed) => {
                    signed = endorsed.signers().iter().map(|(_, signer)| signer.name().to_string()).collect::<Vec<_>>().join(", ")
                }
                Err(error) => faults.push(error.to_string()),
            }
        }
        if !faults.is_empty() {
            return refuse(&faults, screen);
        }
    }
    let day = super::on(args.on)?;
    let in_effect = super::not_yet(&pack, day).unwrap_or_else(|| format!("in effect since {}", pack.effective_from()));
    let proposals = pack.sections().iter().filter(|section| section.illustrative).count();
    if screen.is_json() {
        screen.json(&serde_json::json!({
            "ok": true, "id": pack.id(), "serial": pack.serial(), "digest": pack.digest(), "signed": signed,
            "effective_from": pack.effective_from(), "in_effect": pack.effective_from() <= day, "illustrative_sections": proposals, "absent": absent,
        }))?;
    } else {
        let mut fields = Fields::new();
        fields
            .add("pack", format!("{}, edition {}: holds", pack.id(), pack.serial()))
            .add("sha-256", pack.digest())
            .add("effect", in_effect)
            .add("proposals", format!("{proposals} of {} sections are ILL: proposals, not law", pack.sections().len()))
            .add("signed by", signed);
        if !absent.is_empty() {
            fields.add("elsewhere", format!("{}: in the pack, not in this network", joined(&absent)));
        }
        screen.line(fields)?;
    }
    Ok(Exit::Done)
}

/// Regions that the directory has under another law.
fn other_laws(pack: &RulePack, directory: &Directory) -> Vec<String> {
    let known = directory.regions().iter().filter_map(|entry| Some((entry, pack.law(entry.name)?)));
    known
        .filter(|(entry, law)| entry.law != *law)
        .map(|(entry, law)| {
            let (region, of) = (entry.name, entry.law);
            format!("region {region} is under {law} in the pack and under {of} in the network directory; correct one")
        })
        .collect()
}

fn refuse(faults: &[String], screen: &mut Screen) -> anyhow::Result<Exit> {
    if screen.is_json() {
        screen.json(&serde_json::json!({ "ok": false, "faults": faults }))?;
    } else {
        let plural = if faults.len() == 1 { "" } else { "s" };
        screen.line(format!("Refused, {} fault{plural}:\n  {}", faults.len(), faults.join("\n  ")))?;
    }
    Ok(Exit::Refuted)
}
