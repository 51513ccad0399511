//! The directory's tests: the sample network, one forged twin for each check, and endorsements that must not hold.
#![allow(clippy::disallowed_methods, reason = "the samples are files")]

use creditbay_crypto::hash::{Digest, HashError};
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::note::{KeyKind, NoteError, NoteVerifier};
use creditbay_crypto::sign::KeyError;
use creditbay_protocol::checkpoint::Checkpoint;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::{Name, OrganisationId, Region};
use creditbay_protocol::orphaned::OrphanedRange;
use creditbay_protocol::predicate::LawOfOrigin;

use crate::endorsement::{EndorsementError, Governance, GovernanceError};
use crate::sample;

use super::Directory;
use super::entry::{AreaError, Channel, RegionEntry};
use super::fault::{DirectoryFault, DirectoryRefused, MAX_CHANNELS, MAX_ORPHANED, MAX_REGIONS, MAX_REGULATORS};

const ALL: [&str; 4] = ["gz", "sz", "hk", "mo"];

fn region(name: &str) -> Region {
    Region::new(name).unwrap()
}

fn directory() -> Directory {
    Directory::parse("network.toml", &sample::network()).unwrap()
}

/// Parses a text that must be refused. Gives key, the text of the line and the fault.
fn refused(text: &str) -> (String, String, DirectoryFault) {
    let error = Directory::parse("network.toml", text).err().unwrap();
    let line = error.line().and_then(|line| text.lines().nth(line - 1)).unwrap_or_default();
    (error.key().unwrap_or_default().to_owned(), line.to_owned(), error.fault().clone())
}

