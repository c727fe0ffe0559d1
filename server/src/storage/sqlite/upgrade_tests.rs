//! Databases of other versions of the server.

use std::path::Path;

use rusqlite::Connection;

use super::connection::{OpenError, RESTORING, create, create_with};
use super::migrations::{STEPS, newest_schema, schema_version};

/// What a later version adds.
const LATER: &str = "ALTER TABLE user ADD COLUMN later INTEGER NOT NULL DEFAULT 7";

fn later_steps() -> Vec<&'static str> {
    STEPS.iter().copied().chain([LATER]).collect()
}

/// A database as this version has left it, with a user.
fn this_version(path: &Path) {
    let conn = create(path).unwrap();
    conn.execute("INSERT INTO user (user_id, access_key_hash, created_at) VALUES ('alice', x'00', 1)", []).unwrap();
}

fn users(path: &Path) -> i64 {
    Connection::open(path).unwrap().query_row("SELECT count(*) FROM user", [], |row| row.get(0)).unwrap()
}

#[test]
fn an_upgrade_keeps_the_database_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("privmsg.db");
    this_version(&path);
    let conn = create_with(&path, &later_steps()).unwrap();
    assert_eq!(schema_version(&conn).unwrap(), newest_schema() + 1);
    assert_eq!(conn.query_row("SELECT later FROM user", [], |row| row.get(0)), Ok(7));
    drop(conn);
    let copy = folder.path().join(format!("privmsg.db.before-V{}-of-V{}", newest_schema() + 1, newest_schema()));
    assert_eq!(users(&copy), 1);
    assert_eq!(schema_version(&Connection::open(&copy).unwrap()).unwrap(), newest_schema());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(users(&path), 1);
    let names = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = names();
    drop(create_with(&path, &later_steps()).unwrap());
    assert_eq!(names(), before, "an ordinary start copies nothing");
}

#[test]
fn an_upgrade_that_fails_leaves_the_database_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("privmsg.db");
    this_version(&path);
    let steps: Vec<_> = later_steps().into_iter().chain(["not SQL"]).collect();
    assert!(matches!(create_with(&path, &steps), Err(OpenError::Migrate { .. })));
    let conn = create(&path).unwrap();
    assert_eq!(schema_version(&conn).unwrap(), newest_schema());
    assert!(conn.prepare("SELECT later FROM user").is_err());
}

#[test]
fn a_database_of_a_newer_server_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("privmsg.db");
    drop(create_with(&path, &later_steps()).unwrap());
    let newer = newest_schema() + 1;
    let refused = create(&path);
    assert!(matches!(refused, Err(OpenError::Newer { found, known, .. }) if found == newer && known == newer - 1));
}

#[test]
fn half_restored_data_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("privmsg.db");
    std::fs::write(folder.path().join(format!("privmsg.db{RESTORING}")), "").unwrap();
    assert!(matches!(create(&path), Err(OpenError::HalfRestored { .. })));
    assert!(!path.exists());
}

/// Its tables got ours beside them, its log another kind and its file other permissions, all without a word.
#[test]
fn a_database_of_another_program_is_left_as_it_is() {
    let others = [
        "CREATE TABLE users (user_id TEXT, key_hash TEXT, is_active INTEGER)",
        "CREATE TABLE a (x); PRAGMA user_version = 1",
        "CREATE TABLE a (x); PRAGMA user_version = 900",
        "CREATE TABLE user (name TEXT); CREATE TABLE device (name TEXT)",
    ];
    for sql in others {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("privmsg.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(create(&path), Err(OpenError::Foreign { .. })), "{sql}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{sql}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{sql}");
    }
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("privmsg.db");
    std::fs::write(&empty, "").unwrap();
    assert!(create(&empty).is_ok(), "an empty file is nobody's");
}
