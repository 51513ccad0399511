//! The rule pack of a development network, changed and signed again by its governance keys.
//!
//! Not here: the bundled pack itself.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use creditbay_configs::endorsement;
use creditbay_configs::rules::RulePack;
use creditbay_crypto::key_file;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, Note, NoteSigner};

/// The pack in a network's folder.
const FILE: &str = "rules/gba-2026.1.toml";
/// Answers as many as a load test wants to ask: more than any run gets.
const UNBOUNDED: &str = "4_000_000_000";

/// Gives the pack budgets that a load test does not meet, and has every city sign it again.
pub fn raise_budgets(folder: &Path, cities: &[String]) -> Result<()> {
    let keys = ["requester_per_day", "peer_per_day", "subject_per_day", "subjects_per_day", "unknown_subjects_per_day"];
    alter(folder, cities, &keys.map(|key| (key, UNBOUNDED)))
}

/// Writes other values for these keys, each of which begins one line of the pack, and has every city sign it again. For nodes that have
/// not begun.
pub fn alter(folder: &Path, cities: &[String], values: &[(&str, &str)]) -> Result<()> {
    let mut text = fs::read_to_string(folder.join(FILE))?;
    for (key, value) in values {
        let line =
            text.lines().find(|line| line.starts_with(&format!("{key} ="))).with_context(|| format!("no {key}"))?.to_owned();
        ensure!(text.matches(&line).count() == 1, "{key} stands twice");
        text = text.replace(&line, &format!("{key} = {value}"));
    }
    sign(folder, cities, &text)
}

/// Writes a section before the pack's contract, and has every city sign it again. For nodes that have not begun.
pub fn add_section(folder: &Path, cities: &[String], section: &str) -> Result<()> {
    let text = fs::read_to_string(folder.join(FILE))?;
    ensure!(text.matches("\n[contract]\n").count() == 1, "the pack has one contract");
    sign(folder, cities, &text.replace("\n[contract]\n", &format!("\n{section}\n[contract]\n")))
}

fn sign(folder: &Path, cities: &[String], text: &str) -> Result<()> {
    let pack = RulePack::parse("altered.toml", text)?;
    let endorsed = endorsement::text(Label::RULES, &pack.digest());
    let sign = |city: &String| {
        let key = key_file::from_pem(&fs::read_to_string(folder.join(format!("governance/{city}.pem")))?)?;
        let signer = NoteSigner::new(format!("{city}.creditbay/governance").parse()?, KeyKind::Ed25519, key);
        Ok(signer.sign(&endorsed)?)
    };
    let lines = cities.iter().map(sign).collect::<Result<Vec<_>>>()?;
    fs::write(folder.join(FILE), text)?;
    Ok(fs::write(folder.join("rules/gba-2026.1.note"), Note { text: endorsed, lines }.to_string())?)
}
