//! The operator's door: status, and the import of record files, over a unix socket whose mode is the authentication.

mod orders;

use std::convert::Infallible;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::exchange::Exchange;
use crate::host::clock::Stopwatch;
use crate::host::disk;
use crate::intake;
use crate::quic::dial::Links;
use crate::store::ledger::Activation;

/// Chunks of a file, or lines of a report, that wait at most.
const QUEUE: usize = 64;

/// What the door needs.
pub struct Admin {
    exchange: Arc<Exchange>,
    links: Arc<Links>,
    data: PathBuf,
    started: Stopwatch,
}

impl Admin {
    /// A door for this node, which began to run now.
    pub fn new(exchange: Arc<Exchange>, links: Arc<Links>, data: PathBuf) -> Self {
        Self { exchange, links, data, started: Stopwatch::start() }
    }
}

/// Serves the door until the task is dropped.
pub async fn serve(listener: UnixListener, admin: Arc<Admin>) {
    let router = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/records", get(records))
        .route("/v1/import", post(import))
        .merge(orders::router())
        .layer(DefaultBodyLimit::disable())
        .with_state(admin);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!("the operator's door closed: {error}");
    }
}

#[derive(Serialize)]
struct Status {
    region: String,
    origin: String,
    log: LogStatus,
    peers: Vec<PeerStatus>,
    registers: Vec<RegisterStatus>,
    rule_pack: String,
    rule_packs: Vec<ActivationStatus>,
    suspended: Vec<String>,
    uptime_seconds: u64,
    version: &'static str,
    disk_free_mib: Option<u64>,
}

#[derive(Serialize)]
struct LogStatus {
    size: u64,
    root: String,
    state: String,
}

#[derive(Serialize)]
struct PeerStatus {
    region: String,
    connected: bool,
    seen_size: u64,
    suspended: Option<String>,
}

#[derive(Serialize)]
struct ActivationStatus {
    pack: String,
    serial: u32,
    activated: String,
}

#[derive(Serialize)]
struct RegisterStatus {
    register: String,
    synchronised: String,
}

#[derive(Serialize)]
struct RecordsStatus {
    registers: Vec<RegisterStatus>,
    subjects: u64,
}

async fn status(State(admin): State<Arc<Admin>>) -> Json<Status> {
    let exchange = &admin.exchange;
    let head = exchange.log.head();
    let checkpoint = head.signed().checkpoint();
    let seen = exchange.log.seen();
    let in_force = exchange.orders.read().await;
    let peers = admin.links.connected().into_iter().filter_map(|(region, connected)| {
        let log = exchange.directory.entry(region)?.log_origin;
        Some(PeerStatus { region: region.to_string(), connected, seen_size: seen.size(&log), suspended: seen.suspended(&log) })
    });
    Json(Status {
        region: exchange.me.to_string(),
        origin: checkpoint.origin.to_string(),
        log: LogStatus {
            size: checkpoint.size,
            root: checkpoint.root.to_base64(),
            state: exchange.log.running().map_or_else(|reason| reason.to_string(), |()| "running".to_owned()),
        },
        peers: peers.collect(),
        registers: registers(exchange),
        rule_pack: in_force.pack().digest().to_string(),
        rule_packs: in_force.activations().iter().map(activation).collect(),
        suspended: in_force.suspended().iter().map(ToString::to_string).collect(),
        uptime_seconds: admin.started.micros() / 1_000_000,
        version: env!("CARGO_PKG_VERSION"),
        disk_free_mib: disk::free_mib(&admin.data),
    })
}

fn activation(activation: &Activation) -> ActivationStatus {
    ActivationStatus { pack: activation.pack.to_string(), serial: activation.serial, activated: activation.at.to_string() }
}

async fn records(State(admin): State<Arc<Admin>>) -> Json<RecordsStatus> {
    Json(RecordsStatus { registers: registers(&admin.exchange), subjects: admin.exchange.records.subjects() })
}

fn registers(exchange: &Exchange) -> Vec<RegisterStatus> {
    let registers = exchange.records.registers();
    let state = |coverage: &creditbay_protocol::answer::Coverage| RegisterStatus {
        register: coverage.register.to_string(),
        synchronised: coverage.synchronised.to_string(),
    };
    registers.iter().map(state).collect()
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
        let mut report = |event: intake::Event| {
            if let Ok(mut line) = serde_json::to_vec(&event) {
                line.push(b'\n');
                let _ = lines.blocking_send(Ok(line.into()));
            }
        };
        let exchange = &admin.exchange;
        let file = Chunks { chunks: chunks_in, current: Bytes::new(), ended: false };
        let now = exchange.clock.now();
        let imported = intake::import(file, &import.file, import.strict, &pack, &exchange.records, now, &mut report);
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
