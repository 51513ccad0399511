//! Commands for operators and auditors of CreditBay: all of `creditbay`, but for its `main`.
//!
//! What a room does follows from its name; each has the arguments of its commands on top. Everything that verifies works offline, on
//! files, with keys and rules from `configs` and `protocol`.
//! Not here: the node's database, which belongs to the node alone; a running node is asked through its doors (`client`).
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::print_stderr))]

pub mod exit;

pub mod print;

pub mod file;
pub mod host;

pub mod tls;

pub mod client;

pub mod node;
pub mod trust;

pub mod endorse;
pub mod keys;
pub mod network;

pub mod records;

pub mod attestation;

pub mod rules;

pub mod authorisation;

pub mod query;

pub mod portfolio;

pub mod suspension;

pub mod alarm;
pub mod erase;

pub mod log;

pub mod status;

pub mod command;
