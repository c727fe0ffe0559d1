//! A database of the past, put in the present: what has been revoked since is revoked again, what identities have signed
//! since counts again, and nobody's session goes on.

use std::collections::{BTreeMap, HashSet};

use privmsg_mls_public::{DeviceList, RecoveryPublicKey, Roster};
use privmsg_protocol::{ConversationId, DeviceId, FileId, Opaque, UserId};
use rusqlite::{Connection, TransactionBehavior, params};

use super::backup::freshen;
use super::device_lists::{NewDevices, no_device_list, read_list};
use super::engine::SqliteStorage;
use super::journal::{self, Entry, Journal, JournalError};
use super::query::Query as _;
use super::revocation::{BY, Revocation};
use super::sign_in::Because;
use super::tx::{State, Tx};
use crate::storage::{Actor, AuditNote, Result, StorageError, StoredList, UserKey};

impl SqliteStorage {
    /// Whether devices and tokens may be about of which the storage has never heard, because it was restored.
    pub(crate) async fn was_restored_lately(&self) -> Result<bool> {
        let now = self.clock.now();
        self.read(move |conn| was_restored_lately(conn, now)).await
    }
}

/// What was taken back.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenBack {
    /// Sessions that ended: all.
    pub(crate) sessions: usize,
    /// Whose invitations ended: all.
    pub(crate) invitations: Vec<UserId>,
    /// Whether there is a record of what was revoked after the backup.
    pub(crate) journal: bool,
    /// Lines of the record that cannot be read.
    pub(crate) unreadable: u64,
    /// By that record:
    pub(crate) signed_out: Vec<(UserId, DeviceId)>,
    pub(crate) access_keys: Vec<UserId>,
    pub(crate) deactivated: Vec<UserId>,
    pub(crate) reactivated: Vec<UserId>,
    pub(crate) deleted: Vec<UserId>,
    /// Whose device list is a newer one than that of the backup.
    pub(crate) lists: Vec<UserId>,
    /// Whose sealed identity and words are.
    pub(crate) seals: Vec<UserId>,
    /// Who is blocked by whom, or is no more.
    pub(crate) blocks: Vec<(UserId, UserId)>,
    /// Conversations, and people, that were declined since, or let in.
    pub(crate) declined: usize,
    /// Groups in which people have come, gone or got another role since.
    pub(crate) groups: HashSet<ConversationId>,
    /// What was there before cannot be read: it may have held what a full disk kept from the record.
    pub(crate) present_unread: bool,
    /// Of deleted users.
    pub(crate) files: Vec<FileId>,
}

/// When the database was put in the place of another, in seconds since 1970.
const RESTORED_AT: &str = "restored_at";

/// Longest life of a token. One that is presented later than that after a restore is not one of before.
const TOKEN_SECONDS: i64 = 30 * 24 * 3600;

/// Whether there may be tokens about of which the database has never heard, because it was restored.
pub(super) fn was_restored_lately(conn: &Connection, now: i64) -> Result<bool> {
    let found: Option<Vec<u8>> =
        conn.first("SELECT value FROM meta WHERE key = ?1", [RESTORED_AT], |row| row.get(0))?;
    let at = found.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes);
    Ok(at.is_some_and(|at| now - at < TOKEN_SECONDS))
}

