//! The services' door: `POST /v1/queries` with a bearer token, on loopback; and the metrics.
//!
//! Here bytes become a question. Not here: whether it may be asked.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use creditbay_configs::node::Service;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::identifier::{Identifier, IdentifierError, Scheme};
use creditbay_protocol::name::{OperatorId, OrganisationId, Region};
use creditbay_protocol::predicate::{Predicates, Purpose};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::http::Problem;
use crate::exchange::Exchange;
use crate::exchange::ask::Outcome;
use crate::exchange::compose::{About, Question};
use crate::log::fault::LogError;

/// Bytes of a request's body; the largest question is below 2 KiB.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// What the door needs.
pub struct Services {
    /// The exchange.
    pub exchange: Arc<Exchange>,
    /// Who may ask.
    pub services: Vec<Service>,
    /// Questions in flight.
    pub in_flight: Arc<Semaphore>,
    /// How long a service waits for its answer.
    pub patience: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    purpose: Purpose,
    operator: OperatorId,
    subject: NamedSubject,
    predicates: Predicates,
    issuer: Option<Region>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedSubject {
    scheme: String,
    value: String,
}

#[derive(Serialize)]
struct Answered {
    outcome: &'static str,
    attestation: Attestation,
}

/// The door.
pub fn router(services: Arc<Services>) -> Router {
    Router::new()
        .route("/v1/queries", post(ask))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(services)
}

async fn ask(State(door): State<Arc<Services>>, headers: HeaderMap, body: Result<Json<Asked>, JsonRejection>) -> Response {
    match answer(&door, &headers, body).await {
        Ok(answered) => Json(answered).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn answer(door: &Services, headers: &HeaderMap, body: Result<Json<Asked>, JsonRejection>) -> Result<Answered, Problem> {
    let organisation = authenticate(&door.services, headers)?;
    let Json(asked) = body.map_err(refuse_body)?;
    let question = Question {
        organisation,
        operator: asked.operator,
        purpose: asked.purpose,
        subject: read_subject(&asked.subject)?,
        issuer: asked.issuer,
        predicates: asked.predicates,
        authorisation: None,
        digest: None,
        portfolio: None,
    };
    let Ok(place) = door.in_flight.clone().try_acquire_owned() else {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Too many questions are in flight",
            "ask again in a moment, or raise limits.max_in_flight in node.toml",
        ));
    };
    // A task of its own: a service that hangs up, or waits no longer, leaves no query behind that nobody closes.
    let exchange = door.exchange.clone();
    let asking = tokio::spawn(async move {
        let outcome = exchange.ask(question).await;
        drop(place);
        outcome
    });
    let outcome = tokio::time::timeout(door.patience, asking).await.map_err(|_| out_of_patience(door.patience))?;
    match outcome.map_err(|_| Problem::from(LogError::Closed))?? {
        Outcome::Answered(answer) => {
            let attestation = answer.attestation();
            let outcome = if attestation.content.refusal.is_some() { "refused" } else { "answered" };
            Ok(Answered { outcome, attestation })
        }
        Outcome::Declined { refusal, index } => {
            let detail = format!("{refusal}; nothing left this node, leaf {index} of its log records it");
            let mut problem = Problem::new(StatusCode::FORBIDDEN, "declined", "This node does not ask that", detail);
            problem.reason = Some(refusal.name());
            problem.leaf = Some(index);
            Err(problem)
        }
    }
}

fn out_of_patience(patience: Duration) -> Problem {
    let detail = format!(
        "no answer within {} s (limits.request_timeout_seconds); the query stays in the log and is carried through or closed: ask again",
        patience.as_secs()
    );
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "no_answer", "The other node did not answer in time", detail)
}

fn authenticate(services: &[Service], headers: &HeaderMap) -> Result<OrganisationId, Problem> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let digest = token.map(|token| Digest::of(token.as_bytes()));
    // Digests are compared, so the time it takes says nothing of a token.
    let service = services.iter().find(|service| Some(service.token_sha256) == digest);
    service.map(|service| service.organisation).ok_or_else(|| {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorised",
            "No service with this token",
            "send Authorization: Bearer TOKEN; the operator enrols the token's SHA-256 under [[services]] in node.toml",
        )
    })
}

fn refuse_body(rejection: JsonRejection) -> Problem {
    let status = rejection.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(
            status,
            "too_large",
            "The question is too large",
            format!("at most {MAX_BODY_BYTES} bytes are read"),
        );
    }
    // serde's own words repeat names and values of the input, which may be an identifier: only the place is taken from them.
    let detail = match &rejection {
        JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_) => format!(
            "{}: a question holds purpose, operator, subject {{scheme, value}}, predicates [{{shape, of, ...}}] and, if wanted, issuer",
            place(&rejection.body_text())
        ),
        _ => "send a JSON body with Content-Type: application/json".to_owned(),
    };
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", "The question cannot be read", detail)
}

/// `line L column C` out of serde's message.
fn place(message: &str) -> String {
    let numbers = message.rsplit_once(" at line ").and_then(|(_, place)| place.split_once(" column "));
    match numbers.map(|(line, column)| (line.parse::<u32>(), column.parse::<u32>())) {
        Some((Ok(line), Ok(column))) => format!("line {line}, column {column}"),
        _ => "the body".to_owned(),
    }
}

fn read_subject(subject: &NamedSubject) -> Result<About, Problem> {
    let bad = |detail: String| {
        Problem::new(StatusCode::BAD_REQUEST, "bad_identifier", "The subject's identifier cannot be read", detail)
    };
    let scheme: Scheme =
        subject.scheme.parse().map_err(|_| bad("unknown scheme; one of uscc, hk-brn, mo-entity, lei".to_owned()))?;
    match Identifier::parse(scheme, &subject.value) {
        Ok(identifier) => Ok(About::Entity(identifier)),
        Err(IdentifierError::NaturalPerson { .. }) => Ok(About::NaturalPerson),
        Err(error) => Err(bad(error.to_string())),
    }
}

async fn metrics(State(door): State<Arc<Services>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], door.exchange.metrics.text())
}
