//! Typed configuration: the network directory, one node's own file, rule packs, and the pure decision over them.
//!
//! Files stand in the order of the data: how a fault in a file is told, how regions sign a file, who the nodes are, how one node
//! runs, what the rules say. `samples/` shows every file, and every key in it is explained there.
//! Not here: opening files (texts are arguments), keys that sign, clocks.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod error;

pub mod endorsement;

pub mod peers;

pub mod node;

pub mod rules;

#[cfg(test)]
mod sample;
