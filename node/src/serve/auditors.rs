//! The auditors' door: the checkpoint and the hash tiles for everybody, entry bundles for enrolled auditors (C2SP tlog-tiles), and the
//! witness's one POST, `add-checkpoint`, with what it cosigned (C2SP tlog-witness).
//!
//! Not here: TLS.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use creditbay_configs::node::Auditor;
use creditbay_crypto::hash::base64_decode;
use creditbay_crypto::label::Label;
use creditbay_crypto::sign::Signature;
use creditbay_protocol::limits::FRESHNESS_MS;
use creditbay_protocol::tile::TilePath;
use creditbay_protocol::witness::{MAX_SUBMISSION_BYTES, SIZE_TYPE, WitnessFault};

use super::bounded::Bounds;
use super::http::{self, Problem};
use super::page::{self, Front};
use super::published;
use crate::exchange::Exchange;
use crate::witness::door::{Door, DoorFault};

/// How far a request's time may lie from this clock, in milliseconds: ten times what messages between nodes are allowed.
const REQUEST_FRESHNESS_MS: u64 = 10 * FRESHNESS_MS;

/// How long a visitor may be silent. Whoever wants to read on connects again.
const SILENCE: Duration = Duration::from_secs(30);

/// So many may be in, and so quiet.
pub fn bounds(visitors: usize) -> Bounds {
    Bounds { visitors, silence: SILENCE }
}

/// What the door needs.
pub struct Auditors {
    /// The exchange.
    pub exchange: Arc<Exchange>,
    /// Who may read entry bundles.
    pub auditors: Vec<Auditor>,
    /// What cosigns others' checkpoints.
    pub witness: Arc<Door>,
}

/// The door.
pub fn router(auditors: Arc<Auditors>) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/checkpoint", get(checkpoint))
        .route("/add-checkpoint", post(add_checkpoint).layer(middleware::from_fn(http::bounded::<MAX_SUBMISSION_BYTES>)))
        .route("/{origin}/checkpoint", get(cosigned))
        .route("/tile/{*path}", get(tile))
        .layer(axum::middleware::from_fn(published::bear))
        .with_state(auditors)
}

async fn front(State(door): State<Arc<Auditors>>) -> Response {
    let exchange = &door.exchange;
    let Some(entry) = exchange.directory.entry(exchange.me) else { return StatusCode::NOT_FOUND.into_response() };
    let (head, running) = (exchange.heads.published(), exchange.log.running().is_ok());
    let in_force = exchange.orders.read().await;
    Html(page::front(&Front { head: &head.note, entry, pack: in_force.pack(), running })).into_response()
}

async fn checkpoint(State(door): State<Arc<Auditors>>) -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "max-age=1")];
    (headers, door.exchange.heads.published().note.note_bytes())
}

/// C2SP tlog-witness: the cosignature, or one of its statuses with a sentence.
async fn add_checkpoint(State(door): State<Arc<Auditors>>, body: Bytes) -> Response {
    let text = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    match door.witness.add_checkpoint(&body).await {
        Ok(line) => (text, line).into_response(),
        Err(DoorFault::Refused(WitnessFault::Conflict { latest })) => {
            (StatusCode::CONFLICT, [(header::CONTENT_TYPE, SIZE_TYPE)], format!("{latest}\n")).into_response()
        }
        Err(DoorFault::Refused(fault)) => {
            let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, text, format!("{fault}\n")).into_response()
        }
        Err(fault @ (DoorFault::Store(_) | DoorFault::Signing(_))) => {
            tracing::error!("nothing was cosigned: {fault}");
            (StatusCode::INTERNAL_SERVER_ERROR, text, "this witness cosigns nothing now\n").into_response()
        }
    }
}

async fn cosigned(State(door): State<Arc<Auditors>>, Path(origin): Path<String>) -> Response {
    match door.witness.newest(&origin).await {
        Some(note) => {
            let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "max-age=1")];
            (headers, note).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn tile(State(door): State<Arc<Auditors>>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    let path = format!("tile/{path}");
    let Ok(tile) = TilePath::parse(&path) else {
        return Problem::new(StatusCode::NOT_FOUND, "no_tile", "No such tile", "the path is not one of C2SP tlog-tiles")
            .into_response();
    };
    if tile.level.is_none()
        && let Err(problem) = admit(&door, &headers, &path)
    {
        return problem.into_response();
    }
    match door.exchange.log.tile(&tile) {
        Ok(Some(bytes)) => {
            // Entries are for the auditor who asked, and for no cache between.
            let kept = if tile.level.is_none() { "private, max-age=31536000, immutable" } else { "max-age=31536000, immutable" };
            let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, kept)];
            (headers, bytes).into_response()
        }
        Ok(None) => {
            Problem::new(StatusCode::NOT_FOUND, "no_tile", "No such tile", "the published tree is smaller; see /checkpoint")
                .into_response()
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

/// `Authorization: CreditBay-Auditor <name> <unix seconds> <base64 signature>`, signed over the label, the request line and the time.
fn admit(door: &Auditors, headers: &HeaderMap, path: &str) -> Result<(), Problem> {
    let refused = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthorised",
            "Entry bundles are for enrolled auditors",
            "sign the request with an enrolled key: creditbay log verify URL --auditor-key FILE --auditor-name NAME",
        )
    };
    let claim = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("CreditBay-Auditor "));
    let mut parts = claim.ok_or_else(refused)?.split(' ');
    let (Some(name), Some(seconds), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(refused());
    };
    let auditor = door.auditors.iter().find(|auditor| auditor.name.as_str() == name).ok_or_else(refused)?;
    let at: u64 = seconds.parse().map_err(|_| refused())?;
    if at.saturating_mul(1000).abs_diff(door.exchange.clock.now().0) > REQUEST_FRESHNESS_MS {
        return Err(refused());
    }
    let signature = base64_decode(signature).ok().and_then(|bytes| <[u8; 64]>::try_from(bytes).ok()).ok_or_else(refused)?;
    let signed = [Label::AUDITOR_REQUEST.as_bytes(), b"\0GET /", path.as_bytes(), b"\n", seconds.as_bytes(), b"\n"].concat();
    auditor.vkey.key().verify(&signed, &Signature(signature)).map_err(|_| refused())
}
