//! The commands of `creditbay log`, on folders signed with the keys of a made network.

use std::fs;
use std::path::{Path, PathBuf};

use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::name::{Name, Region};

use super::compare::AlsoArgs;
use super::export::CopyArgs;
use super::kept::KeptArgs;
use super::later::LaterArgs;
use super::ruled::RulesArgs;
use super::sample::{Sample, of_entries, queries, query};
use super::show::ShowArgs;
use super::source::AuditorArgs;
use super::{LogCommand, VerifyArgs, run};
use crate::exit::{self, Exit};
use crate::file;
use crate::network::{self, NetworkCommand, NewArgs};
use crate::print::Screen;
use crate::trust::TrustArgs;

mod bad_input_tests;
mod judged_tests;
mod later_tests;
mod mutation_tests;
mod opened_tests;

/// A network, and the log of hk as a folder of static files.
struct Bay {
    folder: tempfile::TempDir,
}

impl Bay {
    fn new(sample: &Sample) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cities = ["gz", "hk"].map(|name| Region::new(name).unwrap()).to_vec();
        let command = NetworkCommand::New(NewArgs {
            dir: folder.path().join("net"),
            cities,
            base_port: None,
            codes: None,
            auditors_tls: false,
        });
        network::run(&command, &mut Screen::over(Box::new(Vec::new()), false)).unwrap();
        let bay = Self { folder };
        bay.write("log", sample);
        bay
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signer(&self, region: &str, role: &str, name: &str, kind: KeyKind) -> NoteSigner {
        let key = file::read_key(&self.path(&format!("net/{region}/keys/{role}.pem"))).unwrap();
        NoteSigner::new(name.parse().unwrap(), kind, key)
    }

    /// Writes a log signed by hk and cosigned by gz.
    fn write(&self, name: &str, sample: &Sample) {
        self.write_of("hk", "gz", name, sample);
    }

    /// Writes a log signed by one and cosigned by another.
    fn write_of(&self, owner: &str, witness: &str, name: &str, sample: &Sample) {
        self.write_log(&format!("{owner}.creditbay/log/1"), witness, name, sample);
    }

    /// Writes a log with this origin, signed by its owner and cosigned by another.
    fn write_log(&self, origin: &str, witness: &str, name: &str, sample: &Sample) {
        let owner = &origin[..2];
        for (path, bytes) in &sample.files {
            let target = self.path(name).join(path.to_string());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, bytes).unwrap();
        }
        let checkpoint = Checkpoint { origin: origin.parse().unwrap(), size: sample.size, root: sample.root };
        let signed = checkpoint.sign(&self.signer(owner, "log", origin, KeyKind::Ed25519)).unwrap();
        let witness = self.signer(witness, "witness", &format!("{witness}.creditbay/witness"), KeyKind::CosignatureV1);
        let signed = signed.with_line(witness.cosign(&checkpoint.text(), 1_790_000_000).unwrap());
        fs::create_dir_all(self.path(name)).unwrap();
        fs::write(self.path(name).join("checkpoint"), signed.note_bytes()).unwrap();
    }

    fn run(&self, command: &LogCommand) -> (anyhow::Result<Exit>, String) {
        let out = self.path("out");
        let mut screen = Screen::over(Box::new(fs::File::create(&out).unwrap()), true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let exit = runtime.block_on(run(command, &mut screen));
        (exit, fs::read_to_string(out).unwrap())
    }

    fn trust(&self) -> TrustArgs {
        let note = Some(self.path("net/network.note"));
        TrustArgs { network: self.path("net/network.toml"), network_note: note, pin: Vec::new() }
    }

    /// Exit and kinds of faults.
    fn verify(&self, since: Option<PathBuf>) -> (Exit, Vec<String>) {
        let (exit, out) = self.run(&LogCommand::Verify(VerifyArgs { since, ..self.verify_args() }));
        (exit.unwrap(), kinds(&out))
    }

    /// The same as an auditor who keeps what it verified.
    fn verify_and_keep(&self, kept: &str) -> (Exit, Vec<String>) {
        let kept = KeptArgs { kept: Some(self.path(kept)), no_keep: false };
        let (exit, out) = self.run(&LogCommand::Verify(VerifyArgs { kept, ..self.verify_args() }));
        (exit.unwrap(), kinds(&out))
    }

    fn verify_args(&self) -> VerifyArgs {
        VerifyArgs {
            place: Some(self.path("log").display().to_string()),
            region: Region::new("hk").unwrap(),
            since: None,
            predecessor: Vec::new(),
            later: LaterArgs::default(),
            kept: KeptArgs { kept: None, no_keep: true },
            also: AlsoArgs::default(),
            rules: RulesArgs::default(),
            policy: None,
            trust: self.trust(),
            auditor: auditor(),
        }
    }

    fn export(&self, to: &str) -> (Exit, Vec<String>) {
        let command = LogCommand::Export(CopyArgs {
            place: Some(self.path("log").display().to_string()),
            dir: self.path(to),
            region: Region::new("hk").unwrap(),
            whole: false,
            prune_partials: false,
            trust: self.trust(),
            auditor: auditor(),
        });
        let (exit, out) = self.run(&command);
        (exit.unwrap(), kinds(&out))
    }
}

