//! What a verifier trusts: a trust policy, or a network directory and as much as is known about who endorsed it.
//!
//! Without signatures the directory is believed as it is; with them it must be endorsed by every region in it; with pinned keys, by
//! those too, which is what makes it more than its own word.
//! Not here: what the directory is used for.

use std::path::{Path, PathBuf};

use clap::Args;
use creditbay_configs::endorsement;
use creditbay_configs::peers::Directory;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyName, Note, NoteError, NoteVerifier};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::limits::MAX_POLICY_BYTES;
use creditbay_protocol::name::Region;
use creditbay_protocol::policy::Policy;

use anyhow::{Context, bail};

use crate::exit::UsageError;
use crate::file;

/// The directory to verify with.
#[derive(Debug, Clone, Args)]
pub struct TrustArgs {
    /// The network directory, network.toml: whose keys are believed
    #[arg(long, value_name = "FILE")]
    pub network: PathBuf,
    /// The signatures over the directory, network.note
    #[arg(long, value_name = "FILE")]
    pub network_note: Option<PathBuf>,
    /// A governance key that you know and that must have signed the directory (a verifier key; repeat for each)
    #[arg(long, value_name = "VKEY", requires = "network_note")]
    pub pin: Vec<String>,
}

/// Whom to believe: a trust policy, a network directory, or both.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true)]
pub struct BelievedArgs {
    /// A trust policy (C2SP tlog-policy): whose logs and cosignatures are believed; no directory is needed with it
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The network directory, network.toml: whose keys are believed
    #[arg(long, value_name = "FILE")]
    pub network: Option<PathBuf>,
    /// The signatures over the directory, network.note
    #[arg(long, value_name = "FILE", requires = "network")]
    pub network_note: Option<PathBuf>,
    /// A governance key that you know and that must have signed the directory (a verifier key; repeat for each)
    #[arg(long, value_name = "VKEY", requires = "network_note")]
    pub pin: Vec<String>,
}

/// Who is believed.
pub struct Believed {
    /// By a policy.
    pub policy: Option<Policy>,
    /// By a directory.
    pub trusted: Option<Trusted>,
}

impl BelievedArgs {
    /// Reads what is named, and nothing else.
    pub fn load(&self) -> anyhow::Result<Believed> {
        let policy = self.policy.as_deref().map(read_policy).transpose()?;
        let directory = self.network.clone().map(|network| TrustArgs {
            network,
            network_note: self.network_note.clone(),
            pin: self.pin.clone(),
        });
        Ok(Believed { policy, trusted: directory.map(|directory| directory.load()).transpose()? })
    }
}

/// Reads a trust policy.
pub fn read_policy(path: &Path) -> anyhow::Result<Policy> {
    let bytes = file::read_if_there(path, MAX_POLICY_BYTES as u64)?
        .with_context(|| format!("{} does not exist; check the path", path.display()))?;
    Policy::parse(&bytes).map_err(|error| anyhow::anyhow!("{}:{}: {}", path.display(), error.line, error.fault))
}

/// A directory and why it is believed.
pub struct Trusted {
    /// The directory.
    pub directory: Directory,
    /// Why it is believed, for people.
    pub because: String,
}

impl TrustArgs {
    /// Reads the directory and holds it against its signatures, where they are given.
    pub fn load(&self) -> anyhow::Result<Trusted> {
        let directory = read(&self.network)?;
        let Some(note_path) = &self.network_note else {
            let because = "signatures not checked (--network-note, --pin)".to_owned();
            return Ok(Trusted { directory, because });
        };
        let note = file::read_text(note_path)?;
        if self.pin.is_empty() {
            let regions: Vec<_> = directory.regions().iter().map(|region| (region.name, &region.governance)).collect();
            endorsement::verify(Label::NETWORK, directory.digest(), note.as_bytes(), &regions)
                .with_context(|| format!("the network directory is not endorsed by {}", note_path.display()))?;
            let because = format!("endorsed by its {} regions, no key pinned (--pin)", directory.regions().len());
            return Ok(Trusted { directory, because });
        }
        let pinned = self.pin.iter().map(|text| NoteVerifier::parse(text)).collect::<Result<Vec<_>, _>>();
        let pinned = pinned.map_err(|error| UsageError(format!("--pin: {error}")))?;
        let endorsed = directory.endorsed(note.as_bytes(), &pinned)?;
        let because = format!("endorsed by its {} regions and the pinned keys", endorsed.regions().len());
        Ok(Trusted { directory: (*endorsed).clone(), because })
    }
}

/// Reads a directory, its signatures left aside.
pub fn read(path: &Path) -> anyhow::Result<Directory> {
    Ok(Directory::parse(&path.display().to_string(), &file::read_text(path)?)?)
}

/// The entry of a region, or an error that lists the regions there are.
pub fn entry(directory: &Directory, region: Region) -> anyhow::Result<&RegionEntry> {
    let Some(entry) = directory.entry(region) else {
        let names: Vec<_> = directory.regions().iter().map(|entry| entry.name.to_string()).collect();
        bail!("region {region} is not in the network directory; it has {}", names.join(", "));
    };
    Ok(entry)
}

/// The regions other than `owner` whose cosignature on a note verifies, each with its time, for people. One that does not verify is an
/// error.
pub fn cosigners(note: &Note, directory: &Directory, owner: Region) -> Result<Vec<String>, NoteError> {
    Ok(cosigned(note, directory, owner)?.iter().map(told).collect())
}

/// The same: the name of each witness's key, and the time.
pub fn cosigned(note: &Note, directory: &Directory, owner: Region) -> Result<Vec<(KeyName, Option<Millis>)>, NoteError> {
    let others: Vec<NoteVerifier> =
        directory.regions().iter().filter(|region| region.name != owner).map(|region| region.witness.clone()).collect();
    let at = |time: Option<u64>| time.map(|seconds| Millis(seconds.saturating_mul(1000)));
    match note.verify(&others) {
        Ok(lines) => Ok(lines.iter().map(|line| (others[line.verifier].name().clone(), at(line.time))).collect()),
        Err(NoteError::NoKnownKey) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// A cosignature for people.
pub fn told((name, time): &(KeyName, Option<Millis>)) -> String {
    time.map_or_else(|| name.to_string(), |time| format!("{name} at {time}"))
}
