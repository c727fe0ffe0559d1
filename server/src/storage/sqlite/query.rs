//! Statements in one call each. They are prepared once for each connection.

use rusqlite::{Connection, OptionalExtension as _, Params, Row};

use crate::storage::Result;

/// Runs statements that are kept prepared.
pub(super) trait Query {
    /// The first row. That there is none is a fault.
    fn one<T>(&self, sql: &str, with: impl Params, read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>) -> Result<T>;

    /// The first row, if there is one.
    fn first<T>(
        &self,
        sql: &str,
        with: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>>;

    /// All rows.
    fn all<T, C: FromIterator<T>>(
        &self,
        sql: &str,
        with: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<C>;

    /// Changes rows, and says how many.
    fn run(&self, sql: &str, with: impl Params) -> Result<usize>;
}

impl Query for Connection {
    fn one<T>(&self, sql: &str, with: impl Params, read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>) -> Result<T> {
        Ok(self.prepare_cached(sql)?.query_row(with, read)?)
    }

    fn first<T>(
        &self,
        sql: &str,
        with: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.prepare_cached(sql)?.query_row(with, read).optional()?)
    }

    fn all<T, C: FromIterator<T>>(
        &self,
        sql: &str,
        with: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<C> {
        Ok(self.prepare_cached(sql)?.query_map(with, read)?.collect::<rusqlite::Result<C>>()?)
    }

    fn run(&self, sql: &str, with: impl Params) -> Result<usize> {
        Ok(self.prepare_cached(sql)?.execute(with)?)
    }
}
