//! Orders of the operator and of channels, through the operator's door (PROTOCOL 25.3).
//!
//! A withdrawal carries its channel's signature, so whoever hands it in need not be trusted. Not here: what an order forbids.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use creditbay_protocol::authorisation::SignedWithdrawal;
use creditbay_protocol::event::{RetirementGround, Suspended, UnknownGround};
use creditbay_protocol::name::{Origin, Region};
use creditbay_protocol::predicate::AttestationType;
use serde::{Deserialize, Serialize};

use super::Admin;
use crate::serve::http::Problem;

/// The routes of this file.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/v1/authorisations/withdrawals", post(withdraw))
        .route("/v1/suspensions", post(suspend))
        .route("/v1/log/retirement", post(retire))
}

/// The leaf that says what was ordered.
#[derive(Serialize)]
struct Ordered {
    leaf: u64,
}

/// Exactly one of peer and type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suspension {
    peer: Option<Region>,
    r#type: Option<AttestationType>,
    in_force: bool,
}

/// The log, as a check that it is the one that is meant, and why it ends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Retirement {
    log: Origin,
    ground: String,
}

/// The log's last word.
#[derive(Serialize)]
struct Retired {
    leaf: u64,
    size: u64,
    root: String,
    note: String,
}

async fn retire(State(admin): State<Arc<Admin>>, Json(retirement): Json<Retirement>) -> Result<Json<Retired>, Problem> {
    let own = admin.exchange.log.origin();
    if retirement.log != *own {
        let detail = format!("this node's log is {own}; name it, or another node");
        return Err(Problem::new(StatusCode::CONFLICT, "other_log", "That is not this node's log", detail));
    }
    let ground: RetirementGround = retirement.ground.parse().map_err(|error: UnknownGround| {
        Problem::new(StatusCode::BAD_REQUEST, "bad_request", "No such ground", error.to_string())
    })?;
    let head = admin.exchange.retire(ground).await?;
    let signed = head.signed();
    let checkpoint = signed.checkpoint();
    tracing::warn!(log = %own, size = checkpoint.size, %ground, "the log was retired; nothing is asked or answered from now on");
    Ok(Json(Retired {
        leaf: checkpoint.size - 1,
        size: checkpoint.size,
        root: checkpoint.root.to_base64(),
        note: String::from_utf8_lossy(&signed.note_bytes()).into_owned(),
    }))
}

async fn withdraw(State(admin): State<Arc<Admin>>, Json(signed): Json<SignedWithdrawal>) -> Result<Json<Ordered>, Problem> {
    let leaf = admin.exchange.withdraw(&signed).await?;
    tracing::info!(authorisation = %signed.withdrawal.authorisation, leaf, "an authorisation was withdrawn");
    Ok(Json(Ordered { leaf }))
}

async fn suspend(State(admin): State<Arc<Admin>>, Json(order): Json<Suspension>) -> Result<Json<Ordered>, Problem> {
    let of = match (order.peer, order.r#type) {
        (Some(peer), None) => Suspended::Peer(peer),
        (None, Some(of)) => Suspended::Type(of),
        _ => {
            let detail = "name either `peer` or `type`";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_request", "One thing is suspended at a time", detail));
        }
    };
    let leaf = admin.exchange.suspend(of, order.in_force).await?;
    tracing::info!(%of, in_force = order.in_force, leaf, "a suspension changed");
    Ok(Json(Ordered { leaf }))
}
