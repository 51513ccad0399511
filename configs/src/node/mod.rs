//! One node's own file, `node.toml`: where its data, keys, network and rules are, which doors it opens to whom, its limits.
//!
//! Paths are relative to the file's folder and resolved by their text alone. `samples/node.toml` explains every key.
//! Not here: opening any of the files, and whether the keys in them are those of the directory.

pub mod fault;
pub mod limits;
mod paths;
mod witnesses;
mod written;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{KeyKind, NoteVerifier};
use creditbay_protocol::name::{Name, OrganisationId, Region};
use serde_spanned::Spanned;

use crate::error::{self, ConfigError, Source};

use self::fault::{MAX_SOCKET_PATH_BYTES, NodeFault};
use self::limits::{Limits, WrittenLimits};
use self::paths::resolved;
use self::written::{
    WrittenAuditor, WrittenDoors, WrittenKeys, WrittenLog, WrittenNetwork, WrittenNode, WrittenRules, WrittenService, WrittenTls,
    WrittenWitness,
};

/// What one node runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// Whose node it is.
    pub region: Region,
    /// The folder of its store, its blobs and its archive.
    pub data_dir: PathBuf,
    /// Its private keys.
    pub keys: KeyFiles,
    /// The network directory.
    pub network: NetworkFiles,
    /// The rule packs that it loads.
    pub rules: Vec<RuleFiles>,
    /// Where it listens.
    pub doors: Doors,
    /// Who may ask through it.
    pub services: Vec<Service>,
    /// Who may read its entries.
    pub auditors: Vec<Auditor>,
    /// Witnesses beside the peers, to which it offers its checkpoints.
    pub witnesses: Vec<ForeignWitness>,
    /// Logs beside the peers' that it cosigns: their keys, of type 0x01, named as the log.
    pub witnessed_logs: Vec<NoteVerifier>,
    /// Its limits.
    pub limits: Limits,
}

/// Files of private keys, PKCS#8 in PEM. Three different files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    /// The log's.
    pub log: PathBuf,
    /// The witness's.
    pub witness: PathBuf,
    /// The TLS identity's.
    pub tls: PathBuf,
}

/// The network directory and what the operator knows of it beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkFiles {
    /// The directory.
    pub directory: PathBuf,
    /// The signed note over it.
    pub signatures: PathBuf,
    /// Governance keys that must stand in the directory and have signed it: the operator's root of trust. Never empty, of type 0x01.
    pub pinned: Vec<NoteVerifier>,
}

/// A rule pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFiles {
    /// The pack.
    pub file: PathBuf,
    /// The signed note over it.
    pub signatures: PathBuf,
}

/// Where the node listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doors {
    /// HTTP for services, with the metrics; on loopback.
    pub services: SocketAddr,
    /// HTTP for auditors and witnesses.
    pub auditors: SocketAddr,
    /// What that door shows in its TLS handshake.
    pub auditors_tls: AuditorsTls,
    /// QUIC for peers that show raw public keys, UDP.
    pub peers: SocketAddr,
    /// QUIC for peers whose stack knows X.509 only, UDP.
    pub peers_x509: Option<SocketAddr>,
    /// The unix socket for the operator.
    pub admin: PathBuf,
}

/// What the auditors' door shows to whoever comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditorsTls {
    /// Nothing: HTTP in clear. Beyond loopback only where the file says so in as many words.
    Plain,
    /// The region's own TLS key in a self-signed certificate; whoever has the network directory pins it.
    Identity,
    /// A certificate of an authority that visitors know.
    Certificate {
        /// The chain, PEM.
        certificate: PathBuf,
        /// Its private key, PEM.
        key: PathBuf,
    },
}

/// A service that may ask for an organisation. An organisation may have several, so that tokens can be changed without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The organisation.
    pub organisation: OrganisationId,
    /// SHA-256 of its bearer token.
    pub token_sha256: Digest,
}

/// A witness that is no peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignWitness {
    /// Its key, of type 0x04.
    pub vkey: NoteVerifier,
    /// Its submission prefix, an http:// URL without a slash at its end; `/add-checkpoint` follows.
    pub url: String,
}

/// An auditor that may read entry bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auditor {
    /// The name under which its visits are traced.
    pub name: Name<24>,
    /// The key that signs its requests, of type 0x01.
    pub vkey: NoteVerifier,
}

