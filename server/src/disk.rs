//! Room on the disk.

use std::path::Path;

/// Whether the disk of this folder has more than so many free bytes. Where that cannot be told, writing will tell.
///
/// Below `storage.min_free_disk_mb` nothing large is taken any more. Messages and acknowledgements go on: they are
/// small, and an acknowledgement, which frees room, has to be written first.
#[cfg(unix)]
pub(crate) fn has_more_than(bytes: u64, folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    rustix::fs::statvfs(folder).map_or(true, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) > bytes)
}

#[cfg(not(unix))]
pub(crate) const fn has_more_than(_bytes: u64, _folder: &Path) -> bool {
    true
}
