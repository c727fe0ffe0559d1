//! Room on the disk.

use std::path::Path;

/// Whether the disk of this folder has more than these bytes (`min_free_disk_mb`). Where that cannot be told, writing will tell.
#[cfg(unix)]
pub(crate) fn has_reserve(folder: &Path, reserve: u64) -> bool {
    if reserve == 0 {
        return true;
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    rustix::fs::statvfs(folder).map_or(true, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) > reserve)
}

#[cfg(not(unix))]
pub(crate) const fn has_reserve(_folder: &Path, _reserve: u64) -> bool {
    true
}
