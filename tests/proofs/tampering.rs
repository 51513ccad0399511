//! Kinds of tampering with a published log, and with a proof that was handed out.

use std::fs;
use std::path::{Path, PathBuf};

use creditbay_crypto::hash::{base64_decode, base64_encode};
use creditbay_crypto::note::{KeyKind, NoteSigner};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::SigningKey;
use harness::network::files_below;

/// What a forger has at hand.
pub(super) struct Forger {
    pub(super) gz: PathBuf,
    pub(super) hk: PathBuf,
}

/// A kind of tampering with a copy of gz's log.
type WithLog = fn(&Forger, &Path);
/// A kind of tampering with a proof; the second text is the proof of another leaf, the third one of the other log.
type WithProof = fn(&str, &str, &str) -> String;

/// Copies a folder.
pub(super) fn copy(from: &Path, to: &Path) {
    for file in files_below(from).unwrap() {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
}

fn edit(path: PathBuf, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(&path).unwrap();
    let before = bytes.clone();
    change(&mut bytes);
    assert_ne!(bytes, before, "{}", path.display());
    fs::write(path, bytes).unwrap();
}

fn edit_text(text: &str, change: impl FnOnce(&mut Vec<String>)) -> String {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    lines.join("\n") + "\n"
}

fn checkpoint(folder: &Path, change: impl FnOnce(&mut Vec<String>)) {
    edit(folder.join("checkpoint"), |bytes| *bytes = edit_text(&String::from_utf8(bytes.clone()).unwrap(), change).into_bytes());
}

/// Another character, which leaves base64 what it is.
fn flip(line: &mut String, at: usize) {
    let other = if line.as_bytes()[at] == b'A' { "B" } else { "A" };
    line.replace_range(at..=at, other);
}

/// Flips a bit of the bytes in a signature line, counted after the key's id.
fn flip_signature(line: &mut String, at: usize) {
    let (head, base64) = line.rsplit_once(' ').unwrap();
    let mut bytes = base64_decode(base64).unwrap();
    bytes[4 + at] ^= 1;
    *line = format!("{head} {}", base64_encode(&bytes));
}

pub(super) const LOGS: [(&str, WithLog); 14] = [
    ("another root in the checkpoint", |_, folder| checkpoint(folder, |lines| flip(&mut lines[2], 7))),
    ("another size in the checkpoint", |_, folder| checkpoint(folder, |lines| lines[1] = "300".to_owned())),
    ("another origin in the checkpoint", |_, folder| checkpoint(folder, |lines| lines[0] = lines[0].replace("gz", "hk"))),
    ("another number of the log", |_, folder| checkpoint(folder, |lines| lines[0] = lines[0].replace("log/1", "log/2"))),
    ("a bit of the signature", |_, folder| checkpoint(folder, |lines| flip_signature(&mut lines[4], 30))),
    ("the signature of another key", |_, folder| {
        let key = SigningKey::from_seed(Seed::from_bytes([9; 32]));
        let signer = NoteSigner::new("gz.creditbay/log/1".parse().unwrap(), KeyKind::Ed25519, key);
        checkpoint(folder, |lines| lines[4] = signer.sign(&(lines[..3].join("\n") + "\n")).unwrap().to_string());
    }),
    ("the checkpoint of another log", |forger, folder| {
        fs::copy(forger.hk.join("checkpoint"), folder.join("checkpoint")).map(|_| ()).unwrap();
    }),
    ("a bit of an entry", |_, folder| edit(folder.join("tile/entries/000"), |bytes| bytes[1000] ^= 1)),
    ("two entries in the other order", |_, folder| {
        edit(folder.join("tile/entries/000"), |bytes| {
            let end = |bytes: &[u8], at: usize| at + 2 + usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            let first = end(bytes, 0);
            let (second, third) = (end(bytes, first), end(bytes, end(bytes, first)));
            bytes[first..third].rotate_left(second - first);
        });
    }),
    ("a bundle without its last entry", |_, folder| {
        edit(folder.join("tile/entries/001.p/45"), |bytes| bytes.truncate(bytes.len() - 100))
    }),
    ("a bit of a leaf's hash", |_, folder| edit(folder.join("tile/0/000"), |bytes| bytes[777] ^= 1)),
    ("a bit of a hash above the leaves", |_, folder| edit(folder.join("tile/1/000.p/1"), |bytes| bytes[5] ^= 1)),
    ("a hash tile of another width", |_, folder| edit(folder.join("tile/0/001.p/45"), |bytes| bytes.truncate(32 * 44))),
    ("the entries of another log", |forger, folder| {
        fs::copy(forger.hk.join("tile/entries/000"), folder.join("tile/entries/000")).map(|_| ()).unwrap();
    }),
];

/// Where the note of a proof begins: the line after the empty one.
fn note(lines: &[String]) -> usize {
    lines.iter().position(String::is_empty).unwrap() + 1
}

/// The cosigner's line is the note's last.
pub(super) const PROOFS: [(&str, WithProof); 12] = [
    ("another index", |text, _, _| text.replacen("index ", "index 1", 1)),
    ("a bit of a hash", |text, _, _| edit_text(text, |lines| flip(&mut lines[2], 9))),
    ("a hash less", |text, _, _| edit_text(text, |lines| drop(lines.remove(2)))),
    ("a hash more", |text, _, _| edit_text(text, |lines| lines.insert(2, lines[2].clone()))),
    ("two hashes in the other order", |text, _, _| edit_text(text, |lines| lines.swap(2, 3))),
    ("the note of another size", |text, other, _| {
        format!("{}\n\n{}", text.split_once("\n\n").unwrap().0, other.split_once("\n\n").unwrap().1)
    }),
    ("the note of another log", |text, _, query| {
        format!("{}\n\n{}", text.split_once("\n\n").unwrap().0, query.split_once("\n\n").unwrap().1)
    }),
    ("the proof of another leaf", |_, other, _| other.to_owned()),
    ("another root", |text, _, _| {
        edit_text(text, |lines| {
            let at = note(lines) + 2;
            flip(&mut lines[at], 3)
        })
    }),
    ("a bit of the log's signature", |text, _, _| {
        edit_text(text, |lines| {
            let at = note(lines) + 4;
            flip_signature(&mut lines[at], 20)
        })
    }),
    ("a bit of the cosignature", |text, _, _| edit_text(text, |lines| flip_signature(lines.last_mut().unwrap(), 40))),
    ("the time in the cosignature", |text, _, _| edit_text(text, |lines| flip_signature(lines.last_mut().unwrap(), 7))),
];
