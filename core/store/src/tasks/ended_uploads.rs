//! Uploads on the server that nobody wants any more.

use privmsg_protocol::FileId;

use crate::sql_types::optional_file_id;
use crate::{Change, Snapshot, StoreError, TaskName, Tx};

/// The queue.
pub const TASK: TaskName = TaskName::new("ended_uploads");

/// An upload is to go.
pub(super) fn insert(tx: &Tx<'_>, upload: &FileId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("INSERT INTO ended_upload (upload_id) VALUES (?1) ON CONFLICT DO NOTHING")?
        .execute([upload.as_str()])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// One of them.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn next(at: &Snapshot<'_>) -> Result<Option<FileId>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT upload_id FROM ended_upload LIMIT 1")?;
    let mut rows = query.query_map([], |row| Ok(optional_file_id(row, 0)))?;
    Ok(rows.next().transpose()?.transpose()?.flatten())
}

/// It is gone.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(tx: &Tx<'_>, upload: &FileId) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM ended_upload WHERE upload_id = ?1")?.execute([upload.as_str()])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}
