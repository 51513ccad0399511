//! The requester's story (PROTOCOL 19).

use std::sync::Arc;
use std::time::Duration;

use creditbay_configs::rules::decide::Question as RuleQuestion;
use creditbay_configs::rules::standing::Standing;
use creditbay_protocol::attestation::{Attestation, Proven};
use creditbay_protocol::identifier::{Identifier, SubjectKind};
use creditbay_protocol::name::{OperatorId, OrganisationId, Region};
use creditbay_protocol::predicate::{Predicates, Purpose};
use creditbay_protocol::proof::TlogProof;
use creditbay_protocol::query::{Declined, DeclinedSubject, Query, Subject};
use creditbay_protocol::refusal::{Fault, Refusal};
use creditbay_protocol::requester::{Asked, Replied, Verified};

use super::Exchange;
use super::network::LinkError;
use crate::log::append::ReceiptKept;
use crate::log::entry::{Appended, Entry};
use crate::log::fault::LogError;
use crate::log::witness::Cosigned;
use crate::policy;

/// How long to wait before a lost exchange is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// What a service wants to know.
pub struct Question {
    /// For whom.
    pub organisation: OrganisationId,
    /// Who asks there.
    pub operator: OperatorId,
    /// What for.
    pub purpose: Purpose,
    /// About whom.
    pub subject: About,
    /// Whom to ask; found from the identifier where it is not said.
    pub issuer: Option<Region>,
    /// What.
    pub predicates: Predicates,
}

/// About whom a question is.
pub enum About {
    /// An entity.
    Entity(Identifier),
    /// A natural person, of whom nothing is kept.
    NaturalPerson,
}

/// How a question ended.
pub enum Outcome {
    /// With an answer or a refusal of the issuer's, proved.
    Answered(Box<Answer>),
    /// This node does not ask it.
    Declined {
        /// Why.
        refusal: Refusal,
        /// The leaf that records it.
        index: u64,
    },
}

/// What a service gets. It cannot be made without a verified answer and the log's word that its receipt is durable:
///
/// ```compile_fail
/// # use std::sync::Arc;
/// # use creditbay_node::exchange::ask::Answer;
/// # use creditbay_node::log::{append::ReceiptKept, entry::Appended, witness::Cosigned};
/// # use creditbay_protocol::requester::{Asked, Verified};
/// fn unlogged(verified: Arc<Verified>, asked: Arc<Asked>, query: Appended, note: Arc<Cosigned>) -> Answer {
///     Answer { verified, receipt: ReceiptKept(()), asked, query, note }
/// }
/// ```
pub struct Answer {
    verified: Arc<Verified>,
    #[expect(dead_code, reason = "evidence: an Answer without a durable receipt cannot be made")]
    receipt: ReceiptKept,
    asked: Arc<Asked>,
    query: Appended,
    note: Arc<Cosigned>,
}

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The identifier belongs to no region of the directory, and the question named none of it.
    #[error("no node answers for this identifier; name the issuer, or add the code to the network directory")]
    NoIssuer,
    /// The subject belongs to this node's own register.
    #[error("the subject is in this node's own register; nothing has to cross a border")]
    OwnSubject,
    /// This node's log takes nothing.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No reply in the query's lifetime.
    #[error("no answer: {0}; the query stays in the log and is closed with an `abandoned` leaf")]
    NoAnswer(LinkError),
    /// The reply did not verify.
    #[error("the reply was refused: {0}")]
    ReplyRefused(Fault),
}

impl Exchange {
    /// Asks: rules, leaf, wire, verification, receipt.
    pub async fn ask(&self, question: Question) -> Result<Outcome, AskError> {
        let About::Entity(subject) = &question.subject else {
            return self.decline(&question, None, Refusal::NaturalPerson).await;
        };
        let issuer = question.issuer.or_else(|| self.directory.issuer_of(subject));
        let issuer = issuer.filter(|issuer| self.directory.entry(*issuer).is_some()).ok_or(AskError::NoIssuer)?;
        if issuer == self.me {
            return Err(AskError::OwnSubject);
        }
        let permit = match policy::may_ask(&self.pack, &self.rule_question(&question, issuer, subject.subject_kind())) {
            Ok(permit) => permit,
            Err(refusal) => return self.decline(&question, Some(issuer), refusal).await,
        };
        let query = Query {
            asker: self.me,
            issuer,
            organisation: question.organisation,
            operator: question.operator,
            purpose: question.purpose,
            subject: Subject::Entity(*subject),
            predicates: question.predicates,
            lane: permit.lane(),
            legal_basis: permit.legal_basis(),
            pack: self.pack.digest(),
            expires: self.clock.now().plus(self.query_lifetime_ms),
            digest: None,
            authorisation: None,
            portfolio: None,
        };
        let asked = Arc::new(Asked::new(query, self.entropy.seed()));
        let appended = self.log.append(Entry::Query(asked.clone())).await?;
        self.carry_through(asked, appended).await.map(|answer| Outcome::Answered(Box::new(answer)))
    }

