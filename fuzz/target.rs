//! One binary for all targets of `tests/fuzz/targets`; `CREDITBAY_FUZZ` names the one that is run (`tests/fuzz/README.md`).
//!
//! Not here: what a target asserts.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../tests/fuzz/targets/mod.rs"]
mod targets;

static CHOSEN: LazyLock<targets::Target> = LazyLock::new(|| {
    let wanted = std::env::var("CREDITBAY_FUZZ").unwrap_or_default();
    let names: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    let chosen = targets::TARGETS.iter().find(|(name, _)| *name == wanted);
    chosen.unwrap_or_else(|| panic!("CREDITBAY_FUZZ names no target; one of: {}", names.join(", "))).1
});

fuzz_target!(|bytes: &[u8]| {
    (*CHOSEN)(bytes);
});
