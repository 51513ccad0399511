//! The network directory: who the nodes are, endorsed by all of them (PROTOCOL.md, "Network directory").
//!
//! A [`Directory`] is one that makes sense; an [`EndorsedDirectory`] is one to act on, and only [`Directory::endorsed`] makes it.
//! Not here: fetching it, keeping the newest edition seen (`node`), and acting on a change of it.

pub mod entry;
pub mod fault;
mod orphaned;
mod place;
mod written;

use std::ops::Deref;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::NoteVerifier;
use creditbay_crypto::sign::PublicKey;
use creditbay_protocol::attestation::KnownLog;
use creditbay_protocol::authorisation::ChannelName;
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::name::{OrganisationId, Origin, Region};
use creditbay_protocol::orphaned::OrphanedRange;
use serde_spanned::Spanned;

use crate::endorsement::{self, Endorsed};
use crate::error::{self, ConfigError, Source};
use crate::rules::standing::Standing;

use self::entry::{Channel, RegionEntry};
use self::fault::{DirectoryFault, DirectoryRefused, MAX_REGIONS};
use self::place::Place;
use self::written::{FORMAT, WrittenDirectory, WrittenRegion};

/// A directory whose entries fit together, endorsed by nobody yet.
#[derive(Clone)]
pub struct Directory {
    digest: Digest,
    serial: u32,
    regions: Vec<RegionEntry>,
}

/// A directory that every region in it has endorsed, and every key that the operator pinned.
///
/// ```compile_fail,E0451
/// use creditbay_configs::{endorsement::Endorsed, peers::{Directory, EndorsedDirectory}};
/// fn forged(directory: Directory, endorsed: Endorsed) -> EndorsedDirectory {
///     EndorsedDirectory { directory, endorsed }
/// }
/// ```
#[derive(Clone)]
pub struct EndorsedDirectory {
    directory: Directory,
    endorsed: Endorsed,
}

impl EndorsedDirectory {
    /// Who endorsed it.
    pub fn endorsed(&self) -> &Endorsed {
        &self.endorsed
    }
}

impl Deref for EndorsedDirectory {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.directory
    }
}

