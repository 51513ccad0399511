//! The sample network of four cities, made from fixed seeds (tests only; `samples/network/README.md`).
//!
//! With `CREDITBAY_WRITE_SAMPLES=1` the tests write the files that they otherwise compare.
//! Not here: `samples/node.toml`, which is written by hand; its values are compared with [`node`].

use std::path::{Path, PathBuf};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::{KeyKind, Note, NoteSigner, NoteVerifier};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::{Name, OrganisationId, Region};
use creditbay_protocol::predicate::LawOfOrigin;

use crate::endorsement::{self, Governance};
use crate::node::limits::Limits;
use crate::node::{Auditor, AuditorsTls, Doors, ForeignWitness, KeyFiles, NetworkFiles, NodeConfig, RuleFiles, Service};
use crate::peers::Directory;
use crate::peers::entry::{Channel, RegionEntry, Title};

/// Registered with the province, at home in Guangzhou.
pub(crate) const PROVINCIAL: &str = "91440000MA5GBAC048";
/// An LEI of an organisation of Hong Kong.
pub(crate) const LEI: &str = "300300GBACREDIT00063";

/// Region, law, area, titles.
const CITIES: [(&str, LawOfOrigin, &str, [&str; 4]); 4] = [
    ("gz", LawOfOrigin::Cn, "4401", ["广州", "廣州", "Cantão", "Guangzhou"]),
    ("sz", LawOfOrigin::Cn, "4403", ["深圳", "深圳", "Shenzhen", "Shenzhen"]),
    ("hk", LawOfOrigin::Hk, "HK", ["香港", "香港", "Hong Kong", "Hong Kong"]),
    ("mo", LawOfOrigin::Mo, "MO", ["澳门", "澳門", "Macau", "Macao"]),
];

/// The development key of a region in a role. Everybody can make it: never use it for more than a trial.
pub(crate) fn key(region: &str, role: &str) -> SigningKey {
    SigningKey::from_seed(Seed::from_bytes(Digest::of(format!("creditbay sample {region} {role}").as_bytes()).0))
}

/// A signer named `name` with the key of a region in a role.
pub(crate) fn signer(region: &str, role: &str, name: &str, kind: KeyKind) -> NoteSigner {
    NoteSigner::new(name.parse().unwrap(), kind, key(region, role))
}

/// The region's one governance key.
pub(crate) fn governor(region: &str) -> NoteSigner {
    signer(region, "governance", &format!("{region}.creditbay/governance"), KeyKind::Ed25519)
}

/// The four entries.
pub(crate) fn entries() -> Vec<RegionEntry> {
    let entry = |(position, (region, law, area, titles)): (usize, &(&str, LawOfOrigin, &str, [&str; 4]))| {
        let origin = format!("{region}.creditbay/log/1");
        let witness = format!("{region}.creditbay/witness");
        let [zh_hans, zh_hant, pt, en] = titles.map(str::to_owned);
        let codes = match *region {
            "gz" => vec![Identifier::parse(Scheme::Uscc, PROVINCIAL).unwrap()],
            "hk" => vec![Identifier::parse(Scheme::Lei, LEI).unwrap()],
            _ => Vec::new(),
        };
        RegionEntry {
            name: Region::new(region).unwrap(),
            law: *law,
            title: Title { zh_hans, zh_hant, pt, en },
            log_origin: origin.parse().unwrap(),
            log: signer(region, "log", &origin, KeyKind::Ed25519).verifier().clone(),
            witness: signer(region, "witness", &witness, KeyKind::CosignatureV1).verifier().clone(),
            tls: key(region, "tls").public(),
            address: format!("127.0.0.1:45{position}1").parse().unwrap(),
            auditors: format!("http://127.0.0.1:45{position}3"),
            areas: vec![area.parse().unwrap()],
            codes,
            governance: Governance::new(1, vec![governor(region).verifier().clone()]).unwrap(),
            channels: vec![Channel {
                name: Name::new(&format!("portal.{region}")).unwrap(),
                key: key(region, "channel").public(),
            }],
            regulators: vec![OrganisationId::new(&format!("regulator.{region}")).unwrap()],
            orphaned: Vec::new(),
        }
    };
    CITIES.iter().enumerate().map(entry).collect()
}

