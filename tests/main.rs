//! Whole-system tests: real daemons, real QUIC, real files, and the command line as people call it.
//!
//! Each network of a test lies in a temporary folder of its own. Not here: what one crate can test alone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "notices of what was not tested")]

mod audit;
mod cli;
mod crash;
mod descriptors;
mod erase;
mod exchange;
mod foreign;
mod full_disk;
mod hostile_peers;
mod lanes;
mod packs;
mod power_cut;
mod privacy;
mod proofs;
mod publish;
mod records;
mod records_gone;
mod refusal;
mod succession;
mod tidy;
mod torn;
mod witness;
