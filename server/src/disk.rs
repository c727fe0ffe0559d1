//! Room on the disk.

use std::path::Path;

/// Bytes of a disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// For whoever is not root.
    pub(crate) free: u64,
    pub(crate) total: u64,
}

/// Room on the disk of this folder; `None` where that cannot be told.
#[cfg(unix)]
pub(crate) fn room(folder: &Path) -> Option<Room> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let disk = rustix::fs::statvfs(folder).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some(Room { free: bytes(disk.f_bavail), total: bytes(disk.f_blocks) })
}

#[cfg(not(unix))]
pub(crate) const fn room(_folder: &Path) -> Option<Room> {
    None
}

/// Whether the disk of this folder has more than these bytes (`min_free_disk_mb`). Where that cannot be told, writing
/// will tell.
pub(crate) fn has_reserve(folder: &Path, reserve: u64) -> bool {
    reserve == 0 || room(folder).is_none_or(|room| room.free > reserve)
}
