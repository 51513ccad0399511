//! The stories of the crate: what a file promises, and what becomes of its forged twin.
//!
//! `sample` holds a log, messages and an exchange for all of them; `vectors` holds every wire type against the files in `vectors/`. They
//! stand apart from the files they test since most need a log of their own, which is made of nearly all of them.
//! Not here: tests that need nothing but their own file.

mod sample;

mod vectors;

mod answer;
mod attestation;
mod authorisation;
mod chain;
mod checkpoint;
mod control;
mod erasure;
mod evidence;
mod fork;
mod frame;
mod leaf;
mod opening;
mod policy;
mod proof;
mod query;
mod refusal;
mod requester;
mod responder;
mod succession;
mod third_party;
mod tile;
mod witness;
