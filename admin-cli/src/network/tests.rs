//! A made network: its files, their modes, and that all fits together.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use creditbay_configs::endorsement;
use creditbay_configs::node::NodeConfig;
use creditbay_configs::peers::Directory;
use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::note::NoteVerifier;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::Region;

use super::{NetworkCommand, NewArgs, run};
use crate::exit::{self, Exit};
use crate::file;
use crate::node;
use crate::print::Screen;

fn new(dir: &Path, cities: &[&str], base_port: Option<u16>) -> anyhow::Result<Exit> {
    let cities = cities.iter().map(|name| Region::new(name).unwrap()).collect();
    let command = NetworkCommand::New(NewArgs { dir: dir.to_owned(), cities, base_port, codes: None, auditors_tls: false });
    run(&command, &mut Screen::over(Box::new(Vec::new()), false))
}

fn files(dir: &Path, under: &Path, found: &mut BTreeSet<(String, u32)>) {
    for entry in fs::read_dir(under).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            files(dir, &entry.path(), found);
        } else {
            let path = entry.path().strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            found.insert((path, entry.metadata().unwrap().permissions().mode() & 0o777));
        }
    }
}

#[test]
fn every_file_is_there_and_secrets_are_their_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("net");
    assert_eq!(new(&dir, &["gz", "hk"], None).unwrap(), Exit::Done);
    let mut found = BTreeSet::new();
    files(&dir, &dir, &mut found);
    let mut expected: BTreeSet<(String, u32)> = [
        ("network.toml", 0o644),
        ("network.note", 0o644),
        ("rules/gba-2026.1.toml", 0o644),
        ("rules/gba-2026.1.note", 0o644),
        ("auditor/auditor.pem", 0o600),
        ("auditor/auditor.vkey", 0o644),
    ]
    .map(|(path, mode)| (path.to_owned(), mode))
    .into();
    for city in ["gz", "hk"] {
        expected.insert((format!("governance/{city}.pem"), 0o600));
        expected.insert((format!("{city}/node.toml"), 0o644));
        expected.extend(["service.token", "regulator.token", "channel.pem"].map(|name| (format!("{city}/{name}"), 0o600)));
        expected.extend(["log", "witness", "tls"].map(|role| (format!("{city}/keys/{role}.pem"), 0o600)));
    }
    assert_eq!(found, expected);
}

#[test]
fn nodes_directory_and_rules_fit_together() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("net");
    new(&dir, &["gz", "sz", "hk", "mo"], Some(4500)).unwrap();
    let text = fs::read_to_string(dir.join("network.toml")).unwrap();
    let directory = Directory::parse("network.toml", &text).unwrap();
    let regions: Vec<_> = directory.regions().iter().map(|entry| (entry.name, &entry.governance)).collect();
    let rules = Digest::of(&fs::read(dir.join("rules/gba-2026.1.toml")).unwrap());
    let note = fs::read(dir.join("rules/gba-2026.1.note")).unwrap();
    assert_eq!(endorsement::verify(Label::RULES, &rules, &note, &regions).unwrap().signers().len(), 4);
    assert_eq!(directory.regions()[2].address.port(), 4521);
    for entry in directory.regions() {
        let node: NodeConfig = node::read(&dir.join(entry.name.as_str())).unwrap();
        assert_eq!(node.network.directory, dir.join("network.toml"));
        let note = fs::read(&node.network.signatures).unwrap();
        let endorsed = Directory::parse("network.toml", &text).unwrap().endorsed(&note, &node.network.pinned);
        assert!(endorsed.is_ok(), "{:?}", endorsed.err());
        assert_eq!(file::read_key(&node.keys.log).unwrap().public(), *entry.log.key());
        assert_eq!(file::read_key(&node.keys.witness).unwrap().public(), *entry.witness.key());
        assert_eq!(file::read_key(&node.keys.tls).unwrap().public(), entry.tls);
        assert_eq!((node.doors.peers, node::url_of(node.doors.auditors)), (entry.address, entry.auditors.clone()));
        let token = node::read_token(&node::token_file(&dir.join(entry.name.as_str()))).unwrap();
        assert_eq!(node.services[0].token_sha256, Digest::of(token.as_bytes()));
        assert_eq!(node.services[0].organisation.to_string(), format!("bank.{}", entry.name));
        let token = node::read_token(&dir.join(entry.name.as_str()).join("regulator.token")).unwrap();
        assert_eq!(node.services[1].token_sha256, Digest::of(token.as_bytes()));
        assert_ne!(node.services[0].token_sha256, node.services[1].token_sha256);
        assert_eq!(entry.regulators, [node.services[1].organisation]);
        assert_eq!(entry.regulators[0].to_string(), format!("regulator.{}", entry.name));
        let channel = file::read_key(&dir.join(entry.name.as_str()).join("channel.pem")).unwrap();
        assert_eq!((entry.channels[0].key, entry.channels.len()), (channel.public(), 1));
        assert_eq!(entry.channels[0].name.to_string(), format!("portal.{}", entry.name));
        let auditor = fs::read_to_string(dir.join("auditor/auditor.vkey")).unwrap();
        assert_eq!(node.auditors[0].vkey, NoteVerifier::parse(auditor.trim()).unwrap());
        assert_eq!(node.doors.admin, dir.join(entry.name.as_str()).join("admin.sock"));
        assert_eq!(node.data_dir, dir.join(entry.name.as_str()).join("data"));
    }
    let auditor = file::read_key(&dir.join("auditor/auditor.pem")).unwrap();
    assert!(directory.regions().iter().all(|entry| entry.log.key() != &auditor.public()));
}

