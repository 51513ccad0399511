//! The tests of a node's file: the sample, a round trip, and one forged twin for each check.
#![allow(clippy::disallowed_methods, reason = "the samples are files")]

use std::path::Path;

use creditbay_crypto::hash::HashError;
use creditbay_crypto::note::{KeyKind, NoteError, NoteVerifier};

use crate::sample;

use super::fault::{MAX_ORIGIN_BYTES, MAX_SOCKET_PATH_BYTES, NodeFault};
use super::limits::{Limits, RANGES};
use super::{AuditorsTls, NodeConfig};

fn text() -> String {
    std::fs::read_to_string(sample::file("node.toml")).unwrap()
}

fn parse(text: &str) -> Result<NodeConfig, crate::error::ConfigError<NodeFault>> {
    NodeConfig::parse(Path::new("samples/node.toml"), text)
}

/// The sample with `from` replaced once; it must be refused. Gives the key, the text of the line and the fault.
fn refused(from: &str, to: &str) -> (String, String, NodeFault) {
    let text = text();
    assert!(text.contains(from), "{from}");
    let text = text.replacen(from, to, 1);
    let error = parse(&text).unwrap_err();
    let line = error.line().and_then(|line| text.lines().nth(line - 1)).unwrap_or_default();
    (error.key().unwrap_or_default().to_owned(), line.trim().to_owned(), error.fault().clone())
}

#[test]
fn the_sample_is_what_it_is_made_from() {
    assert_eq!(parse(&text()).unwrap(), sample::node());
}

#[test]
fn what_is_written_is_read_back() {
    let mut node = sample::node();
    node.data_dir = "/var/lib/creditbay".into();
    (node.doors.peers_x509, node.limits.cache_mib) = (None, 64);
    node.services.clear();
    let written = node.to_toml().unwrap();
    let read = NodeConfig::parse(Path::new("node.toml"), &written).unwrap();
    assert_eq!(read, node);
    assert_eq!(read.to_toml().unwrap(), written);
}

#[test]
fn every_key_is_explained_in_the_sample_and_stands_in_it() {
    let text = text();
    let known = sample::known_keys(&text, |text| parse(text).unwrap_err().to_string());
    assert!(known.len() >= 31, "{known:?}");
    let lines: Vec<&str> = text.lines().collect();
    for key in known {
        let head = |line: &str| [format!("[{key}]"), format!("[[{key}]]")].contains(&line.to_owned());
        let at = lines.iter().position(|line| line.starts_with(&format!("{key} = ")) || head(line));
        assert!(at.is_some(), "{key} does not stand in the sample");
    }
    for pair in lines.windows(2).filter(|pair| pair[1].starts_with('[') || pair[1].contains(" = ") && !pair[1].starts_with('#')) {
        assert!(pair[0].starts_with("# "), "{} is not explained in the line above it", pair[1]);
    }
}

#[test]
fn the_sample_shows_each_limit_with_its_default_and_range() {
    let text = text();
    for (name, default, least, most) in RANGES {
        assert!(text.contains(&format!("({least} to {most})\n{name} = {default}\n")), "{name}: ({least} to {most}), {default}");
    }
}

#[test]
fn what_may_be_left_out_has_a_default() {
    let text = text();
    let start = text.find("\n[limits]").unwrap();
    let node = parse(&text[..start]).unwrap();
    assert_eq!(node.limits, Limits::default());
    let short = text[..start].replace("peers_x509 = ", "# ");
    assert_eq!(parse(&short).unwrap().doors.peers_x509, None);
    let services = short.find("\n[[services]]").unwrap();
    let node = parse(&short[..services]).unwrap();
    assert!(node.services.is_empty() && node.auditors.is_empty());
    assert!(node.witnesses.is_empty() && node.witnessed_logs.is_empty());
}

#[test]
fn an_unknown_key_is_named_with_file_line_and_key() {
    let text = text().replacen("cache_mib = 32", "cache_mb = 32", 1);
    let line = text.lines().position(|line| line == "cache_mb = 32").unwrap() + 1;
    let shown = parse(&text).unwrap_err().to_string();
    assert!(
        shown.starts_with(&format!("samples/node.toml:{line}:1: key `limits.cache_mb`: no such key; expected one of `")),
        "{shown}"
    );
}