fn auditor() -> AuditorArgs {
    AuditorArgs { auditor_key: None, auditor_name: Name::new("auditor").unwrap(), ca: None, tls_key: None }
}

fn kinds(out: &str) -> Vec<String> {
    let report: serde_json::Value = serde_json::from_str(out).unwrap();
    report["faults"].as_array().unwrap().iter().map(|fault| fault["kind"].as_str().unwrap().to_owned()).collect()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_good_log_verifies_with_its_cosignature() {
    for size in [0, 1, 300] {
        let bay = Bay::new(&of_entries(&queries(size)));
        assert_eq!(bay.verify(None), (Exit::Done, vec![]), "{size}");
        let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(bay.path("out")).unwrap()).unwrap();
        assert!(report["cosigned_by"][0].as_str().unwrap().starts_with("gz.creditbay/witness at 2026-"), "{report}");
    }
}

#[test]
fn a_policy_says_which_cosigners_a_log_needs() {
    let bay = Bay::new(&of_entries(&queries(3)));
    let vkey = |region: &str, role, name: &str, kind| bay.signer(region, role, name, kind).verifier().to_string();
    let log = vkey("hk", "log", "hk.creditbay/log/1", KeyKind::Ed25519);
    let witness = |region: &str| vkey(region, "witness", &format!("{region}.creditbay/witness"), KeyKind::CosignatureV1);
    let witnesses = format!("witness gz {}\nwitness hk {}\ngroup one 1 gz hk\n", witness("gz"), witness("hk"));
    let verify = |name: &str, lines: &str| {
        fs::write(bay.path(name), lines).unwrap();
        let args = VerifyArgs { policy: Some(bay.path(name)), ..bay.verify_args() };
        let (exit, out) = bay.run(&LogCommand::Verify(args));
        (exit.unwrap(), kinds(&out))
    };
    assert_eq!(verify("one", &format!("log {log}\n{witnesses}quorum one\n")), (Exit::Done, vec![]));
    let both = format!("log {log}\n{}quorum both\n", witnesses.replace("group one 1 gz hk", "group both all gz hk"));
    assert_eq!(verify("both", &both), (Exit::Refuted, vec!["no_quorum".to_owned()]));
    let other = vkey("gz", "log", "gz.creditbay/log/1", KeyKind::Ed25519);
    assert_eq!(
        verify("other", &format!("log {other}\n{witnesses}quorum one\n")),
        (Exit::Refuted, vec!["unknown_log".to_owned()])
    );
}

