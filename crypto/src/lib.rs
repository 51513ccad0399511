//! Keys, signed notes, the Merkle tree and its proofs, salted commitments (PROTOCOL 26).
//!
//! Pure functions over bytes. Deliberately not here: I/O, clocks, randomness (random bytes are arguments) and any meaning of the
//! bytes that are signed, hashed or sealed; that is `protocol`'s. The rooms stand in the order of their dependency.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::print_stderr))]

pub mod label;

pub mod secret;

pub mod hash;

pub mod sign;

pub mod key_file;

pub mod note;

pub mod commit;

pub mod seal;

pub mod merkle;

#[cfg(test)]
mod vectors;