/// The sample with `from` replaced once.
fn replaced(from: &str, to: &str) -> String {
    let text = sample::network();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// The sample with one of its entries changed (gz, sz, hk, mo are 0 to 3).
fn changed(index: usize, change: impl FnOnce(&mut RegionEntry)) -> String {
    let mut entries = sample::entries();
    change(&mut entries[index]);
    Directory::to_toml(1, &entries)
}

/// What hk lost: 23 leaves of its first log were seen, 17 are left.
fn range() -> OrphanedRange {
    let log = "hk.creditbay/log/1".parse().unwrap();
    let note = OrphanedRange::note_digest(&Checkpoint { origin: log, size: 23, root: Digest([2; 32]) });
    OrphanedRange { log, size: 17, root: Digest([1; 32]), seen: 23, note }
}

/// The sample after hk lost the end of its first log and began its second.
fn orphaned(change: impl FnOnce(&mut RegionEntry)) -> String {
    changed(2, |hk| {
        hk.log_origin = "hk.creditbay/log/2".parse().unwrap();
        hk.log = sample::signer("hk", "log 2", "hk.creditbay/log/2", KeyKind::Ed25519).verifier().clone();
        hk.orphaned = vec![range()];
        change(hk);
    })
}

fn identifier(scheme: Scheme, code: &str) -> Identifier {
    Identifier::parse(scheme, code).unwrap()
}

#[test]
fn the_sample_network_is_what_it_is_made_from() {
    let text = sample::network();
    sample::assert_sample("network/network.toml", text.as_bytes());
    sample::assert_sample("network/network.note", &sample::note(&text, &ALL));
}

#[test]
fn the_sample_network_is_endorsed_by_all_four() {
    let text = std::fs::read_to_string(sample::file("network/network.toml")).unwrap();
    let note = std::fs::read(sample::file("network/network.note")).unwrap();
    let endorsed = Directory::parse("network.toml", &text).unwrap().endorsed(&note, &[sample::pinned()]).unwrap();
    assert_eq!((endorsed.serial(), endorsed.regions().len()), (1, 4));
    assert_eq!(endorsed.endorsed().signers().iter().map(|(region, _)| *region).collect::<Vec<_>>(), ALL.map(region));
    assert_eq!((endorsed.digest(), endorsed.endorsed().digest()), (&Digest::of(text.as_bytes()), &Digest::of(text.as_bytes())));
}

#[test]
fn what_is_written_is_read_back() {
    let mut entries = sample::entries();
    entries[1].address = "[2001:db8::1]:4501".parse().unwrap();
    entries[1].areas = ["4403", "4404"].map(|area| area.parse().unwrap()).to_vec();
    let text = Directory::to_toml(7, &entries);
    let read = Directory::parse("network.toml", &text).unwrap();
    assert_eq!(read.serial(), 7);
    assert_eq!(Directory::to_toml(read.serial(), read.regions()), text);
    assert!(text.contains("[2001:db8::1]:4501") && text.contains("areas = [\"4403\", \"4404\"]"));
}

#[test]
fn every_key_is_explained_in_the_sample_and_stands_in_it() {
    let text = orphaned(|_| {});
    let known = sample::known_keys(&text, |text| Directory::parse("f", text).err().unwrap().to_string());
    assert!(known.len() >= 31, "{known:?}");
    for key in known {
        let explained = |line: &str| line.strip_prefix('#').is_some_and(|line| line.trim_start().starts_with(&format!("{key} ")));
        let stands = |line: &str| {
            line.starts_with(&format!("{key} = ")) || line.trim_matches(['[', ']']).ends_with(&key) && line.starts_with('[')
        };
        assert!(text.lines().any(explained), "{key} is not explained");
        assert!(text.lines().any(stands), "{key} does not stand in the sample");
    }
}

#[test]
fn explicit_codes_go_before_areas() {
    let directory = directory();
    assert_eq!(directory.issuer_of(&identifier(Scheme::Uscc, "91440101MA9XTEAT0A")), Some(region("gz")));
    assert_eq!(directory.issuer_of(&identifier(Scheme::Uscc, "91440300MA5GBAC20D")), Some(region("sz")));
    // Registered with the province, where no area here reaches: only the explicit one has a node.
    assert_eq!(directory.issuer_of(&identifier(Scheme::Uscc, sample::PROVINCIAL)), Some(region("gz")));
    assert_eq!(directory.issuer_of(&identifier(Scheme::Uscc, "91440000MA5GBAC123")), None);
    assert_eq!(directory.issuer_of(&identifier(Scheme::Lei, sample::LEI)), Some(region("hk")));
    assert_eq!(directory.issuer_of(&identifier(Scheme::Lei, "984500HKSYNTH0000055")), None);
    let moved = changed(1, |sz| sz.codes = vec![identifier(Scheme::Uscc, "91440101MA9XTEAT0A")]);
    let moved = Directory::parse("network.toml", &moved).unwrap();
    assert_eq!(moved.issuer_of(&identifier(Scheme::Uscc, "91440101MA9XTEAT0A")), Some(region("sz")));
}

#[test]
fn regions_are_found_by_name_and_by_key() {
    let directory = directory();
    assert_eq!(directory.entry(region("mo")).unwrap().title.pt, "Macau");
    assert!(directory.entry(region("bj")).is_none());
    assert_eq!(directory.by_tls(&sample::key("hk", "tls").public()).unwrap().name, region("hk"));
    assert!(directory.by_tls(&sample::key("hk", "log").public()).is_none());
    let known = directory.known_logs();
    assert_eq!(known.len(), 4);
    assert_eq!((known[2].origin.to_string().as_str(), known[2].region), ("hk.creditbay/log/1", region("hk")));
    assert_eq!(
        (known[2].log.key(), known[2].witness.key()),
        (&sample::key("hk", "log").public(), &sample::key("hk", "witness").public())
    );
}

#[test]
fn an_unknown_key_is_named_with_file_line_and_key() {
    let text = replaced("witness = ", "witnes = ");
    let (key, line, fault) = refused(&text);
    assert_eq!(key, "region.witnes");
    assert!(line.starts_with("witnes = "), "{line}");
    assert!(matches!(fault, DirectoryFault::Text(_)));
    let shown = Directory::parse("etc/network.toml", &text).err().unwrap().to_string();
    assert!(
        shown.starts_with("etc/network.toml:") && shown.contains(": key `region.witnes`: no such key; expected one of `name`, "),
        "{shown}"
    );
}

#[test]
fn another_format_and_no_edition_are_refused() {
    let (key, _, fault) = refused(&replaced("network/v1\"", "network/v2\""));
    assert_eq!((key.as_str(), fault), ("format", DirectoryFault::Format { expected: "creditbay/network/v1" }));
    let (key, line, fault) = refused(&Directory::to_toml(0, &sample::entries()));
    assert_eq!((key.as_str(), line.as_str(), fault), ("serial", "serial = 0", DirectoryFault::SerialZero));
}

#[test]
fn nobody_and_too_many_are_refused() {
    assert_eq!(refused("format = \"creditbay/network/v1\"\nserial = 1\nregion = []\n").2, DirectoryFault::NoRegions);
    let many: Vec<_> = std::iter::repeat_n(sample::entries(), 5).flatten().collect();
    assert_eq!(refused(&Directory::to_toml(1, &many)).2, DirectoryFault::TooManyRegions(20));
    assert_eq!(refused(&Directory::to_toml(1, &many[..MAX_REGIONS])).2, DirectoryFault::RegionTwice(region("gz")));
}

#[test]
fn what_two_regions_share_is_refused() {
    let gz = || sample::entries().remove(0);
    let twice = changed(1, |sz| {
        let log = sample::signer("sz", "log", "gz.creditbay/log/2", KeyKind::Ed25519).verifier().clone();
        (sz.name, sz.log_origin, sz.log) = (gz().name, "gz.creditbay/log/2".parse().unwrap(), log);
    });
    let (key, line, fault) = refused(&twice);
    assert_eq!(
        (key.as_str(), line.as_str(), fault),
        ("region[1].name", "name = \"gz\"", DirectoryFault::RegionTwice(region("gz")))
    );
    let (key, _, fault) = refused(&changed(1, |sz| sz.address = gz().address));
    assert_eq!((key.as_str(), fault), ("region[1].address", DirectoryFault::AddressTwice { other: region("gz") }));
    let (key, _, fault) = refused(&changed(3, |mo| mo.auditors = gz().auditors));
    assert_eq!((key.as_str(), fault), ("region[3].auditors", DirectoryFault::AddressTwice { other: region("gz") }));
}

#[test]
fn one_log_at_two_regions_is_refused() {
    let gz = || sample::entries().remove(0);
    let (key, line, fault) = refused(&changed(1, |sz| (sz.log_origin, sz.log) = (gz().log_origin, gz().log)));
    assert_eq!((key.as_str(), line.as_str()), ("region[1].log_origin", "log_origin = \"gz.creditbay/log/1\""));
    assert_eq!(fault, DirectoryFault::OriginTwice { origin: gz().log_origin, other: region("gz") });
}

#[test]
fn a_log_is_named_after_its_region_and_its_key_after_the_log() {
    let (key, _, fault) = refused(&changed(0, |gz| gz.log_origin = "gzz.creditbay/log/1".parse().unwrap()));
    assert_eq!(
        (key.as_str(), fault),
        ("region[0].log_origin", DirectoryFault::OriginOwner { region: region("gz"), owner: "gzz.creditbay".into() })
    );
    let (key, _, fault) = refused(&changed(0, |gz| gz.log_origin = "gz.creditbay/log/2".parse().unwrap()));
    let expected =
        DirectoryFault::LogName { name: "gz.creditbay/log/1".parse().unwrap(), origin: "gz.creditbay/log/2".parse().unwrap() };
    assert_eq!((key.as_str(), fault), ("region[0].log", expected));
}

#[test]
fn keys_of_the_wrong_kind_are_refused() {
    let other = |verifier: &NoteVerifier, kind| NoteVerifier::new(verifier.name().clone(), kind, *verifier.key());
    let (key, _, fault) = refused(&changed(0, |gz| gz.log = other(&gz.log, KeyKind::CosignatureV1)));
    assert_eq!((key.as_str(), fault), ("region[0].log", DirectoryFault::WrongKind { needed: 1, found: 4 }));
    let (key, _, fault) = refused(&changed(2, |hk| hk.witness = other(&hk.witness, KeyKind::Ed25519)));
    assert_eq!((key.as_str(), fault), ("region[2].witness", DirectoryFault::WrongKind { needed: 4, found: 1 }));
    let governor = sample::governor("gz").verifier().clone();
    let (key, _, fault) = refused(&replaced(&governor.to_string(), &other(&governor, KeyKind::CosignatureV1).to_string()));
    assert_eq!((key.as_str(), fault), ("region[0].governance.signers[0]", DirectoryFault::WrongKind { needed: 1, found: 4 }));
}

#[test]
fn one_public_key_in_two_roles_is_refused() {
    let (key, line, fault) = refused(&changed(0, |gz| gz.tls = *gz.witness.key()));
    assert_eq!((key.as_str(), fault), ("region[0].tls", DirectoryFault::KeyTwice { other: "region[0].witness".into() }));
    assert!(line.starts_with("tls = "), "{line}");
    let (key, _, fault) = refused(&changed(1, |sz| sz.tls = sample::key("gz", "tls").public()));
    assert_eq!((key.as_str(), fault), ("region[1].tls", DirectoryFault::KeyTwice { other: "region[0].tls".into() }));
    let shared = Governance::new(1, vec![sample::governor("gz").verifier().clone()]).unwrap();
    let (key, _, fault) = refused(&changed(3, |mo| mo.governance = shared));
    assert_eq!(key, "region[3].governance.signers[0]");
    assert_eq!(fault, DirectoryFault::KeyTwice { other: "region[0].governance.signers[0]".into() });
}

#[test]
fn weak_and_unreadable_keys_are_refused() {
    let tls = Digest(*sample::key("gz", "tls").public().as_bytes()).to_base64();
    let (key, _, fault) = refused(&replaced(&tls, &Digest([0; 32]).to_base64()));
    assert_eq!((key.as_str(), fault), ("region[0].tls", DirectoryFault::Key(KeyError::SmallOrder)));
    let (_, _, fault) = refused(&replaced(&tls, &tls[..40]));
    assert_eq!(fault, DirectoryFault::KeyText(HashError::Base64Length(30)));
    let log = sample::entries()[0].log.to_string();
    // The same name with a point of small order, its id computed as it would be for a good key.
    let weak = [b"gz.creditbay/log/1\n\x01".as_slice(), &[0; 32]].concat();
    let id = &Digest::of(&weak).to_string()[..8];
    let weak = format!("gz.creditbay/log/1+{id}+{}", creditbay_crypto::hash::base64_encode(&weak[19..]));
    let (key, line, fault) = refused(&replaced(&log, &weak));
    assert_eq!((key.as_str(), fault), ("region[0].log", DirectoryFault::Verifier(NoteError::Key(KeyError::SmallOrder))));
    assert!(line.starts_with("log = "), "{line}");
    let (_, _, fault) = refused(&replaced(&log, "gz.creditbay/log/1"));
    assert_eq!(fault, DirectoryFault::Verifier(NoteError::VerifierKey));
}

#[test]
fn addresses_that_nobody_can_dial_are_refused() {
    for address in ["127.0.0.1:0", "0.0.0.0:4501", "[::]:4501"] {
        let (key, _, fault) = refused(&changed(0, |gz| gz.address = address.parse().unwrap()));
        assert_eq!((key.as_str(), fault), ("region[0].address", DirectoryFault::Address), "{address}");
    }
    for url in
        ["127.0.0.1:4503", "ftp://a", "http://", "https:///x", "http://a/", "http://a b", "http://a?b", "http://u@a", "http://é"]
    {
        let (key, _, fault) = refused(&changed(0, |gz| gz.auditors = url.to_owned()));
        assert_eq!((key.as_str(), fault), ("region[0].auditors", DirectoryFault::AuditorsUrl), "{url}");
    }
}

#[test]
fn a_title_has_all_four_languages() {
    let (key, _, fault) = refused(&changed(0, |gz| gz.title.pt = " ".into()));
    assert_eq!((key.as_str(), fault), ("region[0].title", DirectoryFault::TitleEmpty));
    assert!(matches!(refused(&replaced("zh-Hant = ", "zh-hant = ")).2, DirectoryFault::Text(_)));
}

#[test]
fn areas_are_real_under_the_right_law_and_apart() {
    let (key, _, fault) = refused(&replaced("areas = [\"4401\"]", "areas = [\"440\"]"));
    assert_eq!((key.as_str(), fault), ("region[0].areas[0]", DirectoryFault::Area(AreaError)));
    let (key, _, fault) = refused(&replaced("areas = [\"4401\"]", "areas = [\"4401\", \"HK\"]"));
    assert_eq!((key.as_str(), fault), ("region[0].areas[1]", DirectoryFault::AreaLaw(LawOfOrigin::Cn)));
    for area in ["4401", "44", "440106"] {
        let (key, _, fault) = refused(&replaced("areas = [\"4403\"]", &format!("areas = [\"4403\", \"{area}\"]")));
        let expected = if area == "44" {
            DirectoryFault::AreaOverlaps { area: "4403".into(), other: region("sz") }
        } else {
            DirectoryFault::AreaOverlaps { area: "4401".into(), other: region("gz") }
        };
        assert_eq!((key.as_str(), fault), ("region[1].areas[1]", expected));
    }
    let (_, _, fault) = refused(&replaced("areas = [\"4403\"]", "areas = [\"44\"]"));
    assert_eq!(fault, DirectoryFault::AreaOverlaps { area: "4401".into(), other: region("gz") });
}

#[test]
fn codes_are_of_their_scheme_and_at_one_region_and_never_repeated() {
    let broken = replaced(sample::PROVINCIAL, "91440000MA5GBAC049");
    let (key, _, fault) = refused(&broken);
    assert_eq!(key, "region[0].codes[0]");
    assert!(matches!(fault, DirectoryFault::Code(_)));
    let provincial = || identifier(Scheme::Uscc, sample::PROVINCIAL);
    let (key, _, fault) = refused(&changed(0, |gz| gz.codes = vec![provincial(), provincial()]));
    assert_eq!((key.as_str(), fault), ("region[0].codes[1]", DirectoryFault::CodeTwice { other: region("gz") }));
    let shared = changed(1, |sz| sz.codes = vec![provincial()]);
    let (key, _, fault) = refused(&shared);
    assert_eq!((key.as_str(), fault), ("region[1].codes[0]", DirectoryFault::CodeTwice { other: region("gz") }));
    for text in [&broken, &shared, &replaced("scheme = \"uscc\"", "scheme = \"91440000MA5GBAC048\"")] {
        let shown = Directory::parse("network.toml", text).err().unwrap().to_string();
        assert!(!shown.contains("MA5GBAC"), "{shown}");
    }
}

fn channel(name: &str, seed: &str) -> Channel {
    Channel { name: Name::new(name).unwrap(), key: sample::key(seed, "channel").public() }
}

fn organisation(name: &str) -> OrganisationId {
    OrganisationId::new(name).unwrap()
}

#[test]
fn a_channel_is_found_by_its_name_with_its_region() {
    let directory = directory();
    let (region_of, found) = directory.channel(Name::new("portal.hk").unwrap()).unwrap();
    assert_eq!((region_of, found), (region("hk"), &channel("portal.hk", "hk")));
    assert!(directory.channel(Name::new("portal.fs").unwrap()).is_none());
}

#[test]
fn channels_and_regulators_may_be_none_or_many() {
    let text = changed(0, |gz| {
        gz.channels = vec![channel("portal.gz", "gz"), channel("counter.gz", "gz counter")];
        gz.regulators.clear();
    });
    let read = Directory::parse("network.toml", &text).unwrap();
    assert_eq!(Directory::to_toml(1, read.regions()), text);
    assert_eq!((read.regions()[0].channels.len(), read.regions()[0].regulators.len()), (2, 0));
    let none = Directory::parse("network.toml", &changed(0, |gz| gz.channels.clear())).unwrap();
    assert!(none.channel(Name::new("portal.gz").unwrap()).is_none());
}

#[test]
fn a_channels_name_stands_once() {
    let twice = changed(0, |gz| gz.channels.push(channel("portal.gz", "gz counter")));
    let (key, line, fault) = refused(&twice);
    let fault_of = |other| DirectoryFault::ChannelTwice { channel: Name::new("portal.gz").unwrap(), other: region(other) };
    assert_eq!((key.as_str(), line.as_str(), fault), ("region[0].channels[1].name", "name = \"portal.gz\"", fault_of("gz")));
    let (key, _, fault) = refused(&changed(2, |hk| hk.channels[0].name = Name::new("portal.gz").unwrap()));
    assert_eq!((key.as_str(), fault), ("region[2].channels[0].name", fault_of("gz")));
}

#[test]
fn a_channels_key_has_no_other_role_and_no_other_channel() {
    let with = |index: usize, key| refused(&changed(index, |entry| entry.channels[0].key = key));
    for (role, other) in [
        ("log", "region[0].log"),
        ("witness", "region[0].witness"),
        ("tls", "region[0].tls"),
        ("governance", "region[0].governance.signers[0]"),
        ("channel", "region[0].channels[0].key"),
    ] {
        let (key, line, fault) = with(1, sample::key("gz", role).public());
        assert_eq!((key.as_str(), fault), ("region[1].channels[0].key", DirectoryFault::KeyTwice { other: other.into() }));
        assert!(line.starts_with("key = "), "{line}");
    }
    let (key, _, fault) = with(0, sample::key("gz", "tls").public());
    assert_eq!((key.as_str(), fault), ("region[0].channels[0].key", DirectoryFault::KeyTwice { other: "region[0].tls".into() }));
    let (key, _, fault) = refused(&changed(1, |sz| sz.tls = sample::key("gz", "channel").public()));
    assert_eq!((key.as_str(), fault), ("region[1].tls", DirectoryFault::KeyTwice { other: "region[0].channels[0].key".into() }));
    let (key, _, fault) = refused(&changed(0, |gz| gz.channels.push(channel("counter.gz", "gz"))));
    assert_eq!(
        (key.as_str(), fault),
        ("region[0].channels[1].key", DirectoryFault::KeyTwice { other: "region[0].channels[0].key".into() })
    );
}

#[test]
fn weak_and_unreadable_keys_of_channels_are_refused() {
    let good = Digest(*sample::key("sz", "channel").public().as_bytes()).to_base64();
    let (key, line, fault) = refused(&replaced(&good, &Digest([0; 32]).to_base64()));
    assert_eq!((key.as_str(), fault), ("region[1].channels[0].key", DirectoryFault::Key(KeyError::SmallOrder)));
    assert!(line.starts_with("key = "), "{line}");
    let (key, _, fault) = refused(&replaced(&good, &good[..40]));
    assert_eq!((key.as_str(), fault), ("region[1].channels[0].key", DirectoryFault::KeyText(HashError::Base64Length(30))));
}

#[test]
fn more_channels_or_regulators_than_a_region_may_have_are_refused() {
    let channels = |count| {
        changed(0, |gz| {
            let name = |number| channel(&format!("channel-{number}"), &format!("gz {number}"));
            gz.channels = (0..count).map(name).collect();
        })
    };
    assert!(Directory::parse("network.toml", &channels(MAX_CHANNELS)).is_ok());
    let (key, line, fault) = refused(&channels(MAX_CHANNELS + 1));
    assert_eq!((key.as_str(), fault), ("region[0].channels", DirectoryFault::TooManyChannels(MAX_CHANNELS + 1)));
    assert_eq!(line, "[[region.channels]]");
    let regulators = |count| {
        let regulators = (0..count).map(|number| organisation(&format!("regulator-{number}")));
        changed(0, |gz| gz.regulators = regulators.collect())
    };
    assert!(Directory::parse("network.toml", &regulators(MAX_REGULATORS)).is_ok());
    let (key, line, fault) = refused(&regulators(MAX_REGULATORS + 1));
    assert_eq!((key.as_str(), fault), ("region[0].regulators", DirectoryFault::TooManyRegulators(MAX_REGULATORS + 1)));
    assert!(line.starts_with("regulators = "), "{line}");
}

#[test]
fn a_regulator_stands_once() {
    let fault_of = |other| DirectoryFault::RegulatorTwice { organisation: organisation("regulator.gz"), other: region(other) };
    let (key, line, fault) = refused(&changed(0, |gz| gz.regulators.push(organisation("regulator.gz"))));
    assert_eq!((key.as_str(), fault), ("region[0].regulators[1]", fault_of("gz")));
    assert!(line.starts_with("regulators = "), "{line}");
    let (key, _, fault) = refused(&changed(3, |mo| mo.regulators = vec![organisation("regulator.gz")]));
    assert_eq!((key.as_str(), fault), ("region[3].regulators[0]", fault_of("gz")));
}

#[test]
fn names_of_channels_and_regulators_are_names() {
    let (_, _, fault) = refused(&replaced("name = \"portal.gz\"", "name = \"Portal GZ\""));
    assert!(matches!(fault, DirectoryFault::Text(_)), "{fault}");
    let (_, _, fault) = refused(&replaced("[\"regulator.gz\"]", "[\"Regulator GZ\"]"));
    assert!(matches!(fault, DirectoryFault::Text(_)), "{fault}");
}

#[test]
fn regulators_stand_towards_a_region_that_has_some_too() {
    let standing = |directory: &Directory, asker, name, issuer| {
        directory.standing(region(asker), organisation(name), region(issuer)).regulators
    };
    let all = directory();
    assert!(standing(&all, "sz", "regulator.sz", "gz"));
    assert!(!standing(&all, "sz", "bank.sz", "gz"), "a bank is none");
    assert!(!standing(&all, "sz", "regulator.gz", "gz"), "another region's is none of this one");
    assert!(!standing(&all, "fs", "regulator.sz", "gz") && !standing(&all, "sz", "regulator.sz", "fs"));
    let one_sided = Directory::parse("network.toml", &changed(0, |gz| gz.regulators.clear())).unwrap();
    assert!(!standing(&one_sided, "sz", "regulator.sz", "gz"), "the issuer's side has none");
    assert!(!standing(&one_sided, "gz", "regulator.gz", "sz") && standing(&one_sided, "sz", "regulator.sz", "hk"));
}

#[test]
fn governance_is_checked_at_its_place() {
    let (key, line, fault) = refused(&replaced("threshold = 1", "threshold = 0"));
    assert_eq!((key.as_str(), line.as_str()), ("region[0].governance.threshold", "threshold = 0"));
    assert_eq!(fault, DirectoryFault::Governance(GovernanceError::ThresholdZero));
    let (key, _, fault) = refused(&replaced("threshold = 1", "threshold = 2"));
    assert_eq!(key, "region[0].governance.threshold");
    assert_eq!(fault, DirectoryFault::Governance(GovernanceError::ThresholdOverSigners { threshold: 2, signers: 1 }));
    let governor = sample::governor("gz").verifier().to_string();
    let (key, line, fault) = refused(&replaced(&format!("[\"{governor}\"]"), &format!("[\"{governor}\", \"{governor}\"]")));
    assert_eq!(key, "region[0].governance.signers");
    assert!(line.starts_with("signers = "), "{line}");
    assert_eq!(fault, DirectoryFault::Governance(GovernanceError::SignerTwice("gz.creditbay/governance".parse().unwrap())));
}

#[test]
fn a_changed_byte_needs_new_signatures() {
    let note = sample::note(&sample::network(), &ALL);
    let forged = replaced("127.0.0.1:4521", "127.0.0.9:4521");
    let refused = Directory::parse("network.toml", &forged).unwrap().endorsed(&note, &[sample::pinned()]).err().unwrap();
    let (signed, file) = (Digest::of(sample::network().as_bytes()), Digest::of(forged.as_bytes()));
    assert_eq!(refused, DirectoryRefused::Endorsement(EndorsementError::OtherDigest { signed, file }));
}

#[test]
fn every_region_must_endorse() {
    for silent in ALL {
        let signers: Vec<_> = ALL.into_iter().filter(|region| *region != silent).collect();
        let pin = sample::governor(signers[0]).verifier().clone();
        let refused = directory().endorsed(&sample::note(&sample::network(), &signers), &[pin]).err().unwrap();
        let DirectoryRefused::Endorsement(EndorsementError::Threshold { region, have: 0, need: 1, .. }) = refused else {
            panic!("{refused}")
        };
        assert_eq!(region.as_str(), silent);
    }
}

#[test]
fn pinned_keys_must_be_signers_that_signed() {
    let text = sample::network();
    let note = sample::note(&text, &ALL);
    assert_eq!(directory().endorsed(&note, &[]).err(), Some(DirectoryRefused::NothingPinned));
    let stranger = sample::governor("bj").verifier().clone();
    let refused = directory().endorsed(&note, &[sample::pinned(), stranger.clone()]).err();
    assert_eq!(refused, Some(DirectoryRefused::PinnedUnknown(stranger.name().clone())));
    // A whole network of somebody else's making, endorsed by all of its own regions.
    let log = sample::entries()[0].log.clone();
    assert_eq!(
        directory().endorsed(&note, std::slice::from_ref(&log)).err(),
        Some(DirectoryRefused::PinnedUnknown(log.name().clone()))
    );
    let second = sample::signer("gz", "governance 2", "gz.creditbay/governance/2", KeyKind::Ed25519).verifier().clone();
    let two = changed(0, |gz| gz.governance = Governance::new(1, vec![sample::pinned(), second.clone()]).unwrap());
    let refused =
        Directory::parse("network.toml", &two).unwrap().endorsed(&sample::note(&two, &ALL), std::slice::from_ref(&second)).err();
    assert_eq!(refused, Some(DirectoryRefused::PinnedSilent(second.name().clone())));
}

#[test]
fn an_orphaned_range_is_read_back_and_counts_since_every_other_region_signed_it() {
    let text = orphaned(|_| {});
    let read = Directory::parse("network.toml", &text).unwrap();
    assert_eq!(read.orphaned().collect::<Vec<_>>(), [(region("hk"), &range())]);
    assert_eq!(read.orphaned_of(&"hk.creditbay/log/1".parse().unwrap()), Some(&range()));
    assert_eq!(read.orphaned_of(&"hk.creditbay/log/2".parse().unwrap()), None);
    assert_eq!(Directory::to_toml(1, read.regions()), text);
    assert!(read.endorsed(&sample::note(&text, &ALL), &[sample::pinned()]).is_ok());
    // hk alone, hk with some of the others, and all of the others without one of them.
    for signers in [&["hk"][..], &["hk", "gz"], &["gz", "hk", "mo"], &["sz", "hk", "mo"], &["gz", "sz", "hk"]] {
        let read = Directory::parse("network.toml", &text).unwrap();
        let pin = sample::governor(signers[0]).verifier().clone();
        let refused = read.endorsed(&sample::note(&text, signers), &[pin]).err().unwrap();
        let DirectoryRefused::Endorsement(EndorsementError::Threshold { region, .. }) = refused else { panic!("{refused}") };
        assert!(!signers.contains(&region.as_str()), "{signers:?}");
    }
    let note = sample::note(&text, &ALL);
    let wider = Directory::parse("network.toml", &orphaned(|hk| hk.orphaned[0].size = 16)).unwrap();
    let refused = wider.endorsed(&note, &[sample::pinned()]).err().unwrap();
    assert!(matches!(refused, DirectoryRefused::Endorsement(EndorsementError::OtherDigest { .. })), "{refused}");
}

#[test]
fn what_is_no_orphaned_range_is_refused_at_its_place() {
    let one = |change: &dyn Fn(&mut OrphanedRange)| refused(&orphaned(|hk| change(&mut hk.orphaned[0])));
    let origin = |text: &str| text.parse().unwrap();
    for log in ["hk.creditbay/log/2", "hk.creditbay/log/3", "gz.creditbay/log/1"] {
        let (key, line, fault) = one(&|range| range.log = origin(log));
        assert_eq!((key.as_str(), line), ("region[2].orphaned[0].log", format!("log = \"{log}\"")));
        assert_eq!(fault, DirectoryFault::OrphanedLog { log: origin(log), current: origin("hk.creditbay/log/2") });
    }
    for (size, seen) in [(24, 23), (17, 0), (17, (1 << 40) + 1)] {
        let (key, line, fault) = one(&|range| (range.size, range.seen) = (size, seen));
        assert_eq!((key.as_str(), line), ("region[2].orphaned[0].seen", format!("seen = {seen}")));
        assert_eq!(fault, DirectoryFault::OrphanedSizes { size, seen });
    }
    let (key, _, fault) = one(&|range| range.root = empty_root());
    assert_eq!((key.as_str(), fault), ("region[2].orphaned[0].root", DirectoryFault::OrphanedRoot { size: 17 }));
    assert_eq!(one(&|range| range.size = 0).2, DirectoryFault::OrphanedRoot { size: 0 });
    assert!(Directory::parse("n", &orphaned(|hk| (hk.orphaned[0].size, hk.orphaned[0].root) = (0, empty_root()))).is_ok());
    let text = orphaned(|_| {});
    let (key, line, fault) = refused(&text.replacen(&range().note.to_string(), "00", 1));
    assert_eq!((key.as_str(), line.as_str()), ("region[2].orphaned[0].note", "note = \"00\""));
    assert!(matches!(fault, DirectoryFault::OrphanedHash(_)), "{fault}");
    let (key, _, fault) = refused(&text.replacen(&range().root.to_base64(), "AA==", 1));
    assert_eq!(key, "region[2].orphaned[0].root");
    assert!(matches!(fault, DirectoryFault::OrphanedHash(_)), "{fault}");
}

#[test]
fn a_log_is_lost_once_not_too_often_and_not_by_its_region_alone() {
    let (key, _, fault) = refused(&orphaned(|hk| hk.orphaned.push(range())));
    assert_eq!((key.as_str(), fault), ("region[2].orphaned[1].log", DirectoryFault::OrphanedTwice(range().log)));
    let many = |count: u32| {
        orphaned(|hk| {
            let number = |number| format!("hk.creditbay/log/{number}").parse().unwrap();
            hk.log_origin = number(count + 1);
            hk.log = sample::signer("hk", "log", &hk.log_origin.to_string(), KeyKind::Ed25519).verifier().clone();
            hk.orphaned = (1..=count).map(|lost| OrphanedRange { log: number(lost), ..range() }).collect();
        })
    };
    let most = u32::try_from(MAX_ORPHANED).unwrap();
    assert!(Directory::parse("network.toml", &many(most)).is_ok());
    let (key, line, fault) = refused(&many(most + 1));
    assert_eq!((key.as_str(), line.as_str()), ("region[2].orphaned", "[[region.orphaned]]"));
    assert_eq!(fault, DirectoryFault::TooManyOrphaned(MAX_ORPHANED + 1));
    let text = orphaned(|_| {});
    let read = Directory::parse("network.toml", &text).unwrap();
    let (key, _, fault) = refused(&Directory::to_toml(1, &read.regions()[2..3]));
    assert_eq!((key.as_str(), fault), ("region[0].orphaned", DirectoryFault::OrphanedAlone(region("hk"))));
}
