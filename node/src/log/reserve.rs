//! The room on the disk that is kept in reserve: below it the log takes nothing, before the store breaks.

use std::path::PathBuf;

use super::fault::LogError;
use crate::host::disk;

/// Where low disk space is looked for, and how much must stay free.
pub struct Reserve {
    /// A folder on the file system.
    pub folder: PathBuf,
    /// MiB that must stay free.
    pub least_mib: u64,
}

impl Reserve {
    /// Whether there is as much room as must stay free; what cannot be told is no reason to stop.
    pub(super) fn look(&self) -> Result<(), LogError> {
        match disk::free_mib(&self.folder) {
            Some(free) if free < self.least_mib => Err(LogError::DiskLow { free, least: self.least_mib }),
            _ => Ok(()),
        }
    }
}
