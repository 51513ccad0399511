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

use super::kept::{read, save};
use super::proof::ProofArgs;
use super::refresh::RefreshArgs;
use super::verify::VerifyArgs;
use super::{AttestationCommand, ShowArgs, run};
use crate::exit::Exit;
use crate::file;
use crate::log::sample::{of_entries, plain_entries};
use crate::network::{self, NetworkCommand, NewArgs};
use crate::print::Screen;
use crate::trust::{BelievedArgs, TrustArgs};

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
    TlogProof { index: 0, path: Vec::new(), note: note(net, region, &[other], 1, leaf.hash()) }
}

/// A checkpoint of a region's log, cosigned by these.
fn note(net: &Path, region: &str, others: &[&str], size: u64, root: Digest) -> Vec<u8> {
    let signer = |region: &str, role: &str, name: &str, kind| {
        let key = file::read_key(&net.join(format!("{region}/keys/{role}.pem"))).unwrap();
        NoteSigner::new(name.parse().unwrap(), kind, key)
    };
    let origin = format!("{region}.creditbay/log/1");
    let checkpoint = Checkpoint { origin: origin.parse().unwrap(), size, root };
    let mut signed = checkpoint.sign(&signer(region, "log", &origin, KeyKind::Ed25519)).unwrap();
    for other in others {
        let witness = signer(other, "witness", &format!("{other}.creditbay/witness"), KeyKind::CosignatureV1);
        signed = signed.with_line(witness.cosign(&checkpoint.text(), TIME / 1000).unwrap());
    }
    signed.note_bytes()
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
    let mut screen = Screen::over(Box::new(fs::File::create(&out).unwrap()), json);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let exit = runtime.block_on(run(command, &mut screen));
    (exit, fs::read_to_string(out).unwrap())
}

fn verify(file: &Path, net: &Path) -> AttestationCommand {
    AttestationCommand::Verify(VerifyArgs { file: file.to_owned(), believed: directory(net), query_too: false })
}

fn directory(net: &Path) -> BelievedArgs {
    BelievedArgs { policy: None, network: Some(net.join("network.toml")), network_note: None, pin: Vec::new() }
}

