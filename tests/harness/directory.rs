//! The next edition of a development network's directory: codes that are registered with the province, or say no region, get their node.
//!
//! Such codes name no city, so every region has to agree who answers for them; all of them sign the edition anew. `creditbay network new`
//! knows no company, so it cannot do this.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use creditbay_configs::endorsement;
use creditbay_configs::peers::Directory;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::key_file;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, Note, NoteSigner};
use creditbay_protocol::identifier::{Identifier, Scheme};

use super::samples::Expected;

/// Writes edition 2 of the directory in a network's folder, signed by every region's governance key. Before any node runs.
pub fn enrol_codes(folder: &Path, expected: &Expected) -> Result<()> {
    let path = folder.join("network.toml");
    let directory = Directory::parse("network.toml", &fs::read_to_string(&path)?)?;
    let mut regions = directory.regions().to_vec();
    for region in &mut regions {
        region.codes = codes(region.name.as_str(), expected)?;
    }
    let text = Directory::to_toml(directory.serial() + 1, &regions);
    let signed = endorsement::text(Label::NETWORK, &Digest::of(text.as_bytes()));
    let mut lines = Vec::new();
    for region in &regions {
        let name = region.governance.signers().first().context("a region without a signer")?.name().clone();
        let pem = fs::read_to_string(folder.join(format!("governance/{}.pem", region.name)))?;
        lines.push(NoteSigner::new(name, KeyKind::Ed25519, key_file::from_pem(&pem)?).sign(&signed)?);
    }
    fs::write(folder.join("network.note"), Note { text: signed, lines }.to_string())?;
    fs::write(path, text)?;
    Ok(())
}

/// The sample's codes that a city answers for although they do not say so themselves.
fn codes(region: &str, expected: &Expected) -> Result<Vec<Identifier>> {
    let province = expected.province_codes.iter().filter(|_| region == "gz").map(|code| (Scheme::Uscc, code.as_str()));
    let mine = expected.scenarios.iter().filter(|(name, subject)| subject.scheme == "lei" && name.starts_with(region));
    let leis = mine.map(|(_, subject)| (Scheme::Lei, subject.value.as_str()));
    province.chain(leis).map(|(scheme, code)| Ok(Identifier::parse(scheme, code)?)).collect()
}
