//! Kept answers, genuine and forged, and the directories they are verified with.

use std::fs;
use std::path::{Path, PathBuf};

use creditbay_crypto::hash::Digest;
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_protocol::answer::{Answer, Coverage, Indeterminate, Reply, Truth, Verdict, Verdicts};
use creditbay_protocol::attestation::{Attestation, Proven};
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::{Leaf, LeafBody};
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{AttestationType, Lane, LawOfOrigin, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::proof::TlogProof;
use creditbay_protocol::query::{Query, Subject};

use super::{AttestationCommand, ShowArgs, VerifyArgs, run, save};
use crate::exit::Exit;
use crate::file;
use crate::network::{self, NetworkCommand, NewArgs};
use crate::print::Screen;
use crate::trust::TrustArgs;

/// An organisation of the sample records.
pub(crate) const SUBJECT: &str = "91440101MA9XTEAT0A";
const TIME: u64 = 1_790_000_000_000;

/// A network of gz and hk in `net` under the folder.
pub(crate) fn network(folder: &Path) -> PathBuf {
    let dir = folder.join("net");
    let cities = ["gz", "hk"].map(|name| Region::new(name).unwrap()).to_vec();
    let command = NetworkCommand::New(NewArgs { dir: dir.clone(), cities, base_port: None, codes: None, auditors_tls: false });
    network::run(&command, &mut Screen::over(Box::new(Vec::new()), false)).unwrap();
    dir
}

/// A log of one leaf, signed by its region and cosigned by the other.
fn proof(net: &Path, region: &str, other: &str, leaf: &Leaf) -> TlogProof {
    let signer = |region: &str, role: &str, name: &str, kind| {
        let key = file::read_key(&net.join(format!("{region}/keys/{role}.pem"))).unwrap();
        NoteSigner::new(name.parse().unwrap(), kind, key)
    };
    let origin = format!("{region}.creditbay/log/1");
    let checkpoint = Checkpoint { origin: origin.parse().unwrap(), size: 1, root: leaf.hash() };
    let signed = checkpoint.sign(&signer(region, "log", &origin, KeyKind::Ed25519)).unwrap();
    let witness = signer(other, "witness", &format!("{other}.creditbay/witness"), KeyKind::CosignatureV1);
    let note = signed.with_line(witness.cosign(&checkpoint.text(), TIME / 1000).unwrap()).note_bytes();
    TlogProof { index: 0, path: Vec::new(), note }
}

/// What gz answers hk.
pub(crate) fn attestation(net: &Path) -> Attestation {
    let of = AttestationType::SerAny;
    let predicates = vec![Predicate::NotListed { of, window_months: 0 }, Predicate::ExistsValid { of: AttestationType::Permit }];
    let query = Query {
        asker: Region::new("hk").unwrap(),
        issuer: Region::new("gz").unwrap(),
        organisation: Name::new("bank.hk").unwrap(),
        operator: Name::new("a.chan").unwrap(),
        purpose: Purpose::Fin,
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, SUBJECT).unwrap()),
        predicates: Predicates::new(predicates).unwrap(),
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: Digest([9; 32]),
        expires: Millis(TIME + 30_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    };
    let query_seed = Seed::from_bytes([1; 32]);
    let query_leaf = Leaf::new(Millis(TIME), LeafBody::of_query(&query, &query_seed));
    let valid_until: Day = "2026-09-28".parse().unwrap();
    let verdict = |truth, coverage| Verdict { truth, band: None, contested: false, valid_until, coverage };
    let answer = Answer {
        query: query_leaf.hash(),
        reply: Reply::Answered(Verdicts {
            verdicts: vec![verdict(Truth::True, 1), verdict(Truth::Indeterminate(Indeterminate::NoSource), 0)],
            coverage: vec![Coverage { register: AttestationType::SerTax, synchronised: Millis(TIME - 1000) }],
            law_of_origin: LawOfOrigin::Cn,
            as_of: Millis(TIME).day(),
        }),
    };
    let answer_seed = Seed::from_bytes([2; 32]);
    let answer_leaf = Leaf::new(Millis(TIME + 5), LeafBody::of_answer(&query, &answer, &answer_seed));
    let (query_proof, answer_proof) = (proof(net, "hk", "gz", &query_leaf), proof(net, "gz", "hk", &answer_leaf));
    Attestation::new(
        &Proven {
            message: &query,
            seed: &query_seed,
            time: Millis(TIME),
            log: "hk.creditbay/log/1".parse().unwrap(),
            proof: &query_proof,
        },
        &Proven {
            message: &answer,
            seed: &answer_seed,
            time: Millis(TIME + 5),
            log: "gz.creditbay/log/1".parse().unwrap(),
            proof: &answer_proof,
        },
    )
}

