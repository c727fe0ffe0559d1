//! What must not come back with an older database, in a file beside it.
//!
//! A backup is of the past, and the past had signed-out devices, changed access keys and deleted users as good ones, older
//! device lists and words as the newest, nobody blocked who has been since, and in groups who has left them or was put out. So each of these changes is also appended to
//! `<database>.revocations`, which no restore takes back:
//!
//! | step | so that |
//! |---|---|
//! | triggers note the change in the table `revocation`, in the transaction that makes it | no way to make it is forgotten |
//! | the writer appends what it finds there to the file, makes it durable, and empties the table | whoever has an answer can rely on the file; a crash in between says something twice, which is harmless |
//! | the numbers of that table are never used again | a database says by its last number how much of the file it knows |
//!
//! A line is a JSON object. One that cannot be read, because a disk was full in its middle, is passed over and counted.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::revocation::Revocation;
use crate::paths::{beside, sync_folder_of};
use crate::private;
use crate::storage::StorageError;

/// Ending of the file.
const ENDING: &str = ".revocations";

/// Bytes from which on it is looked at what nobody needs any more.
const LONG: u64 = 4 * 1024 * 1024;

/// Entries are kept for so long: as long as the audit log has what they say.
const KEPT_SECONDS: i64 = 400 * 24 * 3600;

/// Devices of one user that are kept, as many whom they have blocked, and as many rosters of groups that they have created: nobody fills the disk by signing in and out.
/// Whoever has a session of the user, and does that, pushes out what the user has done before, and nothing of others.
const KEPT_OF_ONE: u32 = 2_000;

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
    /// Bytes that it had when it was shortened last.
    shortened: u64,
}