/// A policy of the network's keys with a quorum in these words, and nothing else of the network.
fn policy(net: &Path, folder: &Path, quorum: &str) -> BelievedArgs {
    let text = fs::read_to_string(net.join("network.toml")).unwrap();
    let directory = creditbay_configs::peers::Directory::parse("network.toml", &text).unwrap();
    let mut policy = String::new();
    for entry in directory.regions() {
        policy += &format!("log {}\nwitness {} {}\n", entry.log, entry.name, entry.witness);
    }
    let file = folder.join("x.policy");
    fs::write(&file, format!("{policy}{quorum}\n")).unwrap();
    BelievedArgs { policy: Some(file), network: None, network_note: None, pin: Vec::new() }
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

#[test]
fn a_policy_and_the_file_are_enough_and_a_party_that_was_needed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = folder.path().join("x.attestation.json");
    save(&attestation(&net), &file).unwrap();
    let believed = policy(&net, folder.path(), "quorum hk");
    fs::remove_dir_all(&net).unwrap();
    let command = AttestationCommand::Verify(VerifyArgs { file: file.clone(), believed: believed.clone(), query_too: false });
    let (exit, text) = told(&command, folder.path(), false);
    assert_eq!(exit.unwrap(), Exit::Done, "{text}");
    assert!(text.contains("hk.creditbay/witness at 2026-09-21T14:13:20.000Z, a party to the exchange"), "{text}");
    assert!(text.contains("met only with the word of gz or hk"), "{text}");
    let (exit, text) = told(&command, folder.path(), true);
    assert_eq!(exit.unwrap(), Exit::Done);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((report["verified"].as_bool(), report["policy"]["quorum_without_parties"].as_bool()), (Some(true), Some(false)));
    assert_eq!((report["policy"]["cosigners"][0]["party"].as_str(), report["directory"].is_null()), (Some("hk"), true));

    let too = AttestationCommand::Verify(VerifyArgs { file, believed, query_too: true });
    let (_, text) = told(&too, folder.path(), false);
    assert!(text.contains("attestation refresh") && !text.contains("Take nothing"), "{text}");
    let (exit, text) = told(&too, folder.path(), true);
    assert_eq!(exit.unwrap(), Exit::Refuted);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["faults"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!((report["faults"][0]["kind"].as_str(), report["faults"][0]["part"].as_str()), (Some("no_quorum"), Some("query")));
}

#[test]
fn a_policy_and_a_directory_are_asked_together_and_each_fault_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = folder.path().join("x.attestation.json");
    let mut forged = attestation(&net);
    forged.id = "0".repeat(64);
    save(&forged, &file).unwrap();
    let both = BelievedArgs { policy: policy(&net, folder.path(), "group g all gz hk\nquorum g").policy, ..directory(&net) };
    let command = AttestationCommand::Verify(VerifyArgs { file, believed: both, query_too: false });
    let (_, text) = told(&command, folder.path(), false);
    assert!(text.contains("Take nothing") && !text.contains("attestation refresh"), "{text}");
    let (exit, text) = told(&command, folder.path(), true);
    assert_eq!(exit.unwrap(), Exit::Refuted);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let kinds: Vec<_> = report["faults"].as_array().unwrap().iter().map(|fault| fault["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["id", "no_quorum"], "{report}");
}

#[test]
fn a_policy_that_is_none_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = folder.path().join("x.attestation.json");
    save(&attestation(&net), &file).unwrap();
    let believed = policy(&net, folder.path(), "quorum hk\nquorum hk");
    let command = AttestationCommand::Verify(VerifyArgs { file, believed, query_too: false });
    let error = format!("{:#}", told(&command, folder.path(), false).0.unwrap_err());
    assert!(error.contains("x.policy:6: a second quorum"), "{error}");
}

#[test]
fn the_bare_proof_and_leaf_go_to_other_tools_without_the_subject() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let file = folder.path().join("x.attestation.json");
    let kept = attestation(&net);
    save(&kept, &file).unwrap();
    for query in [false, true] {
        let command = AttestationCommand::Proof(ProofArgs { file: file.clone(), out: None, query });
        let (exit, text) = told(&command, folder.path(), true);
        assert_eq!(exit.unwrap(), Exit::Done);
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        let [proof, leaf] = ["proof", "leaf"].map(|name| fs::read(report[name].as_str().unwrap()).unwrap());
        let sealed = if query { &kept.query } else { &kept.answer };
        assert_eq!(proof, sealed.tlog_proof.as_bytes());
        assert_eq!(creditbay_crypto::merkle::leaf_hash(&leaf).to_string(), report["leaf_hash"].as_str().unwrap());
        assert!(query || report["leaf_hash"].as_str() == Some(&kept.id), "the identity is the hash of the answer's leaf");
        let found = [proof, leaf].concat().windows(SUBJECT.len()).any(|part| part == SUBJECT.as_bytes());
        assert!(!found);
    }
    let mut forged = kept;
    forged.answer.seed.clear();
    save(&forged, &file).unwrap();
    let command = AttestationCommand::Proof(ProofArgs { file, out: None, query: false });
    let error = told(&command, folder.path(), false).0.unwrap_err().to_string();
    assert!(error.contains("answer.seed: not 32 bytes"), "{error}");
}

