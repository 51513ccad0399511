//! The network directory as TOML: the keys of `network.toml`, one region read and checked by itself, and the writer.
//!
//! Every key is explained in [`HEADER`], which the writer puts on top of each file.
//! Not here: what must hold between regions (`mod`).

use std::net::SocketAddr;

use creditbay_crypto::hash::{Digest, base64_encode};
use creditbay_crypto::note::{KeyKind, NoteVerifier};
use creditbay_crypto::sign::PublicKey;
use creditbay_protocol::authorisation::ChannelName;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::{OrganisationId, Origin, Region};
use creditbay_protocol::predicate::LawOfOrigin;
use serde::{Deserialize, Serialize};
use serde_spanned::Spanned;

use crate::endorsement::{Governance, GovernanceError};
use crate::error::ConfigError;

use super::entry::{AreaPrefix, Channel, RegionEntry, Title};
use super::fault::{DirectoryFault, MAX_CHANNELS, MAX_REGULATORS};
use super::orphaned::{self, WrittenOrphaned};
use super::place::{Place, plain};

/// The format line.
pub(super) const FORMAT: &str = "creditbay/network/v1";

/// What every key means.
const HEADER: &str = "\
# CreditBay network directory: who the nodes are.
#
# Every region signs this file by its governance keys (creditbay/v1/network over its SHA-256); a changed byte needs new signatures.
#
# format                 the format and its version
# serial                 the edition, from 1; a node never goes back to a lower one
# region                 one [[region]] for each node:
#   name                 its name on the wire: at most 8 of a-z 0-9 . _ -
#   law                  the law under which its registers are kept: CN, HK or MO
#   areas                where the organisations are registered for which it answers: the first 2, 4 or 6 digits of GB/T 2260 codes,
#                        or HK, MO; no area may lie in another
#   log_origin           its current log: <name>.<domain>/log/<number>
#   log                  the verifier key of that log (C2SP signed-note, type 0x01), named as the log
#   witness              the verifier key of its witness (C2SP tlog-cosignature, type 0x04)
#   tls                  the public key of its TLS identity: base64 of 32 bytes (Ed25519, RFC 7250)
#   address              its peers' door: <IP>:<UDP port>
#   auditors             its auditors' door: a URL without a slash at its end
#   regulators           optional: its organisations that supervise others; they alone ask in the regulators' lane, and only where the
#                        other region has regulators too; each in one region of the file
#   title                its name for people, in all four languages:
#     zh-Hans            simplified Chinese
#     zh-Hant            traditional Chinese
#     pt                 Portuguese
#     en                 English
#   governance           who speaks for it:
#     threshold          how many of the signers must sign
#     signers            their verifier keys (C2SP signed-note, type 0x01); each public key has one role in the whole file
#   channels             optional: who takes down what its entities permit and signs it, each a [[region.channels]]:
#     name               its name, once in the whole file: at most 24 of a-z 0-9 . _ -
#     key                the public key of its signatures: base64 of 32 bytes (Ed25519)
#   codes                optional: organisations for which it answers although their code names another area (registered with the
#                        province) or none (an LEI), each a [[region.codes]]; they go before areas:
#     scheme             the scheme of the code: uscc, hk-brn, mo-entity or lei
#     value              the code
#   orphaned             optional: its earlier logs whose end was lost, each a [[region.orphaned]]; what is listed here once is listed for
#                        ever, and counts since all other regions signed it:
#     log                the log that has no final note: <name>.<domain>/log/<number>
#     size               the leaves of it that the next log goes on from; those from here on are orphaned; 0 where all are
#     root               the root over those leaves: base64 (of no leaves: the SHA-256 of nothing)
#     seen               the largest size of which another region holds a signed note
#     note               the SHA-256 of that note's first three lines (origin, size, root), in hex
";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenDirectory {
    pub(super) format: Spanned<String>,
    pub(super) serial: Spanned<u32>,
    pub(super) region: Vec<WrittenRegion>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRegion {
    pub(super) name: Spanned<Region>,
    law: LawOfOrigin,
    pub(super) areas: Vec<Spanned<String>>,
    pub(super) log_origin: Spanned<Origin>,
    pub(super) log: Spanned<String>,
    pub(super) witness: Spanned<String>,
    pub(super) tls: Spanned<String>,
    pub(super) address: Spanned<SocketAddr>,
    pub(super) auditors: Spanned<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) regulators: Vec<Spanned<OrganisationId>>,
    title: Spanned<Title>,
    pub(super) governance: WrittenGovernance,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) channels: Vec<Spanned<WrittenChannel>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) codes: Vec<Spanned<WrittenCode>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) orphaned: Vec<Spanned<WrittenOrphaned>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenGovernance {
    threshold: Spanned<usize>,
    pub(super) signers: Spanned<Vec<Spanned<String>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenChannel {
    pub(super) name: Spanned<ChannelName>,
    pub(super) key: Spanned<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCode {
    scheme: Scheme,
    value: String,
}

impl WrittenRegion {
    /// Reads a region and checks all that can be checked without the others.
    pub(super) fn read(&self, place: Place<'_>) -> Result<RegionEntry, ConfigError<DirectoryFault>> {
        let (name, origin) = (*self.name.get_ref(), *self.log_origin.get_ref());
        let owner = origin.owner();
        if owner.as_str().split('.').next() != Some(name.as_str()) {
            let fault = DirectoryFault::OriginOwner { region: name, owner: owner.to_string() };
            return Err(place.fault(&self.log_origin, "log_origin", fault));
        }
        let log = verifier(place, &self.log, "log", KeyKind::Ed25519)?;
        if log.name().as_str() != origin.to_string() {
            let fault = DirectoryFault::LogName { name: log.name().clone(), origin };
            return Err(place.fault(&self.log, "log", fault));
        }
        let address = *self.address.get_ref();
        if address.port() == 0 || address.ip().is_unspecified() {
            return Err(place.fault(&self.address, "address", DirectoryFault::Address));
        }
        if !is_base_url(self.auditors.get_ref()) {
            return Err(place.fault(&self.auditors, "auditors", DirectoryFault::AuditorsUrl));
        }
        if self.title.get_ref().texts().iter().any(|text| text.trim().is_empty()) {
            return Err(place.fault(&self.title, "title", DirectoryFault::TitleEmpty));
        }
        Ok(RegionEntry {
            name,
            law: self.law,
            title: self.title.get_ref().clone(),
            log_origin: origin,
            log,
            witness: verifier(place, &self.witness, "witness", KeyKind::CosignatureV1)?,
            tls: plain_key(place, &self.tls, "tls")?,
            address,
            auditors: self.auditors.get_ref().clone(),
            areas: self.read_areas(place)?,
            codes: self.read_codes(place)?,
            governance: self.read_governance(place)?,
            channels: self.read_channels(place)?,
            regulators: self.read_regulators(place)?,
            orphaned: orphaned::read(place, origin, &self.orphaned)?,
        })
    }

    fn read_channels(&self, place: Place<'_>) -> Result<Vec<Channel>, ConfigError<DirectoryFault>> {
        if let Some(beyond) = self.channels.get(MAX_CHANNELS) {
            return Err(place.fault(beyond, "channels", DirectoryFault::TooManyChannels(self.channels.len())));
        }
        let read = |(position, channel): (usize, &Spanned<WrittenChannel>)| {
            let WrittenChannel { name, key } = channel.get_ref();
            Ok(Channel { name: *name.get_ref(), key: plain_key(place, key, &format!("channels[{position}].key"))? })
        };
        self.channels.iter().enumerate().map(read).collect()
    }

    fn read_regulators(&self, place: Place<'_>) -> Result<Vec<OrganisationId>, ConfigError<DirectoryFault>> {
        if let Some(beyond) = self.regulators.get(MAX_REGULATORS) {
            return Err(place.fault(beyond, "regulators", DirectoryFault::TooManyRegulators(self.regulators.len())));
        }
        Ok(self.regulators.iter().map(|organisation| *organisation.get_ref()).collect())
    }

    fn read_areas(&self, place: Place<'_>) -> Result<Vec<AreaPrefix>, ConfigError<DirectoryFault>> {
        let read = |(position, text): (usize, &Spanned<String>)| {
            let fault = |fault| place.fault(text, &format!("areas[{position}]"), fault);
            let area: AreaPrefix = text.get_ref().parse().map_err(|error| fault(DirectoryFault::Area(error)))?;
            if area.law() == self.law { Ok(area) } else { Err(fault(DirectoryFault::AreaLaw(self.law))) }
        };
        self.areas.iter().enumerate().map(read).collect()
    }

    fn read_codes(&self, place: Place<'_>) -> Result<Vec<Identifier>, ConfigError<DirectoryFault>> {
        let read = |(position, code): (usize, &Spanned<WrittenCode>)| {
            let WrittenCode { scheme, value } = code.get_ref();
            let fault = |error| place.fault(code, &format!("codes[{position}]"), DirectoryFault::Code(error));
            Identifier::parse(*scheme, value).map_err(fault)
        };
        self.codes.iter().enumerate().map(read).collect()
    }

    fn read_governance(&self, place: Place<'_>) -> Result<Governance, ConfigError<DirectoryFault>> {
        let read = |(position, text): (usize, &Spanned<String>)| {
            verifier(place, text, &format!("governance.signers[{position}]"), KeyKind::Ed25519)
        };
        let signers = self.governance.signers.get_ref().iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let threshold = &self.governance.threshold;
        Governance::new(*threshold.get_ref(), signers).map_err(|error| {
            let of_threshold = matches!(error, GovernanceError::ThresholdZero | GovernanceError::ThresholdOverSigners { .. });
            let fault = DirectoryFault::Governance(error);
            if of_threshold {
                place.fault(threshold, "governance.threshold", fault)
            } else {
                place.fault(&self.governance.signers, "governance.signers", fault)
            }
        })
    }
}

fn verifier(
    place: Place<'_>,
    text: &Spanned<String>,
    key: &str,
    needed: KeyKind,
) -> Result<NoteVerifier, ConfigError<DirectoryFault>> {
    let verifier =
        NoteVerifier::parse(text.get_ref()).map_err(|error| place.fault(text, key, DirectoryFault::Verifier(error)))?;
    if verifier.kind() == needed {
        return Ok(verifier);
    }
    Err(place.fault(text, key, DirectoryFault::WrongKind { needed: needed as u8, found: verifier.kind() as u8 }))
}

/// A public key that stands without name and type.
fn plain_key(place: Place<'_>, text: &Spanned<String>, key: &str) -> Result<PublicKey, ConfigError<DirectoryFault>> {
    let bytes = Digest::from_base64(text.get_ref()).map_err(|error| place.fault(text, key, DirectoryFault::KeyText(error)))?;
    PublicKey::from_bytes(&bytes.0).map_err(|error| place.fault(text, key, DirectoryFault::Key(error)))
}

fn is_base_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && !rest.ends_with('/')
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@'))
    })
}

