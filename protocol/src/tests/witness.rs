//! The published table of `add-checkpoint` (sunlight `internal/witness/witness_test.go`, TestAddCheckpoint and its neighbours, at the
//! state of July 2026; the same bodies as torchwood's `litewitness`), run in its order against the pure judgement; torchwood's cases of
//! empty and first trees (`internal/witness/witness_test.go`, TestZeroSize and TestTooManyProofs); and forged twins. Tessera publishes
//! cases for whoever offers, none for a witness.

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::empty_root;
use creditbay_crypto::merkle::tree::{Frontier, Window};
use creditbay_crypto::note::{KeyKind, Note, NoteSigner, NoteVerifier};
use creditbay_crypto::secret::Seed;
use creditbay_crypto::sign::{PublicKey, SigningKey};

use crate::witness::{MAX_PROOF_LINES, MAX_SUBMISSION_BYTES, Submission, Tree, WitnessFault, cosignatures};

const ORIGIN: &str = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562";
const KEY: &str = "ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f";
const TREE_3: (&str, &str) = ("3", "RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=");
const TREE_5: (&str, &str) = ("5", "QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=");
const SIGNED_1: &str = "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=";
const SIGNED_3: &str = "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=";
const SIGNED_5: &str = "UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=";
const SIGNED_FIVE: &str = "UgIom4JTC2MerrFcJ5xDcWHzRPVB6zzGBIw4OFqcKDflqjH4q4xY5vMxUxyczvdIlEwFYf7ivQU4KoWan2bLmzLx0go=";
const H1: &str = "KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const H2: &str = "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const H3: &str = "KgMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const H4: &str = "KgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const H12: &str = "wgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=";
const H_CONFLICT: &str = "+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=";

fn body(old: &str, proof: &[&str], origin: &str, (size, root): (&str, &str), signature: Option<&str>) -> Vec<u8> {
    let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
    let signature = signature.map(|line| format!("\n— {origin} {line}\n")).unwrap_or_default();
    format!("old {old}\n{proof}\n{origin}\n{size}\n{root}\n{signature}").into_bytes()
}

fn sigsum() -> NoteVerifier {
    let key = PublicKey::from_bytes(&Digest::from_hex(KEY).unwrap().0).unwrap();
    NoteVerifier::new(ORIGIN.parse().unwrap(), KeyKind::Ed25519, key)
}

/// What a witness of one log does with a body: the door's way, in memory.
fn judge(body: &[u8], log: &NoteVerifier, latest: &mut Tree) -> Result<Note, WitnessFault> {
    let submission = Submission::parse(body)?;
    if submission.origin() != Some(log.name().as_str()) {
        return Err(WitnessFault::UnknownLog);
    }
    let offered = submission.signed_by(log)?;
    offered.follows(latest)?;
    *latest = *offered.tree();
    Ok(offered.note().clone())
}

fn status(body: &[u8], log: &NoteVerifier, latest: &mut Tree) -> u16 {
    judge(body, log, latest).map_or_else(|fault| fault.status(), |_| 200)
}

#[test]
fn the_published_table_gets_its_statuses() {
    let other = ORIGIN.replace("e562", "e563");
    // The published line ends in `x6gx=`: base64 whose trailing bits are not zero.
    let invalid = SIGNED_3.replace("x6go=", "x6gx=");
    let size_1 = ("1", "KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let table = [
        ("first cosignature at size 1", body("0", &[], ORIGIN, size_1, Some(SIGNED_1)), 200),
        ("invalid signature", body("1", &[H1, H2], ORIGIN, TREE_3, Some(&invalid)), 403),
        ("signature of another tree", body("1", &[H1, H2], ORIGIN, TREE_3, Some(SIGNED_5)), 403),
        ("unknown log", body("1", &[H1, H2], &other, TREE_3, Some(SIGNED_3)), 404),
        ("missing consistency proof", body("1", &[], ORIGIN, TREE_3, Some(SIGNED_3)), 422),
        ("wrong consistency proof", body("1", &[H1, &H2.replace("AAA=", "BAA=")], ORIGIN, TREE_3, Some(SIGNED_3)), 422),
        ("grow to size 3", body("1", &[H1, H2], ORIGIN, TREE_3, Some(SIGNED_3)), 200),
        ("old size doesn't match current", body("1", &[H1, H_CONFLICT, H4], ORIGIN, TREE_5, Some(SIGNED_5)), 409),
        ("grow to size 5", body("3", &[H2, H3, H12, H4], ORIGIN, TREE_5, Some(SIGNED_5)), 200),
        ("old size 0 doesn't match current", body("0", &[], ORIGIN, TREE_5, Some(SIGNED_5)), 409),
        ("syntactically invalid note", body("5", &[], ORIGIN, TREE_5, None), 400),
        ("invalid checkpoint body", body("5", &[], ORIGIN, ("five", size_1.1), Some(SIGNED_FIVE)), 400),
    ];
    let (log, mut latest) = (sigsum(), Tree::empty());
    let mut conflicts = Vec::new();
    for (name, body, expected) in &table {
        let judged = judge(body, &log, &mut latest);
        if let Err(WitnessFault::Conflict { latest }) = judged {
            conflicts.push(latest);
        }
        assert_eq!(judged.as_ref().map_or_else(WitnessFault::status, |_| 200), *expected, "{name}: {judged:?}");
    }
    assert_eq!((latest.size, conflicts), (5, vec![3, 5]));
}