#[test]
fn forged_twins_are_refused_by_name() {
    let bay = Bay::new(&of_entries(&queries(300)));
    let forged = |path: &str, at: usize| {
        let path = bay.path("log").join(path);
        flip(&path, at);
        let found = bay.verify(None);
        flip(&path, at);
        found
    };
    let refused = |kinds: &[&str]| (Exit::Refuted, kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>());
    assert_eq!(forged("tile/0/001.p/44", 0), refused(&["hash_changed"]));
    assert_eq!(forged("tile/1/000.p/1", 31), refused(&["upper_hash"]));
    // The last byte of an entry is one of its commitments, so it is still a leaf.
    let last = fs::metadata(bay.path("log/tile/entries/000")).unwrap().len() as usize - 1;
    assert_eq!(forged("tile/entries/000", last), refused(&["entry_changed"]));
    assert_eq!(bay.verify(None), (Exit::Done, vec![]));
    fs::remove_file(bay.path("log/tile/0/000")).unwrap();
    assert_eq!(bay.verify(None), refused(&["missing"]));
}

#[test]
fn a_checkpoint_that_hk_did_not_sign_is_refused() {
    let sample = of_entries(&queries(3));
    let bay = Bay::new(&sample);
    let path = bay.path("log/checkpoint");
    let note = fs::read_to_string(&path).unwrap();
    let line = note.lines().nth(4).unwrap();
    let (start, signature) = line.rsplit_once(' ').unwrap();
    let forged_char = if signature.as_bytes()[20] == b'A' { "B" } else { "A" };
    let forged = format!("{start} {}{forged_char}{}", &signature[..20], &signature[21..]);
    fs::write(&path, note.replace(line, &forged)).unwrap();
    assert_eq!(bay.verify(None), (Exit::Refuted, vec!["checkpoint".to_owned()]));
    fs::write(&path, note.replace("\n3\n", "\n2\n")).unwrap();
    let (exit, kinds) = bay.verify(None);
    assert_eq!(
        (exit, kinds.contains(&"checkpoint".to_owned()), kinds.contains(&"missing".to_owned())),
        (Exit::Refuted, true, true)
    );
    fs::write(&path, "no note").unwrap();
    assert_eq!(bay.verify(None), (Exit::Refuted, vec!["checkpoint".to_owned()]));
}

#[test]
fn a_forged_cosignature_is_refused_although_the_log_signed() {
    let bay = Bay::new(&of_entries(&queries(3)));
    let path = bay.path("log/checkpoint");
    let note = fs::read_to_string(&path).unwrap();
    let witness = bay.signer("gz", "witness", "gz.creditbay/witness", KeyKind::CosignatureV1);
    let other = witness.cosign("another text\n", 1_790_000_000).unwrap();
    let genuine = note.lines().find(|line| line.contains("gz.creditbay/witness")).unwrap();
    fs::write(&path, note.replace(genuine, &other.to_string())).unwrap();
    assert_eq!(bay.verify(None), (Exit::Refuted, vec!["cosignature".to_owned()]));
}

#[test]
fn a_signed_log_whose_time_runs_backwards_or_that_holds_other_nodes_leaves_is_refused() {
    let bay = Bay::new(&of_entries(&[query(9, "hk", "gz"), query(8, "hk", "gz"), query(9, "gz", "hk"), b"no leaf".to_vec()]));
    let kinds = ["time_backwards", "other_sender", "leaf"].map(str::to_owned);
    assert_eq!(bay.verify(None), (Exit::Refuted, kinds.to_vec()));
}

#[test]
fn an_export_verifies_is_continued_and_never_overwrites() {
    let bay = Bay::new(&of_entries(&queries(300)));
    assert_eq!(bay.export("copy/here"), (Exit::Done, vec![]));
    let copied =
        |path: &str| fs::read(bay.path("copy/here").join(path)).unwrap() == fs::read(bay.path("log").join(path)).unwrap();
    assert!(["checkpoint", "tile/0/000", "tile/1/000.p/1", "tile/entries/001.p/44"].iter().all(|path| copied(path)));
    bay.write("log", &of_entries(&queries(600)));
    assert_eq!(bay.export("copy/here"), (Exit::Done, vec![]));
    // An honestly signed, shorter log: the folder keeps what shows that it was longer.
    bay.write("log", &of_entries(&queries(300)));
    assert_eq!(bay.export("copy/here"), (Exit::Refuted, vec!["shrunk".to_owned()]));
    let mut other = queries(700);
    other[3] = query(1_790_000_000_003, "hk", "mo");
    bay.write("log", &of_entries(&other));
    assert_eq!(bay.export("copy/here"), (Exit::Refuted, vec!["rewritten".to_owned()]));
    assert!(!bay.path("copy/here/tile/entries/002.p/188").exists(), "nothing of another history is kept");
    assert_eq!(fs::read_dir(bay.path("copy/here/refused")).unwrap().count(), 2, "both notes are");
    assert!(fs::read_to_string(bay.path("copy/here/checkpoint")).unwrap().contains("\n600\n"));
}

