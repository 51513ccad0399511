//! What the tests, the benches and the demo share: both products built and run as processes, the sample records, a hostile peer.
//!
//! Not here: anything that a daemon runs on.

pub mod archive;
pub mod attacks;
pub mod build;
pub mod counters;
pub mod directory;
pub mod disguise;
pub mod foreign;
pub mod forger;
pub mod hostile;
pub mod http;
pub mod log_alone;
pub mod loop_disk;
pub mod network;
pub mod questions;
pub mod rewritten;
pub mod rules;
pub mod samples;
#[path = "../simulation/mod.rs"]
pub mod simulation;
pub mod witness;
