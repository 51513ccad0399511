//! The commands of `creditbay log`, on folders signed with the keys of a made network.

use std::fs;
use std::path::{Path, PathBuf};

use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::name::{Name, Region};

use super::export::CopyArgs;
use super::sample::{Sample, of_entries, queries, query};
use super::show::ShowArgs;
use super::source::AuditorArgs;
use super::{LogCommand, VerifyArgs, run};
use crate::exit::{self, Exit};
use crate::file;
use crate::network::{self, NetworkCommand, NewArgs};
use crate::print::Screen;
use crate::trust::TrustArgs;

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
        for (path, bytes) in &sample.files {
            let target = self.path(name).join(path.to_string());
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, bytes).unwrap();
        }
        let checkpoint = Checkpoint { origin: "hk.creditbay/log/1".parse().unwrap(), size: sample.size, root: sample.root };
        let signed = checkpoint.sign(&self.signer("hk", "log", "hk.creditbay/log/1", KeyKind::Ed25519)).unwrap();
        let witness = self.signer("gz", "witness", "gz.creditbay/witness", KeyKind::CosignatureV1);
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
    fn verify(&self, earlier: Option<PathBuf>) -> (Exit, Vec<String>) {
        let place = Some(self.path("log").display().to_string());
        let region = Region::new("hk").unwrap();
        let command = LogCommand::Verify(VerifyArgs {
            place,
            region,
            earlier,
            predecessor: Vec::new(),
            trust: self.trust(),
            auditor: auditor(),
        });
        let (exit, out) = self.run(&command);
        (exit.unwrap(), kinds(&out))
    }

    fn export(&self, to: &str) -> (Exit, Vec<String>) {
        let command = LogCommand::Export(CopyArgs {
            place: self.path("log").display().to_string(),
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
        place,
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
    let command = LogCommand::Verify(VerifyArgs {
        place: None,
        region: Region::new("mo").unwrap(),
        earlier: None,
        predecessor: Vec::new(),
        trust: bay.trust(),
        auditor: auditor(),
    });
    let error = bay.run(&command).0.unwrap_err();
    assert!(error.to_string().contains("it has gz, hk"), "{error}");
    assert_eq!(exit::of_error(&error), Exit::Failed);
}
