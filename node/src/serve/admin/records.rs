//! Records through the operator's door: what is held, the import of files, and what happened to a document (PROTOCOL 25.3).
//!
//! Not here: who decides on a repair or an objection; the operator hands in what the authority decided.

use std::convert::Infallible;
use std::io::Read;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use creditbay_configs::rules::RulePack;
use creditbay_configs::rules::record::Fact;
use creditbay_configs::rules::timers::TimedAct;
use creditbay_crypto::hash::Digest;
use creditbay_protocol::calendar::{Day, Millis};
use creditbay_protocol::identifier::{Identifier, Scheme};
use creditbay_protocol::name::Region;
use creditbay_protocol::predicate::{AttestationType, LawOfOrigin};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::Admin;
use crate::exchange::Exchange;
use crate::intake;
use crate::intake::columns::{authority_code, document_number};
use crate::intake::event::Event;
use crate::intake::reading::Under;
use crate::intake::spool::Spool;
use crate::serve::http::Problem;
use crate::store::documents::{Action, Amendment, DocumentId};
use crate::store::records::{Records, RecordsError};

/// Chunks of a file, or lines of a report, that wait at most.
const QUEUE: usize = 64;
const DAY_MS: u64 = 86_400_000;

/// The routes of this file.
pub(super) fn router() -> Router<Arc<Admin>> {
    Router::new()
        .route("/v1/records", get(held))
        .route("/v1/import", post(import))
        .route("/v1/records/amendments", post(amend))
        .route("/v1/records/reports/withdrawals", post(withdraw_report))
}

#[derive(Serialize)]
struct Held {
    registers: Vec<Register>,
    subjects: u64,
    persons: u64,
}

/// A register that the rules know under this node's law.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Register {
    register: AttestationType,
    rows: u64,
    synchronised: Option<String>,
    stale: bool,
    stale_after_days: Option<u16>,
}

async fn held(State(admin): State<Arc<Admin>>) -> Json<Held> {
    let exchange = &admin.exchange;
    let pack = exchange.orders.read().await.pack().clone();
    let registers = law(exchange).map(|law| registers(&exchange.records, &pack, law, exchange.clock.now()));
    let (subjects, persons) = (exchange.records.subjects(), exchange.records.persons().rows());
    Json(Held { registers: registers.unwrap_or_default(), subjects, persons })
}

fn law(exchange: &Exchange) -> Option<LawOfOrigin> {
    exchange.directory.entry(exchange.me).map(|entry| entry.law)
}

/// Every register that may be asked here, and any other that holds something. One that was never taken over whole is stale too.
fn registers(records: &Records, pack: &RulePack, law: LawOfOrigin, now: Millis) -> Vec<Register> {
    let (synchronised, rows) = (records.registers(), records.rows());
    let of = |register: AttestationType| {
        let at = synchronised.iter().find(|known| known.register == register).map(|known| known.synchronised);
        let rule = pack.catalogue().get(register);
        let bound = rule.and_then(|rule| rule.stale_after_days);
        let asked = rule.is_some_and(|rule| rule.origins.contains(&law) && rule.registers.contains(&register));
        let rows = rows.get(&register).copied().unwrap_or(0);
        let stale = at.is_none_or(|at| at < now.minus(u64::from(bound.unwrap_or(0)) * DAY_MS));
        let synchronised = at.map(|at| at.to_string());
        (asked || at.is_some() || rows > 0).then_some(Register { register, rows, synchronised, stale, stale_after_days: bound })
    };
    AttestationType::ALL.iter().filter_map(|register| of(*register)).collect()
}

/// What happened to a document, in the words of the registers REPAIR and OBJECTION.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Happened {
    scheme: String,
    identifier: String,
    document: String,
    authority: String,
    action: Acted,
    /// Today where nothing is said.
    on: Option<Day>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Acted {
    Repaired,
    Withdrawn,
    Raised,
    Upheld,
    Rejected,
}

impl Acted {
    fn action(self) -> Action {
        match self {
            Self::Repaired => Action::Repaired,
            Self::Withdrawn => Action::Withdrawn,
            Self::Raised => Action::ObjectionRaised,
            Self::Upheld => Action::ObjectionUpheld,
            Self::Rejected => Action::ObjectionRejected,
        }
    }
}

