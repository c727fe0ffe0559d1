//! What a closure may do: read a snapshot, or read and write in one transaction.

use std::cell::RefCell;
use std::ops::Deref;

use rusqlite::Connection;

use super::changes::{Change, ChangeSet};
use crate::StoreError;

/// A consistent state of the database, to be read. Reading never waits for who writes, nor the other way round.
#[derive(Debug)]
pub struct Snapshot<'a> {
    connection: &'a Connection,
}

impl<'a> Snapshot<'a> {
    pub(crate) const fn of(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// The connection, for the SQL of this crate.
    pub(crate) const fn sql(&self) -> &'a Connection {
        self.connection
    }
}

/// A write transaction. Whatever changes something notes what it was; that is told to everybody after the commit, and
/// to nobody if there is none.
///
/// Shared references are enough for writing, because OpenMLS's storage holds one for as long as the caller does.
#[derive(Debug)]
pub struct Tx<'a> {
    snapshot: Snapshot<'a>,
    changes: RefCell<ChangeSet>,
}

impl<'a> Tx<'a> {
    pub(crate) fn of(connection: &'a Connection) -> Self {
        Self { snapshot: Snapshot::of(connection), changes: RefCell::default() }
    }

    /// Notes what has changed.
    pub(crate) fn changed(&self, change: Change) {
        self.changes.borrow_mut().note(change);
    }

    pub(crate) fn into_changes(self) -> ChangeSet {
        self.changes.into_inner()
    }

    /// Starts a part that can be undone by itself. Dropped without a word, it is.
    ///
    /// # Errors
    /// [`StoreError`] of the statement.
    pub fn savepoint(&self) -> Result<Savepoint<'_, 'a>, StoreError> {
        self.execute("SAVEPOINT part")?;
        Ok(Savepoint { tx: self, changes: self.changes.borrow().len(), open: true })
    }

    fn execute(&self, statement: &'static str) -> Result<(), StoreError> {
        self.sql().prepare_cached(statement)?.execute([])?;
        Ok(())
    }
}

/// Whatever can be read in a snapshot can be read in a transaction, and sees what it has written so far.
impl<'a> Deref for Tx<'a> {
    type Target = Snapshot<'a>;

    fn deref(&self) -> &Snapshot<'a> {
        &self.snapshot
    }
}

/// A part of a transaction. See [`Tx::savepoint`].
#[derive(Debug)]
pub struct Savepoint<'t, 'a> {
    tx: &'t Tx<'a>,
    /// Changes noted before it began.
    changes: usize,
    open: bool,
}

impl Savepoint<'_, '_> {
    /// Makes it part of the transaction.
    ///
    /// # Errors
    /// [`StoreError`] of the statement.
    pub fn keep(mut self) -> Result<(), StoreError> {
        self.open = false;
        self.tx.execute("RELEASE part")
    }

    /// Undoes it.
    ///
    /// # Errors
    /// [`StoreError`] of the statements.
    pub fn undo(mut self) -> Result<(), StoreError> {
        self.roll_back()
    }

    fn roll_back(&mut self) -> Result<(), StoreError> {
        self.open = false;
        self.tx.changes.borrow_mut().truncate(self.changes);
        self.tx.execute("ROLLBACK TO part")?;
        self.tx.execute("RELEASE part")
    }
}

impl Drop for Savepoint<'_, '_> {
    fn drop(&mut self) {
        // On the way out with an error: the transaction is rolled back as a whole, with this part in it.
        if self.open {
            let _ = self.roll_back();
        }
    }
}
