//! A whole development network in memory: every key, every file, signed and read back before anything is written.
//!
//! Not here: the disk (`network`), free ports (`ports`).

use std::path::PathBuf;

use anyhow::Context;
use creditbay_configs::endorsement::{self, Governance};
use creditbay_configs::node::limits::Limits;
use creditbay_configs::node::{Auditor, AuditorsTls, Doors, KeyFiles, NetworkFiles, NodeConfig, RuleFiles, Service};
use creditbay_configs::peers::Directory;
use creditbay_configs::peers::entry::{Channel, RegionEntry, Title};
use creditbay_configs::rules::RulePack;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::key_file;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, Note, NoteSigner, NoteVerifier};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::identifier::Identifier;
use creditbay_protocol::name::{Name, OrganisationId, Region};

use crate::file::{PRIVATE, PUBLIC};

use super::cities::City;
use super::ports::Ports;

/// The rule pack that comes with the program.
const RULE_PACK: &str = include_str!("../../../configs/samples/rules/gba-2026.1.toml");
/// Its file name.
const RULE_FILE: &str = "rules/gba-2026.1.toml";
/// The file of its signatures.
const RULE_NOTE: &str = "rules/gba-2026.1.note";

/// The name under which the auditor's key is enrolled at every node.
pub const AUDITOR: &str = "auditor";

/// The organisation for which a city's service asks.
pub fn bank_of(city: &City) -> String {
    format!("bank.{}", city.region)
}

/// A city's organisation that supervises others.
pub fn regulator_of(city: &City) -> String {
    format!("regulator.{}", city.region)
}

/// The channel that takes down what a city's entities permit.
pub fn channel_of(city: &City) -> String {
    format!("portal.{}", city.region)
}

/// A file to be written, its path relative to the network's folder.
pub struct PlannedFile {
    /// Where.
    pub path: PathBuf,
    /// Its mode.
    pub mode: u32,
    /// What stands in it.
    pub bytes: zeroize::Zeroizing<Vec<u8>>,
}

/// A network that has not been written yet.
pub struct Plan {
    /// Its files.
    pub files: Vec<PlannedFile>,
    /// The auditor's verifier key.
    pub auditor: String,
    /// SHA-256 of the network directory.
    pub directory: Digest,
    /// How many codes that name no city have their node in it.
    pub codes: usize,
    /// The beginning of the auditors' doors' URLs.
    pub auditors_scheme: &'static str,
}

/// One city's part of it.
struct Made {
    entry: RegionEntry,
    governor: NoteSigner,
}

impl Plan {
    /// Makes a network of these cities at these ports; of the codes, those of other cities are left out. `seed` gives a fresh random seed
    /// each time.
    pub fn new(
        cities: &[&City],
        ports: &[Ports],
        codes: &[(Region, Identifier)],
        auditors_tls: bool,
        seed: &mut dyn FnMut() -> anyhow::Result<Seed>,
    ) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        let auditor_key = fresh_key(seed, &mut files, "auditor/auditor.pem".to_owned())?;
        let auditor = NoteVerifier::new(AUDITOR.parse()?, KeyKind::Ed25519, auditor_key.public());
        files.push(public("auditor/auditor.vkey", format!("{auditor}\n")));

        let mut made = cities
            .iter()
            .zip(ports)
            .map(|(city, ports)| make_city(city, ports, seed, &mut files))
            .collect::<anyhow::Result<Vec<_>>>()?;
        for made in &mut made {
            if auditors_tls {
                made.entry.auditors = made.entry.auditors.replacen("http:", "https:", 1);
            }
            made.entry.codes = codes.iter().filter(|(city, _)| *city == made.entry.name).map(|(_, code)| *code).collect();
        }
        let codes = made.iter().map(|made| made.entry.codes.len()).sum();
        let entries: Vec<RegionEntry> = made.iter().map(|made| made.entry.clone()).collect();
        let network = Directory::to_toml(1, &entries);
        let network_note = endorse(Label::NETWORK, &network, &made)?;
        let pinned: Vec<NoteVerifier> = made.iter().map(|made| made.governor.verifier().clone()).collect();
        let directory =
            Directory::parse("network.toml", &network).context("the new network directory does not hold; report this")?;
        let endorsed = directory
            .endorsed(network_note.as_bytes(), &pinned)
            .context("the new network directory does not hold; report this")?;
        RulePack::parse(RULE_FILE, RULE_PACK).context("the bundled rule pack does not hold; report this")?;

        for ((city, ports), made) in cities.iter().zip(ports).zip(&made) {
            make_node(city, ports, made, &auditor, seed, &mut files)?;
        }
        let directory = *endorsed.digest();
        files.push(public("network.toml", network));
        files.push(public("network.note", network_note));
        files.push(public(RULE_NOTE, endorse(Label::RULES, RULE_PACK, &made)?));
        files.push(public(RULE_FILE, RULE_PACK.to_owned()));
        let auditors_scheme = if auditors_tls { "https" } else { "http" };
        Ok(Self { files, auditor: auditor.to_string(), directory, codes, auditors_scheme })
    }
}

fn public(path: &str, text: String) -> PlannedFile {
    PlannedFile { path: PathBuf::from(path), mode: PUBLIC, bytes: zeroize::Zeroizing::new(text.into_bytes()) }
}