/// A log of the test's own, with its key and all of its leaves.
struct Own {
    signer: NoteSigner,
    nodes: Window,
}

impl Own {
    fn of(leaves: u8) -> Self {
        let key = SigningKey::from_seed(Seed::from_bytes([9; 32]));
        let signer = NoteSigner::new("example.com/log".parse().unwrap(), KeyKind::Ed25519, key);
        let mut nodes = Window::from_frontier(&Frontier::empty());
        (0..leaves).for_each(|leaf| nodes.push(Digest::of(&[leaf])));
        Self { signer, nodes }
    }

    fn note(&self, size: u64, root: &Digest, extension: &str) -> Vec<u8> {
        let text = format!("example.com/log\n{size}\n{}\n{extension}", root.to_base64());
        let line = self.signer.sign(&text).unwrap();
        Note { text, lines: vec![line] }.to_string().into_bytes()
    }

    fn head(&self, size: u64) -> Vec<u8> {
        self.note(size, &creditbay_crypto::merkle::tree::root(size, &self.nodes).unwrap(), "")
    }

    fn submit(&self, old: u64, size: u64) -> Vec<u8> {
        let proof = creditbay_crypto::merkle::tree::consistency(old, size, &self.nodes).unwrap_or_default();
        Submission::new(old, if old == 0 { Vec::new() } else { proof }, self.head(size)).body()
    }
}

#[test]
fn a_log_grows_from_nothing_and_an_empty_tree_has_one_root() {
    let own = Own::of(8);
    let log = own.signer.verifier();
    let bogus = Submission::new(0, Vec::new(), own.note(0, &Digest([1; 32]), "")).body();
    let empty = Submission::new(0, Vec::new(), own.note(0, &empty_root(), "")).body();
    let with_proof = Submission::new(0, vec![Digest([0; 32])], own.head(5)).body();
    let extended = Submission::new(0, Vec::new(), own.note(3, &Digest([1; 32]), "extra extension line\n")).body();
    let mut latest = Tree::empty();
    for (body, expected) in [(&bogus, 422), (&empty, 200), (&bogus, 422), (&extended, 400), (&with_proof, 422), (&empty, 200)] {
        assert_eq!(status(body, log, &mut latest), expected);
    }
    for (old, size, expected) in [(0, 5, 200), (5, 5, 200), (5, 8, 200), (8, 5, 400), (5, 8, 409), (8, 8, 200)] {
        assert_eq!(status(&own.submit(old, size), log, &mut latest), expected, "{old} to {size}");
    }
    let other_root = Submission::new(8, Vec::new(), own.note(8, &Digest([1; 32]), "")).body();
    assert_eq!(judge(&other_root, log, &mut latest), Err(WitnessFault::OtherRoot { size: 8 }));
}