/// Brings a database of the past up to date with the journal of the database whose place it takes.
pub(super) fn bring_up(
    conn: &mut Connection,
    journal: &Journal,
    by: Actor,
    now_ms: i64,
) -> std::result::Result<TakenBack, JournalError> {
    let read = journal.read()?;
    let mut back = TakenBack { journal: read.is_some(), ..TakenBack::default() };
    let read = read.unwrap_or_default();
    back.unreadable = read.unreadable;
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known = journal::known(&transaction)?;
    let last = read.entries.iter().map(|entry| entry.id).max().unwrap_or(0);
    freshen(&transaction)?;
    // Ended now and not forgotten: who comes with an ended one is told so, and signs in anew by itself.
    back.sessions = transaction.execute(
        "UPDATE device SET token_expires_at = ?1 WHERE token_hash <> x'' AND token_expires_at > ?1",
        [now_ms / 1000],
    )?;
    transaction.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![RESTORED_AT, (now_ms / 1000).to_be_bytes()],
    )?;
    back.invitations = transaction
        .prepare(
            "SELECT u.user_id FROM invitation i JOIN user u ON u.id = i.user WHERE i.spent_at = 0 AND i.expires_at > ?1
             ORDER BY u.user_id",
        )?
        .query_map([now_ms / 1000], |row| super::row::parse(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    transaction.execute("DELETE FROM invitation", [])?;
    let mut state = State::of(&transaction)?;
    let mut tx = Tx { conn: &transaction, state: &mut state, now_ms };
    back.catch_up(&mut tx, read.entries, known)?;
    tx.note(&AuditNote { actor: by, action: "restore", user_id: None, detail: back.detail() })?;
    state.flush(&transaction)?;
    state.write_total(&transaction)?;
    journal::set_known(&transaction, last)?;
    transaction.commit()?;
    Ok(back)
}

/// What accounts have signed last.
#[derive(Default)]
struct Newest {
    /// Certificate and list.
    lists: BTreeMap<UserId, (Opaque, Opaque)>,
    /// Key of the words, and what is sealed under them.
    seals: BTreeMap<UserId, (Opaque, Opaque)>,
}

impl TakenBack {
    /// Does what the database does not know of yet. Lists come after everything that takes something away, and sealed
    /// identities after lists, which say of which identity they are.
    fn catch_up(&mut self, tx: &mut Tx<'_>, entries: Vec<Entry>, known: i64) -> Result<()> {
        let (mut newest, mut signed_out) = (Newest::default(), Vec::new());
        for Entry { id, what, .. } in entries {
            if let Revocation::SignedOut { .. } = &what {
                signed_out.push(what.clone());
            }
            if id <= known {
                continue;
            }
            match what {
                Revocation::Listed { user_id, certificate, list } => {
                    newest.lists.insert(user_id, (certificate, list));
                }
                Revocation::Sealed { user_id, recovery_key, backup } => {
                    newest.seals.insert(user_id, (recovery_key, backup));
                }
                other => {
                    if let Revocation::Deleted { user_id } = &other {
                        newest.lists.remove(user_id);
                        newest.seals.remove(user_id);
                    }
                    passed_over(self.apply(tx, other))?;
                }
            }
        }
        for (user_id, (certificate, list)) in newest.lists {
            passed_over(self.relist(tx, user_id, &certificate, &list))?;
        }
        for (user_id, (recovery_key, backup)) in newest.seals {
            passed_over(self.reseal(tx, user_id, &recovery_key, &backup))?;
        }
        // A list may name a device that has been signed out and stands in it all the same. No name is given out twice.
        for what in signed_out {
            passed_over(self.apply(tx, what))?;
        }
        Ok(())
    }

    fn relist(&mut self, tx: &mut Tx<'_>, user_id: UserId, certificate: &Opaque, list: &Opaque) -> Result<()> {
        let user = tx.user(&user_id)?;
        let stored =
            certificate.decode().zip(list.decode()).map(|(certificate, list)| StoredList { certificate, list });
        let Some(list) = stored.and_then(|stored| read_list(&stored).ok()).filter(|list| *list.user_id() == user_id)
        else {
            self.unreadable += 1;
            return Ok(());
        };
        let before = tx.stored_list(user)?;
        let same = |before: &&DeviceList| before.certificate().identity_key() == list.certificate().identity_key();
        match before.as_ref().filter(same) {
            Some(before) if before.number() >= list.number() => return Ok(()),
            None if before.is_some() => tx.begin_anew(user, &list).map(drop)?,
            before => tx.relist(UserKey(user), before, &list, &[], NewDevices::WhereFree).map(drop)?,
        }
        self.lists.push(user_id);
        Ok(())
    }

    fn reseal(&mut self, tx: &Tx<'_>, user_id: UserId, recovery_key: &Opaque, backup: &Opaque) -> Result<()> {
        let user = tx.user(&user_id)?;
        let key = recovery_key.decode().and_then(|bytes| bytes.try_into().ok());
        let Some(key) = key.and_then(|bytes| RecoveryPublicKey::from_bytes(bytes).ok()) else {
            self.unreadable += 1;
            return Ok(());
        };
        // The words are those of the identity that has signed the list.
        tx.stored_list(user)?.ok_or_else(no_device_list)?;
        tx.seal(user, backup, &key)?;
        self.seals.push(user_id);
        Ok(())
    }

    fn apply(&mut self, tx: &mut Tx<'_>, what: Revocation) -> Result<()> {
        match what {
            Revocation::SignedOut { user_id, device_id, key, why } => {
                let user = tx.user(&user_id)?;
                let because = Because::of(&why);
                // The database may not know the device, which is told all the same that it was signed out.
                tx.remember_removed(user, (&device_id, &key), because, why.strip_prefix(BY))?;
                tx.remove_device(UserKey(user), &device_id, because)?;
                self.signed_out.push((user_id, device_id));
            }
            Revocation::AccessKey { user_id, hash } => {
                let user = tx.user(&user_id)?;
                let sql = "UPDATE user SET access_key_hash = ?2 WHERE id = ?1 AND access_key_hash <> ?2";
                let changed = tx.conn.execute(sql, params![user, hash.as_bytes()])?;
                if changed > 0 && !self.access_keys.contains(&user_id) {
                    self.access_keys.push(user_id);
                }
            }
            Revocation::Deactivated { user_id } => {
                tx.deactivate(&user_id)?;
                self.reactivated.retain(|other| *other != user_id);
                self.deactivated.push(user_id);
            }
            Revocation::Reactivated { user_id } => {
                tx.reactivate(&user_id)?;
                self.deactivated.retain(|other| *other != user_id);
                self.reactivated.push(user_id);
            }
            Revocation::Deleted { user_id } => {
                let (_, files) = tx.delete_user(&user_id)?;
                self.files.extend(files);
                self.deleted.push(user_id);
            }
            Revocation::Blocked { user_id, peer } => {
                let (user, blocked) = (tx.user(&user_id)?, tx.user(&peer)?);
                if tx.insert_block(user, blocked)? {
                    self.blocks.push((user_id, peer));
                }
            }
            Revocation::Unblocked { user_id, peer } => {
                let (user, blocked) = (tx.user(&user_id)?, tx.user(&peer)?);
                if tx.delete_block(user, blocked)? {
                    tx.let_in_by(user, blocked)?;
                    self.blocks.push((user_id, peer));
                }
            }
            Revocation::Declined { user_id, chat_id } => self.declined += tx.decline_again(&user_id, &chat_id, true)?,
            Revocation::LetIn { user_id, chat_id } => self.declined += tx.decline_again(&user_id, &chat_id, false)?,
            Revocation::Left { user_id, chat_id } => {
                if tx.leave_again(&user_id, &chat_id)? {
                    self.groups.insert(chat_id);
                }
            }
            Revocation::TurnedDown { user_id, peer } => self.declined += tx.turn_again(&user_id, &peer, true)?,
            Revocation::TurnedTo { user_id, peer } => self.declined += tx.turn_again(&user_id, &peer, false)?,
            Revocation::Step { roster, .. } => self.step(tx, &roster)?,
            // Only the newest counts.
            Revocation::Listed { .. } | Revocation::Sealed { .. } => {}
        }
        Ok(())
    }

    /// A roster waits for its commit, and who is not in it hears nothing of the group any more. The state of the group is of
    /// before.
    fn step(&mut self, tx: &mut Tx<'_>, roster: &Opaque) -> Result<()> {
        let Some(step) = roster.decode().and_then(|bytes| Roster::decode(&bytes).ok()) else {
            self.unreadable += 1;
            return Ok(());
        };
        if tx.step_again(&step)? {
            self.groups.insert(step.conversation_id());
        }
        Ok(())
    }

    fn detail(&self) -> String {
        format!(
            "sessions={} invitations={} devices={} access_keys={} deactivated={} deleted={} lists={} seals={} blocks={} groups={}",
            self.sessions,
            self.invitations.len(),
            self.signed_out.len(),
            self.access_keys.len(),
            self.deactivated.len(),
            self.deleted.len(),
            self.lists.len(),
            self.seals.len(),
            self.blocks.len(),
            self.groups.len()
        )
    }
}

/// The user or the device may not be in the backup.
fn passed_over(done: Result<()>) -> Result<()> {
    match done {
        Err(StorageError::Refused(_)) => Ok(()),
        other => other,
    }
}