impl NodeConfig {
    /// Reads and checks a node's file. `file` is its path: errors show it, and paths in it are relative to its folder.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError<NodeFault>> {
        let shown = file.display().to_string();
        let written: WrittenNode = error::parse(&shown, text).map_err(|error| error.map(NodeFault::Text))?;
        let reader = Reader { source: Source::new(&shown, text), folder: file.parent().unwrap_or(Path::new("")) };
        Ok(Self {
            region: written.region,
            data_dir: reader.path(&written.data_dir, "data_dir")?,
            keys: reader.keys(&written.keys)?,
            network: reader.network(&written.network)?,
            rules: reader.rules(&written.rules)?,
            doors: reader.doors(&written.doors)?,
            services: reader.services(&written.services)?,
            auditors: reader.auditors(&written.auditors)?,
            witnesses: reader.witnesses(&written.witnesses)?,
            witnessed_logs: reader.witnessed_logs(&written.witnessed_logs)?,
            limits: written.limits.read(reader.source)?,
        })
    }

    /// Writes a node's file, its paths as they are. Nothing is checked: read it with [`NodeConfig::parse`] before it is used.
    pub fn to_toml(&self) -> Result<String, NodeFault> {
        let rules =
            |pack: &RuleFiles| Ok(WrittenRules { file: plain_path(&pack.file)?, signatures: plain_path(&pack.signatures)? });
        let service = |service: &Service| WrittenService {
            organisation: service.organisation,
            token_sha256: plain(service.token_sha256.to_string()),
        };
        let auditor = |auditor: &Auditor| WrittenAuditor { name: plain(auditor.name), vkey: plain(auditor.vkey.to_string()) };
        let witness =
            |witness: &ForeignWitness| WrittenWitness { vkey: plain(witness.vkey.to_string()), url: plain(witness.url.clone()) };
        let written = WrittenNode {
            region: self.region,
            data_dir: plain_path(&self.data_dir)?,
            keys: WrittenKeys {
                log: plain_path(&self.keys.log)?,
                witness: plain_path(&self.keys.witness)?,
                tls: plain_path(&self.keys.tls)?,
            },
            network: WrittenNetwork {
                directory: plain_path(&self.network.directory)?,
                signatures: plain_path(&self.network.signatures)?,
                pinned: plain(self.network.pinned.iter().map(|pin| plain(pin.to_string())).collect()),
            },
            rules: self.rules.iter().map(rules).collect::<Result<_, NodeFault>>()?,
            doors: self.doors.write()?,
            services: self.services.iter().map(service).collect(),
            auditors: self.auditors.iter().map(auditor).collect(),
            witnesses: self.witnesses.iter().map(witness).collect(),
            witnessed_logs: self.witnessed_logs.iter().map(|vkey| WrittenLog { vkey: plain(vkey.to_string()) }).collect(),
            limits: WrittenLimits::write(&self.limits),
        };
        Ok(toml::to_string(&written).expect("invariant: every value here has a form in TOML"))
    }
}

impl Doors {
    fn write(&self) -> Result<WrittenDoors, NodeFault> {
        let (tls, files) = match &self.auditors_tls {
            AuditorsTls::Plain if self.auditors.ip().is_loopback() => (WrittenTls::Plain, None),
            AuditorsTls::Plain => (WrittenTls::PlainBeyondLoopback, None),
            AuditorsTls::Identity => (WrittenTls::Identity, None),
            AuditorsTls::Certificate { certificate, key } => (WrittenTls::Certificate, Some((certificate, key))),
        };
        Ok(WrittenDoors {
            services: plain(self.services),
            auditors: plain(self.auditors),
            auditors_tls: Some(plain(tls)),
            auditors_certificate: files.map(|(certificate, _)| plain_path(certificate)).transpose()?,
            auditors_key: files.map(|(_, key)| plain_path(key)).transpose()?,
            peers: plain(self.peers),
            peers_x509: self.peers_x509.map(plain),
            admin: plain_path(&self.admin)?,
        })
    }
}

fn plain_path(path: &Path) -> Result<Spanned<String>, NodeFault> {
    path.to_str().map(|text| plain(text.to_owned())).ok_or(NodeFault::PathNotUtf8)
}

