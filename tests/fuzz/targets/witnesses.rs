//! What passes between a log and its witnesses, and what proves that a log showed two histories (PROTOCOL 31).

use creditbay_crypto::note::Note;
use creditbay_protocol::fork::{Evidence, EvidenceFault, FORMAT};
use creditbay_protocol::witness::{self, MAX_PROOF_LINES, MAX_SUBMISSION_BYTES, Submission, Tree};

use super::fixture::{EXCHANGE, strange_line};

/// A body of `add-checkpoint` is written as it was read; what is offered was signed, whatever strangers add; one proof continues a tree.
pub(super) fn submission(bytes: &[u8]) -> bool {
    let Ok(submission) = Submission::parse(bytes) else { return false };
    assert!(bytes.len() <= MAX_SUBMISSION_BYTES);
    assert_eq!(submission.body(), bytes);
    let log = &EXCHANGE.asker;
    let offered = match submission.signed_by(&log.verifier) {
        Ok(offered) => offered,
        Err(fault) => {
            assert!([400, 403, 404, 409, 422].contains(&fault.status()));
            return true;
        }
    };
    let tree = |signed: &creditbay_protocol::checkpoint::SignedCheckpoint| {
        let checkpoint = signed.checkpoint();
        Tree { size: checkpoint.size, root: checkpoint.root }
    };
    let (earlier, latest) = (tree(&log.earlier), tree(&log.signed));
    assert!([&earlier, &latest].contains(&offered.tree()), "a forged checkpoint");
    assert!(offered.note().lines.iter().all(|line| line.name == *log.verifier.name()), "a stranger's line is kept");
    assert!(offered.proof().len() <= MAX_PROOF_LINES);
    if offered.follows(&earlier).is_ok() && *offered.tree() == latest {
        assert_eq!(offered.proof(), log.continues(), "a second proof of one continuation");
    }
    if offered.follows(&Tree::empty()).is_ok() {
        assert!(offered.proof().is_empty());
    }
    true
}

/// Of a witness's answer are kept only lines that this witness made over this text.
pub(super) fn cosignatures(bytes: &[u8]) -> bool {
    let (text, witness) = (&EXCHANGE.asker.signed.note().text, &EXCHANGE.issuer.witness);
    let kept = witness::cosignatures(bytes, text, witness.verifier());
    for line in &kept {
        let note = Note { text: text.clone(), lines: vec![line.clone()] };
        let verified = note.verify(std::slice::from_ref(witness.verifier())).expect("a kept line verifies");
        let time = verified[0].time.expect("a cosignature has a time");
        assert_eq!(witness.cosign(text, time).as_ref(), Ok(line), "a forged cosignature");
    }
    let with = [format!("{}\n", strange_line(text)).as_bytes(), bytes].concat();
    assert!(witness::cosignatures(&with, text, witness.verifier()).len() <= kept.len(), "a stranger's line is kept");
    !kept.is_empty()
}

/// Evidence comes back from JSON, and no file shows a fork of a log that signed one history.
pub(super) fn evidence(bytes: &[u8]) -> bool {
    let Ok(evidence) = serde_json::from_slice::<Evidence>(bytes) else { return false };
    let text = serde_json::to_string(&evidence).expect("evidence has a form in JSON");
    assert_eq!(serde_json::from_str::<Evidence>(&text).expect("it is read back"), evidence);
    let honest = evidence.verify(&EXCHANGE.asker.verifier);
    assert!(honest.as_ref().is_ok_and(|finding| !finding.is_fork()) || honest.is_err(), "a fork of an honest log: {honest:?}");
    let forked = evidence.verify(&EXCHANGE.forked[0].verifier);
    assert!(honest.is_err() || forked.is_err(), "evidence against two keys");
    assert!(evidence.format == FORMAT || honest == Err(EvidenceFault::Format));
    true
}
