//! `creditbay attestation verify`: every fault of a kept answer, under a trust policy, a network directory, or both.
//!
//! With a policy alone no directory is read. Not here: the checks.

use std::path::PathBuf;

use clap::Args;
use creditbay_configs::peers::Directory;
use creditbay_crypto::note::Note;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::attestation::fault::AttestationFault;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::policy::fault::Rejection;
use creditbay_protocol::proof::TlogProof;
use creditbay_protocol::third_party::{self, Cosigner, Findings};

use crate::exit::Exit;
use crate::host;
use crate::print::{Fields, Screen, count};
use crate::trust::{self, Believed, BelievedArgs};

use super::kept;

/// An attestation and whom to believe.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The .attestation.json file
    pub file: PathBuf,
    /// Whom to believe
    #[command(flatten)]
    pub believed: BelievedArgs,
    /// The query's checkpoint, too, must have the policy's quorum
    #[arg(long, requires = "policy")]
    pub query_too: bool,
}

/// What was found.
pub(super) struct Report {
    pub(super) faults: Vec<AttestationFault>,
    cosigned_by: Vec<String>,
    findings: Option<Findings>,
    expired: bool,
}

/// Verifies.
pub fn run(args: &VerifyArgs, screen: &mut Screen) -> anyhow::Result<Exit> {
    let attestation = kept::read(&args.file)?;
    let believed = args.believed.load()?;
    let report = examine(&attestation, &believed, args.query_too, host::now()?);
    let exit = if report.faults.is_empty() { Exit::Done } else { Exit::Refuted };
    if screen.is_json() {
        screen.json(&as_json(&attestation, &believed, &report))?;
        return Ok(exit);
    }
    if exit == Exit::Refuted {
        screen.line(format!("Refused, {}:", count(report.faults.len() as u64, "fault")))?;
        for fault in &report.faults {
            screen.line(format!("  {fault}"))?;
        }
        screen.line(format!("\n{}", advice(&report.faults)))?;
        return Ok(exit);
    }
    kept::tell(&attestation, screen)?;
    screen.line(format!("\n{}", verified(&attestation, &believed, &report)))?;
    Ok(exit)
}

/// What to do about a file that is refused.
fn advice(faults: &[AttestationFault]) -> &'static str {
    let waits =
        |fault: &AttestationFault| matches!(fault, AttestationFault::Rejected { rejection: Rejection::NoQuorum { .. }, .. });
    if faults.iter().all(waits) {
        "Its log signed what it says, and too few have cosigned that: `creditbay attestation refresh` fetches a checkpoint that more have."
    } else {
        "Take nothing from this file. Ask whoever gave it for the file as the node wrote it."
    }
}

/// Everything that is found of a file.
pub(super) fn examine(attestation: &Attestation, believed: &Believed, query_too: bool, now: Millis) -> Report {
    let mut report = Report { faults: Vec::new(), cosigned_by: Vec::new(), findings: None, expired: false };
    report.expired = attestation.content.valid_until.is_some_and(|last| last < now.day());
    if let Some(trusted) = &believed.trusted {
        report.faults = attestation.verify(&trusted.directory.known_logs()).err().unwrap_or_default();
        report.cosigned_by = cosigners(attestation, &trusted.directory);
    }
    if let Some(policy) = &believed.policy {
        let findings = third_party::verify(attestation, policy, query_too);
        for fault in &findings.faults {
            if !report.faults.contains(fault) {
                report.faults.push(fault.clone());
            }
        }
        report.cosigned_by = findings.cosigners.iter().map(told).collect();
        report.findings = Some(findings);
    }
    report
}

/// `hk.creditbay/witness at 2026-…, a party to the exchange`.
fn told(cosigner: &Cosigner) -> String {
    let party = if cosigner.party.is_some() { ", a party to the exchange" } else { "" };
    format!("{} at {}{party}", cosigner.name, Millis(cosigner.time_seconds.saturating_mul(1000)))
}

/// The other regions that cosigned the answer's checkpoint; none where the proof does not hold, which is a fault of its own.
fn cosigners(attestation: &Attestation, directory: &Directory) -> Vec<String> {
    let note = TlogProof::parse(&attestation.answer.tlog_proof).ok().and_then(|proof| Note::parse(&proof.note).ok());
    note.and_then(|note| trust::cosigners(&note, directory, attestation.content.issuer).ok()).unwrap_or_default()
}

fn verified(attestation: &Attestation, believed: &Believed, report: &Report) -> Fields {
    let mut fields = Fields::new();
    fields.add("verified", "query and answer stand in their logs; the answer is to this query");
    if report.cosigned_by.is_empty() {
        fields.add("cosigned by", "nobody: the policy asks for no cosignature");
    } else {
        fields.add("cosigned by", report.cosigned_by.join("; "));
    }
    if let Some(trusted) = &believed.trusted {
        fields.add("directory", format!("edition {}, {}", trusted.directory.serial(), trusted.because));
    }
    if let Some(findings) = &report.findings {
        fields.add("policy", "the checkpoint of the answer is accepted");
        if !findings.without_parties {
            let (issuer, asker) = (attestation.content.issuer, attestation.content.asker);
            let needed = format!("the quorum is met only with the word of {issuer} or {asker}, who are parties to the exchange;");
            fields.add("note", needed).add("", "rely on it as on those two, or refresh it when others have cosigned");
        }
        let query = if findings.query_witnessed { "has a quorum, too" } else { "has no quorum; the answer stands without it" };
        fields.add("query", format!("its checkpoint {query}"));
    }
    if report.expired {
        fields.add("note", "its verdicts may no longer be used: ask again");
    }
    fields
}

fn as_json(attestation: &Attestation, believed: &Believed, report: &Report) -> serde_json::Value {
    let fault =
        |fault: &AttestationFault| serde_json::json!({ "kind": fault.kind(), "part": fault.part(), "text": fault.to_string() });
    let directory = believed
        .trusted
        .as_ref()
        .map(|trusted| serde_json::json!({ "digest": trusted.directory.digest(), "trust": trusted.because }));
    let policy = report.findings.as_ref().map(|findings| {
        let cosigner = |one: &Cosigner| {
            serde_json::json!({ "name": one.name, "time": Millis(one.time_seconds.saturating_mul(1000)).to_string(), "party": one.party })
        };
        serde_json::json!({
            "cosigners": findings.cosigners.iter().map(cosigner).collect::<Vec<_>>(), "quorum_without_parties": findings.without_parties,
            "query_witnessed": findings.query_witnessed,
        })
    });
    serde_json::json!({
        "verified": report.faults.is_empty(), "id": attestation.id,
        "faults": report.faults.iter().map(fault).collect::<Vec<_>>(), "cosigned_by": report.cosigned_by, "expired": report.expired,
        "content": attestation.content, "directory": directory, "policy": policy,
    })
}
