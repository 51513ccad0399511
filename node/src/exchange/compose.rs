//! From a service's question to a query, or why this node does not ask it (PROTOCOL 19).
//!
//! Not here: the leaf, the way to the peer, the answer (`ask`).

use creditbay_configs::rules::decide::Question as RuleQuestion;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::SignedAuthorisation;
use creditbay_protocol::identifier::{Identifier, SubjectKind};
use creditbay_protocol::name::{OperatorId, OrganisationId, Region};
use creditbay_protocol::portfolio::UnderPortfolio;
use creditbay_protocol::predicate::{Predicates, Purpose};
use creditbay_protocol::query::{Presented, Query, Subject};
use creditbay_protocol::refusal::Refusal;

use super::Exchange;
use super::fault::AskError;
use crate::log::fault::LogError;
use crate::policy;
use crate::policy::ledger::{Reservation, ReserveError};
use crate::policy::orders::InForce;
use crate::store::ledger as layout;

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
    /// What the subject permitted.
    pub authorisation: Option<SignedAuthorisation>,
    /// SHA-256 of the file that the subject brought.
    pub digest: Option<Digest>,
    /// The declared portfolio under which it is asked.
    pub portfolio: Option<Digest>,
}

/// About whom a question is.
pub enum About {
    /// An entity.
    Entity(Identifier),
    /// Whoever brought the report whose digest comes with the question.
    Bearer,
    /// A natural person by a number, of whom nothing is kept.
    NaturalPerson,
}

/// A query that this node may send, with what it spends.
pub struct Composed {
    /// The query.
    pub query: Query,
    /// The use of the authorisation, reserved.
    pub reservation: Option<Reservation>,
}

/// Why a question does not become a query.
pub enum NotComposed {
    /// The rules or this node's own word do not admit it: a leaf says so.
    Declined {
        /// Who would have been asked.
        issuer: Option<Region>,
        /// Why not.
        refusal: Refusal,
    },
    /// It cannot be asked at all.
    Impossible(AskError),
}

impl From<AskError> for NotComposed {
    fn from(error: AskError) -> Self {
        Self::Impossible(error)
    }
}

impl Exchange {
    /// The query for a question, under the pack in force.
    pub(super) fn compose(&self, question: &Question, in_force: &InForce<'_>) -> Result<Composed, NotComposed> {
        let declined = |issuer| move |refusal| NotComposed::Declined { issuer, refusal };
        let subject = match &question.subject {
            About::Entity(identifier) => Subject::Entity(*identifier),
            About::Bearer => Subject::Bearer,
            About::NaturalPerson => return Err(declined(question.issuer)(Refusal::NaturalPerson)),
        };
        let issuer = self.issuer_of(question)?;
        let permit =
            policy::may_ask(in_force, &self.rule_question(question, issuer, subject.kind())).map_err(declined(Some(issuer)))?;
        let now = self.clock.now();
        let portfolio = self.under_portfolio(question, issuer)?;
        let (authorisation, reservation) = match &question.authorisation {
            None => (None, None),
            Some(signed) => {
                let of = signed.authorisation.uses;
                let reserved = self.ledger.reserve_use(signed.authorisation.digest(), of, now).map_err(not_reserved(issuer))?;
                (Some(Presented { signed: signed.clone(), number: reserved.1 }), Some(reserved.0))
            }
        };
        let query = Query {
            asker: self.me,
            issuer,
            organisation: question.organisation,
            operator: question.operator,
            purpose: question.purpose,
            subject,
            predicates: question.predicates.clone(),
            lane: permit.lane(),
            legal_basis: permit.legal_basis(),
            pack: in_force.pack().digest(),
            expires: now.plus(self.query_lifetime_ms),
            digest: question.digest,
            authorisation,
            portfolio,
        };
        policy::check_authorisation(in_force, &self.directory, &query, now).map_err(declined(Some(issuer)))?;
        Ok(Composed { query, reservation })
    }

    fn issuer_of(&self, question: &Question) -> Result<Region, AskError> {
        let from_code = || match &question.subject {
            About::Entity(identifier) => self.directory.issuer_of(identifier),
            About::Bearer | About::NaturalPerson => None,
        };
        let issuer = question.issuer.or_else(from_code);
        let issuer = issuer.filter(|issuer| self.directory.entry(*issuer).is_some()).ok_or(AskError::NoIssuer)?;
        if issuer == self.me { Err(AskError::OwnSubject) } else { Ok(issuer) }
    }

    /// The portfolio, if it was declared here for this organisation and purpose and is not over.
    fn under_portfolio(&self, question: &Question, issuer: Region) -> Result<Option<UnderPortfolio>, NotComposed> {
        let Some(portfolio) = question.portfolio else { return Ok(None) };
        let declared =
            layout::declaration(&**self.log.store(), &portfolio).map_err(|error| AskError::Log(LogError::Rows(error)))?;
        let fits = declared.filter(|declared| {
            (declared.organisation, declared.purpose) == (question.organisation, question.purpose)
                && self.clock.now() < declared.until
        });
        match fits {
            Some(declared) => Ok(Some(UnderPortfolio { portfolio, size: declared.size })),
            None => Err(NotComposed::Declined { issuer: Some(issuer), refusal: Refusal::PortfolioUnknown }),
        }
    }

    fn rule_question<'a>(&self, question: &'a Question, issuer: Region, subject_kind: SubjectKind) -> RuleQuestion<'a> {
        RuleQuestion {
            asker: self.me,
            issuer,
            organisation: question.organisation,
            purpose: question.purpose,
            subject_kind,
            predicates: question.predicates.as_slice(),
            with_digest: question.digest.is_some(),
            standing: self.directory.standing(self.me, question.organisation, issuer),
        }
    }
}

fn not_reserved(issuer: Region) -> impl Fn(ReserveError) -> NotComposed {
    move |error| match error {
        ReserveError::Spent(refusal) => NotComposed::Declined { issuer: Some(issuer), refusal },
        ReserveError::Unreadable(error) => NotComposed::Impossible(AskError::Log(LogError::Rows(error))),
        ReserveError::Key(error) => NotComposed::Impossible(AskError::Log(LogError::Sealing(error.to_string()))),
    }
}