fn fresh_key(
    seed: &mut dyn FnMut() -> anyhow::Result<Seed>,
    files: &mut Vec<PlannedFile>,
    path: String,
) -> anyhow::Result<SigningKey> {
    let key = SigningKey::from_seed(seed()?);
    let bytes = zeroize::Zeroizing::new(key_file::to_pem(&key).as_bytes().to_vec());
    files.push(PlannedFile { path: PathBuf::from(path), mode: PRIVATE, bytes });
    Ok(key)
}

fn make_city(
    city: &City,
    ports: &Ports,
    seed: &mut dyn FnMut() -> anyhow::Result<Seed>,
    files: &mut Vec<PlannedFile>,
) -> anyhow::Result<Made> {
    let region = city.region;
    let origin = format!("{region}.creditbay/log/1");
    let log = fresh_key(seed, files, format!("{region}/keys/log.pem"))?;
    let witness = fresh_key(seed, files, format!("{region}/keys/witness.pem"))?;
    let tls = fresh_key(seed, files, format!("{region}/keys/tls.pem"))?;
    let channel = fresh_key(seed, files, format!("{region}/channel.pem"))?;
    let governance = fresh_key(seed, files, format!("governance/{region}.pem"))?;
    let governor = NoteSigner::new(format!("{region}.creditbay/governance").parse()?, KeyKind::Ed25519, governance);
    let [zh_hans, zh_hant, pt, en] = city.titles.map(str::to_owned);
    let entry = RegionEntry {
        name: Region::new(region)?,
        law: city.law,
        title: Title { zh_hans, zh_hant, pt, en },
        log_origin: origin.parse()?,
        log: NoteVerifier::new(origin.parse()?, KeyKind::Ed25519, log.public()),
        witness: NoteVerifier::new(format!("{region}.creditbay/witness").parse()?, KeyKind::CosignatureV1, witness.public()),
        tls: tls.public(),
        address: ports.peers,
        auditors: format!("http://{}", ports.auditors),
        areas: vec![city.area.parse()?],
        codes: Vec::new(),
        governance: Governance::new(1, vec![governor.verifier().clone()])?,
        channels: vec![Channel { name: Name::new(&channel_of(city))?, key: channel.public() }],
        regulators: vec![OrganisationId::new(&regulator_of(city))?],
        orphaned: Vec::new(),
    };
    Ok(Made { entry, governor })
}

/// The signatures of every region over a file.
fn endorse(label: Label, file: &str, made: &[Made]) -> anyhow::Result<String> {
    let text = endorsement::text(label, &Digest::of(file.as_bytes()));
    let lines = made.iter().map(|made| made.governor.sign(&text)).collect::<Result<Vec<_>, _>>()?;
    Ok(Note { text, lines }.to_string())
}

/// `node.toml` and the token of the one service, of which the node knows the hash.
fn make_node(
    city: &City,
    ports: &Ports,
    made: &Made,
    auditor: &NoteVerifier,
    seed: &mut dyn FnMut() -> anyhow::Result<Seed>,
    files: &mut Vec<PlannedFile>,
) -> anyhow::Result<()> {
    let region = city.region;
    let bank = make_service(&bank_of(city), format!("{region}/service.token"), seed, files)?;
    let regulator = make_service(&regulator_of(city), format!("{region}/regulator.token"), seed, files)?;
    let node = NodeConfig {
        region: Region::new(region)?,
        data_dir: "data".into(),
        keys: KeyFiles { log: "keys/log.pem".into(), witness: "keys/witness.pem".into(), tls: "keys/tls.pem".into() },
        network: NetworkFiles {
            directory: "../network.toml".into(),
            signatures: "../network.note".into(),
            pinned: vec![made.governor.verifier().clone()],
        },
        rules: vec![RuleFiles { file: format!("../{RULE_FILE}").into(), signatures: format!("../{RULE_NOTE}").into() }],
        doors: Doors {
            services: ports.services,
            auditors: ports.auditors,
            auditors_tls: if made.entry.auditors.starts_with("https:") { AuditorsTls::Identity } else { AuditorsTls::Plain },
            peers: ports.peers,
            peers_x509: None,
            admin: "admin.sock".into(),
        },
        services: vec![bank, regulator],
        witnesses: Vec::new(),
        witnessed_logs: Vec::new(),
        auditors: vec![Auditor { name: Name::new(AUDITOR)?, vkey: auditor.clone() }],
        limits: Limits::default(),
    };
    let heading = format!("# CreditBay node {region} of a development network. Paths are relative to this file.\n\n");
    files.push(public(&format!("{region}/node.toml"), heading + &node.to_toml()?));
    Ok(())
}

/// A service of this organisation, its token in a file of its own.
fn make_service(
    organisation: &str,
    path: String,
    seed: &mut dyn FnMut() -> anyhow::Result<Seed>,
    files: &mut Vec<PlannedFile>,
) -> anyhow::Result<Service> {
    let token = zeroize::Zeroizing::new(Digest(*seed()?.expose()).to_string());
    let bytes = zeroize::Zeroizing::new(format!("{}\n", token.as_str()).into_bytes());
    files.push(PlannedFile { path: PathBuf::from(path), mode: PRIVATE, bytes });
    Ok(Service { organisation: OrganisationId::new(organisation)?, token_sha256: Digest::of(token.as_bytes()) })
}
