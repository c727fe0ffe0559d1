//! Copies of the account's sealed identity, and other recovery words on their way.
//!
//! The newest copy stands in the account. The ones before it are kept as well: one that turns out to be useless must not be
//! the only one.

use privmsg_protocol::Secret;
use rusqlite::{OptionalExtension as _, params};

use crate::account::{self, Account};
use crate::{Change, Snapshot, StoreError, Tx};

/// How many earlier copies are kept, as on the server.
const EARLIER: i64 = 2;

/// Keeps another copy as the newest. One that is known already stays where it is.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn keep(tx: &Tx<'_>, sealed: &[u8]) -> Result<(), StoreError> {
    let Some(account) = account::load(tx)? else { return Ok(()) };
    if account.sealed_identity.as_deref() == Some(sealed) || earlier(tx)?.iter().any(|copy| copy == sealed) {
        return Ok(());
    }
    if let Some(before) = &account.sealed_identity {
        tx.sql().execute("INSERT OR IGNORE INTO earlier_sealed_identity (sealed) VALUES (?1)", [before])?;
        tx.sql().execute(
            "DELETE FROM earlier_sealed_identity WHERE id NOT IN
                 (SELECT id FROM earlier_sealed_identity ORDER BY id DESC LIMIT ?1)",
            [EARLIER],
        )?;
    }
    account::save(tx, &Account { sealed_identity: Some(sealed.to_vec()), ..account })
}

/// The copies before the newest, the newest of them first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn earlier(at: &Snapshot<'_>) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT sealed FROM earlier_sealed_identity ORDER BY id DESC")?;
    Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Others have taken the place of what has this hash, for good, though the copy itself goes some day.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note_replaced(tx: &Tx<'_>, hash: &[u8; 32]) -> Result<(), StoreError> {
    tx.sql().execute("INSERT OR IGNORE INTO replaced_sealed_identity (hash) VALUES (?1)", [hash.as_slice()])?;
    Ok(())
}

/// Whether others have.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_replaced(at: &Snapshot<'_>, hash: &[u8; 32]) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM replaced_sealed_identity WHERE hash = ?1)";
    Ok(at.sql().query_row(sql, [hash.as_slice()], |row| row.get(0))?)
}

/// Under another identity none of the copies is of use.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn forget(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().execute("DELETE FROM earlier_sealed_identity", [])?;
    tx.sql().execute("DELETE FROM replaced_sealed_identity", [])?;
    tx.sql().execute("DELETE FROM new_recovery_words", [])?;
    Ok(())
}

/// Other recovery words, and the identity sealed with them, that the server has not confirmed.
#[derive(Debug, Clone)]
pub struct NewWords {
    /// The words.
    pub words: Secret,
    /// The identity.
    pub sealed: Vec<u8>,
}

/// The words that are on their way, if any are: whoever was cut off goes on with the same ones.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn new_words(at: &Snapshot<'_>) -> Result<Option<NewWords>, StoreError> {
    let read =
        |row: &rusqlite::Row<'_>| Ok(NewWords { words: Secret::new(row.get::<_, String>(0)?), sealed: row.get(1)? });
    Ok(at.sql().query_row("SELECT words, sealed FROM new_recovery_words", [], read).optional()?)
}

/// Notes words before anybody hears of them.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_new_words(tx: &Tx<'_>, new: &NewWords) -> Result<(), StoreError> {
    tx.sql().execute(
        "INSERT OR REPLACE INTO new_recovery_words (id, words, sealed) VALUES (1, ?1, ?2)",
        params![new.words.expose(), new.sealed],
    )?;
    Ok(())
}

/// The server has taken the words that were on their way. They stay until they were shown. What is sealed with them is
/// [kept](keep) as it was signed for.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn new_words_count(tx: &Tx<'_>) -> Result<(), StoreError> {
    let Some(new) = new_words(tx)? else { return Ok(()) };
    if let Some(account) = account::load(tx)? {
        account::save(tx, &Account { recovery_words: Some(new.words), ..account })?;
    }
    tx.sql().execute("DELETE FROM new_recovery_words", [])?;
    tx.changed(Change::Account);
    Ok(())
}
