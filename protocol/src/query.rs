//! The question that crosses the border (PROTOCOL 7).
//!
//! Not here: its leaf (`leaf`), its way there (`requester`), and whether it may be asked (rule pack).

use bincode::{Decode, Encode};
use creditbay_crypto::hash::Digest;

use crate::authorisation::{SignedAuthorisation, Uses};
use crate::calendar::Millis;
use crate::identifier::{Identifier, SubjectKind};
use crate::name::{OperatorId, OrganisationId, Region};
use crate::portfolio::UnderPortfolio;
use crate::predicate::{Lane, LegalBasis, Predicates, Purpose};
use crate::terms::{AuthorisedUse, Terms};

/// One subject, one purpose, one to eight predicates.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Query {
    /// The region whose node asks; the sender of the message.
    pub asker: Region,
    /// The region whose node is asked.
    pub issuer: Region,
    /// For whom it asks.
    pub organisation: OrganisationId,
    /// The person at the organisation who asks.
    pub operator: OperatorId,
    /// What the question is for.
    pub purpose: Purpose,
    /// About whom.
    pub subject: Subject,
    /// What is asked.
    pub predicates: Predicates,
    /// How the answer may be had.
    pub lane: Lane,
    /// On which basis in law.
    pub legal_basis: LegalBasis,
    /// SHA-256 of the rule pack's file.
    pub pack: Digest,
    /// After this time no answer is wanted.
    pub expires: Millis,
    /// The digest of the file that the subject brought, for predicates that match one.
    pub digest: Option<Digest>,
    /// What the subject permitted, in lane A.
    pub authorisation: Option<Presented>,
    /// The declared portfolio under which it is asked.
    pub portfolio: Option<UnderPortfolio>,
}

/// About whom a query is.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Subject {
    /// An entity, named by its identifier.
    Entity(Identifier),
    /// Whoever brought the report whose digest the query carries: a natural person, of whom nothing crosses.
    Bearer,
}

/// An authorisation with the number of this use.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Presented {
    /// What the entity permitted.
    pub signed: SignedAuthorisation,
    /// The how-manieth use, from 1.
    pub number: Uses,
}

impl Subject {
    /// The kind that leaves show.
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Entity(identifier) => identifier.subject_kind(),
            Self::Bearer => SubjectKind::NaturalPerson,
        }
    }

    /// The entity, where one is named.
    pub fn entity(&self) -> Option<&Identifier> {
        match self {
            Self::Entity(identifier) => Some(identifier),
            Self::Bearer => None,
        }
    }
}

impl Query {
    /// What the leaves of query and answer say in clear.
    pub fn terms(&self) -> Terms {
        Terms {
            asker: self.asker,
            issuer: self.issuer,
            organisation: self.organisation,
            purpose: self.purpose,
            subject_kind: self.subject.kind(),
            lane: self.lane,
            legal_basis: self.legal_basis,
            pack: self.pack,
            predicates: self.predicates.clone(),
            with_digest: self.digest.is_some(),
            authorisation: self.authorisation.as_ref().map(Presented::used),
            portfolio: self.portfolio,
        }
    }

    /// The bytes that a leaf's commitment to the subject hides: the identifier's, or, of a bearer, those of the report's digest.
    pub fn subject_bytes(&self) -> Vec<u8> {
        match (&self.subject, &self.digest) {
            (Subject::Entity(identifier), _) => identifier.canonical_bytes().to_vec(),
            (Subject::Bearer, Some(digest)) => digest.0.to_vec(),
            (Subject::Bearer, None) => Vec::new(),
        }
    }
}

impl Presented {
    fn used(&self) -> AuthorisedUse {
        let authorisation = &self.signed.authorisation;
        AuthorisedUse { authorisation: authorisation.digest(), number: self.number, of: authorisation.uses }
    }
}

/// Shows the terms, never the subject or the operator.
impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("terms", &self.terms()).finish_non_exhaustive()
    }
}

/// A question that the asker's own node refused. It becomes a leaf there and goes nowhere.
pub struct Declined {
    /// The region whose node was asked to ask.
    pub asker: Region,
    /// The region that would have answered, where the identifier or the service named one.
    pub issuer: Option<Region>,
    /// For whom.
    pub organisation: OrganisationId,
    /// The person at the organisation who wanted to ask.
    pub operator: OperatorId,
    /// What for.
    pub purpose: Purpose,
    /// What kind of subject; the identifier itself where it is an entity's. A natural person's is not kept, not even sealed.
    pub subject: DeclinedSubject,
    /// What would have been asked.
    pub predicates: Predicates,
    /// The pack that was active.
    pub pack: Digest,
    /// Why not.
    pub refusal: crate::refusal::Refusal,
}

/// About whom a declined question was.
pub enum DeclinedSubject {
    /// An entity that can be named by an identifier.
    Known(Identifier),
    /// A natural person, of whom nothing is kept.
    NaturalPerson,
}

impl DeclinedSubject {
    /// The kind that the leaf shows.
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Known(identifier) => identifier.subject_kind(),
            Self::NaturalPerson => SubjectKind::NaturalPerson,
        }
    }

    /// The bytes that the leaf's commitment hides: none for a natural person.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        match self {
            Self::Known(identifier) => identifier.canonical_bytes().to_vec(),
            Self::NaturalPerson => Vec::new(),
        }
    }
}