    /// From a logged query to an answer with its receipt; closes the query with an `abandoned` leaf where none comes.
    pub async fn carry_through(&self, asked: Arc<Asked>, query: Appended) -> Result<Answer, AskError> {
        let index = query.committed.place().index;
        let verified = match self.reply_to(&asked, &query).await {
            Ok(verified) => verified,
            Err(error) => {
                self.metrics.count("creditbay_abandoned_total", &[("peer", asked.query().issuer.as_str())]);
                self.log.append(Entry::Abandoned { query: index, issuer: asked.query().issuer }).await?;
                return Err(error);
            }
        };
        let (verified, root) = verified;
        let note = self.witness.cosign(&root).map_err(|error| AskError::Log(LogError::Sealing(error.to_string())))?;
        let verified = Arc::new(verified);
        let receipt = self.log.keep_receipt(index, verified.clone(), note.clone()).await?;
        Ok(Answer { verified, receipt, asked, query, note })
    }

    /// Sends the query until a reply comes or its lifetime ends, and verifies the reply.
    async fn reply_to(
        &self,
        asked: &Arc<Asked>,
        query: &Appended,
    ) -> Result<(Verified, creditbay_protocol::chain::TrustedRoot), AskError> {
        let issuer = asked.query().issuer;
        let peer_log = self.directory.entry(issuer).map(|entry| entry.log_origin).ok_or(AskError::NoIssuer)?;
        loop {
            let left = asked.query().expires.0.saturating_sub(self.clock.now().0);
            let reply = self.network.exchange(issuer, asked, query);
            let error = match tokio::time::timeout(Duration::from_millis(left), reply).await {
                Ok(Ok(frame)) => return self.verify(asked, query, &peer_log, &frame).await.map_err(AskError::ReplyRefused),
                Ok(Err(error)) => error,
                Err(_) => LinkError::Unreachable,
            };
            self.metrics.count("creditbay_link_errors_total", &[("peer", issuer.as_str())]);
            let again = matches!(
                error,
                LinkError::Unreachable
                    | LinkError::Lost
                    | LinkError::Fault(Fault::CheckpointMissing | Fault::LogStopped | Fault::Closing)
            );
            if !again || left <= RETRY.as_millis() as u64 {
                return Err(AskError::NoAnswer(error));
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn verify(
        &self,
        asked: &Asked,
        query: &Appended,
        peer_log: &creditbay_protocol::name::Origin,
        frame: &[u8],
    ) -> Result<(Verified, creditbay_protocol::chain::TrustedRoot), Fault> {
        let attributed = Replied::parse(frame)?.attribute(asked, query.committed.leaf(), peer_log)?;
        if self.log.seen().suspended(peer_log).is_some() {
            return Err(Fault::TrustSuspended);
        }
        let root = self.log.seen().root(peer_log, attributed.size()).await.ok_or(Fault::CheckpointMissing)?;
        Ok((attributed.include(asked, &root)?, root))
    }

    async fn decline(&self, question: &Question, issuer: Option<Region>, refusal: Refusal) -> Result<Outcome, AskError> {
        self.metrics.count("creditbay_declined_total", &[("reason", refusal.name())]);
        let subject = match &question.subject {
            About::Entity(identifier) => DeclinedSubject::Known(*identifier),
            About::NaturalPerson => DeclinedSubject::NaturalPerson,
        };
        let declined = Declined {
            asker: self.me,
            issuer,
            organisation: question.organisation,
            operator: question.operator,
            purpose: question.purpose,
            subject,
            predicates: question.predicates.clone(),
            pack: self.pack.digest(),
            refusal,
        };
        let appended = self.log.append(Entry::Declined(Arc::new((declined, self.entropy.seed())))).await?;
        Ok(Outcome::Declined { refusal, index: appended.committed.place().index })
    }

    fn rule_question<'a>(&self, question: &'a Question, issuer: Region, subject_kind: SubjectKind) -> RuleQuestion<'a> {
        RuleQuestion {
            asker: self.me,
            organisation: question.organisation,
            standing: Standing { regulators: false },
            issuer,
            purpose: question.purpose,
            subject_kind,
            with_digest: false,
            predicates: question.predicates.as_slice(),
        }
    }
}

impl Answer {
    /// The answer as a file that anyone can verify.
    pub fn attestation(&self) -> Attestation {
        let place = self.verified.place();
        let answer_proof = TlogProof { index: place.index, path: place.path.clone(), note: self.note.note.clone() };
        let asked_place = self.query.committed.place();
        let query_proof =
            TlogProof { index: asked_place.index, path: asked_place.path.clone(), note: self.query.head.signed().note_bytes() };
        let query = Proven {
            message: self.asked.query(),
            seed: self.asked.seed(),
            time: self.query.committed.time(),
            log: asked_place.origin,
            proof: &query_proof,
        };
        let answer = Proven {
            message: self.verified.answer(),
            seed: self.verified.seed(),
            time: self.verified.time(),
            log: place.origin,
            proof: &answer_proof,
        };
        Attestation::new(&query, &answer)
    }

    /// The verified answer.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
}