#[test]
fn the_published_cases_of_empty_and_first_trees_get_their_statuses_and_leave_what_was_kept() {
    let own = Own::of(0);
    let log = own.signer.verifier();
    let leaf = creditbay_crypto::merkle::leaf_hash(b"leaf");
    // Name; size known, old size, new size; its root; hashes of proof; status.
    let table = [
        ("empty tree", [0, 0, 0], empty_root(), 0, 200),
        ("invalid empty root", [0, 0, 0], leaf, 0, 422),
        ("zero empty root", [0, 0, 0], Digest([0; 32]), 0, 422),
        ("empty tree with proof", [0, 0, 0], empty_root(), 1, 422),
        ("first nonempty tree", [0, 0, 1], leaf, 0, 200),
        ("first nonempty tree with proof", [0, 0, 1], leaf, 1, 422),
        ("old size mismatch", [1, 0, 1], leaf, 1, 409),
        ("old size greater than new", [1, 1, 0], empty_root(), 0, 400),
    ];
    for (name, [known, old, size], root, hashes, expected) in table {
        let before = if known == 0 { Tree::empty() } else { Tree { size: 1, root: leaf } };
        let mut latest = before;
        let note = own.note(size, &root, "");
        let mut body = Submission::new(old, vec![leaf; hashes], note.clone()).body();
        for time in ["first", "second"] {
            assert_eq!(status(&body, log, &mut latest), expected, "{name}, for the {time} time");
            let kept = if expected == 200 { Tree { size, root } } else { before };
            assert_eq!((latest.size, latest.root), (kept.size, kept.root), "{name}, for the {time} time");
            // What was cosigned is cosigned again, from the size that it has now.
            body = if expected == 200 { Submission::new(size, Vec::new(), note.clone()).body() } else { body };
        }
    }
    for (lines, expected) in [(63, 422), (64, 400)] {
        let body = Submission::new(0, vec![leaf; lines], own.note(1, &leaf, "")).body();
        assert_eq!(status(&body, log, &mut Tree::empty()), expected, "{lines} hashes");
    }
}

#[test]
fn what_is_not_of_the_form_is_malformed_and_no_cut_or_flipped_byte_is_cosigned() {
    let own = Own::of(3);
    let log = own.signer.verifier();
    let good = own.submit(2, 3);
    let latest = Tree { size: 2, root: creditbay_crypto::merkle::tree::root(2, &own.nodes).unwrap() };
    assert_eq!(status(&good, log, &mut latest.clone()), 200);
    for cut in 0..good.len() {
        assert_ne!(status(&good[..cut], log, &mut latest.clone()), 200, "cut at {cut}");
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_ne!(status(&bad, log, &mut latest.clone()), 200, "flipped at {at}");
    }
    let with = |head: &str| [head.as_bytes(), b"\n", &own.head(3)].concat();
    for head in
        ["", "old\n", "old 02\n", "old -1\n", "old +2\n", "OLD 2\n", "old 2 \n", "old 9223372036854775808\n", "old 2\nAAAA\n"]
    {
        assert_eq!(status(&with(head), log, &mut latest.clone()), 400, "{head:?}");
    }
    let many = Submission::new(2, vec![Digest([0; 32]); MAX_PROOF_LINES + 1], own.head(3)).body();
    assert!(matches!(Submission::parse(&many), Err(WitnessFault::Malformed(_))));
    assert!(matches!(Submission::parse(&vec![b'a'; MAX_SUBMISSION_BYTES + 1]), Err(WitnessFault::Malformed(_))));
}

#[test]
fn what_is_kept_bears_no_line_that_was_not_verified() {
    let own = Own::of(3);
    let witness =
        NoteSigner::new("w.example".parse().unwrap(), KeyKind::CosignatureV1, SigningKey::from_seed(Seed::from_bytes([8; 32])));
    let text = String::from_utf8(own.head(3)).unwrap();
    let forged = format!("{text}— w.example AAAAAAAAAAAAAAAAAAAAAA==\n");
    let body = Submission::new(0, Vec::new(), forged.into_bytes()).body();
    let kept = judge(&body, own.signer.verifier(), &mut Tree::empty()).unwrap();
    assert_eq!(kept.to_string(), text);

    let line = witness.cosign(&kept.text, 1_795_406_400).unwrap();
    let answer = format!("— other.example AAAAAAAA\n{line}\n");
    assert_eq!(cosignatures(answer.as_bytes(), &kept.text, witness.verifier()), std::slice::from_ref(&line));
    assert_eq!(cosignatures(answer.as_bytes(), "another text\n", witness.verifier()), []);
    let timeless = format!("{}\n", witness.cosign(&kept.text, 0).unwrap());
    assert_eq!(cosignatures(timeless.as_bytes(), &kept.text, witness.verifier()), [], "a cosignature without a time");
}
