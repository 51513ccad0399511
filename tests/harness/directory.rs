//! The network directory of a development network, changed and signed again by its governance keys.
//!
//! Not here: the rule pack (`rules`).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use creditbay_configs::endorsement;
use creditbay_configs::peers::Directory;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::key_file;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, Note, NoteSigner, NoteVerifier};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::orphaned::OrphanedRange;

/// Changes a city's entry, and has every city sign the directory again. For nodes that do not run.
pub fn alter(folder: &Path, cities: &[String], city: &str, change: impl Fn(&mut RegionEntry)) -> Result<()> {
    let file = folder.join("network.toml");
    let directory = Directory::parse("network.toml", &fs::read_to_string(&file)?)?;
    let mut regions = directory.regions().to_vec();
    let entry = regions.iter_mut().find(|entry| entry.name.as_str() == city);
    change(entry.with_context(|| format!("the directory has no {city}"))?);
    let text = Directory::to_toml(directory.serial() + 1, &regions);
    let altered = Directory::parse("network.toml", &text)?;
    let endorsed = endorsement::text(Label::NETWORK, altered.digest());
    let sign = |city: &String| {
        let key = key_file::from_pem(&fs::read_to_string(folder.join(format!("governance/{city}.pem")))?)?;
        let signer = NoteSigner::new(format!("{city}.creditbay/governance").parse()?, KeyKind::Ed25519, key);
        Ok(signer.sign(&endorsed)?)
    };
    let lines = cities.iter().map(sign).collect::<Result<Vec<_>>>()?;
    fs::write(&file, text)?;
    Ok(fs::write(folder.join("network.note"), Note { text: endorsed, lines }.to_string())?)
}

/// Names the next log of a city under a new key, in the directory and in the city's key file.
pub fn next_log(folder: &Path, cities: &[String], city: &str, number: u32, seed: u8) -> Result<()> {
    next_log_after(folder, cities, city, number, seed, &[])
}

/// The same behind a log whose end was lost.
pub fn next_log_after(folder: &Path, cities: &[String], city: &str, number: u32, seed: u8, lost: &[OrphanedRange]) -> Result<()> {
    let key = SigningKey::from_seed(Seed::from_bytes([seed; 32]));
    let origin = format!("{city}.creditbay/log/{number}");
    let verifier = NoteVerifier::new(origin.parse()?, KeyKind::Ed25519, key.public());
    let parsed = origin.parse()?;
    alter(folder, cities, city, |entry| {
        entry.log_origin = parsed;
        entry.log = verifier.clone();
        entry.orphaned = lost.to_vec();
    })?;
    Ok(fs::write(folder.join(city).join("keys/log.pem"), key_file::to_pem(&key).as_bytes())?)
}
