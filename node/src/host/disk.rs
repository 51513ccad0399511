//! How much room is left, so that intake stops before the store breaks (design 5).

use std::path::Path;

/// Free space on the file system that holds `path`, in MiB; `None` if the system does not say.
pub fn free_mib(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some((stat.f_bavail.saturating_mul(stat.f_frsize)) >> 20)
}
