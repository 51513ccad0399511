//! The demo's second half: what was kept verifies offline, what was tampered with does not, and what must not be found is not there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use creditbay_crypto::hash::{base64_decode, base64_encode};
use creditbay_protocol::answer::{Answer, Reply, Truth};
use creditbay_protocol::limits::BODY_BYTES;
use creditbay_protocol::wire;
use harness::network::{Ended, files_below, files_with};
use serde_json::Value;

use super::telling::{field, head};
use super::{CITIES, Demo};

/// Where the first verdict's truth stands in an answer: after the query's hash (32), the kind of reply (4) and the count of verdicts (8).
const TRUTH_AT: usize = 44;

/// Everything that can be examined after the fact.
pub(crate) fn examine(demo: &mut Demo) -> Result<()> {
    head("The evidence, offline", "verified by `creditbay` from files alone, with the keys of the network directory");
    verify_attestations(demo)?;
    verify_logs(demo)?;
    head("One bit", "flipped in a copy of an attestation and in a copy of a log");
    tamper_with_attestation(demo)?;
    tamper_with_log(demo)?;
    head("What must not be found", "searched byte by byte in stores, logs and what the daemons said");
    search(demo)
}

fn verify(demo: &Demo, what: &[&str], target: &Path) -> Result<Ended> {
    let folder = demo.network.folder();
    let shown = [target, &folder.join("network.toml"), &folder.join("network.note")].map(|path| path.display().to_string());
    demo.network.creditbay([what, &[&shown[0], "--network", &shown[1], "--network-note", &shown[2]]].concat())
}

fn verify_attestations(demo: &mut Demo) -> Result<()> {
    let mut good = 0;
    for file in demo.attestations.clone() {
        let ended = verify(demo, &["attestation", "verify"], &file)?;
        good += u32::from(ended.code == 0);
        demo.tally.hold(ended.code == 0, || format!("{} does not verify: {}{}", file.display(), ended.stdout, ended.stderr));
    }
    field("all answers", format!("{good} of {} verify", demo.attestations.len()));
    Ok(())
}

fn verify_logs(demo: &mut Demo) -> Result<()> {
    for city in CITIES {
        let copy = demo.network.folder().join("logs").join(city);
        let leaves = demo.runtime.block_on(demo.network.export(city, &copy))?;
        let ended = verify(demo, &["log", "verify", "--region", city], &copy)?;
        demo.tally.logs += u32::from(ended.code == 0);
        demo.tally.hold(ended.code == 0, || format!("{city}'s log does not verify: {}{}", ended.stdout, ended.stderr));
        field(&format!("{city}'s log"), format!("{} leaves, every one hashed again: {}", leaves.len(), word(ended.code)));
    }
    Ok(())
}

fn word(code: i32) -> &'static str {
    if code == 0 { "verifies" } else { "DOES NOT VERIFY" }
}

/// One bit of the answer's exact bytes: the one that tells TRUE from FALSE.
fn tamper_with_attestation(demo: &mut Demo) -> Result<()> {
    let original = demo.attestations.first().context("no attestation was kept")?.clone();
    let mut file: Value = serde_json::from_str(&fs::read_to_string(&original)?)?;
    let message = file["answer"]["message"].as_str().context("the attestation has no answer.message")?;
    let mut bytes = base64_decode(message)?;
    let before = first_truth(&bytes)?;
    *bytes.get_mut(TRUTH_AT).context("the answer is short")? ^= 1;
    let after = first_truth(&bytes)?;
    if before == after {
        bail!("byte {TRUTH_AT} of an answer is not its first verdict");
    }
    file["answer"]["message"] = base64_encode(&bytes).into();
    let copy = demo.network.folder().join("tampered").join("answer.attestation.json");
    fs::create_dir_all(copy.parent().context("a folder")?)?;
    fs::write(&copy, serde_json::to_string_pretty(&file)?)?;
    let ended = verify(demo, &["attestation", "verify"], &copy)?;
    refused(demo, "attestation", &format!("bit 0 of byte {TRUTH_AT} of the answer flipped: {before} now reads {after}"), &ended)
}

fn first_truth(message: &[u8]) -> Result<Truth> {
    match wire::decode::<Answer>(message, BODY_BYTES)?.reply {
        Reply::Answered(verdicts) => Ok(verdicts.verdicts.first().context("an answer without a verdict")?.truth),
        Reply::Refused(_) => bail!("the first attestation is a refusal"),
    }
}

/// One bit of an entry bundle.
fn tamper_with_log(demo: &mut Demo) -> Result<()> {
    let copy = demo.network.folder().join("tampered").join("gz");
    let original = demo.network.folder().join("logs").join("gz");
    for file in files_below(&original)? {
        let to = copy.join(file.strip_prefix(&original)?);
        fs::create_dir_all(to.parent().context("a folder")?)?;
        fs::copy(&file, to)?;
    }
    let bundle: PathBuf = files_below(&copy.join("tile/entries"))?.into_iter().min().context("gz's log has no entry bundle")?;
    let mut bytes = fs::read(&bundle)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&bundle, bytes)?;
    let ended = verify(demo, &["log", "verify", "--region", "gz"], &copy)?;
    let shown = bundle.strip_prefix(&copy)?.display().to_string();
    refused(demo, "gz's log", &format!("bit 0 of byte {middle} of {shown} flipped"), &ended)
}

fn refused(demo: &mut Demo, what: &str, flipped: &str, ended: &Ended) -> Result<()> {
    field(what, flipped);
    for line in ended.stdout.lines().chain(ended.stderr.lines()).filter(|line| !line.trim().is_empty()) {
        println!("      | {line}");
    }
    demo.tally.tamperings += u32::from(ended.code == 3);
    demo.tally.hold(ended.code == 3, || format!("a tampered {what} was not refused with exit code 3 but {}", ended.code));
    Ok(())
}

/// No person's number anywhere but in the operator's own input; no subject's in a store, a log, or what a daemon said.
fn search(demo: &mut Demo) -> Result<()> {
    let folder = demo.network.folder().to_owned();
    let person = demo.expected.scenarios.get("person").context("expected.json has no scenario `person`")?.value.clone();
    let inputs =
        files_below(&folder.join("records"))?.into_iter().filter(|path| !path.to_string_lossy().ends_with(".rejected.csv"));
    let inputs: Vec<_> = inputs.collect();
    let everything: Vec<_> = files_below(&folder)?.into_iter().filter(|path| !inputs.contains(path)).collect();
    let mut written: Vec<PathBuf> = files_below(&folder.join("logs"))?;
    for city in CITIES {
        written.extend(files_below(&folder.join(city))?);
    }
    if written.is_empty() {
        bail!("nothing was written, so nothing was searched");
    }
    let anywhere = files_with(&everything, person.as_bytes())?;
    let (found, of) = (anywhere.len(), everything.len());
    field("a person", format!("the number asked about is in {found} of {of} files, the sample's own record files aside"));
    demo.tally.hold(anywhere.is_empty(), || format!("a person's number stands in {anywhere:?}"));
    let mut found = Vec::new();
    let subjects: Vec<_> = demo.expected.scenarios.values().map(|subject| subject.value.clone()).collect();
    for subject in &subjects {
        found.extend(files_with(&written, subject.as_bytes())?);
    }
    field(
        "companies",
        format!("{} numbers are in {} of {} files of stores, logs and daemons", subjects.len(), found.len(), written.len()),
    );
    demo.tally.hold(found.is_empty(), || format!("subjects' numbers stand in {found:?}"));
    Ok(())
}