#[test]
fn paths_are_seen_from_the_folder_of_the_file() {
    let seen = |file: &str, path: &str| {
        let text = text().replacen("\"data/gz\"", &format!("{path:?}"), 1);
        NodeConfig::parse(Path::new(file), &text).unwrap().data_dir.display().to_string()
    };
    assert_eq!(seen("/etc/creditbay/node.toml", "data"), "/etc/creditbay/data");
    assert_eq!(seen("/etc/creditbay/node.toml", "./a/../../data/"), "/etc/data");
    assert_eq!(seen("/etc/creditbay/node.toml", "/srv/data"), "/srv/data");
    assert_eq!(seen("/etc/node.toml", "../../../data"), "/data");
    assert_eq!(seen("node.toml", "data"), "data");
    assert_eq!(seen("node.toml", "."), ".");
    assert_eq!(seen("conf/node.toml", "../../data"), "../data");
}

#[test]
fn an_empty_path_is_refused() {
    let (key, line, fault) = refused("\"data/gz\"", "\" \"");
    assert_eq!((key.as_str(), line.as_str(), fault), ("data_dir", "data_dir = \" \"", NodeFault::PathEmpty));
}

#[cfg(unix)]
#[test]
fn a_path_that_toml_cannot_hold_is_not_written() {
    use std::os::unix::ffi::OsStrExt;
    let mut node = sample::node();
    node.keys.tls = std::ffi::OsStr::from_bytes(b"keys/\xff").into();
    assert_eq!(node.to_toml(), Err(NodeFault::PathNotUtf8));
}

#[test]
fn two_roles_in_one_key_file_are_refused() {
    let (key, _, fault) = refused("keys/gz/witness.pem", "keys/../keys/gz/log.pem");
    assert_eq!((key.as_str(), fault), ("keys.witness", NodeFault::KeyFileTwice { other: "keys.log" }));
    let (key, _, fault) = refused("keys/gz/tls.pem", "keys/gz/witness.pem");
    assert_eq!((key.as_str(), fault), ("keys.tls", NodeFault::KeyFileTwice { other: "keys.witness" }));
}

#[test]
fn one_rule_pack_twice_is_refused() {
    let pack = "[[rules]]\nfile = \"rules/gba-2026.1.toml\"\nsignatures = \"other.note\"\n\n";
    let (key, _, fault) = refused("[doors]", &format!("{pack}[doors]"));
    assert_eq!((key.as_str(), fault), ("rules[1].file", NodeFault::RulesTwice { other: 0 }));
}

#[test]
fn a_root_of_trust_is_pinned_once_and_signs() {
    let pin = format!("[\"{}\"]", sample::pinned());
    let (key, _, fault) = refused(&pin, "[]");
    assert_eq!((key.as_str(), fault), ("network.pinned", NodeFault::NothingPinned));
    let name = sample::pinned().name().clone();
    let (key, _, fault) = refused(&pin, &format!("[\"{0}\", \"{0}\"]", sample::pinned()));
    assert_eq!((key.as_str(), fault), ("network.pinned[1]", NodeFault::KeyTwice(name)));
    let (key, _, fault) = refused(&pin, "[\"gz.creditbay/governance\"]");
    assert_eq!((key.as_str(), fault), ("network.pinned[0]", NodeFault::Verifier(NoteError::VerifierKey)));
    let witness = sample::signer("gz", "witness", "gz.creditbay/witness", KeyKind::CosignatureV1);
    let (key, _, fault) = refused(&pin, &format!("[\"{}\"]", witness.verifier()));
    assert_eq!((key.as_str(), fault), ("network.pinned[0]", NodeFault::WrongKind(witness.verifier().name().clone())));
}

#[test]
fn the_services_door_stays_on_loopback() {
    for address in ["0.0.0.0:4502", "192.0.2.1:4502", "[::]:4502"] {
        let (key, line, fault) = refused("127.0.0.1:4502", address);
        assert_eq!((key.as_str(), fault), ("doors.services", NodeFault::ServicesNotLoopback));
        assert_eq!(line, format!("services = \"{address}\""));
    }
    assert!(parse(&text().replacen("127.0.0.1:4502", "[::1]:4502", 1)).is_ok());
}

