//! The directories that the regions signed, one after another: a city's next log under a new key, or new keys of its witness, its channel,
//! its connections.
//!
//! A node takes up the one that its operator installed when it starts. Not here: when (`schedule`).

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use creditbay_configs::endorsement;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_configs::peers::{Directory, EndorsedDirectory};
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, Note, NoteSigner, NoteVerifier};
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::attestation::KnownLog;
use creditbay_protocol::name::{Origin, Region};

use super::bay::lock;
use super::ground::key;

/// What changes of a city.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It goes on in its next log, under a new key.
    NextLog,
    /// Its witness has a new key.
    Witness,
    /// Its channel has a new key.
    Channel,
    /// Its connections have a new key.
    Tls,
}

/// Every directory so far.
pub(crate) struct Directories(Mutex<Vec<Arc<EndorsedDirectory>>>);

impl Directories {
    /// The first one.
    pub(crate) fn begin(first: Arc<EndorsedDirectory>) -> Self {
        Self(Mutex::new(vec![first]))
    }

    /// The newest one's place in the row.
    pub(crate) fn newest(&self) -> usize {
        lock(&self.0).len() - 1
    }

    /// The one at this place.
    pub(crate) fn at(&self, place: usize) -> Arc<EndorsedDirectory> {
        lock(&self.0)[place].clone()
    }

    /// The regions sign another one, in which this is changed of this city.
    pub(crate) fn change(&self, city: Region, change: Change) -> Result<()> {
        let (place, of) = (self.newest() + 1, self.at(self.newest()));
        let signed = signed(&of, |regions| {
            let entry = regions.iter_mut().find(|entry| entry.name == city).context("no such region")?;
            match change {
                Change::NextLog => {
                    entry.log_origin = Origin::new(entry.log_origin.owner(), entry.log_origin.number() + 1)?;
                    let key = log_key(city, &entry.log_origin).public();
                    entry.log = NoteVerifier::new(entry.log_origin.to_string().parse()?, KeyKind::Ed25519, key);
                }
                Change::Witness => {
                    let key = key(city, &in_place("witness", place)).public();
                    entry.witness = NoteVerifier::new(entry.witness.name().clone(), KeyKind::CosignatureV1, key);
                }
                Change::Channel => entry.channels[0].key = key(city, &in_place("channel", place)).public(),
                Change::Tls => entry.tls = key(city, &in_place("tls", place)).public(),
            }
            Ok(())
        })?;
        lock(&self.0).push(Arc::new(signed));
        Ok(())
    }

    /// Every log that any of them names.
    pub(crate) fn known_logs(&self) -> Vec<KnownLog> {
        lock(&self.0).iter().rev().flat_map(|directory| directory.known_logs()).collect()
    }

    /// The key of a log.
    pub(crate) fn log(&self, origin: &Origin) -> Option<NoteVerifier> {
        let directories = lock(&self.0);
        let mut entries = directories.iter().flat_map(|directory| directory.regions());
        entries.find(|entry| entry.log_origin == *origin).map(|entry| entry.log.clone())
    }

    /// The key with which the channel of a city signs now.
    pub(crate) fn channel_key(&self, city: Region) -> SigningKey {
        let newest = self.at(self.newest());
        let entry = newest.entry(city).expect("invariant: every directory names every city");
        self.found(city, "channel", |key| key.public() == entry.channels[0].key)
    }

    /// The key of a city's witness by this entry.
    pub(crate) fn witness_key(&self, entry: &RegionEntry) -> SigningKey {
        let is = |key: &SigningKey| {
            NoteVerifier::new(entry.witness.name().clone(), KeyKind::CosignatureV1, key.public()) == entry.witness
        };
        self.found(entry.name, "witness", is)
    }

    fn found(&self, city: Region, role: &str, is: impl Fn(&SigningKey) -> bool) -> SigningKey {
        let mut keys = (0..=self.newest()).map(|place| key(city, &in_place(role, place)));
        keys.find(|key| is(key)).expect("invariant: every key was made by a change, or by the samples")
    }
}

/// The key of a city's log.
pub(crate) fn log_key(city: Region, log: &Origin) -> SigningKey {
    key(city, &in_place("log", log.number() as usize - 1))
}

/// A directory with changes, signed by every region.
pub(crate) fn signed(
    of: &EndorsedDirectory,
    change: impl FnOnce(&mut Vec<RegionEntry>) -> Result<()>,
) -> Result<EndorsedDirectory> {
    let mut regions = of.regions().to_vec();
    change(&mut regions)?;
    let altered = Directory::parse("network.toml", &Directory::to_toml(of.serial() + 1, &regions))?;
    let text = endorsement::text(Label::NETWORK, altered.digest());
    let sign = |entry: &RegionEntry| {
        let name = entry.governance.signers()[0].name().clone();
        Ok(NoteSigner::new(name, KeyKind::Ed25519, key(entry.name, "governance")).sign(&text)?)
    };
    let lines = regions.iter().map(sign).collect::<Result<Vec<_>>>()?;
    let pinned = regions[0].governance.signers().to_vec();
    Ok(altered.endorsed(Note { text, lines }.to_string().as_bytes(), &pinned)?)
}

fn in_place(role: &str, place: usize) -> String {
    if place == 0 { role.to_owned() } else { format!("{role} {place}") }
}
