//! The one map from an error to a problem document (RFC 9457). What it says never holds an identifier, an answer or a key.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::watch;

use crate::exchange::fault::AskError;
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
        (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(self)).into_response()
    }
}

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
            OrderError::Log(error) => error.into(),
        }
    }
}

/// Serves a door over TCP until `closing` says true; requests that came before are answered.
pub async fn serve(listener: tokio::net::TcpListener, router: axum::Router, mut closing: watch::Receiver<bool>) {
    let closed = async move { drop(closing.wait_for(|closing| *closing).await) };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(closed).await {
        tracing::error!("a door closed: {error}");
    }
}
