//! What all doors over HTTP share: the one map from an error to a problem document (RFC 9457), and how much of a body is read.
//!
//! What a problem says never holds an identifier, an answer or a key.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio_stream::StreamExt;

use crate::exchange::erase::EraseError;
use crate::exchange::fault::AskError;
use crate::exchange::open::OpenError;
use crate::exchange::order::OrderError;
use crate::log::fault::LogError;

/// A problem document.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// The problem's name.
    #[serde(rename = "type")]
    pub name: &'static str,
    /// The problem in a few words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened, and what to do next.
    pub detail: String,
    /// Why a question was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The leaf that records it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<u64>,
}

impl Problem {
    /// A problem with a status, a name, a title, and what to do.
    pub fn new(status: StatusCode, name: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { name, title, status: status.as_u16(), detail: detail.into(), reason: None, leaf: None }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let named = Named(self.name);
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(self)).into_response();
        response.extensions_mut().insert(named);
        response
    }
}

/// The problem's name, beside the response that tells of it: for whoever counts.
#[derive(Debug, Clone, Copy)]
pub struct Named(pub &'static str);

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        let detail = error.to_string();
        match error {
            AskError::NoIssuer => Self::new(StatusCode::NOT_FOUND, "no_issuer", "No node answers for this identifier", detail),
            AskError::OwnSubject => Self::new(StatusCode::CONFLICT, "own_subject", "The subject is this node's own", detail),
            AskError::NoAnswer(_) => Self::new(StatusCode::GATEWAY_TIMEOUT, "no_answer", "The other node did not answer", detail),
            AskError::ReplyRefused(_) => Self::new(StatusCode::BAD_GATEWAY, "reply_refused", "The reply did not verify", detail),
            AskError::Log(error) => error.into(),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        let name = match error {
            LogError::Clock(_) => "clock_unsure",
            LogError::DiskLow { .. } => "disk_low",
            _ => "log_stopped",
        };
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            name,
            "The log takes nothing now, so nothing is asked or answered",
            error.to_string(),
        )
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        let detail = error.to_string();
        match error {
            OpenError::Count(_) | OpenError::NoField | OpenError::Ground => {
                Self::new(StatusCode::BAD_REQUEST, "bad_request", "The openings cannot be shown like this", detail)
            }
            OpenError::NoLeaf { .. } => Self::new(StatusCode::NOT_FOUND, "no_leaf", "No such leaf", detail),
            OpenError::OtherLog(_) => Self::new(StatusCode::NOT_FOUND, "no_log", "No such log", detail),
            OpenError::Lost(_) | OpenError::Damaged(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "opening_lost", "What opens the leaf is not there", detail)
            }
            OpenError::Log(error) => error.into(),
        }
    }
}

impl From<EraseError> for Problem {
    fn from(error: EraseError) -> Self {
        let detail = error.to_string();
        let conflict = |name, title, detail| Self::new(StatusCode::CONFLICT, name, title, detail);
        match error {
            EraseError::StillUsable { .. } => conflict("still_usable", "Answers may still be used", detail),
            EraseError::UnderWay { .. } => conflict("under_way", "Exchanges are under way", detail),
            EraseError::NotAnOperatorsGround => {
                Self::new(StatusCode::BAD_REQUEST, "bad_ground", "No ground of an operator", detail)
            }
            EraseError::NoLeaf { .. } => Self::new(StatusCode::NOT_FOUND, "no_leaf", "No such leaf", detail),
            EraseError::OtherLog(_) => Self::new(StatusCode::NOT_FOUND, "no_log", "No such log", detail),
            EraseError::Log(error) => error.into(),
            EraseError::Records(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "records_unread", "The records cannot be read or written", detail)
            }
        }
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        let detail = error.to_string();
        let status = StatusCode::BAD_REQUEST;
        match error {
            OrderError::ChannelUnknown => Self::new(status, "channel_unknown", "No channel of that name", detail),
            OrderError::Forged(_) => Self::new(StatusCode::FORBIDDEN, "forged", "The channel did not sign this", detail),
            OrderError::NoPeer => Self::new(status, "no_peer", "No such peer", detail),
            OrderError::PortfolioTooLarge { .. } => {
                Self::new(status, "portfolio_too_large", "The portfolio is too large", detail)
            }
            OrderError::NotSuspended(_) => Self::new(StatusCode::CONFLICT, "not_suspended", "That log is trusted", detail),
            OrderError::Reason => Self::new(status, "no_reason", "A decision has a reason", detail),
            OrderError::Log(error) => error.into(),
        }
    }
}

/// Bytes beyond the bound that are read and thrown away before a body is refused: a client that is still writing when the door closes
/// would see a broken connection instead of the reason.
const DISCARDED_BYTES: usize = 4 << 20;
/// How long a body may take.
const BODY_WAIT: Duration = Duration::from_secs(10);

/// Reads a body of at most `MAX` bytes whole, so that what comes after never waits for it, or refuses it.
pub async fn bounded<const MAX: usize>(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_WAIT, read::<MAX>(body.into_data_stream())).await;
    match read {
        Ok(Ok(body)) => next.run(Request::from_parts(head, Body::from(body))).await,
        Ok(Err(problem)) => problem.into_response(),
        Err(_) => {
            let detail = format!("the body did not come within {} s; send it again", BODY_WAIT.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "The body came too slowly", detail).into_response()
        }
    }
}

async fn read<const MAX: usize>(mut pieces: BodyDataStream) -> Result<Bytes, Problem> {
    let (mut body, mut length) = (Vec::new(), 0usize);
    while let Some(piece) = pieces.next().await {
        let broken = |_| Problem::new(StatusCode::BAD_REQUEST, "bad_request", "The body broke off", "send it again, whole");
        let piece = piece.map_err(broken)?;
        length = length.saturating_add(piece.len());
        if length <= MAX {
            body.extend_from_slice(&piece);
        } else if length > MAX + DISCARDED_BYTES {
            break;
        }
    }
    if length <= MAX {
        return Ok(body.into());
    }
    let detail = format!("the body has more than {MAX} bytes, which is all that is read; leave out what it does not need");
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large", detail))
}
