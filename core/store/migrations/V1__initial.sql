-- One row: whose profile this is, and the secrets of this device.
CREATE TABLE account (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    server_url TEXT NOT NULL,
    proxy TEXT,                        -- address, perhaps with a password; 'none'; without it the environment decides
    fingerprint TEXT,                  -- of the only key that is accepted at the server
    server_clock_ms INTEGER,           -- how far the server's clock was ahead of this one, when it last answered
    user_id TEXT NOT NULL,
    access_key TEXT NOT NULL,
    device_name TEXT NOT NULL,
    device_key BLOB NOT NULL,          -- Ed25519 secret of this device's MLS leaf
    account_key BLOB,                  -- Ed25519 secret of the account, once made or recovered
    recovery_words TEXT,               -- only between making them and showing them
    device_id TEXT,
    certificate BLOB,
    token TEXT,
    token_expires_at INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN ('signing_in', 'ready', 'signed_out'))
) STRICT;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE contact (
    user_id TEXT PRIMARY KEY,
    identity BLOB NOT NULL,            -- pinned account identity key
    verified INTEGER NOT NULL DEFAULT 0,
    changed_identity BLOB              -- seen after the pinned one was verified; blocks sending until accepted
) STRICT, WITHOUT ROWID;

CREATE TABLE chat (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('direct', 'self', 'group')),
    peer TEXT,                         -- the other user of a direct chat
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX chat_direct ON chat (peer) WHERE kind = 'direct';
CREATE UNIQUE INDEX chat_self ON chat (kind) WHERE kind = 'self';

-- The MLS group behind a chat, and what this device still has to do for it.
CREATE TABLE mls_group (
    group_id BLOB PRIMARY KEY,
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    state TEXT NOT NULL CHECK (state IN ('creating', 'joining', 'active', 'broken')),
    last_seq INTEGER NOT NULL DEFAULT 0, -- highest number of its history seen; holes below are in `gap`
    request BLOB,                      -- creation or commit sent to the server, not answered yet (JSON)
    reconcile INTEGER NOT NULL DEFAULT 0,
    rotate_at INTEGER NOT NULL         -- when this device's leaf key is due for a change, ms
) STRICT, WITHOUT ROWID;
CREATE INDEX mls_group_chat ON mls_group (chat_id);

CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    message_id BLOB NOT NULL,
    sender_id TEXT NOT NULL,
    outgoing INTEGER NOT NULL,         -- written on this device
    sent_at INTEGER NOT NULL,          -- ms, by the sender's clock
    received_at INTEGER NOT NULL,      -- ms, by ours
    kind TEXT NOT NULL CHECK (kind IN ('text', 'file', 'unsupported', 'identity_changed')),
    content BLOB NOT NULL,             -- encoded content
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'received')),
    failure TEXT,                      -- error code of a failed one
    delivered_at INTEGER,
    read_at INTEGER,
    UNIQUE (sender_id, message_id)
) STRICT;
CREATE INDEX message_chat ON message (chat_id, id);

-- What waits to be sent, in order. Bound to the chat: it is encrypted for the group when it is sent.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    message_id BLOB NOT NULL UNIQUE,
    content BLOB NOT NULL,
    caption TEXT NOT NULL DEFAULT '',              -- of files that are not uploaded yet; content is empty until then
    message_row INTEGER REFERENCES message (id),   -- none for receipts
    group_id BLOB,
    epoch INTEGER,
    ciphertext BLOB
) STRICT;
CREATE INDEX outbox_chat ON outbox (chat_id, id);

-- Files that must be uploaded before an outbox row can be sent.
CREATE TABLE upload (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    outbox_id INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    attachment BLOB,                   -- encoded, once uploaded
    UNIQUE (outbox_id, position)
) STRICT;

-- Messages whose sender is to be told that they have arrived.
CREATE TABLE receipt_due (
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    message_id BLOB NOT NULL,
    PRIMARY KEY (chat_id, message_id)
) STRICT, WITHOUT ROWID;

-- Received, not decryptable yet: the commit before it has not arrived.
CREATE TABLE parked (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id BLOB NOT NULL,
    message_id BLOB NOT NULL,
    frame TEXT NOT NULL,
    UNIQUE (group_id, message_id)
) STRICT;

-- Numbers of a group's history that have not been seen, below the highest one that has.
CREATE TABLE gap (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id BLOB NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    after_message INTEGER NOT NULL,    -- newest message.id when the hole was noticed
    confirmed INTEGER NOT NULL DEFAULT 0 -- the mailbox was empty and they had not come
) STRICT;
CREATE INDEX gap_group ON gap (group_id, first_seq);