impl Directory {
    /// Reads and checks a directory. `file` is the name that errors show.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError<DirectoryFault>> {
        let source = Source::new(file, text);
        let written: WrittenDirectory = error::parse(file, text).map_err(|error| error.map(DirectoryFault::Text))?;
        if written.format.get_ref() != FORMAT {
            return Err(source.fault(written.format.span(), "format", DirectoryFault::Format { expected: FORMAT }));
        }
        if *written.serial.get_ref() == 0 {
            return Err(source.fault(written.serial.span(), "serial", DirectoryFault::SerialZero));
        }
        match written.region.len() {
            0 => return Err(source.whole(DirectoryFault::NoRegions)),
            1..=MAX_REGIONS => {}
            count => return Err(source.whole(DirectoryFault::TooManyRegions(count))),
        }
        let mut regions: Vec<RegionEntry> = Vec::with_capacity(written.region.len());
        let mut keys = Vec::new();
        for (index, region) in written.region.iter().enumerate() {
            let place = Place::new(source, index);
            check_names(place, region, &regions)?;
            let entry = region.read(place)?;
            check_subjects(place, region, &entry, &regions)?;
            check_roles(place, region, &entry, &regions)?;
            check_keys(place, region, &entry, &mut keys)?;
            regions.push(entry);
        }
        if let ([only], [written]) = (regions.as_slice(), written.region.as_slice())
            && !only.orphaned.is_empty()
        {
            return Err(Place::new(source, 0).fault(&written.orphaned[0], "orphaned", DirectoryFault::OrphanedAlone(only.name)));
        }
        Ok(Self { digest: Digest::of(text.as_bytes()), serial: *written.serial.get_ref(), regions })
    }

    /// Writes a directory with every key explained. Nothing is checked: read it with [`Directory::parse`] before it is signed.
    pub fn to_toml(serial: u32, regions: &[RegionEntry]) -> String {
        written::to_toml(serial, regions)
    }

    /// Holds the directory against its signatures: every region must endorse it by its own governance, and every pinned key (the
    /// operator's root of trust, from `node.toml`) must be a signer in it and have signed.
    pub fn endorsed(self, note: &[u8], pinned: &[NoteVerifier]) -> Result<EndorsedDirectory, DirectoryRefused> {
        if pinned.is_empty() {
            return Err(DirectoryRefused::NothingPinned);
        }
        let named = |pin: &&NoteVerifier| self.regions.iter().any(|region| region.governance.signers().contains(pin));
        if let Some(stranger) = pinned.iter().find(|pin| !named(pin)) {
            return Err(DirectoryRefused::PinnedUnknown(stranger.name().clone()));
        }
        let regions: Vec<_> = self.regions.iter().map(|region| (region.name, &region.governance)).collect();
        let endorsed =
            endorsement::verify(Label::NETWORK, &self.digest, note, &regions).map_err(DirectoryRefused::Endorsement)?;
        let signed = |pin: &&NoteVerifier| endorsed.signers().iter().any(|(_, signer)| signer == *pin);
        if let Some(silent) = pinned.iter().find(|pin| !signed(pin)) {
            return Err(DirectoryRefused::PinnedSilent(silent.name().clone()));
        }
        Ok(EndorsedDirectory { directory: self, endorsed })
    }

    /// SHA-256 of the file.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The edition, from 1.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// Every region, in the order of the file.
    pub fn regions(&self) -> &[RegionEntry] {
        &self.regions
    }

    /// Who answers for an organisation: the region that lists its code, else the one in whose area it was registered. Areas do not
    /// overlap, so at most one does.
    pub fn issuer_of(&self, subject: &Identifier) -> Option<Region> {
        let listed = self.regions.iter().find(|region| region.codes.contains(subject));
        let area = subject.registering_area();
        listed
            .or_else(|| self.regions.iter().find(|region| region.areas.iter().any(|prefix| prefix.covers(area))))
            .map(|region| region.name)
    }

    /// Every orphaned range, with its region.
    pub fn orphaned(&self) -> impl Iterator<Item = (Region, &OrphanedRange)> {
        self.regions.iter().flat_map(|entry| entry.orphaned.iter().map(|range| (entry.name, range)))
    }

    /// What the regions decided about the end of a log, if they did.
    pub fn orphaned_of(&self, log: &Origin) -> Option<&OrphanedRange> {
        self.orphaned().map(|(_, range)| range).find(|range| range.log == *log)
    }

    /// The entry of a region.
    pub fn entry(&self, region: Region) -> Option<&RegionEntry> {
        self.regions.iter().find(|entry| entry.name == region)
    }

    /// The region whose TLS identity has this key.
    pub fn by_tls(&self, key: &PublicKey) -> Option<&RegionEntry> {
        self.regions.iter().find(|entry| entry.tls == *key)
    }

    /// The channel of this name, with the region whose entities it speaks for.
    pub fn channel(&self, name: ChannelName) -> Option<(Region, &Channel)> {
        let of = |entry: &RegionEntry| entry.channels.iter().position(|channel| channel.name == name);
        self.regions.iter().find_map(|entry| Some((entry.name, &entry.channels[of(entry)?])))
    }

    /// What the organisation may claim to be when it asks through `asker` what `issuer` knows: a regulator if its own region lists it
    /// as one and the issuer's region has regulators too, so that both ends of the answer are supervision's.
    pub fn standing(&self, asker: Region, organisation: OrganisationId, issuer: Region) -> Standing {
        let regulators = |region| self.entry(region).map_or(&[][..], |entry| &entry.regulators);
        Standing { regulators: regulators(asker).contains(&organisation) && !regulators(issuer).is_empty() }
    }

    /// Every log, for the verification of attestations.
    pub fn known_logs(&self) -> Vec<KnownLog> {
        let known = |entry: &RegionEntry| KnownLog {
            origin: entry.log_origin,
            region: entry.name,
            log: entry.log.clone(),
            witness: entry.witness.clone(),
        };
        self.regions.iter().map(known).collect()
    }
}

/// Before the region is checked by itself, so that a log taken from another region is told as that.
fn check_names(place: Place<'_>, written: &WrittenRegion, earlier: &[RegionEntry]) -> Result<(), ConfigError<DirectoryFault>> {
    for other in earlier {
        if other.name == *written.name.get_ref() {
            return Err(place.fault(&written.name, "name", DirectoryFault::RegionTwice(other.name)));
        }
        if other.log_origin == *written.log_origin.get_ref() {
            let fault = DirectoryFault::OriginTwice { origin: other.log_origin, other: other.name };
            return Err(place.fault(&written.log_origin, "log_origin", fault));
        }
        if other.address == *written.address.get_ref() {
            return Err(place.fault(&written.address, "address", DirectoryFault::AddressTwice { other: other.name }));
        }
        if other.auditors == *written.auditors.get_ref() {
            return Err(place.fault(&written.auditors, "auditors", DirectoryFault::AddressTwice { other: other.name }));
        }
    }
    Ok(())
}

