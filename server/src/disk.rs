//! Room on the disk.

use std::path::Path;

/// Free bytes below which nothing large is taken any more. Messages and acknowledgements go on: they are small, and an
/// acknowledgement, which frees room, has to be written first.
pub(crate) const RESERVE: u64 = 64 * 1024 * 1024;

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

/// Whether the disk of this folder has more than the reserve. Where that cannot be told, writing will tell.
pub(crate) fn has_reserve(folder: &Path) -> bool {
    room(folder).is_none_or(|room| room.free > RESERVE)
}
