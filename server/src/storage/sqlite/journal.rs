//! What must not come back with an older database, in a file beside it.
//!
//! A backup is of the past, and the past had signed-out devices, changed access keys and deleted users as good ones. So
//! each of these changes is also appended to `<database>.revocations`, which no restore takes back:
//!
//! | step | so that |
//! |---|---|
//! | triggers note the change in the table `revocation`, in the transaction that makes it | no way to make it is forgotten |
//! | the writer appends what it finds there to the file, makes it durable, and empties the table | whoever has an answer can rely on the file; a crash in between says something twice, which is harmless |
//! | the numbers of that table are never used again | a database says by its last number how much of the file it knows |
//!
//! A line is a JSON object. One that cannot be read, because a disk was full in its middle, is passed over and counted.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use privmsg_protocol::{DeviceId, UserId};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::paths::{beside, sync_folder_of};
use crate::private;
use crate::secrets::KeyHash;
use crate::storage::StorageError;

/// Ending of the file.
const ENDING: &str = ".revocations";

/// Bytes from which on it is looked at what nobody needs any more.
const LONG: u64 = 4 * 1024 * 1024;

/// Entries are kept for so long: as long as the audit log has what they say.
const KEPT_SECONDS: i64 = 400 * 24 * 3600;

/// Entries of one user that are kept at least: nobody can push those of others out by signing in and out.
const KEPT_OF_ONE: u32 = 500;

/// Something that was taken from somebody, or given back.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Revocation {
    SignedOut { user_id: UserId, device_id: DeviceId },
    AccessKey { user_id: UserId, hash: KeyHash },
    Deactivated { user_id: UserId },
    Reactivated { user_id: UserId },
    Deleted { user_id: UserId },
}

impl Revocation {
    fn read(kind: &str, user_id: &str, subject: &[u8]) -> Option<Self> {
        let user_id = UserId::new(user_id).ok()?;
        Some(match kind {
            "signed_out" => {
                Self::SignedOut { user_id, device_id: DeviceId::new(std::str::from_utf8(subject).ok()?).ok()? }
            }
            "access_key" => Self::AccessKey { user_id, hash: KeyHash::from_slice(subject)? },
            "deactivated" => Self::Deactivated { user_id },
            "reactivated" => Self::Reactivated { user_id },
            "deleted" => Self::Deleted { user_id },
            _ => return None,
        })
    }

    const fn user_id(&self) -> &UserId {
        match self {
            Self::SignedOut { user_id, .. }
            | Self::AccessKey { user_id, .. }
            | Self::Deactivated { user_id }
            | Self::Reactivated { user_id }
            | Self::Deleted { user_id } => user_id,
        }
    }
}

/// A line.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) id: i64,
    /// Seconds since 1970.
    pub(super) at: i64,
    #[serde(flatten)]
    pub(super) what: Revocation,
}

/// What a file says.
#[derive(Default)]
pub(super) struct Read {
    pub(super) entries: Vec<Entry>,
    /// Lines that cannot be read.
    pub(super) unreadable: u64,
}

