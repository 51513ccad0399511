//! Orders of the operator and of channels, through the operator's door (PROTOCOL 25.3).
//!
//! A withdrawal carries its channel's signature, so whoever hands it in need not be trusted. Not here: what an order forbids.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use creditbay_protocol::authorisation::SignedWithdrawal;
use creditbay_protocol::event::Suspended;
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::AttestationType;
use serde::{Deserialize, Serialize};

use super::Admin;
use crate::serve::http::Problem;

/// The routes of this file.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new().route("/v1/authorisations/withdrawals", post(withdraw)).route("/v1/suspensions", post(suspend))
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
