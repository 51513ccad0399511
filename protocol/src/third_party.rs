//! What somebody outside the network makes of an attestation: the file and a trust policy, nothing else (PROTOCOL 34.2).
//!
//! Whose log it is follows from its origin, `<region>/log/<n>` or `<region>.<domain>/log/<n>`, as every network directory has it.
//! Deliberately not here: the network directory (`attestation`), and how findings are worded.

use creditbay_crypto::hash::Digest;
use creditbay_crypto::merkle::verify::verify_inclusion;
use creditbay_crypto::note::Note;

use crate::attestation::fault::AttestationFault;
use crate::attestation::{Attestation, Sealed};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::name::{Origin, Region};
use crate::policy::Policy;
use crate::policy::fault::Rejection;
use crate::proof::{TlogProof, TlogProofError};

/// A witness of the policy that cosigned the answer's checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigner {
    /// Its key's name.
    pub name: String,
    /// When it says it saw the tree, in seconds since 1970.
    pub time_seconds: u64,
    /// The party to the exchange that it belongs to by its name, if it does.
    pub party: Option<Region>,
}

/// What was found of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The hash of the answer's leaf, where it can be made; the file is good only if there are no faults.
    pub id: Option<Digest>,
    /// Every fault.
    pub faults: Vec<AttestationFault>,
    /// Who cosigned the answer's checkpoint.
    pub cosigners: Vec<Cosigner>,
    /// Whether the cosigners of the answer's checkpoint are a quorum even if neither issuer nor asker is counted.
    pub without_parties: bool,
    /// Whether the query's checkpoint has a quorum of its own. The answer stands without it.
    pub query_witnessed: bool,
}

/// Verifies a file under a policy. The answer's checkpoint needs the policy's quorum; the query's, without `query_too`, its log's
/// signature alone, since the answer names the query's leaf.
pub fn verify(file: &Attestation, policy: &Policy, query_too: bool) -> Findings {
    let mut findings =
        Findings { id: None, faults: Vec::new(), cosigners: Vec::new(), without_parties: false, query_witnessed: false };
    let Some(opened) = file.open(&mut findings.faults) else { return findings };
    let answer_leaf = opened.answer_leaf.hash();
    findings.id = Some(answer_leaf);

    let query = Part { name: "query", sealed: &file.query, leaf: opened.query_leaf.hash(), region: opened.asker };
    let few =
        |fault: &AttestationFault| matches!(fault, AttestationFault::Rejected { rejection: Rejection::NoQuorum { .. }, .. });
    let mut of_query = Vec::new();
    let judged = query.check(policy, &mut of_query).is_some();
    findings.query_witnessed = judged && !of_query.iter().any(few);
    findings.faults.extend(of_query.into_iter().filter(|fault| query_too || !few(fault)));

    let answer = Part { name: "answer", sealed: &file.answer, leaf: answer_leaf, region: opened.issuer };
    if let Some(cosigned) = answer.check(policy, &mut findings.faults) {
        let parties = [opened.issuer, opened.asker];
        let neutral = |at: usize| party(policy.witnesses()[at].key.name().as_str(), parties).is_none();
        findings.without_parties = policy.is_quorum(|at| neutral(at) && cosigned.iter().any(|(witness, _)| *witness == at));
        let told = |(at, time_seconds): (usize, u64)| {
            let name = policy.witnesses()[at].key.name().as_str();
            Cosigner { name: name.to_owned(), time_seconds, party: party(name, parties) }
        };
        findings.cosigners = cosigned.into_iter().map(told).collect();
    }
    findings
}

/// The party to which a witness belongs by its key's name.
fn party(name: &str, parties: [Region; 2]) -> Option<Region> {
    let owner = name.split('/').next().unwrap_or_default();
    parties.into_iter().find(|region| owns(*region, owner))
}

fn owns(region: Region, owner: &str) -> bool {
    let rest = owner.strip_prefix(region.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// One message of a file, and the leaf that must stand in the log of its sender.
struct Part<'a> {
    name: &'static str,
    sealed: &'a Sealed,
    leaf: Digest,
    region: Region,
}

impl Part<'_> {
    /// The witnesses that cosigned the checkpoint, each with its time; nothing where there is no note.
    fn check(&self, policy: &Policy, faults: &mut Vec<AttestationFault>) -> Option<Vec<(usize, u64)>> {
        let part = self.name;
        self.check_owner(policy, faults);
        let broken = |error| AttestationFault::Proof { part, error };
        let proof = TlogProof::parse(&self.sealed.tlog_proof).map_err(|error| faults.push(broken(error))).ok()?;
        let of_checkpoint = |error| broken(TlogProofError::Checkpoint(error));
        let note = Note::parse(&proof.note).map_err(|error| faults.push(of_checkpoint(CheckpointError::Note(error)))).ok()?;
        match Checkpoint::parse(&note.text) {
            Ok(checkpoint) => {
                let (expected, found) = (self.sealed.log, checkpoint.origin);
                if found != expected {
                    faults.push(of_checkpoint(CheckpointError::OtherLog { expected, found }));
                }
                let led = verify_inclusion(&self.leaf, proof.index, checkpoint.size, &proof.path, &checkpoint.root);
                faults.extend(led.err().map(|error| broken(TlogProofError::Inclusion(error))));
            }
            Err(error) => faults.push(of_checkpoint(error)),
        }
        let judgement = policy.judge(&note);
        faults.extend(judgement.rejections.into_iter().map(|rejection| AttestationFault::Rejected { part, rejection }));
        Some(judgement.cosigned.iter().map(|one| (one.witness, one.time_seconds)).collect())
    }

    /// The log is the region's by its name, and no other owner's log in the policy could be.
    fn check_owner(&self, policy: &Policy, faults: &mut Vec<AttestationFault>) {
        let (part, region, origin) = (self.name, self.region, self.sealed.log);
        if !owns(region, origin.owner().as_str()) {
            faults.push(AttestationFault::LogOfOther { part, origin, region });
        }
        let listed = policy.logs().iter().filter_map(|log| log.key.name().as_str().parse::<Origin>().ok());
        let mut owners = listed.map(|origin| origin.owner()).filter(|owner| owns(region, owner.as_str()));
        if let Some(first) = owners.next()
            && owners.any(|other| other != first)
        {
            faults.push(AttestationFault::SeveralOwners { part, region });
        }
    }
}
