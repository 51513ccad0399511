//! Questions of the story, put to the issuer, and what came of them in words.
//!
//! Not here: the story (`steps`).

use std::sync::Arc;

use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::{
    Agreed, Authorisation, Language, NamedSubject, Notice, SignedAuthorisation, Types, Uses,
};
use creditbay_protocol::calendar::Millis;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::Name;
use creditbay_protocol::predicate::{
    AttestationType, Lane, LegalBasis, Predicate, Predicates, Purpose, RegistrationStatus, Statuses,
};
use creditbay_protocol::query::{Query, Subject};
use creditbay_protocol::requester::Asked;

use super::super::super::ask::{Answer, Outcome};
use super::super::super::compose::Question;
use super::super::bay::{COMPANY, NOON, question, region, sample_key};
use super::ground::{editions, everybody};
use super::sea::Sea;
use crate::log::entry::Entry;

const DAY_MS: u64 = 86_400_000;

/// What the company permitted, signed by the issuer's channel.
pub(super) fn permitted() -> SignedAuthorisation {
    let authorisation = Authorisation {
        nonce: [0x42; 16],
        channel: Name::new("portal.gz").unwrap(),
        subject: NamedSubject(Identifier::parse(Scheme::Uscc, COMPANY).unwrap()),
        issuer: region("gz"),
        asker: region("hk"),
        organisation: Name::new("bank.hk").unwrap(),
        purpose: Purpose::Fin,
        types: Types::of(&[AttestationType::TaxGrade]).unwrap(),
        notice: Notice { version: 1, language: Language::ZhHans, digest: Digest::of(b"the notice") },
        agreed: Agreed { provide: true, sensitive: false, export: true },
        granted: Millis(NOON - 1_000),
        expires: Millis(NOON + 10 * DAY_MS),
        uses: Uses::new(9).unwrap(),
    };
    authorisation.sign(&sample_key("gz", "channel"))
}

/// A question under what was permitted.
pub(super) fn authorised() -> Question {
    let grade = Predicate::BandAtLeast { of: AttestationType::TaxGrade, band: 2, map: 1 };
    Question { authorisation: Some(permitted()), ..question(Purpose::Fin, grade) }
}

/// Asks, and says what came.
pub(super) async fn ask(sea: &Sea, question: Question) -> Result<String, String> {
    match sea.hk()?.ask(question).await {
        Ok(Outcome::Answered(answer)) => told(sea, &answer),
        Ok(Outcome::Declined { refusal, .. }) => Ok(format!("declined: {}", refusal.name())),
        Err(error) => Err(error.to_string()),
    }
}

/// A query that its node's rules would not let out.
pub(super) async fn rogue(sea: &Sea) -> Result<String, String> {
    let hk = sea.hk()?;
    let statuses = Statuses::of(&[RegistrationStatus::Active]).unwrap();
    let query = Query {
        asker: hk.me,
        issuer: region("gz"),
        organisation: Name::new("bank.hk").unwrap(),
        operator: Name::new("a.chan").unwrap(),
        purpose: Purpose::Prof,
        subject: Subject::Entity(Identifier::parse(Scheme::Uscc, COMPANY).unwrap()),
        predicates: Predicates::new(vec![Predicate::StatusIn { of: AttestationType::RegStatus, statuses }]).unwrap(),
        lane: Lane::Public,
        legal_basis: LegalBasis::CnPub,
        pack: editions()[0].digest(),
        expires: hk.clock.now().plus(30_000),
        digest: None,
        authorisation: None,
        portfolio: None,
    };
    let asked = Arc::new(Asked::new(query, hk.entropy.seed()));
    let appended = hk.log.append(Entry::Query(asked.clone())).await.map_err(|error| error.to_string())?;
    let answer = hk.carry_through(asked, appended).await.map_err(|error| error.to_string())?;
    told(sea, &answer)
}

/// What a service got: it verifies, and is remembered.
fn told(sea: &Sea, answer: &Answer) -> Result<String, String> {
    let attestation = answer.attestation();
    attestation.verify(&everybody().known_logs()).map_err(|faults| format!("an answer does not verify: {faults:?}"))?;
    let place = answer.verified().place();
    sea.around.words.lock().unwrap().told.insert((place.origin, place.index));
    match attestation.content.refusal {
        Some(refusal) => Ok(format!("refused: {}", refusal.name())),
        None => Ok(attestation.content.answers.iter().map(|answer| format!("{:?}", answer.verdict.truth)).collect()),
    }
}