/// What became of it.
#[derive(Debug, Serialize)]
struct Amended {
    /// `added`, `replaced` or `unchanged`.
    outcome: &'static str,
    /// Whether a record of the document is here; else it is kept for one that comes later.
    matched: bool,
    /// As of which day.
    on: Day,
    /// What has to be done by when, of an objection that was raised.
    due: Vec<Due>,
}

#[derive(Debug, Serialize)]
struct Due {
    act: String,
    timer: String,
    /// The last day, or why it is not known.
    by: String,
    /// The last day of an extension, where the law admits one.
    extended: Option<String>,
}

async fn amend(State(admin): State<Arc<Admin>>, Json(happened): Json<Happened>) -> Result<Json<Amended>, Problem> {
    let bad =
        |detail: String| Problem::new(StatusCode::BAD_REQUEST, "bad_request", "This names no document of a company", detail);
    let scheme: Scheme = happened.scheme.parse().map_err(|error| bad(format!("scheme: {error}")))?;
    let subject = Identifier::parse(scheme, &happened.identifier).map_err(|error| bad(format!("identifier: {error}")))?;
    let (document, authority) = (document_number(&happened.document), authority_code(&happened.authority));
    if document.is_empty() || authority.is_empty() {
        return Err(bad("document and authority: neither may be empty".to_owned()));
    }
    let document = DocumentId::of(&document, &authority, &subject);
    let on = happened.on.unwrap_or_else(|| admin.exchange.clock.now().day());
    let pack = admin.exchange.orders.read().await.pack().clone();
    if happened.action == Acted::Repaired {
        refuse_early_repair(&admin.exchange, &pack, &subject, &document, on)?;
    }
    let amendment = Amendment { document, action: happened.action.action(), on };
    let exchange = admin.exchange.clone();
    let amended = tokio::task::spawn_blocking(move || exchange.records.amend(vec![(subject, amendment)])).await;
    let amended = amended.map_err(|error| kept_nothing(&error))?.map_err(|error| kept_nothing(&error))?;
    tracing::info!(action = ?happened.action, "what happened to a document was recorded");
    let outcome = match (amended.merged.added, amended.merged.replaced) {
        (1, _) => "added",
        (_, 1) => "replaced",
        _ => "unchanged",
    };
    let due = if happened.action == Acted::Raised { due(&pack, admin.exchange.me, on) } else { Vec::new() };
    Ok(Json(Amended { outcome, matched: amended.unmatched.is_empty(), on, due }))
}

/// The rules know how long a penalty is published at least. What an authority's file says is taken as it stands; here a day may be mistyped.
fn refuse_early_repair(
    exchange: &Exchange,
    pack: &RulePack,
    subject: &Identifier,
    document: &DocumentId,
    on: Day,
) -> Result<(), Problem> {
    for record in exchange.records.of(subject).map_err(|error| kept_nothing(&error))? {
        let Fact::Penalty { decided_on, severity, .. } = record.fact else { continue };
        let earliest = pack.regimes().earliest_repair(decided_on, severity, None);
        if document.made(&record.key) && on < earliest {
            let detail =
                format!("under the rule pack credit can be repaired from {earliest} on; look at the day, or import the decision");
            return Err(Problem::new(StatusCode::CONFLICT, "repair_too_early", "The shortest publication is not over", detail));
        }
    }
    Ok(())
}

fn due(pack: &RulePack, me: Region, raised: Day) -> Vec<Due> {
    let Some(calendar) = pack.calendars().of(me) else { return Vec::new() };
    let due = |act: TimedAct| {
        let timer = pack.timers().of(me, act)?;
        let last =
            |extended| timer.deadline(calendar, raised, extended).map_or_else(|error| error.to_string(), |day| day.to_string());
        let extended = (timer.extension > 0).then(|| last(true));
        Some(Due { act: act.to_string(), timer: timer.to_string(), by: last(false), extended })
    };
    [TimedAct::ObjectionCheck, TimedAct::ObjectionDecision].into_iter().filter_map(due).collect()
}