/// Writes a directory. Nothing is checked: read it with `Directory::parse` before it is signed.
pub(super) fn to_toml(serial: u32, regions: &[RegionEntry]) -> String {
    let written =
        WrittenDirectory { format: plain(FORMAT.to_owned()), serial: plain(serial), region: regions.iter().map(write).collect() };
    let body = toml::to_string(&written).expect("invariant: every value here has a form in TOML");
    format!("{HEADER}\n{body}")
}

fn write(entry: &RegionEntry) -> WrittenRegion {
    let code = |code: &Identifier| plain(WrittenCode { scheme: code.scheme(), value: code.expose().to_owned() });
    let channel = |channel: &Channel| {
        plain(WrittenChannel { name: plain(channel.name), key: plain(base64_encode(channel.key.as_bytes())) })
    };
    WrittenRegion {
        name: plain(entry.name),
        law: entry.law,
        areas: entry.areas.iter().map(|area| plain(area.to_string())).collect(),
        log_origin: plain(entry.log_origin),
        log: plain(entry.log.to_string()),
        witness: plain(entry.witness.to_string()),
        tls: plain(base64_encode(entry.tls.as_bytes())),
        address: plain(entry.address),
        auditors: plain(entry.auditors.clone()),
        regulators: entry.regulators.iter().map(|organisation| plain(*organisation)).collect(),
        title: plain(entry.title.clone()),
        governance: WrittenGovernance {
            threshold: plain(entry.governance.threshold()),
            signers: plain(entry.governance.signers().iter().map(|signer| plain(signer.to_string())).collect()),
        },
        channels: entry.channels.iter().map(channel).collect(),
        codes: entry.codes.iter().map(code).collect(),
        orphaned: entry.orphaned.iter().map(orphaned::write).collect(),
    }
}
