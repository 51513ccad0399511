//! A thousand mutations of what was handed out: bits, cuts, swaps, and replays from another leaf, log, number and tree size. Each is refused
//! under a name, or the verdict is the very same; none panics. Seeded, so that a failure comes again.

use std::collections::BTreeMap;
use std::fs;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_node::host::keys::read_signing_key;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::policy::Policy;
use creditbay_protocol::third_party::{Findings, verify};

use super::Published;

/// How many are made.
const MUTATIONS: u64 = 1_200;

/// Numbers that look like chance, from a counter.
struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.drawn += 1;
        let [a, b, c, d, ..] = Digest::concat(&[&self.seed.to_be_bytes(), &self.drawn.to_be_bytes()]).0;
        u32::from_be_bytes([a, b, c, d]) as usize % end.max(1)
    }
}

/// What a forger has: genuine lines of other proofs, and notes that gz's own key signed over other trees.
struct Donors {
    proofs: Vec<String>,
    notes: Vec<String>,
}

impl Donors {
    fn of(published: &Published, files: &[Attestation]) -> Self {
        let key = read_signing_key(&published.network.folder().join("gz/keys/log.pem")).unwrap();
        let sign = |name: &str, origin: &str, size, root| {
            let signer = NoteSigner::new(name.parse().unwrap(), KeyKind::Ed25519, key_again(&key));
            let checkpoint = Checkpoint { origin: origin.parse().unwrap(), size, root };
            String::from_utf8(checkpoint.sign(&signer).unwrap().note_bytes()).unwrap()
        };
        let (one, two) = ("gz.creditbay/log/1", "gz.creditbay/log/2");
        let notes = vec![
            sign(two, two, 301, Digest([7; 32])),
            sign(one, two, 301, Digest([7; 32])),
            sign(one, one, 5, Digest([7; 32])),
            sign(one, one, 1 << 40, Digest([8; 32])),
            fs::read_to_string(published.log("gz").join("checkpoint")).unwrap(),
            fs::read_to_string(published.log("hk").join("checkpoint")).unwrap(),
        ];
        let proofs = files.iter().flat_map(|file| [&file.answer.tlog_proof, &file.query.tlog_proof]).cloned().collect();
        Self { proofs, notes }
    }
}

fn key_again(key: &creditbay_crypto::sign::SigningKey) -> creditbay_crypto::sign::SigningKey {
    let pem = creditbay_crypto::key_file::to_pem(key);
    creditbay_crypto::key_file::from_pem(&pem).unwrap()
}

/// What one change does to a text.
fn change(text: &str, donors: &Donors, chance: &mut Chance) -> (&'static str, String) {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let at = chance.below(lines.len());
    let other = chance.below(lines.len());
    let donor = donors.proofs[chance.below(donors.proofs.len())].clone();
    let note = donors.notes[chance.below(donors.notes.len())].clone();
    let kind = match chance.below(10) {
        0 => return ("bit", flip(text, chance)),
        1 => return ("cut", cut(text, chance)),
        2 => return ("note of another tree", format!("{}\n\n{note}", text.split("\n\n").next().unwrap_or_default())),
        3 => return ("proof of another leaf", donor),
        4 => {
            let donor: Vec<_> = donor.lines().collect();
            lines[at] = donor[chance.below(donor.len())].to_owned();
            "line of another proof"
        }
        5 => {
            let note: Vec<_> = note.lines().collect();
            lines.push(note[chance.below(note.len())].to_owned());
            "line of another note at the end"
        }
        6 => {
            lines.swap(at, other);
            "lines swapped"
        }
        7 => {
            lines.remove(at);
            "line missing"
        }
        8 => {
            lines.insert(at, lines[other].clone());
            "line twice"
        }
        _ => {
            lines.push("\u{2014} witness.example.org AAAAAAECAwQ=".to_owned());
            "line of a stranger"
        }
    };
    (kind, lines.join("\n") + "\n")
}

fn flip(text: &str, chance: &mut Chance) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = chance.below(bytes.len());
    bytes[at] ^= 1 << chance.below(7);
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn cut(text: &str, chance: &mut Chance) -> String {
    text.chars().take(chance.below(text.chars().count())).collect()
}

/// One mutation of a file; its kind and the file's text.
fn mutate(file: &Attestation, donors: &Donors, chance: &mut Chance) -> (String, String) {
    let mut forged = file.clone();
    let whole = |file: &Attestation| serde_json::to_string(file).unwrap();
    match chance.below(12) {
        0 => return ("file: bit".to_owned(), flip(&whole(file), chance)),
        1 => return ("file: cut".to_owned(), cut(&whole(file), chance)),
        2 => {
            let field = [&mut forged.query.message, &mut forged.query.seed, &mut forged.answer.message, &mut forged.answer.seed];
            let field = field.into_iter().nth(chance.below(4)).unwrap();
            *field = flip(field, chance);
            return ("message or seed: bit".to_owned(), whole(&forged));
        }
        3 => {
            std::mem::swap(&mut forged.query, &mut forged.answer);
            return ("query and answer swapped".to_owned(), whole(&forged));
        }
        4 => {
            let part = if chance.below(2) == 0 { &mut forged.query } else { &mut forged.answer };
            part.time = part.time.plus(1 + chance.below(1000) as u64);
            return ("another time".to_owned(), whole(&forged));
        }
        _ => {}
    }
    let proof = if chance.below(4) == 0 { &mut forged.query.tlog_proof } else { &mut forged.answer.tlog_proof };
    let (kind, changed) = change(proof, donors, chance);
    *proof = changed;
    (format!("proof: {kind}"), whole(&forged))
}

/// Makes them all; how many of each kind came to which end.
pub(super) fn run(published: &Published) -> BTreeMap<(String, String), u64> {
    let read = |path| serde_json::from_slice::<Attestation>(&fs::read(path).unwrap()).unwrap();
    let files: Vec<Attestation> = published.attestations().into_iter().map(read).collect();
    let policy = Policy::parse(&fs::read(published.policy()).unwrap()).unwrap();
    let donors = Donors::of(published, &files);
    let genuine: Vec<Findings> = files.iter().map(|file| verify(file, &policy, false)).collect();
    assert!(genuine.iter().all(|findings| findings.faults.is_empty() && findings.cosigners.len() == 1), "{genuine:?}");
    let mut ends = BTreeMap::new();
    for seed in 0..MUTATIONS {
        let mut chance = Chance { seed, drawn: 0 };
        let of = chance.below(files.len());
        let (kind, text) = mutate(&files[of], &donors, &mut chance);
        let end = match serde_json::from_str::<Attestation>(&text) {
            Err(_) => "not an attestation".to_owned(),
            Ok(forged) => match verify(&forged, &policy, false) {
                same if same == genuine[of] && forged.content == files[of].content => "the same verdict".to_owned(),
                findings => {
                    let first = findings.faults.first().unwrap_or_else(|| panic!("seed {seed}, {kind}: accepted: {findings:?}"));
                    first.kind().to_owned()
                }
            },
        };
        *ends.entry((kind, end)).or_default() += 1;
    }
    ends
}
