//! `creditbay authorisation show`: what an authorisation permits, in words for people, and what a node would find wrong with it.
//!
//! The faults are those that nodes look for (PROTOCOL 28.1), all of them and not only the first. Not here: whether it was withdrawn or used,
//! which only the nodes know.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use creditbay_configs::peers::Directory;
use creditbay_protocol::authorisation::SignedAuthorisation;
use creditbay_protocol::calendar::Millis;

use crate::exit::Exit;
use crate::file;
use crate::host;
use crate::print::{Fields, Screen, count};
use crate::trust;

/// An authorisation.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The authorisation
    pub file: PathBuf,
    /// Verify it with the channels of this network directory
    #[arg(long, value_name = "FILE")]
    pub network: Option<PathBuf>,
}

/// What is known about an authorisation.
pub enum Verified {
    /// No directory was given.
    Unknown,
    /// The nodes of the directory would take it.
    Good,
    /// They would not, for these reasons.
    Wrong(Vec<String>),
}

/// Runs the command.
pub fn run(args: &ShowArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let signed = read(&args.file)?;
    let verified = match &args.network {
        None => Verified::Unknown,
        Some(path) => {
            let faults = faults(&trust::read(path)?, &signed, host::now()?);
            if faults.is_empty() { Verified::Good } else { Verified::Wrong(faults) }
        }
    };
    if screen.is_json() {
        let (known, faults) = match &verified {
            Verified::Unknown => (None, &Vec::new()),
            Verified::Good => (Some(true), &Vec::new()),
            Verified::Wrong(faults) => (Some(false), faults),
        };
        screen.json(&serde_json::json!({
            "file": args.file, "digest": signed.authorisation.digest(), "verified": known, "faults": faults,
            "authorisation": signed.authorisation,
        }))?;
    } else {
        screen.line(fields(&signed, &verified))?;
        if let Verified::Wrong(faults) = &verified {
            screen.line(format!("\n{} with it:", count(faults.len() as u64, "fault")))?;
            for fault in faults {
                screen.line(format!("  - {fault}"))?;
            }
        }
    }
    Ok(if matches!(verified, Verified::Wrong(_)) { Exit::Refuted } else { Exit::Done })
}

/// Reads an authorisation. An error tells the place and never repeats what stands there.
pub fn read(path: &Path) -> anyhow::Result<SignedAuthorisation> {
    let text = file::read_text(path)?;
    let read: Result<SignedAuthorisation, _> = serde_json::from_str(&text);
    let place =
        |error: serde_json::Error| anyhow::anyhow!("it cannot be read at line {}, column {}", error.line(), error.column());
    read.map_err(place)
        .with_context(|| format!("{} is no authorisation as `creditbay authorisation new` writes it", path.display()))
}

/// What it permits, in words.
pub fn fields(signed: &SignedAuthorisation, verified: &Verified) -> Fields {
    let authorisation = &signed.authorisation;
    let types = authorisation.types.members();
    let agreed = authorisation.agreed;
    let said = |yes: bool, what: &str| format!("{} {what}", if yes { "yes" } else { "NO " });
    let subject = &authorisation.subject.0;
    let notice = authorisation.notice;
    let mut fields = Fields::new();
    fields
        .add("authorisation", authorisation.digest())
        .add("entity", format!("{}:{}", subject.scheme(), subject.expose()))
        .add("permits", format!("that the node of {} answers", authorisation.issuer))
        .add("recipient", format!("{}, through the node of {}, and nobody else", authorisation.organisation, authorisation.asker))
        .add("purpose", authorisation.purpose)
        .add("about", types.iter().map(|of| of.as_str()).collect::<Vec<_>>().join(", "))
        .add("from", authorisation.granted)
        .add("until", authorisation.expires)
        .add("uses", authorisation.uses.get())
        .add("agreed", said(agreed.provide, "that the answer is given to the recipient"))
        .add("", said(agreed.sensitive, "that it may concern what is sensitive"))
        .add("", said(agreed.export, "that it leaves the issuer's territory"))
        .add("notice", format!("version {}, {}, sha-256 {}", notice.version, notice.language, notice.digest))
        .add("channel", authorisation.channel)
        .add(
            "verified",
            match verified {
                Verified::Unknown => "not verified here (--network FILE)",
                Verified::Good => "the channel signed it, and it is good now unless it was withdrawn or used up",
                Verified::Wrong(_) => "NO: nodes would refuse it",
            },
        );
    fields
}

/// Everything that the nodes of a directory would find wrong with it at this time.
pub fn faults(directory: &Directory, signed: &SignedAuthorisation, at: Millis) -> Vec<String> {
    let authorisation = &signed.authorisation;
    let (issuer, asker) = (directory.entry(authorisation.issuer), directory.entry(authorisation.asker));
    let mut faults = Vec::new();
    match directory.channel(authorisation.channel) {
        None => faults.push(format!("the directory lists no channel {}", authorisation.channel)),
        Some((region, _)) if region != authorisation.issuer => faults.push(format!(
            "the channel {} speaks for {region}, not for {}, whose node is to answer",
            authorisation.channel, authorisation.issuer
        )),
        Some((_, channel)) if signed.verify(&channel.key).is_err() => {
            faults.push(format!(
                "the channel {} did not sign this: it was changed, or signed with another key",
                authorisation.channel
            ));
        }
        Some(_) => {}
    }
    if asker.is_none() {
        faults.push(format!("the directory has no region {}, whose node is to ask", authorisation.asker));
    }
    if !authorisation.agreed.provide {
        faults.push("the entity did not agree that the answer is given to the recipient".to_owned());
    }
    let within = issuer.zip(asker).is_some_and(|(issuer, asker)| issuer.law == asker.law);
    if !within && !authorisation.agreed.export {
        faults.push(format!(
            "{} and {} are not under one law, and the entity did not agree that the answer leaves the issuer's territory",
            authorisation.issuer, authorisation.asker
        ));
    }
    if at < authorisation.granted {
        faults.push(format!("it begins at {}, and now it is {at}", authorisation.granted));
    }
    if at >= authorisation.expires {
        faults.push(format!("it ended at {}, and now it is {at}", authorisation.expires));
    }
    faults
}
