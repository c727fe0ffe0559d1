-- What administrators have done. Users are named by their text: entries outlive the users.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    user_id TEXT    NOT NULL DEFAULT '',
    detail  TEXT    NOT NULL DEFAULT ''
) STRICT;

-- The one invitation of a user. A spent one stays until it would have ended, so that a client which has not got the
-- answer can ask again.
CREATE TABLE invitation (
    user       INTEGER PRIMARY KEY,
    key_hash   BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    spent_at   INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What the command line asks of the running server, which remembers too much for another process to change things
-- beneath it. The outcome is written with what is done, and is good to be read once it is settled: sockets closed,
-- files deleted.
CREATE TABLE request (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    body        TEXT    NOT NULL,
    valid_until INTEGER NOT NULL,
    outcome     TEXT    NOT NULL DEFAULT '',
    settled     INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Revocations were the one request there was. Those that still wait are carried out whenever the server starts.
INSERT INTO request (body, valid_until)
SELECT DISTINCT json_object('act', json_object('deactivate_user', json_object('user_id', u.user_id))), 9223372036854775807
FROM revocation r JOIN user u ON u.id = r.user WHERE u.deleted_at = 0;
DROP TABLE revocation;
