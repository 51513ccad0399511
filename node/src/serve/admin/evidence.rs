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
use crate::exchange::erase::{EraseError, ErasureReport, Target};
use crate::exchange::erasures::RetentionState;
use crate::intake::reading::person_number;
use crate::serve::http::Problem;
use crate::store::erasure as rows;
use crate::store::records::erase::Gone;
use crate::store::records::going::Owner;

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
    /// The log, where it is one before the current one.
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

/// Exactly one of index, subject, before and person.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered {
    index: Option<u64>,
    /// The log of that index, where it is not the current one.
    log: Option<Origin>,
    subject: Option<Subject>,
    before: Option<Day>,
    /// A natural person's number: their rows among the records.
    person: Option<String>,
    /// The subject's records, not what opens leaves.
    #[serde(default)]
    records: bool,
    ground: ErasureGround,
    #[serde(default)]
    force_early: bool,
}

/// What an order is about.
enum About {
    Openings(Target),
    Records(Owner),
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
struct RecordsErased {
    leaf: Option<u64>,
    records: u64,
    reports: u64,
    persons: u64,
    keys_destroyed: u64,
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
    RecordsDone(RecordsErased),
    Failed(Problem),
}

/// Lines of JSON: how far the walk is, then what was erased or why nothing was.
async fn erase(State(admin): State<Arc<Admin>>, Json(ordered): Json<Ordered>) -> Result<Response, Problem> {
    let (ground, force_early) = (ordered.ground, ordered.force_early);
    let about = about(ordered, &admin.exchange)?;
    let exchange = admin.exchange.clone();
    let (lines, report) = mpsc::channel::<Line>(QUEUE);
    // A task of its own: what was begun is finished, whether or not somebody waits for it.
    tokio::spawn(async move {
        let last = match about {
            About::Openings(target) => erase_openings(&exchange, target, ground, force_early, &lines).await,
            About::Records(of) => erase_records(&exchange, of, ground, &lines).await,
        };
        let _ = lines.send(last.unwrap_or_else(|error| Line::Failed(error.into()))).await;
    });
    let body = ReceiverStream::new(report).map(|line| {
        let mut text = serde_json::to_vec(&line).unwrap_or_default();
        text.push(b'\n');
        Ok::<_, Infallible>(Bytes::from(text))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response())
}

async fn erase_openings(
    exchange: &Arc<Exchange>,
    target: Target,
    ground: ErasureGround,
    force_early: bool,
    lines: &mpsc::Sender<Line>,
) -> Result<Line, EraseError> {
    let of = exchange.leaves()?;
    let progress = lines.clone();
    let met = move |leaves| drop(progress.try_send(Line::Progress { leaves, of }));
    let report = heard_meanwhile(exchange.erase(target, ground, force_early, met), lines).await?;
    let (exchanges, receipts) = (report.exchanges, report.receipts);
    tracing::info!(%ground, exchanges, receipts, told = report.told, "an erasure was ordered and logged");
    Ok(Line::Done(done(report)))
}

async fn erase_records(
    exchange: &Arc<Exchange>,
    of: Owner,
    ground: ErasureGround,
    lines: &mpsc::Sender<Line>,
) -> Result<Line, EraseError> {
    let (leaf, Gone { records, reports, persons, keys }) = heard_meanwhile(exchange.erase_records(of, ground), lines).await?;
    tracing::info!(%ground, "an erasure of records was ordered");
    Ok(Line::RecordsDone(RecordsErased { leaf, records, reports, persons, keys_destroyed: keys }))
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

fn about(ordered: Ordered, exchange: &Exchange) -> Result<About, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "bad_request", "What is to be erased is not said", detail);
    let Ordered { index, log, subject, before, person, records, .. } = ordered;
    if log.is_some() && index.is_none() {
        return Err(bad(
            "`log` goes with an `index`; a subject, and what is of before a day, are looked for in every log".to_owned()
        ));
    }
    match (index, subject, before, person) {
        (Some(index), None, None, None) if !records => {
            Ok(About::Openings(Target::LeafOf(log.unwrap_or(*exchange.log.origin()), index)))
        }
        (None, Some(subject), None, None) => {
            let scheme = Scheme::from_name(&subject.scheme).ok_or_else(|| bad("name a scheme of identifiers".to_owned()))?;
            let identifier = Identifier::parse(scheme, &subject.identifier).map_err(|error| bad(error.to_string()))?;
            let tag = || exchange.records.tag(&identifier);
            Ok(if records { About::Records(Owner::Subject(tag())) } else { About::Openings(Target::Subject(identifier)) })
        }
        (None, None, Some(before), None) if !records => Ok(About::Openings(Target::Before(before))),
        (None, None, None, Some(person)) => {
            let number = person_number(&person).ok_or_else(|| bad("`person`: no number of a natural person".to_owned()))?;
            Ok(About::Records(Owner::Person(exchange.records.persons().pseudonyms().of(&number))))
        }
        _ => Err(bad("name exactly one of `index`, `subject`, `before` and `person`; `records` goes with a subject".to_owned())),
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
        pending: rows::pending(&**exchange.log.store())
            .ok()
            .zip(exchange.records_orders().ok())
            .map(|(of, more)| of.len() + more),
        outstanding: outstanding
            .map(|(peer, (notices, oldest_leaf))| Outstanding { peer: peer.to_string(), notices, oldest_leaf })
            .collect(),
        retention_done: done,
        retention_erased: erased,
        retention_failed: failed,
    }
}