/// Why what was taken is not in the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    #[error("cannot use {path}")]
    File {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("the database cannot be changed")]
    Engine(#[from] rusqlite::Error),
    #[error("a change cannot be made")]
    Change(#[from] StorageError),
}

/// The file of a database.
pub(super) struct Journal {
    path: PathBuf,
}

impl Journal {
    pub(super) fn of(database: &Path) -> Self {
        Self { path: beside(database, ENDING) }
    }

    /// Moves what the triggers have noted to the file.
    pub(super) fn take(&self, conn: &mut Connection, now: i64) -> Result<(), JournalError> {
        let noted = noted(conn)?;
        let Some((last, _)) = noted.last() else { return Ok(()) };
        let mut lines = String::new();
        for (id, what) in &noted {
            let Some(what) = what else {
                tracing::error!("a revocation cannot be read; it is not in the journal");
                continue;
            };
            let entry = Entry { id: *id, at: now, what: what.clone() };
            lines.push_str(&serde_json::to_string(&entry).expect("an entry is plain data"));
            lines.push('\n');
        }
        self.append(&lines).map_err(self.failed())?;
        conn.execute("DELETE FROM revocation WHERE id <= ?1", [last])?;
        Ok(())
    }

    /// Everything in the file; `None` if there is none.
    pub(super) fn read(&self) -> Result<Option<Read>, JournalError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed()(error)),
        };
        let mut read = Read::default();
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(self.failed())?;
            match serde_json::from_slice(&line) {
                Ok(entry) => read.entries.push(entry),
                Err(_) if line.is_empty() => {}
                Err(_) => read.unreadable += 1,
            }
        }
        Ok(Some(read))
    }

    /// Writes the file anew without what is too old, once it is long.
    pub(super) fn shorten(&self, now: i64) -> Result<(), JournalError> {
        if self.path.metadata().map_or(0, |data| data.len()) < LONG {
            return Ok(());
        }
        let Some(read) = self.read()? else { return Ok(()) };
        let mut of_one = std::collections::HashMap::<UserId, u32>::new();
        let mut kept: Vec<Entry> = Vec::new();
        for entry in read.entries.into_iter().rev() {
            let count = of_one.entry(entry.what.user_id().clone()).or_default();
            *count += 1;
            let is_settled = matches!(entry.what, Revocation::SignedOut { .. } | Revocation::AccessKey { .. });
            if now - entry.at <= KEPT_SECONDS && (*count <= KEPT_OF_ONE || !is_settled) {
                kept.push(entry);
            }
        }
        let lines = kept.iter().rev().map(|entry| serde_json::to_string(entry).expect("an entry is plain data") + "\n");
        let part = Self { path: beside(&self.path, ".part") };
        let replaced = private::file(&part.path)
            .and_then(|file| file.set_len(0))
            .and_then(|()| part.append(&lines.collect::<String>()))
            .and_then(|()| std::fs::rename(&part.path, &self.path))
            .and_then(|()| sync_folder_of(&self.path));
        replaced.map_err(self.failed())
    }

    /// Makes the file, if there is none: where there is none, it is not known what has been revoked.
    pub(super) fn begin(&self) -> Result<(), JournalError> {
        if self.path.exists() { Ok(()) } else { self.append("").map_err(self.failed()) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn append(&self, lines: &str) -> io::Result<()> {
        let is_new = !self.path.exists();
        // Made for nobody else to read; opened once more, for adding only.
        drop(private::file(&self.path)?);
        let mut file = File::options().read(true).append(true).open(&self.path)?;
        if file.seek(SeekFrom::End(-1)).is_ok() {
            let mut last = [0];
            file.read_exact(&mut last)?;
            // Broken off in the middle of a line.
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        if is_new { sync_folder_of(&self.path) } else { Ok(()) }
    }

    fn failed(&self) -> impl Fn(io::Error) -> JournalError + use<> {
        let path = self.path.display().to_string();
        move |source| JournalError::File { path: path.clone(), source }
    }
}

fn noted(conn: &Connection) -> rusqlite::Result<Vec<(i64, Option<Revocation>)>> {
    conn.prepare_cached("SELECT id, kind, user_id, subject FROM revocation ORDER BY id")?
        .query_map([], |row| {
            let (kind, user_id, subject): (String, String, Vec<u8>) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, Revocation::read(&kind, &user_id, &subject)))
        })?
        .collect()
}

/// Number of the last change that the database knows of.
pub(super) fn known(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'revocation'", [], |row| row.get(0))
}

/// The database knows of all changes up to this one.
pub(super) fn set_known(conn: &Connection, id: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM revocation", [])?;
    if id > known(conn)? {
        conn.execute("INSERT INTO revocation (id, kind, user_id) VALUES (?1, '', '')", params![id])?;
        conn.execute("DELETE FROM revocation", [])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: i64, user: &str) -> Entry {
        Entry { id, at: 100, what: Revocation::Deleted { user_id: UserId::new(user).unwrap() } }
    }

    fn line(entry: &Entry) -> String {
        serde_json::to_string(entry).unwrap() + "\n"
    }

    #[test]
    fn a_line_that_broke_off_takes_no_other_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::of(&folder.path().join("privmsg.db"));
        assert!(journal.read().unwrap().is_none());
        journal.append(&line(&entry(1, "alice"))).unwrap();
        journal.append("{\"id\":2,\"at\":1,\"ki").unwrap();
        journal.append(&line(&entry(3, "bob"))).unwrap();
        let read = journal.read().unwrap().unwrap();
        assert_eq!(read.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(read.unreadable, 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(journal.path().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    /// Whoever signs in and out all day long fills neither the disk nor the place of others.
    #[test]
    fn a_long_one_loses_what_one_user_has_too_much_of() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::of(&folder.path().join("privmsg.db"));
        let mut lines = line(&entry(1, "alice"));
        for id in 2..60_000 {
            let what = Revocation::SignedOut {
                user_id: UserId::new("mallory").unwrap(),
                device_id: DeviceId::new("aaaaaaaaaaaaaaaa").unwrap(),
            };
            lines += &line(&Entry { id, at: 100, what });
        }
        journal.append(&lines).unwrap();
        journal.shorten(100).unwrap();
        let read = journal.read().unwrap().unwrap();
        assert_eq!(read.entries.len(), 1 + usize::try_from(KEPT_OF_ONE).unwrap());
        assert_eq!((read.entries[0].id, read.entries.last().unwrap().id), (1, 59_999));
    }
}