#[test]
fn a_second_run_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("net");
    new(&dir, &["gz", "hk"], None).unwrap();
    let before = fs::read(dir.join("gz/keys/log.pem")).unwrap();
    let error = new(&dir, &["gz", "hk"], None).unwrap_err();
    assert!(error.to_string().contains("is not empty, and nothing is overwritten"), "{error}");
    assert_eq!(exit::of_error(&error), Exit::Failed);
    assert_eq!(fs::read(dir.join("gz/keys/log.pem")).unwrap(), before);
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(new(&folder.path().join("file"), &["gz", "hk"], None).is_err());
}

#[test]
fn a_folder_that_is_empty_is_taken_and_one_too_deep_for_a_socket_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(new(folder.path(), &["gz", "hk"], None).is_ok());
    let deep = folder.path().join("d".repeat(100));
    let error = new(&deep, &["gz", "hk"], None).unwrap_err();
    assert!(error.to_string().contains("choose a shorter folder"), "{error}");
    assert!(!deep.exists());
}

#[test]
fn an_unknown_city_is_a_wrong_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("net");
    let error = new(&dir, &["gz", "zh"], None).unwrap_err();
    assert_eq!(exit::of_error(&error), Exit::Usage);
    assert!(!dir.exists());
}

#[test]
fn codes_that_name_no_city_get_their_node_and_those_of_other_cities_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, codes) = (folder.path().join("net"), folder.path().join("codes.txt"));
    fs::write(&codes, "gz uscc:91440000MA5GBAC048\nhk lei:300300GBACREDIT00063\n").unwrap();
    let cities = ["gz", "mo"].map(|name| Region::new(name).unwrap()).to_vec();
    let command =
        NetworkCommand::New(NewArgs { dir: dir.clone(), cities, base_port: None, codes: Some(codes), auditors_tls: true });
    let out = folder.path().join("out");
    run(&command, &mut Screen::over(Box::new(fs::File::create(&out).unwrap()), false)).unwrap();
    assert!(fs::read_to_string(out).unwrap().contains("1 that name no city have their node"));
    let directory = Directory::parse("network.toml", &fs::read_to_string(dir.join("network.toml")).unwrap()).unwrap();
    let issuer =
        |scheme, code: &str| directory.issuer_of(&Identifier::parse(scheme, code).unwrap()).map(|region| region.to_string());
    assert_eq!(issuer(Scheme::Uscc, "91440000MA5GBAC048").as_deref(), Some("gz"));
    assert_eq!(issuer(Scheme::Uscc, "91440000YL10030045"), None);
    assert_eq!(issuer(Scheme::Lei, "300300GBACREDIT00063"), None);
}
