//! The database as backups see it: a copy of one moment, what is in it, and what becomes of it when it is restored.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::connection::{self, vacuum_into};
use super::journal::{Journal, JournalError};
use super::taken_back::{self, TakenBack};
use crate::storage::Actor;

/// Copies the database as it is at this moment into an empty file. The copy is without what has been deleted, which the
/// pages of the original still hold. Writers go on meanwhile; only their log cannot be begun anew before it is done.
pub(crate) fn copy(from: &Path, to: &Path) -> rusqlite::Result<()> {
    // One that may not write could not tidy up its log where no server runs.
    let conn = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(connection::BUSY)?;
    vacuum_into(&conn, to)
}

/// How many users a database has, for people to tell one database from another.
pub(crate) fn user_count(path: &Path) -> rusqlite::Result<u64> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(connection::BUSY)?;
    users(&conn)
}

/// [`user_count`], of a database that is open.
pub(crate) fn users(conn: &Connection) -> rusqlite::Result<u64> {
    conn.query_row("SELECT count(*) FROM user WHERE deleted_at = 0", [], |row| row.get(0))
}

/// Names of all finished files.
pub(crate) fn file_ids(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    conn.prepare("SELECT file_id FROM file ORDER BY id")?.query_map([], |row| row.get(0))?.collect()
}

/// Takes out of a restored database what has been revoked since, by the journal of the database whose place it takes.
pub(crate) fn make_present(path: &Path, in_place_of: &Path, now: i64) -> Result<TakenBack, JournalError> {
    let journal = Journal::of(in_place_of);
    let present_unread = !complete(&journal, in_place_of, now)?;
    let mut conn = Connection::open(path)?;
    let back = taken_back::bring_up(&mut conn, &journal, Actor::Cli, now.saturating_mul(1000))?;
    conn.close().map_err(|(_, error)| error)?;
    Ok(TakenBack { present_unread, ..back })
}

/// Moves to the journal what a full disk has kept from it. Returns whether the database can be read, if there is one: it may
/// well be damaged, and a restore the way out.
fn complete(journal: &Journal, present: &Path, now: i64) -> Result<bool, JournalError> {
    if !present.exists() {
        return Ok(true);
    }
    let opened = Connection::open_with_flags(present, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .and_then(|conn| conn.busy_timeout(connection::BUSY).map(|()| conn));
    let Ok(mut conn) = opened else { return Ok(false) };
    match journal.take(&mut conn, now) {
        Err(JournalError::Engine(_)) => Ok(false),
        other => other.map(|()| true),
    }
}

/// Where that journal is.
pub(crate) fn journal_of(database: &Path) -> PathBuf {
    Journal::of(database).path().to_owned()
}

/// Takes out of a restored database, whose schema is up to date, what the world has moved on from.
pub(super) fn freshen(conn: &Connection) -> rusqlite::Result<()> {
    // Key packages for one use may have been used since, and their owners have then forgotten the secrets to them:
    // nobody could open what is sent to one. Devices publish new ones when they connect, and have the last-resort one
    // until then.
    conn.execute("DELETE FROM key_package WHERE last_resort = 0", [])?;
    // Groups may have moved on since, and devices have deleted the keys to where the backup has them, though the numbers of
    // the epochs may fit. So each device joins anew when it connects, once it has read what waits for it; until another
    // user's device has, messages wait with their sender. One that had not moved on can read what is said meanwhile.
    conn.execute("UPDATE grp_leaf SET former = 1", [])?;
    // Whoever has begun to replace an identity begins again: it may have been ended since, and its three days are over.
    conn.execute("DELETE FROM replacement", [])?;
    // What is counted from here on has been counted otherwise before.
    conn.execute("UPDATE last_change SET lineage = randomblob(8)", [])?;
    // The bytes of uploads that were not finished are in no backup.
    conn.execute("DELETE FROM upload", []).map(drop)
}
