//! What the files of a node say, checked against one another: its own file, the directory, the rule packs, its keys.
//!
//! Not here: what is opened with them (`node`).

use std::fs;
use std::path::Path;
use std::sync::Arc;

use creditbay_configs::endorsement;
use creditbay_configs::node::{NodeConfig, RuleFiles};
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_configs::peers::{Directory, EndorsedDirectory};
use creditbay_configs::rules::RulePack;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, NoteSigner, NoteVerifier};
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::name::Region;

use crate::host::keys;

/// Why a node does not start: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub(crate) String);

pub(crate) fn because(error: impl std::fmt::Display) -> StartError {
    StartError(error.to_string())
}

/// What the files of a node say, checked.
pub(crate) struct Files {
    pub(crate) config: NodeConfig,
    pub(crate) directory: Arc<EndorsedDirectory>,
    pub(crate) packs: Vec<Arc<RulePack>>,
    pub(crate) tls: SigningKey,
    pub(crate) log: NoteSigner,
    pub(crate) witness: NoteSigner,
}

pub(crate) fn own_entry(directory: &Directory, me: Region) -> Result<&RegionEntry, StartError> {
    directory.entry(me).ok_or_else(|| because(format!("network directory: no region {me}")))
}

fn read(path: &Path) -> Result<String, StartError> {
    fs::read_to_string(path).map_err(|error| because(format!("{}: {error}", path.display())))
}

pub(crate) fn read_files(path: &Path) -> Result<Files, StartError> {
    let config = NodeConfig::parse(path, &read(path)?).map_err(because)?;
    let network = &config.network;
    let directory = Directory::parse(&network.directory.display().to_string(), &read(&network.directory)?).map_err(because)?;
    let directory = directory.endorsed(read(&network.signatures)?.as_bytes(), &network.pinned).map_err(because)?;
    if config.rules.is_empty() {
        return Err(because(format!(
            "{}: name a rule pack under [[rules]]; without one nothing is asked or answered",
            path.display()
        )));
    }
    let packs = config.rules.iter().map(|rules| read_pack(rules, &directory, config.region).map(Arc::new));
    let packs = packs.collect::<Result<Vec<_>, _>>()?;

    let own = own_entry(&directory, config.region)?;
    let tls = keys::read_signing_key(&config.keys.tls).map_err(because)?;
    if tls.public() != own.tls {
        return Err(because(format!("{}: not the TLS key that the network directory names", config.keys.tls.display())));
    }
    let log = role_signer(&config.keys.log, &own.log, KeyKind::Ed25519)?;
    let witness = role_signer(&config.keys.witness, &own.witness, KeyKind::CosignatureV1)?;
    Ok(Files { directory: Arc::new(directory), packs, tls, log, witness, config })
}

/// A pack that this region uses and that every region of the directory that uses it has signed.
fn read_pack(rules: &RuleFiles, directory: &Directory, me: Region) -> Result<RulePack, StartError> {
    let file = rules.file.display();
    let pack = RulePack::parse(&file.to_string(), &read(&rules.file)?).map_err(because)?;
    if !pack.regions().contains(&me) {
        return Err(because(format!("{file}: region {me} does not use this pack; name another one under [[rules]]")));
    }
    // A region that the directory does not have takes no part, so it need not sign either.
    let using = directory.regions().iter().filter(|entry| pack.regions().contains(&entry.name));
    let governance: Vec<_> = using.map(|entry| (entry.name, &entry.governance)).collect();
    endorsement::verify(Label::RULES, &pack.digest(), read(&rules.signatures)?.as_bytes(), &governance)
        .map_err(|error| because(format!("{}: {error}", rules.signatures.display())))?;
    Ok(pack)
}

fn role_signer(path: &Path, expected: &NoteVerifier, kind: KeyKind) -> Result<NoteSigner, StartError> {
    let key = keys::read_signing_key(path).map_err(because)?;
    let signer = NoteSigner::new(expected.name().clone(), kind, key);
    if signer.verifier().key() == expected.key() {
        Ok(signer)
    } else {
        Err(because(format!("{}: not the key that the network directory names for {}", path.display(), expected.name())))
    }
}