/// A value that stands in no text yet.
fn plain<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

/// The text being read, and the folder against which its paths are resolved.
struct Reader<'a> {
    source: Source<'a>,
    folder: &'a Path,
}

impl Reader<'_> {
    fn fault<T>(&self, at: &Spanned<T>, key: impl Into<String>, fault: NodeFault) -> ConfigError<NodeFault> {
        self.source.fault(at.span(), key, fault)
    }

    fn path(&self, text: &Spanned<String>, key: &str) -> Result<PathBuf, ConfigError<NodeFault>> {
        if text.get_ref().trim().is_empty() {
            return Err(self.fault(text, key, NodeFault::PathEmpty));
        }
        Ok(resolved(self.folder, Path::new(text.get_ref())))
    }

    fn keys(&self, written: &WrittenKeys) -> Result<KeyFiles, ConfigError<NodeFault>> {
        let keys = KeyFiles {
            log: self.path(&written.log, "keys.log")?,
            witness: self.path(&written.witness, "keys.witness")?,
            tls: self.path(&written.tls, "keys.tls")?,
        };
        if keys.witness == keys.log {
            return Err(self.fault(&written.witness, "keys.witness", NodeFault::KeyFileTwice { other: "keys.log" }));
        }
        for (path, other) in [(&keys.log, "keys.log"), (&keys.witness, "keys.witness")] {
            if keys.tls == *path {
                return Err(self.fault(&written.tls, "keys.tls", NodeFault::KeyFileTwice { other }));
            }
        }
        Ok(keys)
    }

    fn network(&self, written: &WrittenNetwork) -> Result<NetworkFiles, ConfigError<NodeFault>> {
        let mut pinned: Vec<NoteVerifier> = Vec::new();
        for (position, text) in written.pinned.get_ref().iter().enumerate() {
            let key = format!("network.pinned[{position}]");
            let pin = self.verifier(text, &key)?;
            if pinned.iter().any(|earlier| earlier.key() == pin.key()) {
                return Err(self.fault(text, key, NodeFault::KeyTwice(pin.name().clone())));
            }
            pinned.push(pin);
        }
        if pinned.is_empty() {
            return Err(self.fault(&written.pinned, "network.pinned", NodeFault::NothingPinned));
        }
        Ok(NetworkFiles {
            directory: self.path(&written.directory, "network.directory")?,
            signatures: self.path(&written.signatures, "network.signatures")?,
            pinned,
        })
    }

    fn rules(&self, written: &[WrittenRules]) -> Result<Vec<RuleFiles>, ConfigError<NodeFault>> {
        let mut packs: Vec<RuleFiles> = Vec::new();
        for (position, pack) in written.iter().enumerate() {
            let key = format!("rules[{position}].file");
            let file = self.path(&pack.file, &key)?;
            if let Some(other) = packs.iter().position(|earlier| earlier.file == file) {
                return Err(self.fault(&pack.file, key, NodeFault::RulesTwice { other }));
            }
            packs.push(RuleFiles { file, signatures: self.path(&pack.signatures, &format!("rules[{position}].signatures"))? });
        }
        Ok(packs)
    }

    fn doors(&self, written: &WrittenDoors) -> Result<Doors, ConfigError<NodeFault>> {
        let doors = Doors {
            services: *written.services.get_ref(),
            auditors: *written.auditors.get_ref(),
            auditors_tls: self.auditors_tls(written)?,
            peers: *written.peers.get_ref(),
            peers_x509: written.peers_x509.as_ref().map(|address| *address.get_ref()),
            admin: self.path(&written.admin, "doors.admin")?,
        };
        if !doors.services.ip().is_loopback() {
            return Err(self.fault(&written.services, "doors.services", NodeFault::ServicesNotLoopback));
        }
        if same_door(doors.auditors, doors.services) {
            return Err(self.fault(&written.auditors, "doors.auditors", NodeFault::DoorTwice { other: "doors.services" }));
        }
        if let Some(x509) = written.peers_x509.as_ref().filter(|x509| same_door(*x509.get_ref(), doors.peers)) {
            return Err(self.fault(x509, "doors.peers_x509", NodeFault::DoorTwice { other: "doors.peers" }));
        }
        let bytes = doors.admin.as_os_str().len();
        if bytes > MAX_SOCKET_PATH_BYTES {
            return Err(self.fault(&written.admin, "doors.admin", NodeFault::SocketPathLong { bytes }));
        }
        Ok(doors)
    }

    /// Without a word: in clear on loopback, under the region's own key elsewhere.
    fn auditors_tls(&self, written: &WrittenDoors) -> Result<AuditorsTls, ConfigError<NodeFault>> {
        let loopback = written.auditors.get_ref().ip().is_loopback();
        let (said, at) = match &written.auditors_tls {
            Some(said) => (*said.get_ref(), said.span()),
            None if loopback => (WrittenTls::Plain, written.auditors.span()),
            None => (WrittenTls::Identity, written.auditors.span()),
        };
        let fault = |key: &str, fault| Err(self.source.fault(at.clone(), key, fault));
        match (said, &written.auditors_certificate, &written.auditors_key) {
            (WrittenTls::Certificate, Some(certificate), Some(key)) => Ok(AuditorsTls::Certificate {
                certificate: self.path(certificate, "doors.auditors_certificate")?,
                key: self.path(key, "doors.auditors_key")?,
            }),
            (WrittenTls::Certificate, _, _) => fault("doors.auditors_tls", NodeFault::CertificateMissing),
            (_, Some(file), _) | (_, _, Some(file)) => {
                Err(self.fault(file, "doors.auditors_certificate", NodeFault::CertificateUnused))
            }
            (WrittenTls::Plain, ..) if !loopback => fault("doors.auditors_tls", NodeFault::AuditorsInClear),
            (WrittenTls::Plain | WrittenTls::PlainBeyondLoopback, ..) => Ok(AuditorsTls::Plain),
            (WrittenTls::Identity, ..) => Ok(AuditorsTls::Identity),
        }
    }

    fn services(&self, written: &[WrittenService]) -> Result<Vec<Service>, ConfigError<NodeFault>> {
        let mut seen = HashMap::new();
        let mut services = Vec::with_capacity(written.len());
        for (position, service) in written.iter().enumerate() {
            let fault = |fault| self.fault(&service.token_sha256, format!("services[{position}].token_sha256"), fault);
            let token_sha256 =
                Digest::from_hex(service.token_sha256.get_ref()).map_err(|error| fault(NodeFault::TokenHash(error)))?;
            if let Some(other) = seen.insert(token_sha256, position) {
                return Err(fault(NodeFault::TokenTwice { other }));
            }
            services.push(Service { organisation: service.organisation, token_sha256 });
        }
        Ok(services)
    }

    fn auditors(&self, written: &[WrittenAuditor]) -> Result<Vec<Auditor>, ConfigError<NodeFault>> {
        let mut auditors: Vec<Auditor> = Vec::new();
        for (position, auditor) in written.iter().enumerate() {
            let name = *auditor.name.get_ref();
            if let Some(other) = auditors.iter().position(|earlier| earlier.name == name) {
                return Err(self.fault(&auditor.name, format!("auditors[{position}].name"), NodeFault::AuditorTwice { other }));
            }
            let key = format!("auditors[{position}].vkey");
            let vkey = self.verifier(&auditor.vkey, &key)?;
            if auditors.iter().any(|earlier| earlier.vkey.key() == vkey.key()) {
                return Err(self.fault(&auditor.vkey, key, NodeFault::KeyTwice(vkey.name().clone())));
            }
            auditors.push(Auditor { name, vkey });
        }
        Ok(auditors)
    }

    fn verifier(&self, text: &Spanned<String>, key: &str) -> Result<NoteVerifier, ConfigError<NodeFault>> {
        let verifier = NoteVerifier::parse(text.get_ref()).map_err(|error| self.fault(text, key, NodeFault::Verifier(error)))?;
        if verifier.kind() == KeyKind::Ed25519 {
            return Ok(verifier);
        }
        Err(self.fault(text, key, NodeFault::WrongKind(verifier.name().clone())))
    }
}

/// Whether two listeners would collide. Port 0 takes any free port, so it never does.
fn same_door(one: SocketAddr, other: SocketAddr) -> bool {
    one == other && one.port() != 0
}

#[cfg(test)]
mod tests;
