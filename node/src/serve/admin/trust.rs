//! Alarms about logs, their evidence, and the operator's decision to trust one again, through the operator's door (PROTOCOL 31.4).
//!
//! Not here: what gives cause for an alarm.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use creditbay_protocol::name::{Origin, Region};
use serde::{Deserialize, Serialize};

use super::Admin;
use crate::log::fault::LogError;
use crate::serve::http::Problem;

/// The routes of this file.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/v1/trust", get(list))
        .route("/v1/trust/evidence", get(evidence))
        .route("/v1/trust/decisions", post(decide))
}

#[derive(Serialize)]
struct Listed {
    log: String,
    peer: Option<Region>,
    suspended: Option<String>,
    cases: Vec<ListedCase>,
}

#[derive(Serialize)]
struct ListedCase {
    number: u32,
    alarm: String,
    what: String,
    size: u64,
    since: String,
    evidence: String,
    decided: Option<ListedDecision>,
}

#[derive(Serialize)]
struct ListedDecision {
    at: String,
    reason: String,
    leaf: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    log: Origin,
    case: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    peer: Region,
    reason: String,
}

#[derive(Serialize)]
struct Decided {
    leaf: u64,
}

async fn list(State(admin): State<Arc<Admin>>) -> Result<Json<Vec<Listed>>, Problem> {
    let exchange = &admin.exchange;
    let trust = exchange.log.seen().trust();
    let listed = exchange.directory.regions().iter().map(|entry| {
        let cases = trust.cases(&entry.log_origin).map_err(LogError::Rows)?;
        let cases = cases.into_iter().map(|case| ListedCase {
            number: case.number,
            alarm: case.alarm,
            what: case.what,
            size: case.size,
            since: case.since.to_string(),
            evidence: case.evidence.to_string(),
            decided: case.decided.map(|decision| ListedDecision {
                at: decision.at.to_string(),
                reason: decision.reason,
                leaf: decision.leaf,
            }),
        });
        Ok(Listed {
            log: entry.log_origin.to_string(),
            peer: (entry.name != exchange.me).then_some(entry.name),
            suspended: trust.suspended(&entry.log_origin),
            cases: cases.collect(),
        })
    });
    listed.collect::<Result<Vec<_>, LogError>>().map(Json).map_err(Problem::from)
}

async fn evidence(State(admin): State<Arc<Admin>>, Query(which): Query<Which>) -> Response {
    match admin.exchange.log.seen().trust().evidence(&which.log, which.case) {
        Ok(bytes) if !bytes.is_empty() => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Ok(_) => {
            let detail = "`creditbay trust show` lists the cases of each log";
            Problem::new(StatusCode::NOT_FOUND, "no_case", "No such case", detail).into_response()
        }
        Err(error) => Problem::from(LogError::Store(error)).into_response(),
    }
}

async fn decide(State(admin): State<Arc<Admin>>, Json(decision): Json<Decision>) -> Result<Json<Decided>, Problem> {
    let leaf = admin.exchange.trust_again(decision.peer, &decision.reason).await?;
    tracing::warn!(peer = %decision.peer, leaf, "the operator decided to trust a log again");
    Ok(Json(Decided { leaf }))
}