#[test]
fn the_auditors_door_speaks_in_clear_on_loopback_or_where_it_is_told_to() {
    let of = |address: &str, said: &str| {
        let (text, shown) = (text(), "auditors_tls = \"certificate\"\n");
        let start = text.find(shown).unwrap();
        let end = text.find("# QUIC for peers, UDP").unwrap();
        let text = format!("{}{said}{}", &text[..start], &text[end..]).replacen("127.0.0.1:4503", address, 1);
        parse(&text).map(|node| node.doors.auditors_tls).map_err(|error| error.fault().clone())
    };
    assert_eq!(of("127.0.0.1:4503", ""), Ok(AuditorsTls::Plain));
    assert_eq!(of("192.0.2.1:4503", ""), Ok(AuditorsTls::Identity));
    assert_eq!(of("127.0.0.1:4503", "auditors_tls = \"identity\"\n"), Ok(AuditorsTls::Identity));
    assert_eq!(of("192.0.2.1:4503", "auditors_tls = \"plain\"\n"), Err(NodeFault::AuditorsInClear));
    assert_eq!(of("192.0.2.1:4503", "auditors_tls = \"plain-beyond-loopback\"\n"), Ok(AuditorsTls::Plain));
    let files = "auditors_certificate = \"chain.pem\"\nauditors_key = \"key.pem\"\n";
    let named = of("192.0.2.1:4503", &format!("auditors_tls = \"certificate\"\n{files}")).unwrap();
    let folder = Path::new("samples");
    assert_eq!(named, AuditorsTls::Certificate { certificate: folder.join("chain.pem"), key: folder.join("key.pem") });
    assert_eq!(of("192.0.2.1:4503", "auditors_tls = \"certificate\"\n"), Err(NodeFault::CertificateMissing));
    assert_eq!(of("192.0.2.1:4503", files), Err(NodeFault::CertificateUnused));
    for (address, tls) in [("192.0.2.1:1", AuditorsTls::Plain), ("127.0.0.1:1", AuditorsTls::Plain), ("127.0.0.1:1", named)] {
        let mut node = sample::node();
        (node.doors.auditors, node.doors.auditors_tls) = (address.parse().unwrap(), tls);
        let written = NodeConfig::parse(Path::new("node.toml"), &node.to_toml().unwrap()).unwrap();
        assert_eq!(written.doors.auditors_tls, node.doors.auditors_tls);
    }
}

#[test]
fn doors_do_not_collide() {
    let (key, _, fault) = refused("127.0.0.1:4503", "127.0.0.1:4502");
    assert_eq!((key.as_str(), fault), ("doors.auditors", NodeFault::DoorTwice { other: "doors.services" }));
    let (key, _, fault) = refused("127.0.0.1:4504", "127.0.0.1:4501");
    assert_eq!((key.as_str(), fault), ("doors.peers_x509", NodeFault::DoorTwice { other: "doors.peers" }));
    let any_port = text().replacen("127.0.0.1:4502", "127.0.0.1:0", 1).replacen("127.0.0.1:4503", "127.0.0.1:0", 1);
    assert!(parse(&any_port).is_ok());
}

#[test]
fn a_socket_path_fits_into_an_address() {
    let fits = format!("/{}", "a".repeat(MAX_SOCKET_PATH_BYTES - 1));
    assert!(parse(&text().replacen("data/gz/admin.sock", &fits, 1)).is_ok());
    let (key, _, fault) = refused("data/gz/admin.sock", &format!("{fits}a"));
    assert_eq!((key.as_str(), fault), ("doors.admin", NodeFault::SocketPathLong { bytes: MAX_SOCKET_PATH_BYTES + 1 }));
}

#[test]
fn a_token_is_given_as_its_hash_and_to_one_service() {
    let hash = sample::node().services[0].token_sha256.to_string();
    let (key, _, fault) = refused(&hash, "my-token");
    assert_eq!((key.as_str(), &fault), ("services[0].token_sha256", &NodeFault::TokenHash(HashError::HexLength(8))));
    assert!(!fault.to_string().contains("my-token"));
    let second = format!("[[services]]\norganisation = \"bank-b\"\ntoken_sha256 = \"{hash}\"\n\n");
    let (key, _, fault) = refused("[[auditors]]", &format!("{second}[[auditors]]"));
    assert_eq!((key.as_str(), fault), ("services[1].token_sha256", NodeFault::TokenTwice { other: 0 }));
}

