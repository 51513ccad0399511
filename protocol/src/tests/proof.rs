//! The text of a proof: each line refused by its name, and no flipped byte that still proves.

use creditbay_crypto::hash::{Digest, base64_encode};
use creditbay_crypto::merkle::leaf_hash;
use creditbay_crypto::merkle::tree::inclusion;
use creditbay_crypto::merkle::verify::ProofError;

use super::sample::{Log, origin};
use crate::checkpoint::CheckpointError;
use crate::limits::{MAX_LEVELS, MAX_NOTE_BYTES};
use crate::proof::{TlogProof, TlogProofError};

fn leaf() -> Digest {
    leaf_hash(&5u64.to_le_bytes())
}

/// The proof of leaf 5 of 13.
fn proof() -> (Log, TlogProof) {
    let log = Log::new("gz", 1).fill(13);
    let path = inclusion(5, 13, &log.window).unwrap();
    let proof = TlogProof { index: 5, path, note: log.note_at(13) };
    (log, proof)
}

#[test]
fn a_proof_is_written_read_and_verified() {
    let (log, proof) = proof();
    let text = proof.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 5\n"));
    assert_eq!(TlogProof::parse(&text), Ok(proof.clone()));
    let signed = proof.verify(&leaf(), &log.origin, &log.verifier()).unwrap();
    assert_eq!(signed.note_bytes(), log.note_at(13));
    let alone = Log::new("gz", 1).fill(1);
    let alone = TlogProof { index: 0, path: Vec::new(), note: alone.note_at(1) };
    assert_eq!(TlogProof::parse(&alone.to_string()), Ok(alone.clone()));
    assert!(alone.verify(&leaf_hash(&0u64.to_le_bytes()), &origin("gz"), &log.verifier()).is_ok());
}

#[test]
fn an_extra_line_is_skipped() {
    let (_, proof) = proof();
    let text = proof.to_string().replacen('\n', "\nextra c2FsdA==\n", 1);
    assert_eq!(TlogProof::parse(&text), Ok(proof));
    assert_eq!(TlogProof::parse("c2sp.org/tlog-proof@v1\nextra c2FsdA=="), Err(TlogProofError::Index));
    let twice = text.replacen('\n', "\nextra c2FsdA==\n", 1);
    assert_eq!(TlogProof::parse(&twice), Err(TlogProofError::Index));
}

#[test]
fn each_wrong_line_is_refused_by_its_name() {
    let (log, proof) = proof();
    let text = proof.to_string();
    for bad in ["", "c2sp.org/tlog-proof@v1", &text.replace("@v1", "@v2"), &text[1..], &format!("\n{text}")] {
        assert_eq!(TlogProof::parse(bad), Err(TlogProofError::Header));
    }
    for index in ["index", "index ", "index 05", "index +5", "index 5 ", "index 18446744073709551616", "Index 5", "5"] {
        assert_eq!(TlogProof::parse(&text.replace("index 5", index)), Err(TlogProofError::Index), "{index}");
    }
    let hash = proof.path[2].to_base64();
    for bad in [&hash[1..], &format!("{hash} "), &hash.replace('=', ""), "AAAA"] {
        assert_eq!(TlogProof::parse(&text.replace(&hash, bad)), Err(TlogProofError::Hash(2)), "{bad}");
    }
    let of =
        |hashes: usize, note: Vec<u8>| TlogProof::parse(&TlogProof { index: 5, path: vec![leaf(); hashes], note }.to_string());
    assert!(of(MAX_LEVELS, log.note_at(13)).is_ok());
    assert_eq!(of(MAX_LEVELS + 1, log.note_at(13)), Err(TlogProofError::TooManyHashes));
    assert!(of(4, vec![b'a'; MAX_NOTE_BYTES]).is_ok(), "whether it is a note is the verifier's to say");
    assert_eq!(of(4, vec![b'a'; MAX_NOTE_BYTES + 1]), Err(TlogProofError::Note));
    assert_eq!(of(4, Vec::new()), Err(TlogProofError::Note));
    assert_eq!(TlogProof::parse(&text[..text.find("\n\n").unwrap()]), Err(TlogProofError::Note));
}

