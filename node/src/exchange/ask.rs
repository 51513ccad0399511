//! The requester's story (PROTOCOL 19).

use std::sync::Arc;
use std::time::Duration;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::answer::Reply;
use creditbay_protocol::attestation::{Attestation, Proven};
use creditbay_protocol::checkpoint::SignedCheckpoint;
use creditbay_protocol::name::Region;
use creditbay_protocol::proof::TlogProof;
use creditbay_protocol::query::{Declined, DeclinedSubject};
use creditbay_protocol::refusal::{Fault, Refusal};
use creditbay_protocol::requester::{Asked, Replied, Verified};

use super::Exchange;
use super::compose::{About, Composed, NotComposed, Question};
use super::fault::AskError;
use super::network::LinkError;
use crate::log::append::ReceiptKept;
use crate::log::entry::{Appended, Entry};
use crate::log::fault::LogError;
use crate::log::witness::Cosigned;

/// How long to wait before a lost exchange is tried again.
const RETRY: Duration = Duration::from_millis(200);

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

impl Exchange {
    /// Asks: rules, leaf, wire, verification, receipt.
    pub async fn ask(&self, question: Question) -> Result<Outcome, AskError> {
        let in_force = self.orders.in_force(&self.log, self.clock.now()).await?;
        let Composed { query, reservation } = match self.compose(&question, &in_force) {
            Ok(composed) => composed,
            Err(NotComposed::Impossible(error)) => return Err(error),
            Err(NotComposed::Declined { issuer, refusal }) => {
                return self.decline(&question, issuer, in_force.pack().digest(), refusal).await;
            }
        };
        let asked = Arc::new(Asked::new(query, self.entropy.seed()));
        let spendings = reservation.as_ref().map(|reservation| reservation.spendings().to_vec()).unwrap_or_default();
        let submitted = self.log.submit(Entry::Query(asked.clone()), spendings).await?;
        // The leaf has its place: whatever is ordered from here on stands behind it.
        drop(in_force);
        let appended = submitted.durable().await?;
        if let Some(reservation) = reservation {
            reservation.settle();
        }
        self.carry_through(asked, appended).await.map(|answer| Outcome::Answered(Box::new(answer)))
    }

    /// From a logged query to an answer with its receipt; closes the query with an `abandoned` leaf where none comes.
    pub async fn carry_through(&self, asked: Arc<Asked>, query: Appended) -> Result<Answer, AskError> {
        let (index, issuer) = (query.committed.place().index, asked.query().issuer);
        let answer = self.answer_to(asked, query).await;
        if let Err(error) = &answer {
            if let AskError::ReplyRefused(fault) = error {
                let labels = [("peer", issuer.as_str()), ("fault", fault.as_str())];
                self.metrics.count("creditbay_replies_refused_total", &labels);
            }
            self.close(index, issuer).await;
        }
        answer
    }

    async fn answer_to(&self, asked: Arc<Asked>, query: Appended) -> Result<Answer, AskError> {
        let index = query.committed.place().index;
        let (verified, root) = self.reply_to(&asked, &query).await?;
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
                Ok(Ok(frame)) => match self.verify(asked, query, &peer_log, &frame).await {
                    // The reply is there and its checkpoint is not: asked again, it comes under one that is.
                    Err(fault @ Fault::CheckpointMissing) => LinkError::Fault(fault),
                    verified => return verified.map_err(AskError::ReplyRefused),
                },
                Ok(Err(error)) => error,
                Err(_) => LinkError::Unreachable,
            };
            self.metrics.count("creditbay_link_errors_total", &[("peer", issuer.as_str()), ("why", error.name())]);
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
        let verified = attributed.include(asked, &root)?;
        let Reply::Answered(_) = verified.answer().reply else { return Ok((verified, root)) };
        let demand = self.demand(asked.query(), query.committed.time()).await.map_err(|_| Fault::NotWitnessed)?;
        let Some(demand) = demand else { return Ok((verified, root)) };
        // The cosignatures come with the checkpoint's note, which may be a moment behind the reply.
        let such = |note: &SignedCheckpoint| self.is_witnessed(asked.query(), &demand, note);
        let root = self.log.seen().root_such(peer_log, verified.place().size, such).await.ok_or(Fault::NotWitnessed)?;
        Ok((verified, root))
    }

    async fn decline(
        &self,
        question: &Question,
        issuer: Option<Region>,
        pack: Digest,
        refusal: Refusal,
    ) -> Result<Outcome, AskError> {
        self.metrics.count("creditbay_declined_total", &[("reason", refusal.name())]);
        let subject = match &question.subject {
            About::Entity(identifier) => DeclinedSubject::Known(*identifier),
            About::Bearer | About::NaturalPerson => DeclinedSubject::NaturalPerson,
        };
        let declined = Declined {
            asker: self.me,
            issuer,
            organisation: question.organisation,
            operator: question.operator,
            purpose: question.purpose,
            subject,
            predicates: question.predicates.clone(),
            pack,
            refusal,
        };
        let appended = self.log.append(Entry::Declined(Arc::new((declined, self.entropy.seed())))).await?;
        Ok(Outcome::Declined { refusal, index: appended.committed.place().index })
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