/// `samples/network/network.toml`.
pub(crate) fn network() -> String {
    Directory::to_toml(1, &entries())
}

/// A note over a directory by the governance keys of these regions.
pub(crate) fn note(directory: &str, regions: &[&str]) -> Vec<u8> {
    let text = endorsement::text(Label::NETWORK, &Digest::of(directory.as_bytes()));
    let lines = regions.iter().map(|region| governor(region).sign(&text).unwrap()).collect();
    Note { text, lines }.to_string().into_bytes()
}

/// What `samples/node.toml` says, seen from the folder of samples.
pub(crate) fn node() -> NodeConfig {
    let folder = Path::new("samples");
    let auditor = signer("auditor", "request", "auditor.creditbay/sample", KeyKind::Ed25519);
    NodeConfig {
        region: Region::new("gz").unwrap(),
        data_dir: folder.join("data/gz"),
        keys: KeyFiles {
            log: folder.join("keys/gz/log.pem"),
            witness: folder.join("keys/gz/witness.pem"),
            tls: folder.join("keys/gz/tls.pem"),
        },
        network: NetworkFiles {
            directory: folder.join("network/network.toml"),
            signatures: folder.join("network/network.note"),
            pinned: vec![pinned()],
        },
        rules: vec![RuleFiles { file: folder.join("rules/gba-2026.1.toml"), signatures: folder.join("rules/gba-2026.1.note") }],
        doors: Doors {
            services: "127.0.0.1:4502".parse().unwrap(),
            auditors: "127.0.0.1:4503".parse().unwrap(),
            auditors_tls: AuditorsTls::Certificate { certificate: folder.join("tls/chain.pem"), key: folder.join("tls/key.pem") },
            peers: "127.0.0.1:4501".parse().unwrap(),
            peers_x509: Some("127.0.0.1:4504".parse().unwrap()),
            admin: folder.join("data/gz/admin.sock"),
        },
        services: vec![Service {
            organisation: OrganisationId::new("bank-a").unwrap(),
            token_sha256: Digest::of(b"creditbay sample token"),
        }],
        auditors: vec![Auditor { name: Name::new("auditor-a").unwrap(), vkey: auditor.verifier().clone() }],
        witnesses: vec![ForeignWitness {
            vkey: signer("witness", "foreign", "witness.example/w1", KeyKind::CosignatureV1).verifier().clone(),
            url: "http://127.0.0.1:4600/w1".to_owned(),
        }],
        witnessed_logs: vec![signer("log", "foreign", "log.example/disclosures", KeyKind::Ed25519).verifier().clone()],
        limits: Limits::default(),
    }
}

/// Guangzhou's governance key, which Guangzhou's operator pins.
pub(crate) fn pinned() -> NoteVerifier {
    governor("gz").verifier().clone()
}

/// A file of the samples.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

/// Holds a sample against what it is made from, or writes it if `CREDITBAY_WRITE_SAMPLES=1`.
#[allow(clippy::disallowed_methods, reason = "the samples are files")]
pub(crate) fn assert_sample(name: &str, made: &[u8]) {
    if std::env::var("CREDITBAY_WRITE_SAMPLES").as_deref() == Ok("1") {
        std::fs::write(file(name), made).unwrap();
    }
    let kept = std::fs::read(file(name)).unwrap();
    assert!(
        kept == made,
        "samples/{name} is not what it is made from; run the tests once with CREDITBAY_WRITE_SAMPLES=1 and look at the difference"
    );
}

/// The names of all keys that the reader of `sample` knows, table by table: each table is given an unknown key, and the refusal lists
/// the known ones. `refusal` reads a text and gives the words of its error.
pub(crate) fn known_keys(sample: &str, refusal: impl Fn(&str) -> String) -> Vec<String> {
    let lines: Vec<&str> = sample.lines().collect();
    let heads = lines.iter().enumerate().filter(|(_, line)| line.starts_with('[')).map(|(at, _)| at + 1);
    let mut keys = Vec::new();
    for at in std::iter::once(0).chain(heads) {
        let mut probed = lines.clone();
        probed.insert(at, "zzz = 0");
        let words = refusal(&probed.join("\n"));
        let (_, listed) = words.split_once("no such key; expected ").unwrap_or_else(|| panic!("{words}"));
        keys.extend(listed.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    keys.sort();
    keys.dedup();
    keys
}
