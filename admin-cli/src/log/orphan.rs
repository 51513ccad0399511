//! Orphaned ranges as an auditor is told of them, for people and for programs (PROTOCOL 35.8).
//!
//! A range is no fault of the log that goes on behind it: the other regions signed that it is lost. It is shown for ever all the same.
//! Not here: what a folder still holds of it (`predecessor`).

use creditbay_protocol::orphaned::OrphanedRange;
use creditbay_protocol::succession::Beginning;
use serde_json::{Value, json};

use super::fault::{Fault, Faults};

/// For programs.
pub fn as_json(range: &OrphanedRange) -> Value {
    let OrphanedRange { log, size, root, seen, note } = range;
    json!({ "log": log, "size": size, "root": root, "seen": seen, "lost": range.lost(), "note": note })
}

/// For people.
pub fn told(range: &OrphanedRange) -> String {
    format!("{range}; seen by others, lost, and given up by a directory that they signed")
}

/// What the first leaf says of the end of the log before it must be what the directory says, which the other regions signed.
pub fn not_decided(began: &Beginning, decided: &[OrphanedRange]) -> Faults {
    let mut faults = Faults::new();
    let listed = decided.iter().find(|range| range.log == began.log);
    if listed != began.lost.as_ref() {
        faults.add(Fault::NotDecided { log: began.log, said: began.lost, listed: listed.copied() });
    }
    faults
}
