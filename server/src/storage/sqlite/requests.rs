//! Requests of the command line to the server that runs on the same database.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::accounts::admin_key_hash;
use super::connection::open_writable;
use super::engine::SqliteStorage;
use super::query::Query as _;
use super::tx::Tx;
use super::writer::Touches;
use crate::secrets::KeyHash;
use crate::storage::{Actor, Request, RequestId, Result};

impl SqliteStorage {
    /// What the command line asks for and has not got yet.
    pub(crate) async fn requests(&self) -> Result<Vec<Request>> {
        let now = self.clock.now();
        self.read(move |conn| waiting(conn, now)).await
    }

    /// Answers a request, unless it has its outcome already. Passes over one that has been withdrawn.
    pub(crate) async fn answer(&self, request: RequestId, outcome: String) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.answer(request, &outcome)).await
    }
}

/// Requests that one look finds; the next look finds the others.
const AT_ONCE: u32 = 64;

/// Requests that wait to be carried out.
pub(super) fn waiting(conn: &Connection, now: i64) -> Result<Vec<Request>> {
    conn.all(
        "SELECT id, body, outcome <> '' FROM request WHERE settled = 0 AND valid_until >= ?1 ORDER BY id LIMIT ?2",
        params![now, AT_ONCE],
        |row| Ok(Request { id: RequestId(row.get(0)?), body: row.get(1)?, is_done: row.get(2)? }),
    )
}

impl Tx<'_> {
    /// The request is being carried out by this transaction.
    pub(super) fn mark_done(&self, request: RequestId, outcome: &str) -> Result<()> {
        self.conn.execute("UPDATE request SET outcome = ?2 WHERE id = ?1", params![request.0, outcome])?;
        Ok(())
    }

    /// Answers a request, unless its answer is there already, and lets the command line read it.
    pub(super) fn answer(&self, request: RequestId, outcome: &str) -> Result<()> {
        self.conn.execute(
            "UPDATE request SET outcome = iif(outcome = '', ?2, outcome), settled = 1 WHERE id = ?1",
            params![request.0, outcome],
        )?;
        Ok(())
    }

    /// Whoever asked is gone.
    pub(super) fn expire_requests(&self, now: i64) -> Result<()> {
        self.conn.execute("DELETE FROM request WHERE valid_until < ?1", [now])?;
        Ok(())
    }
}

/// The command line's end, in a process of its own beside the server's. It changes nothing that the server remembers.
pub(crate) struct Courier {
    conn: Connection,
}

impl Courier {
    /// Opens the database as it is: its schema is the running server's business.
    pub(crate) fn open(database: &Path) -> Result<Self> {
        Ok(Self { conn: open_writable(database)? })
    }

    /// Whether the running server knows requests: an older one has no table for them.
    pub(crate) fn is_expected(&self) -> Result<bool> {
        Ok(self
            .conn
            .query_row("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'request')", [], |row| row.get(0))?)
    }

    pub(crate) fn admin_key_hash(&self) -> Result<Option<KeyHash>> {
        admin_key_hash(&self.conn)
    }

    pub(crate) fn send(&self, body: &str, valid_until: i64) -> Result<RequestId> {
        self.conn.execute("INSERT INTO request (body, valid_until) VALUES (?1, ?2)", params![body, valid_until])?;
        Ok(RequestId(self.conn.last_insert_rowid()))
    }

    /// What came of the request, if it has been carried out. The request is over then.
    pub(crate) fn outcome(&self, request: RequestId) -> Result<Option<String>> {
        let outcome: Option<String> =
            self.conn
                .first("SELECT outcome FROM request WHERE id = ?1 AND settled = 1", [request.0], |row| row.get(0))?;
        if outcome.is_some() {
            self.forget(request)?;
        }
        Ok(outcome)
    }

    /// Takes the request back. What came of it, if it had been carried out by then.
    pub(crate) fn withdraw(&mut self, request: RequestId) -> Result<Option<String>> {
        let transaction = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome: Option<String> = transaction
            .query_row("DELETE FROM request WHERE id = ?1 RETURNING outcome", [request.0], |row| row.get(0))
            .optional()?;
        transaction.commit()?;
        Ok(outcome.filter(|outcome| !outcome.is_empty()))
    }

    fn forget(&self, request: RequestId) -> Result<()> {
        self.conn.execute("DELETE FROM request WHERE id = ?1", [request.0])?;
        Ok(())
    }

    /// Notes that somebody at the terminal had no admin key, at most once a minute.
    pub(crate) fn note_refused_key(&self, action: &str, now: i64) -> Result<()> {
        self.conn.execute(
            "INSERT INTO audit (at, actor, action) SELECT ?1, ?2, ?3 WHERE NOT EXISTS
                 (SELECT 1 FROM audit WHERE actor = ?2 AND action = ?3 AND at > ?1 - 60)",
            params![now, Actor::Cli.name(), action],
        )?;
        Ok(())
    }
}
