//! Showing openings and erasing them, through the operator's door (PROTOCOL 25.3 and 32).
//!
//! Both are leaves before they are done. Not here: how (`exchange`).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use creditbay_protocol::calendar::Day;
use creditbay_protocol::erasure::ErasureGround;
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::Origin;
use creditbay_protocol::shown::Field;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::Admin;
use crate::exchange::Exchange;
use crate::exchange::erase::{ErasureReport, Target};
use crate::exchange::erasures::RetentionState;
use crate::serve::http::Problem;
use crate::store::erasure as rows;

/// Lines of progress that wait at most; more are left out.
const QUEUE: usize = 16;

/// How often a client that waits hears that it goes on.
const BEAT: Duration = Duration::from_secs(20);

/// The routes of this file.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new().route("/v1/openings", post(open)).route("/v1/erasures", post(erase).get(outstanding))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    indices: Vec<u64>,
    fields: Vec<Field>,
    ground: String,
    /// The log, where it is the one before the current one.
    log: Option<Origin>,
}

/// One line of JSON for each leaf.
async fn open(State(admin): State<Arc<Admin>>, Json(asked): Json<Asked>) -> Result<Response, Problem> {
    let log = asked.log.unwrap_or(*admin.exchange.log.origin());
    let lines = admin.exchange.open_in(log, asked.indices, &asked.fields, asked.ground).await?;
    tracing::info!(leaves = lines.len(), "openings were shown");
    let mut text = String::new();
    for line in &lines {
        let line = serde_json::to_string(line);
        text += &line.map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "No JSON", "report this"))?;
        text.push('\n');
    }
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], text).into_response())
}

/// Exactly one of index, subject and before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered {
    index: Option<u64>,
    subject: Option<Subject>,
    before: Option<Day>,
    ground: ErasureGround,
    #[serde(default)]
    force_early: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    scheme: String,
    identifier: String,
}

#[derive(Serialize)]
struct Erased {
    leaves: Vec<u64>,
    exchanges: u64,
    receipts: u64,
    told: u64,
    waits_for_peers: bool,
    keys_destroyed: u64,
    sealed_anew: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Progress {
        leaves: u64,
        of: u64,
    },
    /// So that who waits knows that it goes on.
    Working,
    Done(Erased),
    Failed(Problem),
}

/// Lines of JSON: how far the walk is, then what was erased or why nothing was.
async fn erase(State(admin): State<Arc<Admin>>, Json(ordered): Json<Ordered>) -> Result<Response, Problem> {
    let (ground, force_early) = (ordered.ground, ordered.force_early);
    let target = target(ordered)?;
    let exchange = admin.exchange.clone();
    let (lines, report) = mpsc::channel::<Line>(QUEUE);
    // A task of its own: what was begun is finished, whether or not somebody waits for it.
    tokio::spawn(async move {
        let of = exchange.log.head().signed().checkpoint().size;
        let progress = lines.clone();
        let met = move |leaves| drop(progress.try_send(Line::Progress { leaves, of }));
        let erasing = exchange.erase(target, ground, force_early, met);
        let last = match heard_meanwhile(erasing, &lines).await {
            Ok(report) => {
                let (exchanges, receipts) = (report.exchanges, report.receipts);
                tracing::info!(%ground, exchanges, receipts, told = report.told, "an erasure was ordered and logged");
                Line::Done(done(report))
            }
            Err(error) => Line::Failed(error.into()),
        };
        let _ = lines.send(last).await;
    });
    let body = ReceiverStream::new(report).map(|line| {
        let mut text = serde_json::to_vec(&line).unwrap_or_default();
        text.push(b'\n');
        Ok::<_, Infallible>(Bytes::from(text))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response())
}

async fn heard_meanwhile<T>(task: impl Future<Output = T>, lines: &mpsc::Sender<Line>) -> T {
    let mut task = std::pin::pin!(task);
    let mut beats = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            done = &mut task => return done,
            _ = beats.tick() => drop(lines.try_send(Line::Working)),
        }
    }
}

fn target(ordered: Ordered) -> Result<Target, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "bad_request", "What is to be erased is not said", detail);
    match (ordered.index, ordered.subject, ordered.before) {
        (Some(index), None, None) => Ok(Target::Leaf(index)),
        (None, Some(subject), None) => {
            let scheme = Scheme::from_name(&subject.scheme).ok_or_else(|| bad("name a scheme of identifiers".to_owned()))?;
            let identifier = Identifier::parse(scheme, &subject.identifier).map_err(|error| bad(error.to_string()))?;
            Ok(Target::Subject(identifier))
        }
        (None, None, Some(before)) => Ok(Target::Before(before)),
        _ => Err(bad("name exactly one of `index`, `subject` and `before`".to_owned())),
    }
}

fn done(report: ErasureReport) -> Erased {
    let ErasureReport { leaves, exchanges, receipts, told, waits, keys, sealed_anew } = report;
    Erased { leaves, exchanges, receipts, told, waits_for_peers: waits, keys_destroyed: keys, sealed_anew }
}

/// How erasure stands, for the operator.
#[derive(Serialize)]
pub(super) struct ErasureStatus {
    /// Erasures that are logged and not carried through yet.
    pending: Option<usize>,
    /// Notices that no peer has acknowledged.
    outstanding: Vec<Outstanding>,
    /// The day of the last run of retention that came to its end.
    retention_done: Option<Day>,
    /// What retention erased since the start.
    retention_erased: u64,
    /// Why the last run did not come to its end.
    retention_failed: Option<String>,
}

#[derive(Serialize)]
struct Outstanding {
    peer: String,
    notices: u64,
    oldest_leaf: u64,
}

async fn outstanding(State(admin): State<Arc<Admin>>) -> Json<ErasureStatus> {
    Json(status(&admin.exchange))
}

pub(super) fn status(exchange: &Exchange) -> ErasureStatus {
    let RetentionState { done, erased, failed } = exchange.erasures.retention();
    let outstanding = exchange.outstanding().unwrap_or_default().into_iter();
    ErasureStatus {
        pending: rows::pending(&**exchange.log.store()).ok().map(|pending| pending.len()),
        outstanding: outstanding
            .map(|(peer, (notices, oldest_leaf))| Outstanding { peer: peer.to_string(), notices, oldest_leaf })
            .collect(),
        retention_done: done,
        retention_erased: erased,
        retention_failed: failed,
    }
}