/// Each organisation has one node: areas do not overlap and no code stands twice, within the region neither.
fn check_subjects(
    place: Place<'_>,
    written: &WrittenRegion,
    entry: &RegionEntry,
    earlier: &[RegionEntry],
) -> Result<(), ConfigError<DirectoryFault>> {
    for (position, area) in entry.areas.iter().enumerate() {
        let own = entry.areas[..position].iter().map(|area| (area, entry.name));
        let others = earlier.iter().flat_map(|other| other.areas.iter().map(|area| (area, other.name)));
        if let Some((taken, other)) = own.chain(others).find(|(other, _)| area.overlaps(other)) {
            let fault = DirectoryFault::AreaOverlaps { area: taken.to_string(), other };
            return Err(place.fault(&written.areas[position], &format!("areas[{position}]"), fault));
        }
    }
    for (position, code) in entry.codes.iter().enumerate() {
        let own = entry.codes[..position].contains(code).then_some(entry.name);
        let other = own.or_else(|| earlier.iter().find(|other| other.codes.contains(code)).map(|other| other.name));
        if let Some(other) = other {
            return Err(place.fault(
                &written.codes[position],
                &format!("codes[{position}]"),
                DirectoryFault::CodeTwice { other },
            ));
        }
    }
    Ok(())
}

/// Each channel and each regulator stands once in the whole directory, within the region neither twice.
fn check_roles(
    place: Place<'_>,
    written: &WrittenRegion,
    entry: &RegionEntry,
    earlier: &[RegionEntry],
) -> Result<(), ConfigError<DirectoryFault>> {
    let names = |entry: &RegionEntry| entry.channels.iter().map(|channel| channel.name).collect::<Vec<_>>();
    let own = names(entry);
    for (position, channel) in own.iter().enumerate() {
        let other = own[..position].contains(channel).then_some(entry.name);
        let other = other.or_else(|| earlier.iter().find(|other| names(other).contains(channel)).map(|other| other.name));
        if let Some(other) = other {
            let at = &written.channels[position].get_ref().name;
            let fault = DirectoryFault::ChannelTwice { channel: *channel, other };
            return Err(place.fault(at, &format!("channels[{position}].name"), fault));
        }
    }
    for (position, organisation) in entry.regulators.iter().enumerate() {
        let other = entry.regulators[..position].contains(organisation).then_some(entry.name);
        let listed = || earlier.iter().find(|other| other.regulators.contains(organisation)).map(|other| other.name);
        if let Some(other) = other.or_else(listed) {
            let at = &written.regulators[position];
            let fault = DirectoryFault::RegulatorTwice { organisation: *organisation, other };
            return Err(place.fault(at, &format!("regulators[{position}]"), fault));
        }
    }
    Ok(())
}

/// Each public key has one role in the whole directory: what one role signs must never be taken for another's.
fn check_keys(
    place: Place<'_>,
    written: &WrittenRegion,
    entry: &RegionEntry,
    seen: &mut Vec<(PublicKey, String)>,
) -> Result<(), ConfigError<DirectoryFault>> {
    let mut roles: Vec<(PublicKey, &Spanned<String>, String)> = vec![
        (*entry.log.key(), &written.log, "log".to_owned()),
        (*entry.witness.key(), &written.witness, "witness".to_owned()),
        (entry.tls, &written.tls, "tls".to_owned()),
    ];
    for (position, (signer, text)) in entry.governance.signers().iter().zip(written.governance.signers.get_ref()).enumerate() {
        roles.push((*signer.key(), text, format!("governance.signers[{position}]")));
    }
    for (position, (channel, text)) in entry.channels.iter().zip(&written.channels).enumerate() {
        roles.push((channel.key, &text.get_ref().key, format!("channels[{position}].key")));
    }
    for (key, text, role) in roles {
        if let Some((_, other)) = seen.iter().find(|(earlier, _)| *earlier == key) {
            return Err(place.fault(text, &role, DirectoryFault::KeyTwice { other: other.clone() }));
        }
        seen.push((key, place.key(&role)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
