//! An answer that can be kept, shown and verified by anyone: the `.attestation.json` file (PROTOCOL 20).
//!
//! It holds what a person reads, the exact bytes of query and answer with the seeds of their leaves, and two `.tlog-proof` texts: the
//! answer's under the issuer's log, the query's under the asker's. Its identity is the answer's leaf, never the proof.
//! Not here: files, JSON, what can be wrong (`fault`), and how a verdict is worded.

pub mod fault;

use creditbay_crypto::hash::{Digest, base64_decode, base64_encode};
use creditbay_crypto::note::NoteVerifier;
use creditbay_crypto::secret::Seed;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Coverage, Reply, Verdict};
use crate::calendar::{Day, Millis};
use crate::leaf::{Leaf, LeafBody};
use crate::limits::BODY_BYTES;
use crate::name::{Origin, Region};
use crate::predicate::{LawOfOrigin, Predicate, Purpose};
use crate::proof::TlogProof;
use crate::query::Query;
use crate::refusal::Refusal;
use crate::terms::AuthorisedUse;
use crate::wire;

use self::fault::{AttestationFault, FORMAT};

/// What stands for a scheme where the subject is whoever brought the report.
pub const BEARER: &str = "bearer";

/// The file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// [`FORMAT`].
    pub format: String,
    /// The answer's leaf hash, in hex: the attestation's identity.
    pub id: String,
    /// What a person reads; held against the exact bytes by `verify`.
    pub content: Content,
    /// The query.
    pub query: Sealed,
    /// The answer.
    pub answer: Sealed,
}

/// One message with what proves its leaf.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The message's canonical bytes, base64.
    pub message: String,
    /// The seed of its leaf's salts, base64.
    pub seed: String,
    /// The time that its leaf carries, milliseconds.
    pub time: Millis,
    /// The log that it stands in.
    pub log: Origin,
    /// C2SP tlog-proof of its leaf.
    pub tlog_proof: String,
}

/// The readable content. `Debug` leaves the subject out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Who answers.
    pub issuer: Region,
    /// Who asks.
    pub asker: Region,
    /// For whom.
    pub organisation: String,
    /// What for.
    pub purpose: Purpose,
    /// The scheme of the subject's identifier; [`BEARER`] for whoever brought the report.
    pub scheme: String,
    /// The subject's identifier; empty for a bearer.
    pub subject: String,
    /// The digest of the file that the subject brought.
    pub digest: Option<Digest>,
    /// The use of the authorisation under which it was asked.
    pub authorisation: Option<AuthorisedUse>,
    /// SHA-256 of the rule pack, hex.
    pub rule_pack: String,
    /// When the answer's leaf was written, UTC.
    pub answered_at: String,
    /// What was asked, each with its verdict; empty for a refusal.
    pub answers: Vec<AnsweredPredicate>,
    /// Why nothing was answered.
    pub refusal: Option<Refusal>,
    /// The registers behind the answers.
    pub coverage: Vec<Coverage>,
    /// Whose law the facts were recorded under.
    pub law_of_origin: Option<LawOfOrigin>,
    /// The day as of which it is said.
    pub as_of: Option<Day>,
    /// The last day on which every verdict may be used.
    pub valid_until: Option<Day>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { issuer, asker, answered_at, answers, refusal, .. } = self;
        let (from, to) = (issuer, asker);
        write!(f, "Content({from} to {to} at {answered_at}: {answers:?} {refusal:?} …)")
    }
}

/// One predicate with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnsweredPredicate {
    /// What was asked.
    pub predicate: Predicate,
    /// What was answered.
    pub verdict: Verdict,
}

/// Who speaks in a file, and the leaves that its messages and seeds make.
pub struct Opened {
    /// Who asked.
    pub asker: Region,
    /// Who answered.
    pub issuer: Region,
    /// The query's leaf, in the asker's log.
    pub query_leaf: Leaf,
    /// The answer's leaf, in the issuer's log; its hash is the attestation's identity.
    pub answer_leaf: Leaf,
}

/// A log that a verifier knows: its origin, its region, its key.
#[derive(Debug, Clone)]
pub struct KnownLog {
    /// The log.
    pub origin: Origin,
    /// Whose it is.
    pub region: Region,
    /// The log's key.
    pub log: NoteVerifier,
    /// The region's witness key.
    pub witness: NoteVerifier,
}

/// What goes into a file: messages with their leaves' proofs.
pub struct Proven<'a, M> {
    /// The message.
    pub message: &'a M,
    /// The seed of its leaf.
    pub seed: &'a Seed,
    /// The time of its leaf.
    pub time: Millis,
    /// The log.
    pub log: Origin,
    /// The proof.
    pub proof: &'a TlogProof,
}

impl Attestation {
    /// Writes the file for an answer.
    pub fn new(query: &Proven<'_, Query>, answer: &Proven<'_, Answer>) -> Self {
        let leaf = Leaf::new(answer.time, LeafBody::of_answer(query.message, answer.message, answer.seed));
        Self {
            format: FORMAT.to_owned(),
            id: leaf.hash().to_string(),
            content: Content::of(query.message, answer.message, answer.time),
            query: seal(query),
            answer: seal(answer),
        }
    }

