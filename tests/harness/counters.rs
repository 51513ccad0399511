//! What a daemon counts, read at its `/metrics`, and what moved between two readings.
//!
//! Not here: which counters there are (`docs/OPERATING.md`).

use std::collections::BTreeMap;

use anyhow::Result;

use super::http::Door;
use super::network::Network;

/// Counters of what was refused. All others are of what was done.
const REFUSING: &[&str] = &[
    "creditbay_alarms_total",
    "creditbay_chain_faults_total",
    "creditbay_connections_over_bound_total",
    "creditbay_faults_total",
    "creditbay_handshakes_refused_total",
    "creditbay_handshakes_turned_away_total",
    "creditbay_link_errors_total",
    "creditbay_problems_total",
    "creditbay_replies_refused_total",
    "creditbay_sessions_broken_total",
];

/// One reading.
#[derive(Debug, Clone)]
pub struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// What a city's daemon has counted so far.
    pub async fn read(network: &Network, city: &str) -> Result<Self> {
        let reply = Door::at(network.services_url(city)?)?.get("/metrics").await?;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        Ok(Self(series.map(|(series, value)| Ok((series.to_owned(), value.parse()?))).collect::<Result<_>>()?))
    }

    /// A series; 0 if it never counted.
    pub fn of(&self, series: &str) -> u64 {
        self.0.get(series).copied().unwrap_or(0)
    }

    /// Which counters of refusals moved since an earlier reading, and by how much.
    pub fn refused_since(&self, earlier: &Self) -> BTreeMap<String, u64> {
        let refusing = |series: &str| REFUSING.iter().any(|name| series.split('{').next() == Some(name));
        let moved = |(series, value): (&String, &u64)| (series.clone(), value - earlier.of(series));
        self.0.iter().filter(|(series, _)| refusing(series)).map(moved).filter(|(_, by)| *by > 0).collect()
    }
}
