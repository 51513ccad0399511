//! What all schedules stand on and none changes: the sample network, two editions of a rule pack with small budgets, the sample records as
//! each city holds them, and the sample questions.
//!
//! Not here: what is asked when (`schedule`).

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, anyhow};
use creditbay_configs::peers::{Directory, EndorsedDirectory};
use creditbay_configs::rules::RulePack;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use creditbay_node::host::entropy::Entropy;
use creditbay_node::host::keys::{EpochKeys, RecordKeys};
use creditbay_node::intake::import;
use creditbay_node::intake::reading::Under;
use creditbay_node::store::Store;
use creditbay_node::store::in_memory::InMemory;
use creditbay_node::store::records::Records;
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::{Identifier, IdentifierError, Scheme};
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{Predicate, Purpose};

use crate::samples::{self, Expected, Subject};

/// The four cities, in the order of their names.
pub(crate) const CITIES: [&str; 4] = ["gz", "hk", "mo", "sz"];
/// The key under which every city keeps its records.
const RECORD_KEY: [u8; 32] = [7; 32];
/// 2026-11-23T15:00:00Z, an hour before midnight in UTC+8 and before the second edition takes over.
pub(crate) const BEFORE_MIDNIGHT: Millis = Millis(1_795_446_000_000);

/// Lines of the bundled pack that are replaced: budgets that a schedule reaches.
const SMALL: [(&str, &str); 6] = [
    ("requester_per_day", "9"),
    ("peer_per_day", "24"),
    ("subject_per_day", "3"),
    ("types_per_subject_and_day", "3"),
    ("subjects_per_day", "6"),
    ("unknown_subjects_per_day", "2"),
];

/// What the second edition asks for beside: answers for financing leave with both others' cosignatures.
const WITNESSED: &str =
    "[witnessed]\nillustrative = true\nheld_by = \"leaves\"\npurposes = [\"FIN\"]\nquorum = 2\nwait_seconds = 4\n";

/// One question of the samples.
pub(crate) struct Asking {
    /// Its name.
    pub(crate) id: String,
    /// Who asks.
    pub(crate) asker: Region,
    /// Who is asked.
    pub(crate) issuer: Region,
    /// What for.
    pub(crate) purpose: Purpose,
    /// About whom; nobody where a bearer brought a report (lane C), or where it is a natural person.
    pub(crate) subject: Option<Identifier>,
    /// What.
    pub(crate) predicate: Predicate,
    /// SHA-256 of the report.
    pub(crate) digest: Option<Digest>,
    /// `A`, `C`, `R`, or `P` for all others.
    pub(crate) lane: char,
}

/// What all schedules stand on.
pub(crate) struct Ground {
    /// Who the nodes are.
    pub(crate) directory: Arc<EndorsedDirectory>,
    /// Two editions of the pack.
    pub(crate) packs: [Arc<RulePack>; 2],
    /// The sample questions.
    pub(crate) askings: Vec<Asking>,
    /// The stores with the keys of their records.
    stores: BTreeMap<Region, (InMemory, EpochKeys)>,
}

/// The region of this name.
pub(crate) fn region(name: &str) -> Region {
    Region::new(name).expect("invariant: the samples name regions")
}

/// The sample key of a city in a role.
pub(crate) fn key(city: Region, role: &str) -> SigningKey {
    SigningKey::from_seed(Seed::from_bytes(Digest::of(format!("creditbay sample {city} {role}").as_bytes()).0))
}