#[test]
fn auditors_have_names_and_keys_of_their_own() {
    let auditor = &sample::node().auditors[0];
    let more = |name: &str, vkey: &str| format!("[[auditors]]\nname = \"{name}\"\nvkey = \"{vkey}\"\n\n[limits]");
    let (key, _, fault) = refused("[limits]", &more("auditor-a", "x"));
    assert_eq!((key.as_str(), fault), ("auditors[1].name", NodeFault::AuditorTwice { other: 0 }));
    let (key, _, fault) = refused("[limits]", &more("auditor-b", &auditor.vkey.to_string()));
    assert_eq!((key.as_str(), fault), ("auditors[1].vkey", NodeFault::KeyTwice(auditor.vkey.name().clone())));
}

#[test]
fn a_limit_outside_its_range_is_refused_at_its_line() {
    let (key, line, fault) = refused("query_lifetime_seconds = 30", "query_lifetime_seconds = 121");
    assert_eq!((key.as_str(), line.as_str()), ("limits.query_lifetime_seconds", "query_lifetime_seconds = 121"));
    assert_eq!(fault, NodeFault::LimitRange { least: 1, most: 120 });
    let (_, _, fault) = refused("cache_mib = 32", "cache_mib = -1");
    assert!(matches!(fault, NodeFault::Text(_)));
}

#[test]
fn a_foreign_witness_cosigns_once_at_a_url_that_is_spoken() {
    let node = parse(&text()).unwrap();
    let (witness, log) = (node.witnesses[0].vkey.to_string(), node.witnessed_logs[0].to_string());
    let (key, _, fault) = refused(&witness, &log);
    assert_eq!((key.as_str(), fault), ("witnesses[0].vkey", NodeFault::NoCosigner(node.witnessed_logs[0].name().clone())));
    let (key, _, fault) = refused(&log, &witness);
    assert_eq!((key.as_str(), fault), ("witnessed_logs[0].vkey", NodeFault::WrongKind(node.witnesses[0].vkey.name().clone())));
    let twice = |head: &str, more: &str| format!("{head}\n{more}\n{head}");
    let (key, _, fault) = refused("[[witnesses]]", &twice("[[witnesses]]", &format!("vkey = \"{witness}\"\nurl = \"http://a\"")));
    assert_eq!((key.as_str(), fault), ("witnesses[1].vkey", NodeFault::KeyTwice(node.witnesses[0].vkey.name().clone())));
    let (key, _, fault) = refused("[[witnessed_logs]]", &twice("[[witnessed_logs]]", &format!("vkey = \"{log}\"")));
    assert_eq!((key.as_str(), fault), ("witnessed_logs[1].vkey", NodeFault::LogTwice(node.witnessed_logs[0].name().clone())));
    for bad in
        ["", "http://", "http:///w1", "https://127.0.0.1:4600/w1", "127.0.0.1:4600", "http://127.0.0.1:4600/w1/", "http://a b"]
    {
        let (key, _, fault) = refused("http://127.0.0.1:4600/w1", bad);
        assert_eq!((key.as_str(), fault), ("witnesses[0].url", NodeFault::WitnessUrl), "{bad}");
    }
}

#[test]
fn a_foreign_log_has_a_name_that_a_witness_can_keep() {
    let key = *parse(&text()).unwrap().witnessed_logs[0].key();
    let named = |bytes: usize| NoteVerifier::new("a".repeat(bytes).parse().unwrap(), KeyKind::Ed25519, key).to_string();
    let log = parse(&text()).unwrap().witnessed_logs[0].to_string();
    let (key, _, fault) = refused(&log, &named(MAX_ORIGIN_BYTES + 1));
    assert_eq!((key.as_str(), fault), ("witnessed_logs[0].vkey", NodeFault::OriginLong));
    assert!(parse(&text().replacen(&log, &named(MAX_ORIGIN_BYTES), 1)).is_ok());
}