#[test]
fn one_process_keeps_a_log_in_a_folder_and_what_a_killed_one_left_is_cleared() {
    let bay = Bay::new(&of_entries(&queries(3)));
    assert_eq!(bay.export("copy"), (Exit::Done, vec![]));
    fs::write(bay.path("copy/tile/.000.77.new"), "half").unwrap();
    let lock = fs::File::options().write(true).open(bay.path("copy/.lock")).unwrap();
    lock.lock().unwrap();
    let place = bay.path("log").display().to_string();
    let command = LogCommand::Export(CopyArgs {
        place: Some(place),
        dir: bay.path("copy"),
        region: Region::new("hk").unwrap(),
        whole: true,
        prune_partials: false,
        trust: bay.trust(),
        auditor: auditor(),
    });
    let refused = bay.run(&command).0.unwrap_err();
    assert!(refused.to_string().contains("another process keeps a log"), "{refused}");
    drop(lock);
    assert_eq!(bay.run(&command).0.unwrap(), Exit::Done);
    assert!(!bay.path("copy/tile/.000.77.new").exists());
}

#[test]
fn a_checkpoint_kept_earlier_must_be_continued() {
    let bay = Bay::new(&of_entries(&queries(40)));
    fs::copy(bay.path("log/checkpoint"), bay.path("kept")).unwrap();
    bay.write("log", &of_entries(&queries(60)));
    assert_eq!(bay.verify(Some(bay.path("kept"))), (Exit::Done, vec![]));
    let mut other = queries(60);
    other.swap(1, 2);
    other[1] = query(1_790_000_000_001, "hk", "mo");
    bay.write("log", &of_entries(&other));
    assert!(bay.verify(Some(bay.path("kept"))).1.contains(&"rewritten".to_owned()));
}

#[test]
fn an_auditor_holds_a_log_against_all_that_it_verified_before_and_keeps_the_evidence() {
    let bay = Bay::new(&of_entries(&queries(40)));
    let done = (Exit::Done, vec![]);
    assert_eq!(bay.verify_and_keep("one"), done);
    assert_eq!(bay.verify_and_keep("one"), done, "the same again adds nothing");
    bay.write("log", &of_entries(&queries(300)));
    assert_eq!((bay.verify_and_keep("one"), bay.verify_and_keep("two")), (done.clone(), done.clone()));
    let kept = |name: &str, ending: &str| {
        let files = fs::read_dir(bay.path(name)).unwrap().flat_map(|log| fs::read_dir(log.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).filter(|path| path.display().to_string().ends_with(ending)).collect::<Vec<_>>()
    };
    assert_eq!((kept("one", ".checkpoint").len(), kept("two", ".checkpoint").len()), (2, 1));

    // Rolled back and grown again to another history: whoever saw the longer one, and whoever saw the shorter, both know.
    let mut other = queries(290);
    other[45] = query(1_790_000_000_045, "hk", "mo");
    bay.write("log", &of_entries(&other));
    assert_eq!(bay.verify_and_keep("one"), (Exit::Refuted, vec!["shrunk".to_owned()]));
    let mut longer = queries(400);
    longer[45] = query(1_790_000_000_045, "hk", "mo");
    bay.write("log", &of_entries(&longer));
    assert_eq!(bay.verify_and_keep("one"), (Exit::Refuted, vec!["rewritten".to_owned()]), "the checkpoint of 40 holds still");
    assert_eq!(bay.verify_and_keep("two"), (Exit::Refuted, vec!["rewritten".to_owned()]));
    assert_eq!(bay.verify_and_keep("three"), done, "who never saw another sees nothing");
    assert_eq!(kept("one", ".checkpoint").len(), 2, "what contradicts is no checkpoint to go on from");
    let evidence = kept("one", ".evidence.json");
    assert_eq!(evidence.len(), 2);
    let evidence: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(kept("two", ".evidence.json").remove(0)).unwrap()).unwrap();
    let notes: Vec<_> = evidence["notes"].as_array().unwrap().iter().map(|noted| noted["note"].as_str().unwrap()).collect();
    assert!(notes[0].contains("\n300\n") && notes[1].contains("\n400\n"), "{evidence}");

    let forged = kept("two", ".checkpoint").remove(0);
    flip(&forged, 30);
    let (exit, _) = bay.run(&LogCommand::Verify(VerifyArgs {
        kept: KeptArgs { kept: Some(bay.path("two")), no_keep: false },
        ..bay.verify_args()
    }));
    let error = exit.unwrap_err().to_string();
    assert!(error.contains("move it away") && error.contains(&forged.display().to_string()), "{error}");
}

