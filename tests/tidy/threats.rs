//! The tests that the threat model and the other documents name, held against those that there are.
//!
//! Not here: whether a test attacks what the document says it does.

use super::source::Source;

/// Underscores from which on a name in backquotes is a test's: no type, field, key or metric of ours has as many.
const UNDERSCORES: usize = 4;

/// Tests that a document names and that no source has. A name may say its module before it.
pub(super) fn unknown(document: &str, text: &str, sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for named in line.split('`').skip(1).step_by(2) {
            let name = named.rsplit("::").next().unwrap_or(named);
            let is_test = name.matches('_').count() >= UNDERSCORES && name.bytes().all(is_of_name);
            let declared = format!("fn {name}(");
            if is_test && !sources.iter().any(|source| source.code.contains(&declared)) {
                faults.push(format!("{document}:{}: there is no test {name}", number + 1));
            }
        }
    }
    faults
}

/// Lines of a table of threats whose last column names no test.
pub(super) fn unattacked(document: &str, text: &str, sources: &[Source]) -> Vec<String> {
    let (mut faults, mut in_table) = (Vec::new(), false);
    for (number, line) in text.lines().enumerate() {
        let cells: Vec<_> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        if !line.starts_with('|') {
            in_table = false;
        } else if cells.last() == Some(&"attacked by") {
            in_table = true;
        } else if in_table && !line.starts_with("|-") {
            let last = cells.last().copied().unwrap_or_default();
            let names_one = last.split('`').skip(1).step_by(2).any(|named| {
                let name = named.rsplit("::").next().unwrap_or(named);
                sources.iter().any(|source| source.code.contains(&format!("fn {name}(")) || source.path.ends_with(named))
            });
            if !names_one {
                faults.push(format!("{document}:{}: names no test that attacks it", number + 1));
            }
        }
    }
    faults
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}