impl Ground {
    /// The one of this process, made when it is first asked for.
    pub(crate) fn get() -> &'static Self {
        static GROUND: OnceLock<Ground> = OnceLock::new();
        GROUND.get_or_init(|| Self::make().expect("invariant: the samples are whole, and tests of their own hold them"))
    }

    /// A city's store with its records and no log, and what seals the records; both are this caller's alone.
    pub(crate) fn store(&self, city: Region) -> (InMemory, EpochKeys) {
        let made = self.stores.get(&city).map(|(store, buckets)| (store.reopen(), buckets.again()));
        made.unwrap_or_else(|| (InMemory::default(), EpochKeys::in_memory()))
    }

    fn make() -> Result<Self> {
        let read = |name: &str| fs::read_to_string(samples::folder().join(name)).with_context(|| name.to_owned());
        let directory = Directory::parse("network.toml", &read("network/network.toml")?)?;
        let entry = directory.entry(region(CITIES[0])).context("no entry")?;
        let pinned = entry.governance.signers().to_vec();
        let directory = Arc::new(directory.endorsed(read("network/network.note")?.as_bytes(), &pinned)?);
        let bundled = read("rules/gba-2026.1.toml")?;
        let first = edition(&bundled, &SMALL)?;
        let supersedes = format!("2\nsupersedes = \"{}\"", first.digest());
        let takes_over = [("serial", supersedes.as_str()), ("effective_from", "\"2026-11-24\""), ("overlap_days", "1")];
        let witnessed = bundled.replace("\n[contract]\n", &format!("\n{WITNESSED}\n[contract]\n"));
        let second = edition(&witnessed, &[SMALL.as_slice(), &takes_over].concat())?;
        let mut stores = BTreeMap::new();
        for city in CITIES {
            stores.insert(region(city), with_records(region(city), &directory, &first)?);
        }
        let expected: Expected = serde_json::from_str(&read("expected.json")?)?;
        Ok(Self { directory, packs: [Arc::new(first), Arc::new(second)], askings: askings(&expected)?, stores })
    }
}

fn edition(bundled: &str, lines: &[(&str, &str)]) -> Result<RulePack> {
    let mut text = bundled.to_owned();
    for (key, line) in lines {
        let known = text.lines().find(|known| known.starts_with(&format!("{key} ="))).with_context(|| (*key).to_owned())?;
        text = text.replace(&known.to_owned(), &format!("{key} = {line}"));
    }
    Ok(RulePack::parse("edition.toml", &text)?)
}

/// The keys of records of which these seal the buckets.
pub(crate) fn record_keys(buckets: &EpochKeys) -> RecordKeys {
    RecordKeys { index: RECORD_KEY, buckets: buckets.clone() }
}

fn with_records(city: Region, directory: &Directory, pack: &RulePack) -> Result<(InMemory, EpochKeys)> {
    let (store, buckets) = (InMemory::new(), EpochKeys::in_memory());
    let shared: Arc<dyn Store> = Arc::new(store.clone());
    let records =
        Records::open(shared, record_keys(&buckets), Arc::new(Entropy::seeded(u64::from(city.as_str().as_bytes()[0]))))?;
    let law = directory.entry(city).context("no entry")?.law;
    let under = Under { pack, law, records: &records };
    let folder = samples::folder().join("records").join(city.as_str());
    let mut files: Vec<_> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    for file in files {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        import(fs::File::open(&file)?, &name, false, &under, BEFORE_MIDNIGHT.minus(1_000), &mut |_| {})
            .map_err(|error| anyhow!("{name}: {error}"))?;
    }
    Ok((store, buckets))
}

fn askings(expected: &Expected) -> Result<Vec<Asking>> {
    let identifier = |subject: &Subject| -> Result<Option<Identifier>> {
        let scheme: Scheme = subject.scheme.parse().map_err(|_| anyhow!("{}", subject.scheme))?;
        match Identifier::parse(scheme, &subject.value) {
            Err(IdentifierError::NaturalPerson { .. }) => Ok(None),
            parsed => Ok(Some(parsed?)),
        }
    };
    let purpose = |name: &str| serde_json::from_value(serde_json::Value::from(name));
    let mut askings = Vec::new();
    for question in &expected.questions {
        askings.push(Asking {
            id: question.id.clone(),
            asker: region(&question.asker),
            issuer: region(&question.issuer),
            purpose: purpose(&question.purpose)?,
            subject: identifier(&question.subject)?,
            predicate: serde_json::from_value(question.predicate.clone())?,
            digest: None,
            lane: 'P',
        });
    }
    for question in &expected.further {
        askings.push(Asking {
            id: question.id.clone(),
            asker: region(&question.asker),
            issuer: region(&question.issuer),
            purpose: purpose(&question.purpose)?,
            subject: question.subject.as_ref().map_or(Ok(None), identifier)?,
            predicate: serde_json::from_value(question.predicate.clone())?,
            digest: question.digest.as_deref().map(Digest::from_hex).transpose()?,
            lane: question.lane.chars().next().unwrap_or('P'),
        });
    }
    Ok(askings)
}
