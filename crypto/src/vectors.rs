//! Where tests find the published vectors of other projects (tests only).
//!
//! They lie beside the project, not in it: required where `CI=true`, skipped with a notice elsewhere.

use std::path::{Path, PathBuf};

/// The folder `name` of published vectors, or nothing (and a notice) outside CI where it is missing.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors")).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "published vectors are missing: {}", folder.display());
    eprintln!("notice: skipped, no published vectors at {}", folder.display());
    None
}

/// Bytes of a hex figure.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "odd hex: {text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// `N` bytes of a hex figure.
pub(crate) fn hex_array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}
