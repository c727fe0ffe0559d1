//! Nothing of a group or a user is left in any table when they are gone: asked of the schema itself, so that a table that is
//! added is asked too.

use privmsg_protocol::UserId;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::migrations;
use super::tx::{State, Tx};
use crate::secrets::KeyHash;

/// Names of columns that say of which group or conversation, or of which user, a row is.
const OF_GROUP: &[&str] = &["grp", "chat_id"];
const OF_USER: &[&str] = &["user", "peer", "owner"];

/// What stays all the same.
const STAYS: &[(&str, &str)] = &[
    // Goes with the message in the mailbox that it is about.
    ("notice", "grp"),
    // A name that is given out again must not bring an incarnation back.
    ("conversation", "chat_id"),
    // For a day: who has left may not begin anew more often than who has stayed.
    ("conversation_went_on", "chat_id"),
];

const GROUP: i64 = 1_000_001;
const CHAT: [u8; 32] = [0xc7; 32];

struct Column {
    name: String,
    kind: String,
}

fn database() -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    migrations::migrate(&mut conn).unwrap();
    conn
}

fn tables(conn: &Connection) -> Vec<(String, Vec<Column>)> {
    let mut names = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        .unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let columns = |table: &String| {
        let mut query = conn.prepare("SELECT name, type FROM pragma_table_info(?1)").unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok(Column { name: row.get(0)?, kind: row.get(1)? });
        query.query_map([table], read).unwrap().map(Result::unwrap).collect()
    };
    names.into_iter().map(|table| (table.clone(), columns(&table))).collect()
}

/// A row for each column of one of these names, which holds `id` there, or the name of the conversation. Returns the columns.
fn fill(conn: &Connection, names: &[&str], id: i64) -> Vec<(String, String)> {
    let mut filled = Vec::new();
    let mut other = 2_000_000;
    for (table, columns) in tables(conn) {
        // The rows themselves that are deleted.
        if (table == "grp" && names == OF_GROUP) || (table == "user" && names == OF_USER) {
            continue;
        }
        for column in columns.iter().filter(|column| names.contains(&column.name.as_str())) {
            let values = columns.iter().map(|each| {
                other += 1;
                match each.kind.as_str() {
                    _ if each.name == column.name && each.kind == "BLOB" => Value::Blob(CHAT.to_vec()),
                    _ if each.name == column.name => Value::Integer(id),
                    "INTEGER" => Value::Integer(other),
                    "TEXT" => Value::Text(format!("another-{other}")),
                    _ => Value::Blob(format!("of another {other}").into_bytes()),
                }
            });
            let places = vec!["?"; columns.len()].join(", ");
            conn.execute(&format!("INSERT INTO {table} VALUES ({places})"), params_from_iter(values))
                .unwrap_or_else(|error| panic!("{table}.{}: {error}", column.name));
            filled.push((table.clone(), column.name.clone()));
        }
    }
    filled
}

/// Columns that still hold it.
fn left(conn: &Connection, filled: &[(String, String)], id: i64) -> Vec<(String, String)> {
    let holds = |(table, column): &&(String, String)| {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} IN (?1, ?2))");
        conn.query_row(&sql, (id, CHAT), |row| row.get(0)).unwrap()
    };
    let stays = |(table, column): &(String, String)| STAYS.contains(&(table.as_str(), column.as_str()));
    filled.iter().filter(holds).filter(|place| !stays(place)).cloned().collect()
}

#[test]
fn of_a_group_that_is_gone_nothing_is_left() {
    let conn = database();
    conn.execute(
        "INSERT INTO grp (id, group_id, kind, chat_id, incarnation, creator, founder, made_of, epoch, seq, created_at)
         VALUES (?1, x'01', 2, ?2, 1, 1, 1, x'', 1, 1, 0)",
        (GROUP, CHAT),
    )
    .unwrap();
    let filled = fill(&conn, OF_GROUP, GROUP);
    assert!(filled.len() > 12, "{filled:?}");
    assert_eq!(left(&conn, &filled, GROUP).len() + STAYS.len(), filled.len());
    conn.execute("DELETE FROM grp WHERE id = ?1", [GROUP]).unwrap();
    assert_eq!(left(&conn, &filled, GROUP), []);
}

/// What belongs to a conversation is there as long as the conversation is in any group.
#[test]
fn a_conversation_that_goes_on_keeps_what_is_its_own() {
    let conn = database();
    for (id, group_id) in [(GROUP, [1]), (GROUP + 1, [2])] {
        conn.execute(
            "INSERT INTO grp (id, group_id, kind, chat_id, incarnation, creator, founder, made_of, epoch, seq, created_at)
             VALUES (?1, ?2, 2, ?3, 1, 1, 1, x'', 1, 1, 0)",
            (id, group_id, CHAT),
        )
        .unwrap();
    }
    fill(&conn, OF_GROUP, GROUP);
    let count = |sql: &str| conn.query_row::<i64, _, _>(sql, [CHAT], |row| row.get(0)).unwrap();
    let of_chat = "SELECT (SELECT count(*) FROM roster WHERE chat_id = ?1)
        + (SELECT count(*) FROM leaving WHERE chat_id = ?1) + (SELECT count(*) FROM suspended WHERE chat_id = ?1)";
    conn.execute("DELETE FROM grp WHERE id = ?1", [GROUP]).unwrap();
    assert_eq!(count(of_chat), 3);
    conn.execute("DELETE FROM grp WHERE id = ?1", [GROUP + 1]).unwrap();
    assert_eq!(count(of_chat), 0);
}

#[test]
fn of_a_user_who_is_gone_nothing_is_left() {
    let conn = database();
    let mut state = State::of(&conn).unwrap();
    let mut tx = Tx { conn: &conn, state: &mut state, now_ms: 1_000_000 };
    let user_id = UserId::new("alice").unwrap();
    tx.create_user(&user_id, KeyHash::NOBODY).unwrap();
    let user = tx.user(&user_id).unwrap();
    let filled = fill(&conn, OF_USER, user);
    assert!(filled.len() > 20, "{filled:?}");
    assert_eq!(left(&conn, &filled, user).len(), filled.len());
    tx.delete_user(&user_id).unwrap();
    assert_eq!(left(&conn, &filled, user), []);
    assert!(!conn.query_row("SELECT EXISTS (SELECT 1 FROM user)", [], |row| row.get::<_, bool>(0)).unwrap());
}