#[test]
fn sources_that_show_one_history_are_told_apart_from_those_that_do_not() {
    let bay = Bay::new(&of_entries(&queries(700)));
    let mut forked = queries(900);
    forked[650] = query(1_790_000_000_650, "hk", "mo");
    let logs = [
        ("older", queries(300)),
        ("newer", queries(900)),
        ("fork", forked.clone()),
        ("twin", forked[..700].to_vec()),
        ("empty", vec![]),
    ];
    for (name, entries) in &logs {
        bay.write(name, &of_entries(entries));
    }
    let also = |names: &[&str]| {
        let also = AlsoArgs { also: names.iter().map(|name| bay.path(name).display().to_string()).collect() };
        let kept = KeptArgs { kept: Some(bay.path(&names.join("+"))), no_keep: false };
        let (exit, out) = bay.run(&LogCommand::Verify(VerifyArgs { also, kept, ..bay.verify_args() }));
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        (exit.unwrap(), kinds(&out), report["evidence"].as_array().unwrap().len())
    };
    let done = (Exit::Done, vec![], 0);
    assert_eq!((also(&["older", "newer", "log"]), also(&["empty"])), (done.clone(), done));
    let split = (Exit::Refuted, vec!["split_view".to_owned()], 1);
    assert_eq!(also(&["twin"]), split, "one size, two roots");
    assert_eq!(also(&["fork"]), split, "the larger one's own tiles prove it");
    assert_eq!(also(&["newer", "fork"]), split, "neither contradicts what was verified, and they one another");
    fs::remove_file(bay.path("newer/tile/0/002")).unwrap();
    assert_eq!(also(&["newer"]), (Exit::Refuted, vec!["consistency_withheld".to_owned()], 1));
    fs::write(bay.path("older/checkpoint"), "no note").unwrap();
    assert_eq!(also(&["older"]).1, ["other_checkpoint"]);
}

#[test]
fn the_last_leaves_are_shown_across_bundles() {
    let bay = Bay::new(&of_entries(&queries(300)));
    let show = |from, count| {
        let place = bay.path("log").display().to_string();
        bay.run(&LogCommand::Show(ShowArgs { place, from, count, auditor: auditor() })).1
    };
    let shown = show(Some(254), 4);
    let indices: Vec<u64> =
        shown.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, [254, 255, 256, 257]);
    assert_eq!(show(None, 5).lines().count(), 5);
    assert_eq!(show(Some(299), 5).lines().count(), 1);
    assert_eq!(show(Some(1000), 5).lines().count(), 0);
    assert!(shown.contains("\"predicates\":\"not_listed(SER_ANY)\""));
}

#[test]
fn a_region_that_is_not_in_the_directory_is_told_with_those_that_are() {
    let bay = Bay::new(&of_entries(&[]));
    let command = LogCommand::Verify(VerifyArgs { place: None, region: Region::new("mo").unwrap(), ..bay.verify_args() });
    let error = bay.run(&command).0.unwrap_err();
    assert!(error.to_string().contains("it has gz, hk"), "{error}");
    assert_eq!(exit::of_error(&error), Exit::Failed);
}
