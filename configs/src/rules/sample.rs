//! The bundled pack for the tests of these rooms, as it stands and with a line changed.
//!
//! Not here: the tests.

use creditbay_protocol::calendar::Day;

use super::RulePack;

/// `samples/rules/gba-2026.1.toml`.
pub(super) const TEXT: &str = include_str!("../../samples/rules/gba-2026.1.toml");

/// The bundled pack.
pub(super) fn pack() -> RulePack {
    RulePack::parse("gba-2026.1.toml", TEXT).unwrap()
}

/// The bundled pack's text with `old`, which stands there once, replaced.
pub(super) fn altered(old: &str, new: &str) -> String {
    assert_eq!(TEXT.matches(old).count(), 1, "{old}");
    TEXT.replace(old, new)
}

/// The bundled pack with `old`, which stands there once, replaced.
pub(super) fn altered_pack(old: &str, new: &str) -> RulePack {
    RulePack::parse("altered.toml", &altered(old, new)).unwrap()
}

/// A day.
pub(super) fn day(text: &str) -> Day {
    text.parse().unwrap()
}
