//! One exchange, told twice: `ask` is the requester's story, `answer` the responder's. Both fit on a screen. `compose` makes a query of a
//! question. What was exchanged is shown by `open`, erased by `erase` and, when its time is over, by `retain`; `notify` tells the
//! peers. Records are erased by `erase_records`.
//!
//! Time, chance, the log, the records and the way to the peers are arguments ([`Exchange`]), so the same code runs in the daemon and
//! under a seeded clock and network. Not here: doors, connections, the decision itself.

pub mod answer;
pub mod ask;
mod close;
pub mod closing;
pub mod compose;
mod contradiction;
pub mod erase;
pub mod erase_records;
pub mod erasures;
pub mod fault;
pub mod kept;
mod left_over;
pub mod network;
pub mod notify;
pub mod open;
pub mod order;
pub mod replay;
pub mod retain;
#[cfg(test)]
mod tests;
mod witnessed;

use std::sync::Arc;

use creditbay_configs::peers::EndorsedDirectory;
use creditbay_protocol::name::Region;
use tokio::sync::Mutex;

use self::closing::Closing;
use self::erasures::Erasures;
use self::network::Network;
use self::replay::Replay;
use crate::host::clock::Clock;
use crate::host::entropy::Entropy;
use crate::host::telemetry::Metrics;
use crate::log::Log;
use crate::log::seals::Seals;
use crate::log::witness::Witness;
use crate::policy::budget::RefusalBudget;
use crate::policy::ledger::Ledger;
use crate::policy::orders::Orders;
use crate::store::records::Records;
use crate::witness::heads::Heads;

/// Everything that an exchange needs.
pub struct Exchange {
    /// This node's region.
    pub me: Region,
    /// Who the nodes are.
    pub directory: Arc<EndorsedDirectory>,
    /// Rule packs, suspensions and withdrawals.
    pub orders: Orders,
    /// What was spent.
    pub ledger: Ledger,
    /// This node's log.
    pub log: Log,
    /// Opens what the log sealed.
    pub seals: Arc<Seals>,
    /// Cosigns what was accepted.
    pub witness: Witness,
    /// This log's heads with the cosignatures of others.
    pub heads: Arc<Heads>,
    /// What this node knows.
    pub records: Arc<Records>,
    /// Queries that were answered already.
    pub replay: Replay,
    /// Held by whoever withholds an answer, so that it is withheld once.
    pub withholding: Mutex<()>,
    /// What peers may cost.
    pub refusals: RefusalBudget,
    /// The way to the peers.
    pub network: Arc<dyn Network>,
    /// Queries that are still to be closed.
    pub closing: Closing,
    /// What is being erased.
    pub erasures: Erasures,
    /// Time.
    pub clock: Arc<Clock>,
    /// Chance.
    pub entropy: Arc<Entropy>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// How long a query lives, milliseconds.
    pub query_lifetime_ms: u64,
}
