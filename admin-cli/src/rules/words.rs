//! How rules are said to people: lanes, timers, lists of names.
//!
//! Not here: tables (`show`) and changes (`diff`).

use std::fmt::Display;

use creditbay_configs::rules::timers::Timer;
use creditbay_protocol::predicate::Lane;

/// Names with commas, or `none`.
pub(super) fn joined<T: Display>(names: &[T]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") }
}

/// The value, or `none`.
pub(super) fn or_none<T: Display>(value: Option<&T>) -> String {
    value.map_or_else(|| "none".to_owned(), ToString::to_string)
}

/// A lane, or its absence, in words.
pub(super) fn of_lane(lane: Option<Lane>) -> &'static str {
    match lane {
        Some(Lane::Public) => "open (P)",
        Some(Lane::Authorised) => "with the entity's authorisation (A)",
        Some(Lane::Carried) => "only as a report that the subject carries (C)",
        Some(Lane::Regulators) => "between regulators only (R)",
        None => "refused",
    }
}

/// A timer in words.
pub(super) fn of_timer(timer: &Timer) -> String {
    timer.to_string()
}
