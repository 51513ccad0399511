//! What both sides of an exchange must agree on: identifiers, predicates, messages, leaves, frames, and the steps of asking and answering.
//!
//! Files stand in the order of the data: limits and names, what a query says, what a leaf keeps of it, how a leaf is proved,
//! and the two walks through all of it (`requester`, `responder`). `docs/PROTOCOL.md` is the specification that the files cite.
//!
//! Not here: I/O, tokio, clocks and randomness (they are arguments), rules and records (`configs`), storage (`node`).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod decimal;
pub mod limits;
pub mod wire;

pub mod calendar;
pub mod domains;
pub mod identifier;
pub mod name;
pub mod predicate;

pub mod refusal;

pub mod authorisation;
pub mod portfolio;

pub mod terms;

pub mod query;

pub mod answer;

pub mod erasure;
pub mod notified;
pub mod shown;

pub mod checkpoint;
pub mod orphaned;

pub mod event;

pub mod leaf;

pub mod brief;

pub mod leaf_reader;

pub mod tile;
pub mod witness;

pub mod chain;
pub mod evidence;
pub mod fork;
pub mod policy;
pub mod proof;

pub mod control;
pub mod frame;
pub mod succession;

pub mod notice;
pub mod requester;
pub mod responder;

pub mod opening;

pub mod attestation;
pub mod third_party;

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "vectors are files")]
mod tests;
