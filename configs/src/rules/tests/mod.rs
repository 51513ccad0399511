//! The bundled pack is what the lawyers wrote down, and a pack that is forged, looser or torn is refused by cause, file, line and key.

mod refused_parts;
mod refused_rows;
mod transcript;

use super::fault::RulesFault;
use super::sample::read;

/// The refusal of this text: its fault and key; its line must hold `shown`.
#[track_caller]
fn refused(text: &str, shown: &str) -> (RulesFault, String) {
    let error = read(text).unwrap_err();
    assert_eq!(error.file(), "forged.toml");
    let line = text.lines().nth(error.line().unwrap_or_else(|| panic!("{error}")) - 1).unwrap();
    assert!(line.contains(shown), "{error}\nstands on: {line}");
    (error.fault().clone(), error.key().unwrap_or_default().to_owned())
}

#[track_caller]
fn assert_refused(text: &str, shown: &str, key: &str, fault: RulesFault) {
    assert_eq!(refused(text, shown), (fault, key.to_owned()));
}