fn told(command: &AttestationCommand, folder: &Path, json: bool) -> (anyhow::Result<Exit>, String) {
    let out = folder.join("out");
    let exit = run(command, &mut Screen::over(Box::new(fs::File::create(&out).unwrap()), json));
    (exit, fs::read_to_string(out).unwrap())
}

fn verify(file: &Path, net: &Path) -> AttestationCommand {
    let trust = TrustArgs { network: net.join("network.toml"), network_note: None, pin: Vec::new() };
    AttestationCommand::Verify(VerifyArgs { file: file.to_owned(), trust })
}

#[test]
fn a_kept_answer_is_shown_and_verifies_offline() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = folder.path().join("x.attestation.json");
    save(&attestation(&net), &file).unwrap();
    let (exit, text) = told(&AttestationCommand::Show(ShowArgs { file: file.clone() }), folder.path(), false);
    assert_eq!(exit.unwrap(), Exit::Done);
    for part in [
        SUBJECT,
        "not_listed(SER_ANY)",
        "TRUE",
        "INDETERMINATE(no_source)",
        "SER_TAX, synchronised",
        "gz.creditbay/log/1, leaf 0",
        "not verified",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let (exit, text) = told(&verify(&file, &net), folder.path(), false);
    assert_eq!(exit.unwrap(), Exit::Done, "{text}");
    assert!(text.contains("cosigned by") && text.contains("hk.creditbay/witness at 2026-"), "{text}");
}

#[test]
fn every_fault_of_a_forged_answer_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = folder.path().join("x.attestation.json");
    let mut forged = attestation(&net);
    forged.id = "0".repeat(64);
    forged.content.purpose = Purpose::Proc;
    forged.query.tlog_proof = forged.query.tlog_proof.replace("index 0", "index 1");
    save(&forged, &file).unwrap();
    let (exit, text) = told(&verify(&file, &net), folder.path(), true);
    assert_eq!(exit.unwrap(), Exit::Refuted);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((report["verified"].as_bool(), report["faults"].as_array().unwrap().len()), (Some(false), 3), "{report}");
    let (exit, text) = told(&verify(&file, &net), folder.path(), false);
    assert_eq!(exit.unwrap(), Exit::Refuted);
    assert!(text.starts_with("Refused, 3 faults:") && !text.contains(SUBJECT), "{text}");
}

#[test]
fn another_network_is_not_believed_and_names_the_logs_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.attestation.json");
    save(&attestation(&network(folder.path())), &file).unwrap();
    let (exit, text) = told(&verify(&file, &network(other.path())), folder.path(), false);
    assert_eq!(exit.unwrap(), Exit::Refuted, "{text}");
}

#[test]
fn what_is_no_attestation_is_refused_without_repeating_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.json");
    fs::write(&file, format!("{{\"format\": \"{SUBJECT}\"}}")).unwrap();
    let (exit, _) = told(&AttestationCommand::Show(ShowArgs { file }), folder.path(), false);
    let error = format!("{:#}", exit.unwrap_err());
    assert!(error.contains("not an attestation") && !error.contains(SUBJECT), "{error}");
}

#[test]
fn a_directory_is_held_against_its_signatures_and_the_pinned_keys() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let node = crate::node::read(&net.join("hk")).unwrap();
    let trust =
        |pin: Vec<String>| TrustArgs { network: net.join("network.toml"), network_note: Some(net.join("network.note")), pin };
    assert!(trust(Vec::new()).load().unwrap().because.contains("no key pinned"));
    assert!(trust(vec![node.network.pinned[0].to_string()]).load().unwrap().because.contains("pinned keys"));
    let stranger = file::read_key(&net.join("auditor/auditor.pem")).unwrap().public();
    let stranger = crate::keys::public_text(crate::keys::Role::Governance, "stranger", &stranger).unwrap();
    assert!(trust(vec![stranger]).load().err().unwrap().to_string().contains("no governance key of this directory"));
    let text = fs::read_to_string(net.join("network.toml")).unwrap();
    fs::write(net.join("network.toml"), text.replace("Guangzhou", "Elsewhere")).unwrap();
    assert!(trust(Vec::new()).load().is_err());
}
