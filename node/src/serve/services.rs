//! The services' door: `POST /v1/queries` and `POST /v1/portfolios` with a bearer token, on loopback; and the metrics (PROTOCOL 25.1).
//!
//! Not here: how a body is read (`question`), and whether it may be asked.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use creditbay_configs::node::Service;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::attestation::Attestation;
use creditbay_protocol::name::OrganisationId;
use creditbay_protocol::predicate::Purpose;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::bounded::Bounds;
use super::http::{self, Named, Problem};
use super::question::{self, Asked, Body, Declared, MAX_BODY_BYTES};
use crate::exchange::Exchange;
use crate::exchange::ask::Outcome;
use crate::log::fault::LogError;

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

/// How much longer than for its answer a service may be silent.
const SILENCE: Duration = Duration::from_secs(30);

impl Services {
    /// So many may be in, and so quiet.
    pub fn bounds(&self, visitors: usize) -> Bounds {
        Bounds { visitors, silence: self.patience + SILENCE }
    }
}

#[derive(Serialize)]
struct Answered {
    outcome: &'static str,
    attestation: Attestation,
}

/// A portfolio that was declared.
#[derive(Serialize)]
struct Open {
    /// Its digest, which questions under it name.
    portfolio: Digest,
    purpose: Purpose,
    size: u32,
    /// In UTC.
    until: String,
}

/// The door.
pub fn router(services: Arc<Services>) -> Router {
    Router::new()
        .route("/v1/queries", post(ask))
        .route("/v1/portfolios", post(declare))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(middleware::from_fn(http::bounded::<MAX_BODY_BYTES>))
        .layer(middleware::from_fn_with_state(services.clone(), counted))
        .with_state(services)
}

/// Every problem that the door tells of is counted under its name.
async fn counted(State(door): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(Named(problem)) = response.extensions().get() {
        door.exchange.metrics.count("creditbay_problems_total", &[("problem", problem)]);
    }
    response
}

async fn ask(State(door): State<Arc<Services>>, headers: HeaderMap, body: Body<Asked>) -> Response {
    match answer(&door, &headers, body).await {
        Ok(answered) => Json(answered).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn declare(State(door): State<Arc<Services>>, headers: HeaderMap, body: Body<Declared>) -> Result<Json<Open>, Problem> {
    let organisation = authenticate(&door.services, &headers)?;
    let Declared { purpose, size, days } = question::declaration(body)?;
    let portfolio = door.exchange.declare(organisation, purpose, size, days).await?;
    Ok(Json(Open { portfolio: portfolio.digest(), purpose, size, until: portfolio.until.to_string() }))
}

async fn answer(door: &Services, headers: &HeaderMap, body: Body<Asked>) -> Result<Answered, Problem> {
    let question = question::question(authenticate(&door.services, headers)?, body)?;
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

async fn metrics(State(door): State<Arc<Services>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], door.exchange.metrics.text())
}
