//! A look into the database of a server: what its program does not tell.

use std::time::Duration;

use anyhow::{Context as _, Result};
use privmsg_harness::ServerProcess;
use privmsg_protocol::{ConversationId, GroupId, Seq, UserId};
use rusqlite::{Connection, OpenFlags};

/// The server writes briefly.
const BUSY: Duration = Duration::from_secs(5);

/// What SQLite says about its database, and whether what the server counts is there: `ok`, or what is wrong. The server
/// must not be running.
///
/// # Errors
/// If the database cannot be opened.
pub fn integrity(server: &ServerProcess) -> Result<String> {
    let connection = Connection::open(server.database())?;
    let (counted, there): (i64, i64) =
        connection.query_row("SELECT (SELECT bodies FROM total), (SELECT count(*) FROM body)", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if counted != there {
        return Ok(format!("{counted} bodies are counted and {there} are there"));
    }
    Ok(connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?)
}

/// Rows in a table of its database, which may be in use.
///
/// # Errors
/// If it cannot be read.
pub fn rows_in(server: &ServerProcess, table: &str) -> Result<u64> {
    let connection = Connection::open_with_flags(server.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let rows: i64 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
    Ok(u64::try_from(rows)?)
}

/// Writes a group of all users with all their devices into the database, which may be in use: for measuring what it costs
/// to deliver in one. Nobody can commit to it or join it.
///
/// # Errors
/// If it cannot be written.
pub fn adds_group_of_all(server: &ServerProcess) -> Result<GroupId> {
    let connection = Connection::open(server.database())?;
    connection.busy_timeout(BUSY)?;
    let id = GroupId::from_bytes([7; 16]);
    let transaction = connection.unchecked_transaction()?;
    transaction.execute(
        "INSERT INTO grp (group_id, kind, chat_id, incarnation, creator, epoch, seq, created_at, made_of)
         VALUES (?1, 2, zeroblob(32), 1, 0, 1, 1, 0, x'')",
        [id.as_bytes()],
    )?;
    let group = transaction.last_insert_rowid();
    transaction.execute("INSERT INTO grp_participant (grp, user) SELECT ?1, id FROM user", [group])?;
    transaction.execute("INSERT INTO grp_leaf (grp, device) SELECT ?1, id FROM device", [group])?;
    transaction.commit()?;
    Ok(id)
}

/// The newest group between exactly these users.
///
/// # Errors
/// If there is none, or the database cannot be read.
pub fn group_of(server: &ServerProcess, users: &[&str]) -> Result<GroupId> {
    let connection = Connection::open_with_flags(server.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut wanted = users.to_vec();
    wanted.sort_unstable();
    let mut query = connection.prepare(
        "SELECT group_id FROM grp WHERE ?1 =
             (SELECT group_concat(user_id, '/') FROM (SELECT u.user_id FROM grp_participant p
                 JOIN user u ON u.id = p.user WHERE p.grp = grp.id ORDER BY u.user_id))
         ORDER BY id DESC LIMIT 1",
    )?;
    let found = query.query_row([wanted.join("/")], |row| row.get::<_, Vec<u8>>(0));
    Ok(GroupId::try_from(found.with_context(|| format!("a group of {users:?}"))?.as_slice())?)
}

/// How many devices the server delivers to in a group.
///
/// # Errors
/// If the database cannot be read.
pub fn leaves_of(server: &ServerProcess, group: GroupId) -> Result<u64> {
    let connection = Connection::open_with_flags(server.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sql = "SELECT count(*) FROM grp_leaf l JOIN grp g ON g.id = l.grp WHERE g.group_id = ?1";
    let found: i64 = connection.query_row(sql, [group.as_bytes()], |row| row.get(0))?;
    Ok(u64::try_from(found)?)
}

/// The newest group of a conversation.
///
/// # Errors
/// If there is none, or the database cannot be read.
pub fn group_in(server: &ServerProcess, conversation: &ConversationId) -> Result<GroupId> {
    let connection = Connection::open_with_flags(server.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let sql = "SELECT group_id FROM grp WHERE chat_id = ?1 ORDER BY incarnation DESC LIMIT 1";
    let found: Vec<u8> = connection.query_row(sql, [conversation.as_bytes()], |row| row.get(0))?;
    Ok(GroupId::try_from(found.as_slice())?)
}

/// Whose devices the server delivers to in the newest group of a conversation.
///
/// # Errors
/// If the database cannot be read.
pub fn devices_in(server: &ServerProcess, conversation: &ConversationId) -> Result<Vec<(String, String)>> {
    let connection = Connection::open_with_flags(server.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut query = connection.prepare(
        "SELECT u.user_id, d.device_id FROM grp_leaf l JOIN device d ON d.id = l.device JOIN user u ON u.id = d.user
         WHERE l.grp = (SELECT id FROM grp WHERE chat_id = ?1 ORDER BY incarnation DESC LIMIT 1)",
    )?;
    let found = query.query_map([conversation.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// The last place that is taken in the history of a group.
///
/// # Errors
/// If there is no such group, or the database cannot be read.
pub fn last_seq(server: &ServerProcess, group: GroupId) -> Result<Seq> {
    let connection = Connection::open_with_flags(server.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let found = connection.query_row("SELECT seq FROM grp WHERE group_id = ?1", [group.as_bytes()], |row| row.get(0));
    Ok(Seq(u64::try_from(found.map(|seq: i64| seq)?)?))
}

/// How many messages wait for the devices of a user.
///
/// # Errors
/// If the database cannot be read.
pub fn waiting_for(server: &ServerProcess, user: &UserId) -> Result<u64> {
    let connection = Connection::open_with_flags(server.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let rows: i64 = connection.query_row(
        "SELECT count(*) FROM (SELECT device FROM mailbox UNION ALL SELECT device FROM arrival) waiting
             JOIN device d ON d.id = waiting.device JOIN user u ON u.id = d.user WHERE u.user_id = ?1",
        [user.as_str()],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(rows)?)
}

/// Makes what waits in it so much older. The server must not be running; it looks for what is too old when it starts.
///
/// Its program has the time from the system, and the system's clock is not a test's to set.
///
/// # Errors
/// If the database cannot be written.
pub fn age_messages(server: &ServerProcess, seconds: i64) -> Result<()> {
    let connection = Connection::open(server.database())?;
    connection.execute("UPDATE body SET received_at = received_at - ?1", [seconds])?;
    Ok(())
}

/// Ends every session in it, as time would, this very second: those that ended long ago are forgotten by the server,
/// which must not be running.
///
/// # Errors
/// If the database cannot be written.
pub fn end_sessions(server: &ServerProcess) -> Result<()> {
    let connection = Connection::open(server.database())?;
    // Zero is a device without a session.
    connection.execute("UPDATE device SET token_expires_at = unixepoch() WHERE token_expires_at > 0", [])?;
    Ok(())
}

/// Ends every unfinished upload in it, as time would. The server must not be running.
///
/// # Errors
/// If the database cannot be written.
pub fn end_uploads(server: &ServerProcess) -> Result<()> {
    let connection = Connection::open(server.database())?;
    connection.execute("UPDATE upload SET expires_at = unixepoch() - 1", [])?;
    Ok(())
}
