//! A service's JSON, read into what the exchange takes: a question, or the declaration of a portfolio (PROTOCOL 25.1).
//!
//! What cannot be read is told by its place alone, since serde's own words repeat names and values of the input, which may identify
//! somebody. Not here: who the service is (`services`), and whether it may ask.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::authorisation::SignedAuthorisation;
use creditbay_protocol::identifier::{Identifier, IdentifierError, Scheme};
use creditbay_protocol::name::{OperatorId, OrganisationId, Region};
use creditbay_protocol::predicate::{Predicates, Purpose};
use serde::Deserialize;

use super::http::Problem;
use crate::exchange::compose::{About, Question};

/// Bytes of a request's body; the largest question, with an authorisation and eight lists of all domains, is below 4 KiB.
pub(super) const MAX_BODY_BYTES: usize = 16 * 1024;

/// The scheme of whoever brought a report: nobody's number.
const BEARER: &str = "bearer";

/// What a question holds, for whoever wrote one that cannot be read.
const QUESTION: &str = "a question holds purpose, operator, subject {scheme, value} or {scheme: \"bearer\"}, predicates [{shape, of, ...}] and, \
                        if wanted, issuer, authorisation {authorisation, signature}, digest and portfolio (64 hex digits each)";
/// What a declaration holds.
const DECLARATION: &str = "a declaration holds purpose, size (subjects at most) and days (how long it is open)";

/// A body as axum read it.
pub(super) type Body<T> = Result<Json<T>, JsonRejection>;

/// A question as a service writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    purpose: Purpose,
    operator: OperatorId,
    subject: NamedSubject,
    predicates: Predicates,
    issuer: Option<Region>,
    authorisation: Option<SignedAuthorisation>,
    digest: Option<Digest>,
    portfolio: Option<Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedSubject {
    scheme: String,
    value: Option<String>,
}

/// The declaration of a portfolio as a service writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    /// What for.
    pub(super) purpose: Purpose,
    /// About how many subjects at most.
    pub(super) size: u32,
    /// For how many days.
    pub(super) days: u32,
}

/// The question in a body, for this organisation.
pub(super) fn question(organisation: OrganisationId, body: Body<Asked>) -> Result<Question, Problem> {
    let Json(asked) = body.map_err(|rejection| refuse(&rejection, "The question", QUESTION))?;
    Ok(Question {
        organisation,
        operator: asked.operator,
        purpose: asked.purpose,
        subject: subject(&asked.subject)?,
        issuer: asked.issuer,
        predicates: asked.predicates,
        authorisation: asked.authorisation,
        digest: asked.digest,
        portfolio: asked.portfolio,
    })
}

/// The question in the bytes of a body, for this organisation.
pub fn read(organisation: OrganisationId, body: &[u8]) -> Result<Question, Problem> {
    question(organisation, Json::from_bytes(body))
}

/// The declaration in a body.
pub(super) fn declaration(body: Body<Declared>) -> Result<Declared, Problem> {
    body.map(|Json(declared)| declared).map_err(|rejection| refuse(&rejection, "The declaration", DECLARATION))
}

fn subject(subject: &NamedSubject) -> Result<About, Problem> {
    let bad = |detail: String| {
        Problem::new(StatusCode::BAD_REQUEST, "bad_identifier", "The subject's identifier cannot be read", detail)
    };
    let value = match (subject.scheme.as_str(), &subject.value) {
        (BEARER, None) => return Ok(About::Bearer),
        (BEARER, Some(_)) => return Err(bad("who brings a report is not named; leave `value` out".to_owned())),
        (_, Some(value)) => value,
        (_, None) => return Err(bad("`value` is missing; only the scheme `bearer` has none".to_owned())),
    };
    let scheme: Scheme =
        subject.scheme.parse().map_err(|_| bad("unknown scheme; one of uscc, hk-brn, mo-entity, lei, bearer".to_owned()))?;
    match Identifier::parse(scheme, value) {
        Ok(identifier) => Ok(About::Entity(identifier)),
        Err(IdentifierError::NaturalPerson { .. }) => Ok(About::NaturalPerson),
        Err(error) => Err(bad(error.to_string())),
    }
}

fn refuse(rejection: &JsonRejection, what: &str, holds: &str) -> Problem {
    let detail = match rejection {
        JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_) => {
            format!("{what} cannot be read at {}: {holds}", place(&rejection.body_text()))
        }
        _ => "send a JSON body with Content-Type: application/json".to_owned(),
    };
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", "The body cannot be read", detail)
}

/// `line L, column C` out of serde's message.
fn place(message: &str) -> String {
    let numbers = message.rsplit_once(" at line ").and_then(|(_, place)| place.split_once(" column "));
    match numbers.map(|(line, column)| (line.parse::<u32>(), column.parse::<u32>())) {
        Some((Ok(line), Ok(column))) => format!("line {line}, column {column}"),
        _ => "an unknown place".to_owned(),
    }
}

#[cfg(test)]
mod tests;
