//! The one question that benches ask, and the query that a node makes of it.
//!
//! Not here: the questions of the samples (`samples`).

use creditbay_crypto::hash::Digest;
use creditbay_node::exchange::compose::{About, Question};
use creditbay_node::host::clock::Clock;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::{Name, Region};
use creditbay_protocol::predicate::{AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose};
use creditbay_protocol::query::{Query, Subject};

/// Whom it is about.
pub const COMPANY: &str = "91440101MA9XTEAT0A";

/// A bank's question about a company that Guangzhou holds.
pub fn question() -> Question {
    Question {
        organisation: Name::new("bank.hk").expect("invariant: a name"),
        operator: Name::new("bench").expect("invariant: a name"),
        purpose: Purpose::Fin,
        subject: About::Entity(Identifier::parse(Scheme::Uscc, COMPANY).expect("invariant: a valid code")),
        issuer: None,
        predicates: Predicates::new(vec![Predicate::NotListed { of: AttestationType::SerAny, window_months: 0 }])
            .expect("invariant: one predicate"),
        authorisation: None,
        digest: None,
        portfolio: None,
    }
}

/// The same question as a query that its node has already allowed.
pub fn query(asker: Region, issuer: Region, pack: Digest, clock: &Clock) -> Query {
    let question = question();
    let About::Entity(subject) = question.subject else { unreachable!("the question is about a company") };
    Query {
        asker,
        issuer,
        organisation: question.organisation,
        operator: question.operator,
        purpose: question.purpose,
        subject: Subject::Entity(subject),
        predicates: question.predicates,
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack,
        expires: clock.now().plus(30_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    }
}
