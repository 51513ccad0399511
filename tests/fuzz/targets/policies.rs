//! Whom a third party trusts, and what a certificate in a handshake proves (PROTOCOL 34.1 and 24.2).

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use creditbay_crypto::key_file::spki_der;
use creditbay_crypto::note::MAX_LINES;
use creditbay_crypto::sign::SigningKey;
use creditbay_node::quic::identity::{Form, Pinned, proven_key};
use creditbay_protocol::limits::{MAX_POLICY_BYTES, MAX_POLICY_ENTRIES};
use creditbay_protocol::policy::Policy;
use creditbay_protocol::third_party;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::fixture::{EXCHANGE, NOW, seed, strange_line};

/// Comments change nothing, more witnesses never undo a quorum, lines of unknown keys say nothing, and what is accepted was signed by the
/// logs that the policy lists.
pub(super) fn policy(bytes: &[u8]) -> bool {
    let policy = match Policy::parse(bytes) {
        Ok(policy) => policy,
        Err(error) => {
            assert!(error.line <= bytes.split(|byte| *byte == b'\n').count(), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
            return false;
        }
    };
    assert!(bytes.len() <= MAX_POLICY_BYTES);
    assert!(policy.logs().len() <= MAX_POLICY_ENTRIES && policy.witnesses().len() <= MAX_POLICY_ENTRIES);
    let commented = [b"# one\n\n", bytes, b"\t # two\n"].concat();
    if commented.len() <= MAX_POLICY_BYTES {
        assert_eq!(Policy::parse(&commented).as_ref(), Ok(&policy), "a comment changes the policy");
    }
    let (few, more) = (0x5a5a_5a5a_5a5a_5a5au64, 0x7e7e_7e7e_7e7e_7e7eu64);
    let quorum = |mask: u64| policy.is_quorum(|witness| mask >> (witness % 64) & 1 == 1);
    for (fewer, larger) in [(0, few), (few, few | more), (few | more, u64::MAX)] {
        assert!(!quorum(fewer) || quorum(larger), "more witnesses undo a quorum");
    }
    judged(&policy);
    for query_too in [false, true] {
        let findings = third_party::verify(&EXCHANGE.attestation, &policy, query_too);
        let listed = EXCHANGE.known.iter().all(|known| policy.logs().iter().any(|log| log.key == known.log));
        assert!(!findings.faults.is_empty() || listed, "accepted without the logs' keys");
    }
    true
}

fn judged(policy: &Policy) {
    let note = EXCHANGE.issuer.signed.note();
    let judgement = policy.judge(note);
    assert!(judgement.cosigned.iter().all(|one| one.time_seconds == NOW.0 / 1000 && one.witness < policy.witnesses().len()));
    if judgement.rejections.is_empty() {
        let log = judgement.log.expect("what is accepted is of a log");
        assert_eq!(policy.logs()[log].key, EXCHANGE.issuer.verifier);
    }
    let stranger = strange_line(&note.text);
    let keys = policy.logs().iter().map(|log| &log.key).chain(policy.witnesses().iter().map(|witness| &witness.key));
    let mut with = note.clone();
    with.lines.insert(1, stranger.clone());
    if !keys.clone().any(|key| *key.name() == stranger.name) && with.lines.len() <= MAX_LINES {
        assert_eq!(policy.judge(&with), judgement, "the verdict depends on a line of an unknown key");
    }
}

/// The key of the certificate target's node.
pub(super) fn identity() -> SigningKey {
    SigningKey::from_seed(seed(0x55))
}

/// Who takes that key alone, in either form.
static PINNED: LazyLock<[(Form, Arc<Pinned>); 2]> =
    LazyLock::new(|| [Form::RawPublicKey, Form::SelfSigned].map(|form| (form, Pinned::new([identity().public()], form))));

/// Of a certificate that the verifier takes, the key that it proves is the pinned one, and stands in it; a raw key is nothing else.
pub(super) fn certificate(bytes: &[u8]) -> bool {
    let certificate = CertificateDer::from(bytes);
    let mut taken = false;
    for (form, pinned) in PINNED.iter() {
        let proven = proven_key(&certificate, *form);
        let name = ServerName::try_from("creditbay").expect("a name");
        let verdict = pinned.verify_server_cert(&certificate, &[], &name, &[], UnixTime::since_unix_epoch(Duration::ZERO));
        assert_eq!(verdict.is_ok(), proven == Some(identity().public()));
        if let Some(key) = proven {
            let der = spki_der(&key);
            assert!(*form == Form::SelfSigned || der == bytes);
            assert!(bytes.windows(der.len()).any(|window| window == der), "a key that does not stand in the certificate");
            taken = true;
        }
    }
    taken
}
