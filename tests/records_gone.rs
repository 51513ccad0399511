//! Records erased in a real node: in no file, under no key that is left and at no place that a key leads to is anything of the company, and
//! everything of the others is.
//!
//! Not here: a write that fails in the middle (`node`, exchange/tests), openings (`erase`).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use creditbay_crypto::hash::Digest;
use creditbay_crypto::label::Label;
use creditbay_crypto::seal::SealingKey;
use creditbay_node::store::on_disk::OnDisk;
use creditbay_node::store::{Store, Tree};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::leaf::LeafBody;
use harness::archive::parse;
use harness::network::{Network, files_below, files_with};
use harness::samples::copy_records;
use serde_json::Value;

/// Registered and listed; and one that is registered.
const ERASED: &str = "91440104YL1000014F";
const KEPT: &str = "91440101MA9XTEAT0A";
const PERSON: &str = "440106199003071231";

/// The keys of a node's buckets, as they lie in its folder.
fn bucket_keys(data: &Path) -> Vec<[u8; 32]> {
    let files = files_below(&data.join("keys/records")).unwrap();
    files.iter().map(|file| fs::read(file).unwrap().try_into().unwrap()).collect()
}

/// What any of the keys opens of a store's records, whatever key their place says.
fn opened(store: &Path, keys: &[[u8; 32]]) -> Vec<u8> {
    let keys = keys.iter().map(|key| SealingKey::from_bytes(Digest::hmac(key, &[Label::SEAL_RECORD.as_bytes()]).0));
    let (keys, store) = (keys.collect::<Vec<_>>(), OnDisk::open(store, 16).unwrap());
    let mut plain = Vec::new();
    for tree in [Tree::Records, Tree::Persons] {
        for (place, sealed) in store.range(tree, &[], &[0xfe], usize::MAX).unwrap() {
            for key in &keys {
                plain.extend(key.open(Label::SEAL_RECORD, &place, &sealed).unwrap_or_default());
            }
        }
    }
    plain
}

fn tag(data: &Path, company: &str) -> Digest {
    let key = fs::read(data.join("keys/records.key")).unwrap();
    let index = Digest::hmac(&key, &[Label::INDEX_SUBJECT.as_bytes()]);
    Digest::hmac(&index.0, &[&Identifier::parse(Scheme::Uscc, company).unwrap().canonical_bytes()])
}

/// Where a company's records lie under any of the keys.
fn places(keys: &[[u8; 32]], tag: &Digest) -> BTreeSet<Digest> {
    let places = keys.iter().map(|key| Digest::hmac(key, &[Label::INDEX_PLACE.as_bytes()]));
    places.map(|places| Digest::hmac(&places.0, &[b"R", &tag.0])).collect()
}

fn holds(plain: &[u8], secret: &[u8]) -> bool {
    plain.windows(secret.len()).any(|window| window == secret)
}

fn erase(network: &Network, what: &[&str]) -> Value {
    let home = network.folder().join("gz").display().to_string();
    let ended = network.creditbay(["--json", "erase", "--ground", "order", "--node", &home].iter().chain(what)).unwrap();
    assert_eq!(ended.code, 0, "{what:?}: {}{}", ended.stdout, ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn copy(from: &Path, to: &Path) {
    for file in files_below(from).unwrap() {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

#[test]
fn no_file_and_no_key_that_is_left_tells_of_a_company_whose_records_were_erased() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = Network::start(&folder.path().join("n"), &["gz", "hk"]).unwrap();
    let files = copy_records("gz", &folder.path().join("records")).unwrap();
    assert_eq!(network.import("gz", &files).unwrap().code, 5);
    network.stop("gz").unwrap();
    let (data, before) = (network.folder().join("gz/data"), folder.path().join("before"));
    copy(&data.join("store"), &before);
    let (gone, stays) = (tag(&data, ERASED), tag(&data, KEPT));
    let plain = opened(&before, &bucket_keys(&data));
    assert!(holds(&plain, &gone.0) && holds(&plain, &stays.0), "the search finds what is there");
    let all = files_below(&data).unwrap();
    let lies = |keys: &[[u8; 32]], tag| places(keys, tag).iter().any(|place| !files_with(&all, &place.0).unwrap().is_empty());
    assert!(lies(&bucket_keys(&data), &gone), "also where it lies");

    network.launch("gz").unwrap();
    let subject = format!("uscc:{ERASED}");
    let first = erase(&network, &["--subject", &subject, "--records"]);
    assert!(
        first["records"].as_u64() >= Some(2) && first["leaf"].is_u64() && first["keys_destroyed"].as_u64() >= Some(1),
        "{first}"
    );
    let again = erase(&network, &["--subject", &subject, "--records"]);
    assert!(again["leaf"].is_null() && again["records"] == 0, "{again}");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let leaves = runtime.block_on(network.export("gz", &folder.path().join("export"))).unwrap();
    let leaf = parse(&leaves).unwrap().remove(usize::try_from(first["leaf"].as_u64().unwrap()).unwrap());
    assert!(matches!(leaf.body, LeafBody::Event(_)) && leaf.body.kind() == "erased");
    network.kill("gz").unwrap();
    network.launch("gz").unwrap();
    network.stop("gz").unwrap();

    let (keys, all) = (bucket_keys(&data), files_below(&data).unwrap());
    assert!(all.iter().any(|file| file.to_string_lossy().contains("snap.")) && all.iter().any(|file| file.ends_with("db")));
    let now = opened(&data.join("store"), &keys);
    assert!(!holds(&now, &gone.0) && holds(&now, &stays.0), "what is erased opens nowhere, what stays opens");
    // sled keeps what was deleted in its file; a copy of before is what a thief of the disk could put together at best.
    assert!(!holds(&opened(&before, &keys), &gone.0), "a key that is left opens what lay there before");
    let company = Identifier::parse(Scheme::Uscc, ERASED).unwrap().canonical_bytes();
    let plain: [&[u8]; 4] = [ERASED.as_bytes(), &company, &Digest::of(&company).0, &gone.0];
    let lies = |tag: &Digest| places(&keys, tag).iter().any(|place| !files_with(&all, &place.0).unwrap().is_empty());
    assert!(plain.iter().all(|secret| files_with(&all, secret).unwrap().is_empty()));
    assert!(!lies(&gone) && lies(&stays), "sled keeps what was deleted, and no key leads there");

    // What a file brings back is a new company's records.
    network.launch("gz").unwrap();
    assert_eq!(network.import("gz", &files).unwrap().code, 5);
    let third = erase(&network, &["--subject", &subject, "--records"]);
    assert_eq!((&third["records"], &third["reports"]), (&first["records"], &first["reports"]), "{third}");

    let number = folder.path().join("number");
    fs::write(&number, format!("{PERSON}\n")).unwrap();
    let nobody = erase(&network, &["--person-from", &number.display().to_string()]);
    assert!(nobody["leaf"].is_null() && nobody["persons"] == 0, "{nobody}");
}
