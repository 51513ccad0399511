//! Paths of a file that are relative to its folder.

use std::path::{Component, Path, PathBuf};

/// `path` seen from `folder`, without `.` and, where a name stands before it, `..`. Links are not followed: nothing is opened here.
pub(super) fn resolved(folder: &Path, path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(clean.components().next_back(), Some(Component::Normal(_))) => {
                clean.pop();
            }
            Component::ParentDir if clean.has_root() => {}
            part => clean.push(part),
        }
    }
    if clean.as_os_str().is_empty() { PathBuf::from(".") } else { clean }
}