    /// What the exact bytes say, held against the rest of the file but for its proofs; nothing where they cannot be read.
    pub fn open(&self, faults: &mut Vec<AttestationFault>) -> Option<Opened> {
        if self.format != FORMAT {
            faults.push(AttestationFault::Format);
        }
        let query = open::<Query>("query", &self.query, faults);
        let answer = open::<Answer>("answer", &self.answer, faults);
        let ((query, query_seed), (answer, answer_seed)) = (query?, answer?);

        let query_leaf = Leaf::new(self.query.time, LeafBody::of_query(&query, &query_seed));
        let answer_leaf = Leaf::new(self.answer.time, LeafBody::of_answer(&query, &answer, &answer_seed));
        if answer.query != query_leaf.hash() || !answers_each(&query, &answer) {
            faults.push(AttestationFault::OtherQuery);
        }
        if self.id != answer_leaf.hash().to_string() {
            faults.push(AttestationFault::Id);
        }
        if self.content != Content::of(&query, &answer, self.answer.time) {
            faults.push(AttestationFault::Content);
        }
        Some(Opened { asker: query.asker, issuer: query.issuer, query_leaf, answer_leaf })
    }

    /// Verifies the file against known logs, offline; every fault that is found.
    pub fn verify(&self, known: &[KnownLog]) -> Result<Digest, Vec<AttestationFault>> {
        let mut faults = Vec::new();
        let Some(opened) = self.open(&mut faults) else { return Err(faults) };
        let answer_leaf = opened.answer_leaf.hash();
        check_proof("query", &self.query, &opened.query_leaf.hash(), opened.asker, known, &mut faults);
        if let Some(lines) = check_proof("answer", &self.answer, &answer_leaf, opened.issuer, known, &mut faults) {
            let others: Vec<_> = known.iter().filter(|log| log.region != opened.issuer).map(|log| log.witness.clone()).collect();
            if lines.verify(&others).is_err() {
                faults.push(AttestationFault::NoCosignature);
            }
        }
        if faults.is_empty() { Ok(answer_leaf) } else { Err(faults) }
    }
}

/// One verdict for each predicate; a missing one would otherwise be missing in what a person reads, too.
fn answers_each(query: &Query, answer: &Answer) -> bool {
    match &answer.reply {
        Reply::Answered(verdicts) => verdicts.verdicts.len() == query.predicates.as_slice().len(),
        Reply::Refused(_) => true,
    }
}

fn check_proof(
    part: &'static str,
    sealed: &Sealed,
    leaf: &Digest,
    region: Region,
    known: &[KnownLog],
    faults: &mut Vec<AttestationFault>,
) -> Option<creditbay_crypto::note::Note> {
    let Some(log) = known.iter().find(|log| log.origin == sealed.log) else {
        faults.push(AttestationFault::UnknownLog { part, origin: sealed.log });
        return None;
    };
    if log.region != region {
        faults.push(AttestationFault::LogOfOther { part, origin: sealed.log, region });
    }
    let proof = TlogProof::parse(&sealed.tlog_proof)
        .and_then(|proof| proof.verify(leaf, &log.origin, &log.log))
        .map_err(|error| faults.push(AttestationFault::Proof { part, error }))
        .ok()?;
    Some(proof.note().clone())
}

fn seal<M: bincode::Encode>(proven: &Proven<'_, M>) -> Sealed {
    Sealed {
        message: base64_encode(&wire::encode(proven.message)),
        seed: base64_encode(proven.seed.expose()),
        time: proven.time,
        log: proven.log,
        tlog_proof: proven.proof.to_string(),
    }
}

/// Message and seed of a part; where one cannot be read, the other is still looked at.
fn open<M: bincode::Encode + bincode::Decode<()>>(
    part: &'static str,
    sealed: &Sealed,
    faults: &mut Vec<AttestationFault>,
) -> Option<(M, Seed)> {
    let message = base64_decode(&sealed.message)
        .map_err(|_| AttestationFault::Base64 { part, field: "message" })
        .and_then(|bytes| wire::decode(&bytes, BODY_BYTES).map_err(|error| AttestationFault::Message { part, error }));
    let seed = base64_decode(&sealed.seed)
        .map_err(|_| AttestationFault::Base64 { part, field: "seed" })
        .and_then(|seed| <[u8; 32]>::try_from(seed).map_err(|_| AttestationFault::Seed { part }));
    let message = message.map_err(|fault| faults.push(fault)).ok();
    let seed = seed.map_err(|fault| faults.push(fault)).ok();
    Some((message?, Seed::from_bytes(seed?)))
}

impl Content {
    /// What a person reads of these messages.
    pub fn of(query: &Query, answer: &Answer, answered_at: Millis) -> Self {
        let (verdicts, refusal) = match &answer.reply {
            Reply::Answered(verdicts) => (Some(verdicts), None),
            Reply::Refused(refusal) => (None, Some(*refusal)),
        };
        let answers: Vec<_> = verdicts
            .into_iter()
            .flat_map(|verdicts| query.predicates.as_slice().iter().zip(&verdicts.verdicts))
            .map(|(predicate, verdict)| AnsweredPredicate { predicate: *predicate, verdict: *verdict })
            .collect();
        Self {
            issuer: query.issuer,
            asker: query.asker,
            organisation: query.organisation.to_string(),
            purpose: query.purpose,
            scheme: query.subject.entity().map_or(BEARER, |entity| entity.scheme().as_str()).to_owned(),
            subject: query.subject.entity().map_or("", |entity| entity.expose()).to_owned(),
            digest: query.digest,
            authorisation: query.terms().authorisation,
            rule_pack: query.pack.to_string(),
            answered_at: answered_at.to_string(),
            valid_until: answers.iter().map(|answered| answered.verdict.valid_until).min(),
            answers,
            refusal,
            coverage: verdicts.map(|verdicts| verdicts.coverage.clone()).unwrap_or_default(),
            law_of_origin: verdicts.map(|verdicts| verdicts.law_of_origin),
            as_of: verdicts.map(|verdicts| verdicts.as_of),
        }
    }
}
