//! The doors of a node, opened: bound to their addresses, bounded, and each with the room that it leads to (PROTOCOL 24.2, 25).
//!
//! Not here: what is served there (`serve`, `quic`), and what has to stand before anybody may come (`node`).

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use creditbay_configs::node::NodeConfig;
use creditbay_configs::peers::entry::RegionEntry;
use creditbay_crypto::sign::SigningKey;
use creditbay_protocol::name::Region;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::exchange::Exchange;
use crate::exchange::answer::Peer;
use crate::files::{StartError, because};
use crate::host::descriptors;
use crate::host::telemetry::Metrics;
use crate::quic::accept::{Reception, accept};
use crate::quic::dial::{Links, Target};
use crate::quic::endpoint::{PeerDoor, dial_config};
use crate::quic::identity::Form;
use crate::serve::admin::{self, Admin};
use crate::serve::auditors::{self, Auditors};
use crate::serve::bounded;
use crate::serve::places::Places;
use crate::serve::secured::Secured;
use crate::serve::services::{self, Services};
use crate::witness::door::Door;

/// Where the doors are.
pub struct Bound {
    /// The services'.
    pub services: SocketAddr,
    /// The auditors', as the beginning of a URL.
    pub auditors: String,
    /// The peers'.
    pub peers: SocketAddr,
    /// The operator's.
    pub admin: PathBuf,
}

/// What the doors open onto.
pub struct Opening<'a> {
    /// The exchange.
    pub exchange: &'a Arc<Exchange>,
    /// The connections to peers.
    pub links: &'a Arc<Links>,
    /// What cosigns.
    pub witness: &'a Arc<Door>,
    /// The questions in flight.
    pub in_flight: &'a Arc<Semaphore>,
    /// Says that the node shuts down.
    pub closing: &'a watch::Sender<bool>,
    /// The peers' door.
    pub peers: &'a PeerDoor,
    /// What speaks TLS at the auditors' door, if anything does.
    pub acceptor: Option<TlsAcceptor>,
}

/// Opens the peers' door, and the one for certificates where the configuration has one.
pub fn open_peer_doors(
    config: &NodeConfig,
    tls: &SigningKey,
    others: &[RegionEntry],
    metrics: &Arc<Metrics>,
) -> Result<Vec<PeerDoor>, StartError> {
    let open = |address, form| PeerDoor::open(address, tls, others, form, metrics.clone()).map_err(because);
    let mut doors = vec![open(config.doors.peers, Form::RawPublicKey)?];
    if let Some(address) = config.doors.peers_x509 {
        doors.push(open(address, Form::SelfSigned)?);
    }
    Ok(doors)
}

/// Takes who comes to the peers' doors, and dials those that are dialled from here.
pub fn receive_and_dial(doors: &[PeerDoor], targets: Vec<Target>, reception: &Reception, tasks: &mut JoinSet<()>) {
    for door in doors {
        tasks.spawn(accept(door, reception.clone()));
    }
    reception.links.dial(&doors[0], targets, &reception.local, &reception.serve);
}

/// The peers that are dialled from here.
pub fn targets(me: Region, tls: &SigningKey, others: &[RegionEntry]) -> Result<Vec<Target>, StartError> {
    let dialled = others.iter().filter(|entry| me < entry.name);
    dialled
        .map(|entry| {
            Ok(Target {
                peer: Peer { region: entry.name, log: entry.log_origin },
                address: entry.address,
                config: dial_config(tls, entry.tls, Form::RawPublicKey).map_err(because)?,
            })
        })
        .collect()
}

/// Opens the doors over HTTP and the operator's.
pub async fn open_doors(config: &NodeConfig, opening: Opening<'_>, tasks: &mut JoinSet<()>) -> Result<Bound, StartError> {
    let Opening { exchange, links, witness, in_flight, closing, peers, acceptor } = opening;
    let places = Places::of(descriptors::allowed(), config.limits.max_in_flight).map_err(because)?;
    let bind =
        async |address: SocketAddr| TcpListener::bind(address).await.map_err(|error| because(format!("{address}: {error}")));
    let (services_at, auditors_at) = (bind(config.doors.services).await?, bind(config.doors.auditors).await?);
    let admin = &config.doors.admin;
    let _ = fs::remove_file(admin);
    let admin_at = UnixListener::bind(admin).map_err(|error| because(format!("{}: {error}", admin.display())))?;
    fs::set_permissions(admin, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(because)?;
    let bound = Bound {
        services: services_at.local_addr().map_err(because)?,
        auditors: format!(
            "{}://{}",
            if acceptor.is_some() { "https" } else { "http" },
            auditors_at.local_addr().map_err(because)?
        ),
        peers: peers.address().map_err(because)?,
        admin: admin.clone(),
    };
    let services = Arc::new(Services {
        exchange: exchange.clone(),
        services: config.services.clone(),
        in_flight: in_flight.clone(),
        patience: Duration::from_secs(u64::from(config.limits.request_timeout_seconds)),
    });
    let auditors = Arc::new(Auditors { exchange: exchange.clone(), auditors: config.auditors.clone(), witness: witness.clone() });
    let admin = Arc::new(Admin::new(exchange.clone(), links.clone(), config.data_dir.clone()));
    tasks.spawn(bounded::serve(
        services_at,
        services.bounds(places.services),
        services::router(services.clone()),
        closing.subscribe(),
    ));
    let visitors = auditors::bounds(places.auditors);
    match acceptor {
        None => tasks.spawn(bounded::serve(auditors_at, visitors, auditors::router(auditors), closing.subscribe())),
        Some(acceptor) => {
            let secured = Secured::new(auditors_at, acceptor).map_err(because)?;
            tasks.spawn(bounded::serve(secured, visitors, auditors::router(auditors), closing.subscribe()))
        }
    };
    tasks.spawn(admin::serve(admin_at, admin));
    Ok(bound)
}
