//! Room for the database and for files.

use std::path::Path;

use super::{Finding, Patient};
use crate::disk::{Room, room};

/// Below this, uploads of a few days fill the disk.
const COMFORTABLE: u64 = 1024 * 1024 * 1024;

const MB: u64 = 1024 * 1024;

pub(super) fn check(patient: &Patient) -> Finding {
    let storage = &patient.config.storage;
    let database = storage.database_path.parent().unwrap_or(Path::new("."));
    let rooms = [database, &storage.files_path].map(|folder| existing(folder).and_then(room));
    let Some(Room { free, total }) = rooms.into_iter().flatten().min_by_key(|room| room.free) else {
        return Finding::pass("The room on the disk cannot be told here", "Сколько места на диске, здесь не узнать");
    };
    let (en, ru) = (
        format!("{} MB of {} MB of the disk are free", free / MB, total / MB),
        format!("На диске свободно {} МБ из {} МБ", free / MB, total / MB),
    );
    let advice = (
        "Delete what is not needed, make the disk larger, or lower storage.max_file_age_hours and limits.max_stored_mb_per_user.",
        "Удалите лишнее, увеличьте диск или уменьшите storage.max_file_age_hours и limits.max_stored_mb_per_user.",
    );
    if free <= patient.config.limits.reserve_bytes() {
        return Finding::fail(
            format!("{en}: no uploads are taken any more"),
            format!("{ru}: файлы больше не принимаются"),
        )
        .advise(advice.0, advice.1);
    }
    if free < COMFORTABLE.min(total / 10) {
        return Finding::warn(en, ru).advise(advice.0, advice.1);
    }
    Finding::pass(en, ru)
}

/// The folder, or the nearest one above it that is there: the server makes the rest.
fn existing(folder: &Path) -> Option<&Path> {
    // Above the first name of a relative path is the working directory, which has no name.
    let here = |folder: &Path| folder.as_os_str().is_empty();
    let folder = folder.ancestors().find(|folder| here(folder) || folder.exists())?;
    Some(if here(folder) { Path::new(".") } else { folder })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_is_on_the_disk_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(&folder.path().join("not/yet")), Some(folder.path()));
        assert_eq!(existing(Path::new("not/yet/either")), Some(Path::new(".")));
        assert_eq!(existing(Path::new("")), Some(Path::new(".")));
    }
}
