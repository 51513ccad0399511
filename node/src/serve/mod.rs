//! The doors, one file per kind of caller: services, peers, auditors, and the operator.
//!
//! The one room of axum. A door reads and writes; what is decided is decided below. `http` is the one map from an error to what a caller
//! hears of it.

pub mod admin;
pub mod auditors;
pub mod bounded;
pub mod http;
pub mod page;
pub mod peers;
pub mod places;
mod published;
pub mod question;
pub mod secured;
pub mod services;
