//! Where something stands in a network directory, to point at it.
//!
//! Not here: what may stand there (`written`, `orphaned`).

use serde_spanned::Spanned;

use crate::error::{ConfigError, Source};

use super::fault::DirectoryFault;

/// Where a region stands, to point at its keys.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    source: Source<'a>,
    index: usize,
}

impl<'a> Place<'a> {
    pub(super) fn new(source: Source<'a>, index: usize) -> Self {
        Self { source, index }
    }

    /// The key under this region, as errors show it.
    pub(super) fn key(&self, key: &str) -> String {
        format!("region[{}].{key}", self.index)
    }

    pub(super) fn fault<T>(&self, at: &Spanned<T>, key: &str, fault: DirectoryFault) -> ConfigError<DirectoryFault> {
        self.source.fault(at.span(), self.key(key), fault)
    }
}

/// A value that stands in no text yet.
pub(super) fn plain<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}