/// gz's log, published as hash tiles under a checkpoint that these cosigned; its first leaf is the answer's.
fn publish(net: &Path, place: &Path, entries: &[Vec<u8>], others: &[&str]) {
    let log = of_entries(entries);
    for (path, bytes) in log.files.iter().filter(|(path, _)| path.level.is_some()) {
        let file = place.join(path.to_string());
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    fs::write(place.join("checkpoint"), note(net, "gz", others, log.size, log.root)).unwrap();
}

fn refresh(file: &Path, place: &Path, believed: BelievedArgs) -> AttestationCommand {
    let from = Some(place.display().to_string());
    AttestationCommand::Refresh(RefreshArgs {
        file: file.to_owned(),
        from,
        query_too: false,
        query_from: None,
        ca: None,
        believed,
    })
}

#[test]
fn a_proof_is_refreshed_from_hash_tiles_and_the_identity_stays() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let [file, place] = ["x.attestation.json", "log"].map(|name| folder.path().join(name));
    let kept = attestation(&net);
    save(&kept, &file).unwrap();
    let mut entries = vec![kept.open(&mut Vec::new()).unwrap().answer_leaf.bytes()];
    entries.extend(plain_entries(700));
    // Nobody cosigned it yet: nothing is replaced.
    publish(&net, &place, &entries, &[]);
    let believed = policy(&net, folder.path(), "quorum hk");
    let (exit, text) = told(&refresh(&file, &place, believed.clone()), folder.path(), false);
    assert_eq!(exit.unwrap(), Exit::Refuted, "{text}");
    assert!(text.contains("are no quorum of the policy") && text.contains("nothing was replaced"), "{text}");
    assert_eq!(read(&file).unwrap().answer.tlog_proof, kept.answer.tlog_proof);

    publish(&net, &place, &entries, &["hk"]);
    for (believed, before) in [(believed, "before 1 entry"), (directory(&net), "before 701 entries")] {
        let (exit, text) = told(&refresh(&file, &place, believed.clone()), folder.path(), false);
        assert_eq!(exit.unwrap(), Exit::Done, "{text}");
        assert!(text.contains("under 701 entries of its log") && text.contains(before), "{text}");
        let now = read(&file).unwrap();
        assert_eq!((&now.id, &now.content), (&kept.id, &kept.content));
        assert_eq!(TlogProof::parse(&now.answer.tlog_proof).unwrap().path.len(), 10);
        let command = AttestationCommand::Verify(VerifyArgs { file: file.clone(), believed, query_too: false });
        assert_eq!(told(&command, folder.path(), false).0.unwrap(), Exit::Done);
    }
}

#[test]
fn a_log_that_does_not_continue_the_proof_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let [file, place] = ["x.attestation.json", "log"].map(|name| folder.path().join(name));
    let kept = attestation(&net);
    save(&kept, &file).unwrap();
    let believed = policy(&net, folder.path(), "quorum hk");
    let failed = |entries: &[Vec<u8>]| {
        let _ = fs::remove_dir_all(&place);
        publish(&net, &place, entries, &["hk"]);
        let error = told(&refresh(&file, &place, believed.clone()), folder.path(), false).0.unwrap_err();
        assert_eq!(read(&file).unwrap().answer.tlog_proof, kept.answer.tlog_proof);
        format!("{error:#}")
    };
    let withheld = failed(&plain_entries(700));
    assert!(withheld.contains("consistency_withheld: size 700 offered after 1"), "{withheld}");
    let fork = failed(&plain_entries(1));
    assert!(fork.contains("FORK: log gz.creditbay/log/1 signed two roots at size 1") && fork.contains("prove it"), "{fork}");
    let mut entries = vec![kept.open(&mut Vec::new()).unwrap().answer_leaf.bytes()];
    entries.extend(plain_entries(700));
    fs::remove_dir_all(&place).unwrap();
    publish(&net, &place, &entries, &["hk"]);
    fs::remove_file(place.join("tile/1/000.p/2")).unwrap();
    let error = format!("{:#}", told(&refresh(&file, &place, believed.clone()), folder.path(), false).0.unwrap_err());
    assert!(error.contains("is missing"), "{error}");
    let mut forged = kept;
    forged.content.organisation.push('x');
    save(&forged, &file).unwrap();
    let (exit, text) = told(&refresh(&file, &place, believed), folder.path(), true);
    assert_eq!(exit.unwrap(), Exit::Refuted);
    assert!(text.contains("\"refreshed\":false") && text.contains("\"content\""), "{text}");
}

#[test]
fn an_older_checkpoint_than_the_one_in_the_file_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let net = network(folder.path());
    let [file, place] = ["x.attestation.json", "log"].map(|name| folder.path().join(name));
    let kept = attestation(&net);
    save(&kept, &file).unwrap();
    let mut entries = vec![kept.open(&mut Vec::new()).unwrap().answer_leaf.bytes()];
    entries.extend(plain_entries(700));
    publish(&net, &place, &entries, &["hk"]);
    let believed = policy(&net, folder.path(), "quorum hk");
    assert_eq!(told(&refresh(&file, &place, believed.clone()), folder.path(), false).0.unwrap(), Exit::Done);
    publish(&net, &place, &entries[..300], &["hk"]);
    let error = format!("{:#}", told(&refresh(&file, &place, believed), folder.path(), false).0.unwrap_err());
    assert!(error.contains("shows size 300 after it had shown 701") && error.contains("the place is behind"), "{error}");
}
