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

/// The bundled pack's text with `old` replaced where it first stands below the `nth` (from 0) line that is `head`, such as
/// `[matrix.cells]`, and above the next one that begins with a bracket.
pub(super) fn within(head: &str, nth: usize, old: &str, new: &str) -> String {
    let line = format!("\n{head}");
    let start = TEXT.match_indices(&line).nth(nth).unwrap_or_else(|| panic!("{head} {nth}")).0 + 1;
    let end = TEXT[start + 1..].find("\n[").map_or(TEXT.len(), |at| start + 1 + at);
    assert!(TEXT[start..end].contains(old), "{old} in {head} {nth}");
    format!("{}{}{}", &TEXT[..start], TEXT[start..end].replacen(old, new, 1), &TEXT[end..])
}

/// The bundled pack's text without the rows of this type.
pub(super) fn without(of: &str) -> String {
    TEXT.lines().filter(|line| !line.starts_with(&format!("{of} "))).collect::<Vec<_>>().join("\n")
}

/// A day.
pub(super) fn day(text: &str) -> Day {
    text.parse().unwrap()
}
