//! Bringing the schema of a database up to date.
//!
//! Steps are numbered files of SQL. `PRAGMA user_version` of a database is the number of the last step that it has had;
//! 0 has had none.

use rusqlite::{Connection, TransactionBehavior};

/// All steps, in their order. One that has been released is never changed, and none is taken out.
pub(super) const STEPS: &[&str] = &[include_str!("migrations/0001_initial.sql")];

/// Number of the last step that this program has.
pub(crate) fn newest_schema() -> i64 {
    number(STEPS)
}

pub(super) fn number(steps: &[&str]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}

/// Number of the last step that a database has had.
pub(crate) fn schema_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the schema up to date.
pub(crate) fn migrate(conn: &mut Connection) -> rusqlite::Result<()> {
    apply(conn, STEPS)
}

/// Takes the steps that the database has not had, all of them or none. A newer database is left as it is.
pub(super) fn apply(conn: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    if schema_version(conn)? >= number(steps) {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Once more: another process may have been faster.
    let had = usize::try_from(schema_version(&transaction)?).unwrap_or(usize::MAX);
    for step in steps.iter().skip(had) {
        transaction.execute_batch(step)?;
    }
    if had < steps.len() {
        transaction.pragma_update(None, "user_version", number(steps))?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(steps: &[&str]) -> rusqlite::Result<Connection> {
        let mut conn = Connection::open_in_memory().unwrap();
        apply(&mut conn, steps).map(|()| conn)
    }

    #[test]
    fn each_step_is_taken_once() {
        const STEPS: &[&str] = &["CREATE TABLE a (x); INSERT INTO a VALUES (1)", "INSERT INTO a VALUES (2)"];
        let mut conn = with(&STEPS[..1]).unwrap();
        for _ in 0..2 {
            apply(&mut conn, STEPS).unwrap();
            assert_eq!(schema_version(&conn).unwrap(), 2);
            assert_eq!(conn.query_row("SELECT group_concat(x) FROM a", [], |row| row.get(0)), Ok("1,2".to_owned()));
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_database_as_it_was() {
        let mut conn = with(&["CREATE TABLE a (x)"]).unwrap();
        apply(&mut conn, &["", "CREATE TABLE b (x)", "CREATE TABLE a (x)"]).unwrap_err();
        assert_eq!(schema_version(&conn).unwrap(), 1);
        assert!(conn.prepare("SELECT x FROM b").is_err());
    }

    #[test]
    fn the_real_steps_make_a_sound_database() {
        let conn = with(STEPS).unwrap();
        assert_eq!(schema_version(&conn).unwrap(), newest_schema());
        assert_eq!(conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)), Ok("ok".to_owned()));
    }

    /// What is tested here is what ships: SQLite as it comes with the library, and no other that another part of the
    /// build has put in its place.
    #[test]
    fn sqlite_is_the_one_that_ships() {
        let conn = Connection::open_in_memory().unwrap();
        let cipher = conn.query_row("PRAGMA cipher_version", [], |row| row.get::<_, String>(0));
        assert_eq!(cipher, Err(rusqlite::Error::QueryReturnedNoRows), "SQLCipher knows its own version");
        let options: Vec<String> = conn
            .prepare("SELECT compile_options FROM pragma_compile_options")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        assert!(options.iter().any(|option| option.starts_with("THREADSAFE=")), "{options:?}");
        assert!(!options.iter().any(|option| option.contains("CODEC")), "{options:?}");
    }
}
