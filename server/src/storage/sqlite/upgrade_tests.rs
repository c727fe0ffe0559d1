//! Databases of other versions of the server.

use std::path::Path;

use refinery::Target;
use rusqlite::Connection;

use super::backup::{newest_schema, schema_version};
use super::connection::{OpenError, RESTORING, create, embedded};

/// A database as the first version of the server has left it, with a user.
fn first_version(path: &Path) {
    let mut conn = Connection::open(path).unwrap();
    embedded::migrations::runner().set_target(Target::Version(1)).run(&mut conn).unwrap();
    conn.execute("INSERT INTO user (user_id, access_key_hash, created_at) VALUES ('alice', x'00', 1)", []).unwrap();
    conn.execute("INSERT INTO body (received_at, frame) VALUES (1, x'00'), (2, x'00')", []).unwrap();
}

fn users(path: &Path) -> i64 {
    Connection::open(path).unwrap().query_row("SELECT count(*) FROM user", [], |row| row.get(0)).unwrap()
}

#[test]
fn an_upgrade_keeps_the_database_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("privmsg.db");
    first_version(&path);
    let conn = create(&path).unwrap();
    assert_eq!(schema_version(&conn).unwrap(), Some(newest_schema()));
    let waiting: i64 = conn.query_row("SELECT bodies FROM total", [], |row| row.get(0)).unwrap();
    assert_eq!(waiting, 2);
    drop(conn);
    let copy = folder.path().join(format!("privmsg.db.before-V{}-of-V1", newest_schema()));
    assert_eq!(copy.exists(), newest_schema() > 1);
    if copy.exists() {
        assert_eq!(users(&copy), 1);
        assert_eq!(schema_version(&Connection::open(&copy).unwrap()).unwrap(), Some(1));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
    assert_eq!(users(&path), 1);
    let names = || std::fs::read_dir(folder.path()).unwrap().count();
    let before = names();
    drop(create(&path).unwrap());
    assert_eq!(names(), before, "an ordinary start copies nothing");
}

#[test]
fn a_database_of_a_newer_server_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("privmsg.db");
    let conn = create(&path).unwrap();
    let newer = newest_schema() + 1;
    let row = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (?1, 'x', '', '0')";
    conn.execute(row, [newer]).unwrap();
    drop(conn);
    assert!(matches!(create(&path), Err(OpenError::Newer { found, .. }) if found == newer));
}

#[test]
fn half_restored_data_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("privmsg.db");
    std::fs::write(folder.path().join(format!("privmsg.db{RESTORING}")), "").unwrap();
    assert!(matches!(create(&path), Err(OpenError::HalfRestored { .. })));
    assert!(!path.exists());
}
