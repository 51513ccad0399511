//! What an auditor or a holder of an answer is given: attestation, kept proof, tile path, entry bundle (PROTOCOL 12, 17 and 20).

use std::sync::LazyLock;

use creditbay_crypto::hash::base64_encode;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::limits::{MAX_LEVELS, MAX_NOTE_BYTES};
use creditbay_protocol::opening::{Held, LeafOpening, Revealed};
use creditbay_protocol::policy::Policy;
use creditbay_protocol::proof::TlogProof;
use creditbay_protocol::third_party;
use creditbay_protocol::tile::{TILE_WIDTH, TilePath, decode_bundle, encode_bundle};
use creditbay_protocol::wire;

use super::fixture::{EXCHANGE, SUBJECT};

static POLICY: LazyLock<Policy> = LazyLock::new(|| Policy::parse(EXCHANGE.policy().as_bytes()).expect("a policy"));

/// A file comes back from JSON; what verifies says what was exchanged; no fault repeats the subject.
pub(super) fn attestation(bytes: &[u8]) -> bool {
    let Ok(file) = serde_json::from_slice::<Attestation>(bytes) else { return false };
    let text = serde_json::to_string(&file).expect("a file has a form in JSON");
    let again: Attestation = serde_json::from_str(&text).expect("it is read back");
    assert_eq!(serde_json::to_string(&again).expect("a file has a form in JSON"), text);
    for query_too in [false, true] {
        let findings = third_party::verify(&file, &POLICY, query_too);
        assert!(!findings.faults.is_empty() || findings.id == Some(EXCHANGE.issuer.leaf), "forged for a third party");
    }
    match file.verify(&EXCHANGE.known) {
        Ok(leaf) => {
            assert_eq!(leaf, EXCHANGE.issuer.leaf, "a forged attestation");
            assert_eq!(file.content, EXCHANGE.attestation.content, "a forged content");
            let messages = [wire::encode(&EXCHANGE.query), wire::encode(&EXCHANGE.answer)].map(|message| base64_encode(&message));
            assert_eq!([file.query.message, file.answer.message], messages, "a forged message");
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            assert!(faults.iter().all(|fault| !fault.to_string().contains(SUBJECT)), "a fault names the subject");
        }
    }
    true
}

/// An opening comes back from JSON; what opens a leaf of the exchange is what was committed to; what proves an erasure was erased.
pub(super) fn opening(bytes: &[u8]) -> bool {
    let Ok(opening) = serde_json::from_slice::<LeafOpening>(bytes) else { return false };
    let text = serde_json::to_string(&opening).expect("an opening has a form in JSON");
    assert!(serde_json::from_str::<LeafOpening>(&text).expect("it is read back") == opening);
    for (leaf, of_query) in EXCHANGE.leaves.iter().zip([true, false]) {
        match opening.check(leaf) {
            Ok(revealed) => assert!(revealed.iter().all(|one| committed(one, of_query)), "a forged opening"),
            Err(fault) => assert!(!fault.to_string().contains(SUBJECT), "a fault names the subject"),
        }
    }
    if let (Held::Erased { proof, .. }, Ok(())) = (&opening.holds, opening.check_erased(&EXCHANGE.erasure())) {
        assert!(EXCHANGE.erased.entries.contains(&proof.entry) && proof.entry.index == opening.index, "a forged erasure");
    }
    true
}

fn committed(revealed: &Revealed, of_query: bool) -> bool {
    match revealed {
        Revealed::Query(query) => of_query && **query == EXCHANGE.query,
        Revealed::Answer(answer) => !of_query && **answer == EXCHANGE.answer,
        Revealed::Subject(subject) => Some(subject) == EXCHANGE.query.subject.entity(),
        Revealed::Operator(operator) => *operator == EXCHANGE.query.operator,
        Revealed::Notice(_) | Revealed::Ground(_) | Revealed::Report(_) | Revealed::Nobody => false,
    }
}

/// A proof is printed as it was but for its extra line, on which no verdict depends; what verifies is the leaf of the exchange.
pub(super) fn tlog_proof(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let Ok(proof) = TlogProof::parse(text) else { return false };
    assert!(proof.path.len() <= MAX_LEVELS && proof.note.len() <= MAX_NOTE_BYTES);
    let printed = proof.to_string();
    assert_eq!(TlogProof::parse(&printed).as_ref(), Ok(&proof));
    let (first, rest) = text.split_once('\n').expect("a proof has lines");
    if !rest.starts_with("extra ") {
        assert_eq!(printed, text);
        assert_eq!(TlogProof::parse(&format!("{first}\nextra AAAA\n{rest}")).as_ref(), Ok(&proof));
    }
    let log = &EXCHANGE.issuer;
    if let Ok(signed) = proof.verify(&log.leaf, &log.origin, &log.verifier) {
        assert_eq!(signed.checkpoint(), log.signed.checkpoint(), "a forged checkpoint");
        assert_eq!((proof.index, &proof.path), (log.proof.index, &log.proof.path), "a second path to one leaf");
    }
    true
}

/// A path is printed as it was and spans as many hashes or entries as it says.
pub(super) fn tile_path(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let Ok(tile) = TilePath::parse(text) else { return false };
    assert_eq!(tile.to_string(), text);
    let span = tile.span();
    assert!(u64::from(tile.width) <= TILE_WIDTH && tile.width > 0);
    assert_eq!(span.end - span.start, u64::from(tile.width));
    if tile.level.is_none_or(|level| level == 0) && tile.index < 16 {
        assert!(TilePath::all(span.end).any(|one| one == tile), "a tree of {} leaves lacks {text}", span.end);
    }
    true
}

/// Two bytes, how many entries the path says (little-endian), then the bundle: taken apart it is put together as it was.
pub(super) fn bundle(bytes: &[u8]) -> bool {
    let Some((count, bundle)) = bytes.split_first_chunk::<2>() else { return false };
    let expected = usize::from(u16::from_le_bytes(*count));
    let Ok(entries) = decode_bundle(bundle, expected) else { return false };
    assert_eq!(entries.len(), expected);
    assert_eq!(encode_bundle(entries.iter().copied()), bundle);
    assert!(decode_bundle(bundle, expected + 1).is_err(), "a bundle of two counts");
    true
}
