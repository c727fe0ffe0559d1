//! Room on the disk.

use std::path::Path;

/// Free bytes below which nothing large is taken any more. Messages and acknowledgements go on: they are small, and an
/// acknowledgement, which frees room, has to be written first.
const RESERVE: u64 = 64 * 1024 * 1024;

/// Whether the disk of this folder has more than the reserve. Where that cannot be told, writing will tell.
#[cfg(unix)]
pub(crate) fn has_reserve(folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    rustix::fs::statvfs(folder).map_or(true, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) > RESERVE)
}

#[cfg(not(unix))]
pub(crate) const fn has_reserve(_folder: &Path) -> bool {
    true
}
