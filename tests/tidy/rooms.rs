//! Which foreign crate may be named where, and which of our own acts have one caller.
//!
//! A crate that is not in the table may be named in its own member only by the manifest's say. Test code is held to the same rooms.

use super::source::Source;

/// A crate, and the beginnings of the paths that may name it.
const ROOMS: &[(&str, &[&str])] = &[
    ("sled", &["node/src/store/on_disk.rs"]),
    ("quinn", &["node/src/quic/", "tests/"]),
    ("quinn_proto", &["node/src/quic/"]),
    ("socket2", &["node/src/quic/lanes.rs"]),
    ("rustls", &["node/src/quic/", "admin-cli/src/tls.rs", "tests/"]),
    ("tokio_rustls", &["node/src/quic/", "node/src/serve/secured.rs", "node/src/doors.rs", "admin-cli/src/tls.rs"]),
    ("rcgen", &["node/src/quic/", "tests/"]),
    ("axum", &["node/src/serve/"]),
    ("ed25519_dalek", &["crypto/src/sign.rs", "crypto/src/key_file.rs"]),
    ("ct_merkle", &["tests/proofs/", "tests/fuzz/targets/merkle.rs"]),
    ("sha2", &["crypto/src/merkle/blocks.rs", "tests/proofs/", "tests/fuzz/targets/merkle.rs"]),
    ("tape_sha256", &["crypto/src/merkle/bulk.rs"]),
    ("csv", &["node/src/intake/"]),
    ("encoding_rs", &["node/src/intake/"]),
    ("quick_xml", &["node/src/intake/envelope.rs"]),
    ("jiff", &["protocol/src/calendar.rs"]),
    ("base64", &["crypto/src/hash.rs"]),
    ("ring", &["crypto/src/hash.rs", "crypto/src/seal.rs", "node/src/quic/", "tests/proofs/"]),
    ("unicode_normalization", &["protocol/src/identifier/"]),
    ("bincode", &["crypto/src/", "protocol/src/", "configs/src/rules/record.rs", "node/src/log/", "node/src/store/"]),
    ("toml", &["configs/src/"]),
    ("serde_spanned", &["configs/src/"]),
    ("tracing_subscriber", &["node/src/host/telemetry.rs"]),
    ("getrandom", &["node/src/host/entropy.rs", "admin-cli/src/"]),
    ("rustix", &["node/src/host/", "node/src/store/on_disk.rs", "tests/harness/"]),
    ("indicatif", &["admin-cli/src/"]),
    ("flate2", &["admin-cli/src/log/"]),
    (
        "hyper",
        &[
            "admin-cli/src/client.rs",
            "node/src/witness/connect.rs",
            "node/src/serve/bounded.rs",
            "tests/harness/http.rs",
            "tests/benches/",
        ],
    ),
    ("anyhow", &["admin-cli/src/", "tests/"]),
];

/// An act of ours, its words, the members that are held to it, and the files that may say it.
const RESERVED: [(&str, &[&str], &[&str]); 6] = [
    // Only these know that a flush returned; `evidence.rs` defines it.
    (
        "after_flush",
        &["crypto", "protocol", "configs", "node", "admin-cli", "tests"],
        &["protocol/src/evidence.rs", "node/src/log/append.rs", "node/src/log/recover.rs"],
    ),
    ("SystemTime", &["crypto", "protocol", "configs", "node"], &["node/src/host/clock.rs"]),
    ("Instant::now", &["crypto", "protocol", "configs", "node"], &["node/src/host/clock.rs"]),
    ("encode_to_vec", &["protocol", "configs", "node", "admin-cli"], &["protocol/src/wire.rs"]),
    ("decode_from_slice", &["protocol", "configs", "node", "admin-cli"], &["protocol/src/wire.rs"]),
    ("getrandom::fill", &["crypto", "protocol", "configs", "node"], &["node/src/host/entropy.rs"]),
];

/// Foreign crates that are named outside their room.
pub(super) fn strangers(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, rooms) in ROOMS {
        for source in sources.iter().filter(|source| !rooms.iter().any(|room| source.path.starts_with(room))) {
            let named = source.words(name).filter(|at| names_crate(&source.code, *at, name));
            faults.extend(
                named.map(|at| format!("{}:{}: {name} belongs in {}", source.path, source.line_at(at), rooms.join(", "))),
            );
        }
    }
    faults
}

/// Whether the word is the beginning of a path, or all of a `use`.
fn names_crate(code: &str, at: usize, name: &str) -> bool {
    let (before, after) = (code[..at].trim_end(), code[at + name.len()..].trim_start());
    let begins = after.starts_with("::") && !before.ends_with("::") && !before.ends_with('.');
    begins || before.ends_with("use") && after.starts_with(';')
}

/// Acts that are done elsewhere than by their one caller; test modules in folders of their own may do them.
pub(super) fn reserved(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (act, members, rooms) in RESERVED {
        let held = |source: &&Source| members.contains(&source.member()) && !source.path.contains("/src/tests/");
        for source in sources.iter().filter(held).filter(|source| !rooms.contains(&source.path.as_str())) {
            faults.extend(
                source
                    .words(act)
                    .map(|at| format!("{}:{}: {act} belongs in {}", source.path, source.line_at(at), rooms.join(", "))),
            );
        }
    }
    faults
}

#[test]
fn a_crate_outside_its_room_is_caught() {
    for (text, caught) in [
        ("use sled::Db;", 1),
        ("fn f() { let d = sled::open(1); }", 1),
        ("use sled;", 1),
        ("// sled::Db stays where it is", 0),
        ("use crate::store::sled::Db;", 0),
        ("let sled = 1;", 0),
        ("use unsled::Db;", 0),
    ] {
        assert_eq!(strangers(&[Source::new("node/src/log/append.rs", text)]).len(), caught, "{text}");
        assert_eq!(strangers(&[Source::new("node/src/store/on_disk.rs", text)]).len(), 0, "{text}");
    }
}

#[test]
fn an_act_by_another_than_its_caller_is_caught() {
    let in_serve = |text: &str| reserved(&[Source::new("node/src/serve/services.rs", text)]).len();
    assert_eq!(in_serve("DurableHead::after_flush(checkpoint)"), 1);
    assert_eq!(in_serve("let now = std::time::SystemTime::now();"), 1);
    assert_eq!(in_serve("let now = tokio::time::Instant::now();"), 1);
    assert_eq!(in_serve("/// like SystemTime\nfn f() {}"), 0);
    assert_eq!(reserved(&[Source::new("node/src/host/clock.rs", "Instant::now()")]).len(), 0);
}