/// transparency-dev/formats `proof/tlog_proof_test.go`, TestUnmarshalErrors.
#[test]
fn what_others_refuse_is_refused() {
    let cases = [
        ("wrong-header\nindex 0\n\ncheckpoint\n".to_owned(), TlogProofError::Header),
        ("c2sp.org/tlog-proof@v1\nextra !!notbase64!!\nindex 0\n\ncheckpoint\n".to_owned(), TlogProofError::Extra),
        ("c2sp.org/tlog-proof@v1\n\n\ncheckpoint\n".to_owned(), TlogProofError::Index),
        ("c2sp.org/tlog-proof@v1\nindex notanumber\n\ncheckpoint\n".to_owned(), TlogProofError::Index),
        ("c2sp.org/tlog-proof@v1\nindex -5\n\ncheckpoint\n".to_owned(), TlogProofError::Index),
        ("c2sp.org/tlog-proof@v1\nindex 0\n!!notbase64!!\n\ncheckpoint\n".to_owned(), TlogProofError::Hash(0)),
        (format!("c2sp.org/tlog-proof@v1\nindex 0\n{}\n\ncheckpoint\n", base64_encode(&[0; 64])), TlogProofError::Hash(0)),
        (format!("c2sp.org/tlog-proof@v1\nindex 0\n{}\n", "a".repeat(65 * 1024)), TlogProofError::Hash(0)),
    ];
    for (text, fault) in cases {
        assert_eq!(TlogProof::parse(&text), Err(fault), "{}", &text[..text.len().min(80)]);
    }
}

/// The same file, TestMarshal and TestRoundTrip.
#[test]
fn what_others_write_is_read_and_written_back() {
    let [one, two, a, b] = [b"hash1".as_slice(), b"hash2", b"a", b"b"].map(Digest::of);
    let cases = [
        (5, vec![one, two], "test checkpoint\n"),
        (0, vec![], "checkpoint\n"),
        (123, vec![a, b], "some checkpoint\n"),
        (789, vec![], "checkpoint\n"),
    ];
    for (index, path, note) in cases {
        let hashes: String = path.iter().map(|hash| format!("{}\n", hash.to_base64())).collect();
        let text = format!("c2sp.org/tlog-proof@v1\nindex {index}\n{hashes}\n{note}");
        let proof = TlogProof { index, path, note: note.as_bytes().to_vec() };
        assert_eq!(TlogProof::parse(&text), Ok(proof.clone()));
        assert_eq!(proof.to_string(), text);
        let extra = text.replacen('\n', &format!("\nextra {}\n", base64_encode(b"extra information")), 1);
        assert_eq!(TlogProof::parse(&extra), Ok(proof), "the extra line is passed over");
    }
}

#[test]
fn each_reason_not_to_believe_a_proof_has_its_name() {
    let (log, proof) = proof();
    let wrong = |proof: &TlogProof, leaf: Digest| proof.verify(&leaf, &log.origin, &log.verifier()).unwrap_err();
    assert_eq!(wrong(&proof, Digest([1; 32])), TlogProofError::Inclusion(ProofError::RootMismatch));
    assert_eq!(wrong(&TlogProof { index: 4, ..proof.clone() }, leaf()), TlogProofError::Inclusion(ProofError::RootMismatch));
    let beyond = ProofError::IndexBeyondSize { index: 13, size: 13 };
    assert_eq!(wrong(&TlogProof { index: 13, ..proof.clone() }, leaf()), TlogProofError::Inclusion(beyond));
    let other = CheckpointError::OtherLog { expected: origin("hk"), found: log.origin };
    assert_eq!(proof.verify(&leaf(), &origin("hk"), &log.verifier()), Err(TlogProofError::Checkpoint(other)));
    let foreign = proof.verify(&leaf(), &log.origin, &Log::new("gz", 2).verifier());
    assert!(matches!(foreign, Err(TlogProofError::Checkpoint(CheckpointError::Note(_)))));
}

#[test]
fn no_flipped_byte_and_no_shorter_text_proves() {
    let (log, proof) = proof();
    let text = proof.to_string();
    let proves = |text: &str| {
        let read = TlogProof::parse(text).and_then(|proof| proof.verify(&leaf(), &log.origin, &log.verifier()));
        read.is_ok()
    };
    assert!(proves(&text));
    assert!(!proves(&format!("{text}\n")) && !proves(&format!("{text}x")));
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut forged = text.clone().into_bytes();
            forged[at] ^= 1 << bit;
            let Ok(forged) = String::from_utf8(forged) else { continue };
            assert!(!proves(&forged), "byte {at}, bit {bit}");
        }
        assert!(!text.is_char_boundary(at) || !proves(&text[..at]), "cut at {at}");
    }
}