fn kept_nothing(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "records_unavailable", "Nothing was kept", error.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TakenBack {
    /// SHA-256 of the report's file, in hex.
    digest: Digest,
    /// Today where nothing is said.
    on: Option<Day>,
}

#[derive(Serialize)]
struct Withdrawn {
    on: Day,
}

async fn withdraw_report(State(admin): State<Arc<Admin>>, Json(taken): Json<TakenBack>) -> Result<Json<Withdrawn>, Problem> {
    let on = taken.on.unwrap_or_else(|| admin.exchange.clock.now().day());
    let exchange = admin.exchange.clone();
    let withdrawn = tokio::task::spawn_blocking(move || exchange.records.withdraw_report(&taken.digest, on)).await;
    if withdrawn.map_err(|error| kept_nothing(&error))?.map_err(|error: RecordsError| kept_nothing(&error))? {
        tracing::info!("a report was taken back");
        return Ok(Json(Withdrawn { on }));
    }
    let detail = "no report was given out whose file has this digest; look at the file, or import the register of reports first";
    Err(Problem::new(StatusCode::NOT_FOUND, "report_unknown", "No such report", detail))
}

#[derive(Deserialize)]
struct Import {
    file: String,
    #[serde(default)]
    strict: bool,
}

/// The file comes as the body and is read by a thread of its own; what it reports goes out line by line.
async fn import(State(admin): State<Arc<Admin>>, Query(import): Query<Import>, body: Body) -> Response {
    let (chunks, chunks_in) = std::sync::mpsc::sync_channel::<Option<Bytes>>(QUEUE);
    let (lines, lines_out) = mpsc::channel::<Result<Bytes, Infallible>>(QUEUE);
    tokio::spawn(async move {
        let mut body = body.into_data_stream();
        loop {
            // The end is said, never inferred: an upload that breaks off must not count as a whole file.
            let chunk = match body.next().await {
                Some(Ok(chunk)) => Some(chunk),
                None => None,
                Some(Err(_)) => return,
            };
            let (chunks, ended) = (chunks.clone(), chunk.is_none());
            let sent = tokio::task::spawn_blocking(move || chunks.send(chunk)).await;
            if ended || !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    });
    let pack = admin.exchange.orders.read().await.pack().clone();
    tokio::task::spawn_blocking(move || {
        let mut report = |event: Event| {
            if let Ok(mut line) = serde_json::to_vec(&event) {
                line.push(b'\n');
                let _ = lines.blocking_send(Ok(line.into()));
            }
        };
        let exchange = &admin.exchange;
        let file = Chunks { chunks: chunks_in, current: Bytes::new(), ended: false };
        let now = exchange.clock.now();
        let Some(law) = law(exchange) else { return };
        let under = Under { pack: &pack, law, records: &exchange.records };
        let taken = Spool::take(file, &admin.data, &exchange.entropy);
        let imported = intake::import_whole(taken, &import.file, import.strict, &under, now, &mut report);
        if let Err(error) = imported {
            tracing::warn!("an import failed: {error}");
        }
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(ReceiverStream::new(lines_out))).into_response()
}

/// The chunks of a body, read as a file; `None` is its end.
struct Chunks {
    chunks: std::sync::mpsc::Receiver<Option<Bytes>>,
    current: Bytes,
    ended: bool,
}

impl Read for Chunks {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            match self.chunks.recv() {
                Ok(Some(chunk)) => self.current = chunk,
                Ok(None) => self.ended = true,
                Err(_) => return Err(std::io::Error::other("the upload broke off; send the file again")),
            }
        }
        let taken = into.len().min(self.current.len());
        into[..taken].copy_from_slice(&self.current.split_to(taken));
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sent: &[Option<&'static [u8]>]) -> std::io::Result<Vec<u8>> {
        let (chunks, chunks_in) = std::sync::mpsc::sync_channel(QUEUE);
        for chunk in sent {
            chunks.send(chunk.map(Bytes::from_static)).unwrap();
        }
        drop(chunks);
        let mut bytes = Vec::new();
        Chunks { chunks: chunks_in, current: Bytes::new(), ended: false }.read_to_end(&mut bytes).map(|_| bytes)
    }

    #[test]
    fn an_upload_that_breaks_off_is_no_whole_file() {
        assert_eq!(read(&[Some(b"one,"), Some(b""), Some(b"two"), None]).unwrap(), b"one,two");
        assert!(read(&[Some(b"one,"), Some(b"two\n")]).is_err());
    }
}
