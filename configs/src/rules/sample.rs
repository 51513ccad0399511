//! The bundled pack for the tests of these rooms, as it stands and with a line changed.
//!
//! A changed rule would fail a golden case, so these are the rules without the cases. Not here: the tests.

use std::sync::LazyLock;

use creditbay_protocol::calendar::Day;

use crate::error::{ConfigError, Source};

use super::RulePack;
use super::fault::RulesFault;

/// `samples/rules/gba-2026.1.toml`.
pub(super) const WHOLE: &str = include_str!("../../samples/rules/gba-2026.1.toml");

/// Its rules, without the golden cases below them.
pub(super) static TEXT: LazyLock<&str> = LazyLock::new(|| &WHOLE[..WHOLE.find("\n[golden]").unwrap()]);

/// Reads rules, which have no golden cases.
pub(super) fn read(text: &str) -> Result<RulePack, ConfigError<RulesFault>> {
    RulePack::rules(Source::new("forged.toml", text), text).map(|(pack, _)| pack)
}

/// The rules of the bundled pack.
pub(super) fn pack() -> RulePack {
    read(&TEXT).unwrap()
}

/// The bundled pack's text with `old`, which stands there once, replaced.
pub(super) fn altered(old: &str, new: &str) -> String {
    assert_eq!(TEXT.matches(old).count(), 1, "{old}");
    TEXT.replace(old, new)
}

/// The bundled pack with `old`, which stands there once, replaced.
pub(super) fn altered_pack(old: &str, new: &str) -> RulePack {
    read(&altered(old, new)).unwrap()
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
