//! The operator's door, over a unix socket whose mode is the authentication: the node's status, its records (`records`), what is
//! ordered (`orders`), what is shown and erased (`evidence`), and which logs gave cause for an alarm (`trust`).

mod evidence;
mod orders;
mod records;
mod trust;

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::get;
use axum::{Json, Router};
use creditbay_protocol::name::Region;
use creditbay_protocol::orphaned::OrphanedRange;
use serde::Serialize;
use tokio::net::UnixListener;

use crate::exchange::Exchange;
use crate::host::clock::Stopwatch;
use crate::host::disk;
use crate::quic::dial::Links;
use crate::store::ledger::Activation;

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
        .merge(records::router())
        .merge(orders::router())
        .merge(trust::router())
        .merge(evidence::router())
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
    published: PublishedStatus,
    peers: Vec<PeerStatus>,
    registers: Vec<RegisterStatus>,
    rule_pack: String,
    rule_packs: Vec<ActivationStatus>,
    suspended: Vec<String>,
    erasure: evidence::ErasureStatus,
    orphaned: Vec<OrphanedStatus>,
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

/// The head at the auditors' door, and who cosigned it.
#[derive(Serialize)]
struct PublishedStatus {
    size: u64,
    cosigned_by: Vec<String>,
}

#[derive(Serialize)]
struct PeerStatus {
    region: String,
    connected: bool,
    seen_size: u64,
    suspended: Option<String>,
}

/// A range of a region's earlier log that was lost, as the directory lists it.
#[derive(Serialize)]
struct OrphanedStatus {
    region: String,
    log: String,
    size: u64,
    seen: u64,
    note: String,
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
        published: published(exchange),
        peers: peers.collect(),
        registers: registers(exchange),
        rule_pack: in_force.pack().digest().to_string(),
        rule_packs: in_force.activations().iter().map(activation).collect(),
        suspended: in_force.suspended().iter().map(ToString::to_string).collect(),
        erasure: evidence::status(exchange),
        orphaned: orphaned(exchange),
        uptime_seconds: admin.started.micros() / 1_000_000,
        version: env!("CARGO_PKG_VERSION"),
        disk_free_mib: disk::free_mib(&admin.data),
    })
}

fn published(exchange: &Exchange) -> PublishedStatus {
    let published = exchange.heads.published().note;
    let lines = published.note().lines.iter().skip(1);
    PublishedStatus { size: published.checkpoint().size, cosigned_by: lines.map(|line| line.name.to_string()).collect() }
}

fn orphaned(exchange: &Exchange) -> Vec<OrphanedStatus> {
    let of = |(region, range): (Region, &OrphanedRange)| OrphanedStatus {
        region: region.to_string(),
        log: range.log.to_string(),
        size: range.size,
        seen: range.seen,
        note: range.note.to_string(),
    };
    exchange.directory.orphaned().map(of).collect()
}

fn activation(activation: &Activation) -> ActivationStatus {
    ActivationStatus { pack: activation.pack.to_string(), serial: activation.serial, activated: activation.at.to_string() }
}

fn registers(exchange: &Exchange) -> Vec<RegisterStatus> {
    let registers = exchange.records.registers();
    let state = |coverage: &creditbay_protocol::answer::Coverage| RegisterStatus {
        register: coverage.register.to_string(),
        synchronised: coverage.synchronised.to_string(),
    };
    registers.iter().map(state).collect()
}
