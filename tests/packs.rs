//! A node and the rule packs that it is given: no byte changed, no signature missing, in force today, and a leaf when one takes over.
//!
//! Not here: what a pack says (`configs`), and a switch while queries are under way (`node`, under a clock that can be set).

use std::fs;
use std::path::PathBuf;

use creditbay_protocol::event::Event;
use creditbay_protocol::leaf::LeafBody;
use harness::archive::parse;
use harness::network::Network;
use harness::rules::alter;
use tempfile::TempDir;

/// Two cities laid out, no node running, and the files of their pack.
struct Laid {
    network: Network,
    pack: PathBuf,
    note: PathBuf,
    _folder: TempDir,
}

impl Laid {
    fn out() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let network = Network::lay_out(&folder.path().join("n"), &["gz", "hk"]).unwrap();
        let rules = network.folder().join("rules");
        Self { network, pack: rules.join("gba-2026.1.toml"), note: rules.join("gba-2026.1.note"), _folder: folder }
    }

    /// What gz's daemon says when it does not start.
    fn refused(&self) -> String {
        let ended = self.network.launch_in_vain("gz").unwrap();
        assert_ne!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        assert!(!ended.stdout.contains("ready"), "{}", ended.stdout);
        ended.stderr
    }
}

#[test]
fn a_pack_with_a_changed_byte_or_a_missing_signature_starts_no_node() {
    let laid = Laid::out();
    let (pack, note) = (fs::read_to_string(&laid.pack).unwrap(), fs::read_to_string(&laid.note).unwrap());
    // The first byte of a comment: every rule is as it was, and the digest is another.
    fs::write(&laid.pack, pack.replacen("# CreditBay", "# creditBay", 1)).unwrap();
    let said = laid.refused();
    assert!(said.contains("gba-2026.1.note") && said.contains("the note is over"), "{said}");
    fs::write(&laid.pack, &pack).unwrap();
    let without: String = note.split_inclusive('\n').filter(|line| !line.starts_with("— hk.")).collect();
    assert_ne!(without, note);
    fs::write(&laid.note, without).unwrap();
    let said = laid.refused();
    assert!(said.contains("region hk: 0 of 1 signatures"), "{said}");
    fs::write(&laid.note, note).unwrap();
    fs::write(&laid.pack, pack.replacen("lane = \"P\"", "lane = \"p\"", 1)).unwrap();
    let said = laid.refused();
    assert!(said.contains("gba-2026.1.toml"), "it names the file: {said}");
}

#[test]
fn a_pack_that_is_not_in_force_yet_starts_no_node() {
    let laid = Laid::out();
    let cities = laid.network.cities().to_vec();
    alter(laid.network.folder(), &cities, &[("effective_from", "\"2027-12-31\"")]).unwrap();
    let said = laid.refused();
    assert!(said.contains("no rule pack under [[rules]] is in force today; the earliest begins on 2027-12-31"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_leaf_of_a_log_says_under_which_pack_it_begins_and_a_restart_adds_none() {
    let mut laid = Laid::out();
    for _ in 0..2 {
        laid.network.launch("gz").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let leaves = parse(&laid.network.export("gz", folder.path()).await.unwrap()).unwrap();
        let [leaf] = leaves.as_slice() else { panic!("{} leaves", leaves.len()) };
        let digest = creditbay_crypto::hash::Digest::of(&fs::read(&laid.pack).unwrap());
        let begun = LeafBody::Event(Event::PackActivated { pack: digest, serial: 1, overlap: None });
        assert_eq!(leaf.body, begun);
        laid.network.stop("gz").unwrap();
    }
}
