//! The bundled pack with lines replaced, as its authors could have written it. Not here: what the nodes make of it.

use std::sync::Arc;

use creditbay_configs::rules::RulePack;

use super::bay::PACK;

/// The text of the bundled pack with lines replaced, each by its key.
pub(super) fn altered_text(lines: &[(&str, &str)]) -> String {
    lines.iter().fold(PACK.to_owned(), |text, (key, line)| {
        let found: Vec<_> = text.lines().filter(|known| known.starts_with(&format!("{key} ="))).map(str::to_owned).collect();
        assert_eq!(found.len(), 1, "{key}");
        text.replace(&found[0], &format!("{key} = {line}"))
    })
}

/// The bundled pack with lines replaced.
pub(super) fn altered(lines: &[(&str, &str)]) -> Arc<RulePack> {
    Arc::new(RulePack::parse("altered.toml", &altered_text(lines)).unwrap())
}
