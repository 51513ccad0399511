//! The daemon: QUIC, HTTP doors, policy, log writer, sled, records. `docs/ARCHITECTURE.md` draws the rooms.
//!
//! From the top: [`node`] opens all and shuts down in order; `serve` has four doors; `exchange` tells the two stories; `policy`, `log`
//! and `quic` do what they are told; `witness` cosigns and has this log's heads cosigned; `intake` reads record files; `store` and `host`
//! are the ground. Not here: verification that an auditor needs.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod host;

pub mod store;

pub mod intake;
pub mod log;

pub mod policy;

pub mod exchange;

pub mod quic;

pub mod witness;

pub mod serve;

pub mod editions;
pub mod files;

pub mod errands;

pub mod doors;

pub mod node;

pub mod restore;
pub mod succeed;