impl Journal {
    pub(super) fn of(database: &Path) -> Self {
        Self { path: beside(database, ENDING), shortened: 0 }
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

    /// Writes the file anew without what is too old, or has been overtaken, once it is long and has become twice as long
    /// as that left it: so it costs little, whoever makes it grow.
    pub(super) fn shorten(&mut self, now: i64) -> Result<(), JournalError> {
        let long = self.path.metadata().map_or(0, |data| data.len());
        if long < LONG.max(2 * self.shortened) {
            return Ok(());
        }
        let Some(read) = self.read()? else { return Ok(()) };
        let kept = worth_keeping(read.entries, now);
        let lines = kept.iter().map(|entry| serde_json::to_string(entry).expect("an entry is plain data") + "\n");
        let lines = lines.collect::<String>();
        let part = Self { path: beside(&self.path, ".part"), shortened: 0 };
        let replaced = private::file(&part.path)
            .and_then(|file| file.set_len(0))
            .and_then(|()| part.append(&lines))
            .and_then(|()| std::fs::rename(&part.path, &self.path))
            .and_then(|()| sync_folder_of(&self.path));
        self.shortened = lines.len() as u64;
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

/// Without what a later entry says otherwise, what is too old, and what one user has too much of. Of each conversation the newest
/// step is what a restore needs: it gives way to no other step, of however many there are, and to no age.
fn worth_keeping(entries: Vec<Entry>, now: i64) -> Vec<Entry> {
    let (mut said, mut moved, mut of_one) = (HashSet::new(), HashSet::new(), HashMap::<_, u32>::new());
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries.into_iter().rev() {
        let matter = entry.what.matter();
        let is_newest = entry.what.conversation().is_some_and(|chat| moved.insert(chat));
        let is_too_old = matter.ages() && !is_newest && now - entry.at > KEPT_SECONDS;
        let is_too_much = matter.series().is_some_and(|series| {
            // A conversation has one that is the newest, so whoever makes many steps in it pushes out no other one's.
            let count = of_one.entry((series, is_newest)).or_default();
            *count = count.saturating_add(entry.what.weight());
            *count > KEPT_OF_ONE
        });
        if said.insert(matter) && !is_too_old && !is_too_much {
            kept.push(entry);
        }
    }
    kept.reverse();
    kept
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
    use privmsg_protocol::{DeviceId, Opaque, UserId};

    use super::*;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn entry(id: i64, name: &str) -> Entry {
        Entry { id, at: 100, what: Revocation::Deleted { user_id: user(name) } }
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

    /// Whoever signs in and out all day long, blocks and unblocks, or signs list after list, fills neither the disk nor the
    /// place of others, and what others have signed last stays however old it is.
    #[test]
    fn a_long_one_loses_what_one_user_has_too_much_of() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::of(&folder.path().join("privmsg.db"));
        let text = || Opaque::encode(&[7; 60]);
        let listed = |name| Revocation::Listed { user_id: user(name), certificate: text(), list: text() };
        let mut lines = line(&entry(1, "alice")) + &line(&Entry { id: 2, at: -9_000_000_000, what: listed("bob") });
        for id in 3..60_000 {
            let device = format!("{id:016}");
            let what = match id % 3 {
                0 => {
                    let device_id = DeviceId::new(&device).unwrap();
                    Revocation::SignedOut {
                        user_id: user("mallory"),
                        device_id,
                        key: String::new(),
                        why: String::new(),
                    }
                }
                1 => listed("mallory"),
                _ => Revocation::Blocked { user_id: user("mallory"), peer: user("alice") },
            };
            lines += &line(&Entry { id, at: 100, what });
        }
        journal.append(&lines).unwrap();
        journal.shorten(100).unwrap();
        let read = journal.read().unwrap().unwrap();
        assert_eq!(read.entries.len(), 4 + usize::try_from(KEPT_OF_ONE).unwrap());
        let ids: Vec<i64> = read.entries.iter().map(|entry| entry.id).collect();
        assert_eq!((&ids[..2], ids.last()), (&[1, 2][..], Some(&59_999)));
        // It is not read over and over, as long as there is nothing to be won.
        let kept = std::fs::read(journal.path()).unwrap();
        journal.append(&lines[..usize::try_from(LONG).unwrap() / 2]).unwrap();
        journal.shorten(100).unwrap();
        assert!(journal.path().metadata().unwrap().len() > kept.len() as u64);
    }

    /// An owner of one group made step after step, until those of the founder's other groups were gone.
    #[test]
    fn steps_of_one_conversation_push_out_no_other_ones_newest() {
        let step = |id: i64, chat: u8, at: i64| {
            let mut roster = vec![1];
            roster.extend([chat; 32]);
            roster.extend(id.to_be_bytes());
            Entry { id, at, what: Revocation::Step { user_id: user("alice"), roster: Opaque::encode(&roster) } }
        };
        let old = -2 * KEPT_SECONDS;
        let quiet = [step(1, 1, old), step(2, 1, old), step(3, 2, 0), step(4, 2, 0)];
        let loud = (5..10_000).map(|id| step(id, 3, 0));
        let kept: Vec<i64> =
            worth_keeping(quiet.into_iter().chain(loud).collect(), 0).iter().map(|entry| entry.id).collect();
        assert_eq!(kept.len(), 3 + usize::try_from(KEPT_OF_ONE).unwrap());
        assert_eq!((&kept[..2], kept.last()), (&[2, 4][..], Some(&9_999)));
    }

    #[test]
    fn what_a_later_entry_says_otherwise_goes() {
        let [alice, bob] = ["alice", "bob"].map(user);
        let entries = [
            Revocation::Blocked { user_id: alice.clone(), peer: bob.clone() },
            Revocation::Deactivated { user_id: bob.clone() },
            Revocation::Unblocked { user_id: alice, peer: bob.clone() },
            Revocation::Reactivated { user_id: bob },
        ];
        let entries = entries.into_iter().zip(1..).map(|(what, id)| Entry { id, at: 0, what }).collect();
        let kept: Vec<i64> = worth_keeping(entries, 0).iter().map(|entry| entry.id).collect();
        assert_eq!(kept, [3, 4]);
    }
}
