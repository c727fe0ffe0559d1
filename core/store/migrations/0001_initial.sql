-- Tables whose rows may be long are not WITHOUT ROWID: SQLite reads such a row whole, with all its overflow pages, wherever it
-- only compares keys.

-- One row: whose profile this is, and the secrets of this device.
CREATE TABLE account (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    server_url TEXT NOT NULL,
    proxy TEXT,                        -- address, perhaps with a password; 'none'; without it the environment decides
    fingerprint TEXT,                  -- of the only key that is accepted at the server
    server_clock_ms INTEGER,           -- how far the server's clock was ahead of this one, when it last answered
    user_id TEXT NOT NULL,
    access_key TEXT,                   -- only until the sign-in is finished
    device_name TEXT NOT NULL,
    device_type TEXT NOT NULL,
    device_key BLOB NOT NULL,          -- Ed25519 secret of this device's MLS leaf
    identity BLOB,                     -- public identity key of the account, once it is known
    identity_secret BLOB,              -- its Ed25519 secret, only as long as the words that seal it
    recovery_words TEXT,               -- only between making them and showing them
    signing_key BLOB,                  -- Ed25519 secret that signs for the account in this generation
    signing_certificate BLOB,          -- the identity's word for it
    sealed_identity BLOB,              -- the identity key, sealed with the words, and its signature for that
    link_secret BLOB,                  -- of the code by which this device is to be linked, until it is
    key_elsewhere INTEGER NOT NULL DEFAULT 0, -- somebody else has the device's key, and the server has not put it out yet
    sign_out_cause TEXT,               -- why the device is signed out; these four are forgotten with another sign-in
    signed_out_by TEXT,                -- the other device that has done it
    signed_out_at INTEGER,
    begins_at INTEGER,                 -- when the identity takes effect that was begun here, in seconds
    device_id TEXT,
    certificate BLOB,
    token TEXT,
    token_expires_at INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL CHECK (state IN ('signing_in', 'ready', 'signed_out'))
) STRICT;

-- Copies of the sealed identity before the one in `account`.
CREATE TABLE earlier_sealed_identity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sealed BLOB NOT NULL UNIQUE
) STRICT;

-- Which ones others have taken the place of, for good: the SHA-256 of what is sealed.
CREATE TABLE replaced_sealed_identity (
    hash BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Other recovery words, until the server has taken what is sealed with them.
CREATE TABLE new_recovery_words (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    words TEXT NOT NULL,
    sealed BLOB NOT NULL
) STRICT;

-- Challenges of the server that this device has answered. One that it did not answer, somebody else has.
CREATE TABLE answered_challenge (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    challenge BLOB NOT NULL,           -- 32 bytes
    confirmed INTEGER NOT NULL DEFAULT 0 -- the server has let the device in by it
) STRICT;
CREATE INDEX answered_challenge_by_challenge ON answered_challenge (challenge);

-- Numbers with a name: what the user has chosen, times of the last this and that, cursors.
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Up to where the server's groups have been compared with this device's.
CREATE TABLE group_cursor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    cursor TEXT NOT NULL               -- the server's word, which it understands
) STRICT;

-- The server's database, as it was compared last: a restored one is another.
CREATE TABLE server_lineage (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    lineage TEXT NOT NULL,
    restores INTEGER NOT NULL DEFAULT 0 -- how often it has become another one
) STRICT;

-- What each transaction has changed, for other processes that have the profile open. The newest thousand.
CREATE TABLE change_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    writer INTEGER NOT NULL,
    changes TEXT NOT NULL
) STRICT;

CREATE TABLE contact (
    user_id TEXT PRIMARY KEY,
    identity BLOB NOT NULL,            -- pinned account identity key
    by_link INTEGER NOT NULL DEFAULT 0, -- a contact link names the pinned one
    verified INTEGER NOT NULL DEFAULT 0,
    changed_identity BLOB,             -- another one than the pinned; blocks sending until the user has decided
    changed_by TEXT,                   -- who names it: seen, link, in_person, device:ID for another device of the user's
    changed_floor INTEGER NOT NULL DEFAULT 0, -- as floor, of that one
    floor INTEGER NOT NULL DEFAULT 0,  -- below this generation of the pinned one's account nothing counts
    shown TEXT,                        -- the safety number that the user was last shown for comparing
    known_since INTEGER NOT NULL DEFAULT 0 -- how many keys had been pinned when this one took another's place; 0: it has not, or was accepted
) STRICT, WITHOUT ROWID;

-- Another one after each change of whom the user knows by which key: who was compared with that is compared anew.
CREATE TABLE contact_stamp (id INTEGER PRIMARY KEY CHECK (id = 1), stamp BLOB NOT NULL) STRICT;
INSERT INTO contact_stamp (id, stamp) VALUES (1, randomblob(16));
CREATE TRIGGER contact_new AFTER INSERT ON contact BEGIN UPDATE contact_stamp SET stamp = randomblob(16); END;
CREATE TRIGGER contact_gone AFTER DELETE ON contact BEGIN UPDATE contact_stamp SET stamp = randomblob(16); END;
CREATE TRIGGER contact_other AFTER UPDATE ON contact
WHEN NEW.identity <> OLD.identity OR NEW.changed_identity IS NOT OLD.changed_identity
BEGIN UPDATE contact_stamp SET stamp = randomblob(16); END;

-- What the user's devices say of contacts' keys. The marks of a contact are those that count for its pinned key.
CREATE TABLE contact_word (
    user_id TEXT NOT NULL,
    said_by TEXT NOT NULL,             -- device; '' for this one
    told_by TEXT NOT NULL,             -- the own device that has told it here; '' for this one
    through TEXT NOT NULL DEFAULT '',  -- those that have handed it on between the two, with a space between them
    identity BLOB NOT NULL,
    marks INTEGER NOT NULL,            -- 1 by a contact link, 2 verified
    floor INTEGER NOT NULL DEFAULT 0,  -- the generation that stood on the contact's own screen
    told INTEGER NOT NULL DEFAULT 0,   -- of this device's own: the others have been told
    void INTEGER NOT NULL DEFAULT 0,   -- 1 by a device that was removed as stolen, 2 put aside by the user
    shown INTEGER NOT NULL DEFAULT 0,  -- the user was shown it, to confirm it
    PRIMARY KEY (user_id, said_by, told_by)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_word_untold ON contact_word (told) WHERE told_by = '';

-- Keys that the user has refused for a contact: being seen again does not ask again.
CREATE TABLE refused_identity (
    user_id TEXT NOT NULL,
    identity BLOB NOT NULL,
    shown INTEGER NOT NULL DEFAULT 0,  -- the user was shown its number since, to accept it after all
    PRIMARY KEY (user_id, identity)
) STRICT, WITHOUT ROWID;

-- What is known of the devices of users, one's own account among them, by the highest device list that was seen.
CREATE TABLE known_devices (
    user_id TEXT NOT NULL,
    identity BLOB NOT NULL,            -- that vouches for them
    known BLOB NOT NULL,               -- KnownDevices
    told_from INTEGER NOT NULL DEFAULT 0, -- ms; since then so many newer lists have come in messages
    told_lists INTEGER NOT NULL DEFAULT 0,
    told_generations INTEGER NOT NULL DEFAULT 0, -- and so many that begin a generation
    PRIMARY KEY (user_id, identity)
) STRICT;

-- Each device that ever stood in a list of the account's that this device has seen. Lists are counted as they were seen here:
-- dates in them are the word of whoever signs them.
CREATE TABLE listed_device (
    device_id TEXT NOT NULL,
    device_key BLOB NOT NULL,
    first_list INTEGER NOT NULL,       -- the first in which it was seen
    came_list INTEGER NOT NULL,        -- the first since it stands there without a break
    first_added INTEGER NOT NULL,      -- s; the earliest date that any list gave it
    last_added INTEGER NOT NULL,       -- s; the latest
    present INTEGER NOT NULL,          -- it stands in the newest
    unseen_told INTEGER NOT NULL DEFAULT 0, -- s; when the user was told last that it is away; 0: never
    PRIMARY KEY (device_id, device_key)
) STRICT, WITHOUT ROWID;

-- Device lists that are missing here.
CREATE TABLE wanted_list (
    user_id TEXT NOT NULL,
    identity BLOB NOT NULL,
    chat_id INTEGER NOT NULL REFERENCES chat (id), -- where it is missed
    generation INTEGER NOT NULL,       -- this one, or a newer one
    counter INTEGER NOT NULL,
    named INTEGER NOT NULL,            -- the account's own device has said that there is one
    since INTEGER NOT NULL,            -- ms
    next_at INTEGER NOT NULL,          -- when the server is asked next, ms
    tries INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, identity)
) STRICT, WITHOUT ROWID;

-- Whom the user has blocked: as the server said last, and as the user's devices have told each other.
CREATE TABLE blocked_user (
    user_id  TEXT    PRIMARY KEY,
    listed   INTEGER NOT NULL,           -- the server's list has them
    said     INTEGER,                    -- 1: a device of the user's has blocked them; 0: unblocked; NULL: none has told of either
    said_at  INTEGER NOT NULL DEFAULT 0, -- ms, by that device's clock
    said_by  TEXT,                       -- it, if it is another one
    ended_at INTEGER,                    -- ms; when they were unblocked
    since    INTEGER NOT NULL,           -- ms; when one of the two has changed here
    shown    INTEGER NOT NULL DEFAULT 0  -- the user has been told that the two are not the same
) STRICT, WITHOUT ROWID;

-- What the user has said to what others begin. By the chat's name: a decision of another device may come before the chat does.
CREATE TABLE consent (
    chat        TEXT    PRIMARY KEY,     -- 'user:' and the other one's name, or 'group:' and the conversation, in hex
    state       TEXT    NOT NULL,        -- unknown, asked, open, declined
    asker       TEXT,                    -- who asks, or has asked
    decided_at  INTEGER NOT NULL DEFAULT 0, -- ms, by the clock of the device on which it was decided; 0: never
    reopened_at INTEGER,                 -- ms; when it was declined no more
    decided_by  TEXT,                    -- the other device of the user's that has brought about the state
    before      TEXT,                    -- and the state that it was in
    told        INTEGER NOT NULL DEFAULT 1 -- the server knows what was decided
) STRICT, WITHOUT ROWID;

-- Which other devices of the user's were told all that was decided, and when, ms.
CREATE TABLE decisions_told (
    device_id TEXT PRIMARY KEY,
    at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Groups in which nobody of this user has answered, as the server said last.
CREATE TABLE said_unanswered (
    group_id BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What people see of a conversation. The lower columns are the entry in the list of chats, kept by whoever writes messages.
CREATE TABLE chat (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,                -- direct, self, group; newer versions may know more
    peer TEXT,                         -- the other user of a direct chat
    conversation BLOB,                 -- what a group of people is called: 32 bytes, derived from its founding roster
    groups INTEGER NOT NULL DEFAULT 0, -- MLS groups that have carried it so far
    incarnation INTEGER NOT NULL DEFAULT 0, -- the highest one that this device knows of; 0: none
    last_at INTEGER NOT NULL,          -- when something last came or was written, ms; its creation if nothing has
    last_message INTEGER,              -- row of the last message that people see
    messages INTEGER NOT NULL DEFAULT 0,
    unread INTEGER NOT NULL DEFAULT 0, -- messages of others behind `read_to`
    read_to INTEGER NOT NULL DEFAULT 0, -- position up to which the user has read
    -- What the user wants of it in the list, on this device. 1: yes.
    pinned INTEGER NOT NULL DEFAULT 0,  -- it stands above the others
    muted INTEGER NOT NULL DEFAULT 0,   -- its messages are not told, and do not bring it back from the archive
    archived INTEGER NOT NULL DEFAULT 0 -- it is out of sight, until something is said
) STRICT;
CREATE UNIQUE INDEX chat_direct ON chat (peer) WHERE kind = 'direct';
CREATE UNIQUE INDEX chat_self ON chat (kind) WHERE kind = 'self';
CREATE UNIQUE INDEX chat_group ON chat (conversation) WHERE kind = 'group';
CREATE INDEX chat_last ON chat (last_at);

-- What the user has begun to write and has not sent.
CREATE TABLE draft (
    recipient TEXT PRIMARY KEY,        -- `direct:` and the user, `group:` and the conversation, or `self`: there may be no chat yet
    text TEXT NOT NULL
) STRICT;

-- What the chat of a group of people has besides.
CREATE TABLE group_chat (
    chat_id INTEGER PRIMARY KEY REFERENCES chat (id),
    founding BLOB NOT NULL,            -- the roster that it began with
    view BLOB NOT NULL,                -- the newest rosters that are known
    title TEXT NOT NULL DEFAULT '',
    title_at INTEGER NOT NULL DEFAULT 0, -- position of who gave it last; 0: nobody yet, or it was only told again; -1: it may be another by now
    gone TEXT,                         -- left, removed, unknown: why the user takes no part any more
    urged INTEGER NOT NULL DEFAULT 0,  -- the user was told that they are its only owner
    told BLOB                          -- the roster up to which the chat tells what has changed
) STRICT;

-- Whom this device has told what a group is called, since they came in by themselves.
CREATE TABLE title_told (
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    user_id TEXT NOT NULL,
    since INTEGER NOT NULL,            -- ms, of the first time that counts
    times INTEGER NOT NULL,
    PRIMARY KEY (chat_id, user_id)
) STRICT;

-- Whom the account's own steps were about in a group, and when they last were, ms; 0 for never.
CREATE TABLE group_step (
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    user_id TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    removed_at INTEGER NOT NULL,
    role_at INTEGER NOT NULL,
    identity_at INTEGER NOT NULL,
    PRIMARY KEY (chat_id, user_id)
) STRICT;

-- Rosters that have counted, the newest of each group: what a server that was set back shows again is known by them.
CREATE TABLE past_roster (
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    hash BLOB NOT NULL,
    number INTEGER NOT NULL,
    roster BLOB NOT NULL,
    PRIMARY KEY (chat_id, hash)
) STRICT;

-- What the user wants to be another in a group, until everybody has it.
CREATE TABLE group_change (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    change BLOB NOT NULL,              -- as JSON
    wanted_at INTEGER NOT NULL,        -- ms
    behind INTEGER NOT NULL,           -- the last row of the outbox by then
    failure TEXT                       -- why it will not be; then only for whoever waits for it
) STRICT;
CREATE INDEX group_change_chat ON group_change (chat_id, id);

-- The MLS group behind a chat, and what this device still has to do for it.
CREATE TABLE mls_group (
    group_id BLOB PRIMARY KEY,
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    info BLOB NOT NULL,                -- ConversationInfo, as its GroupContext has it in this epoch
    roster BLOB,                       -- of a group of people: the one that the info names
    step BLOB,                         -- the next one, which the commit in `request` carries
    state TEXT NOT NULL,               -- creating, joining, active, broken, lost
    ordinal INTEGER NOT NULL,          -- which of its chat's groups this is; orders their histories
    epoch INTEGER NOT NULL DEFAULT 0,  -- as in the MLS state, without having to read that
    reached INTEGER NOT NULL DEFAULT 0, -- the latest epoch that it has taken part in
    last_seq INTEGER NOT NULL DEFAULT 0, -- highest number of its history seen; holes below are in `gap`
    request BLOB,                      -- creation or commit sent to the server, not answered yet (JSON)
    reconcile INTEGER NOT NULL DEFAULT 0, -- how often devices have changed since they were compared
    comes_in INTEGER NOT NULL DEFAULT 0, -- the chat is to tell that this device is in it, once the server has taken it
    seen_before INTEGER NOT NULL DEFAULT 0, -- `last_seq` when this device last asked to join
    rotate_at INTEGER NOT NULL,        -- when this device's leaf key is due for a change, ms
    told_generation INTEGER NOT NULL DEFAULT 0, -- of one's own device list that its people have been told by this device
    told_counter INTEGER NOT NULL DEFAULT 0,
    checked_epoch INTEGER NOT NULL DEFAULT -1, -- in which all leaves stood in the lists known then
    checked_lists INTEGER NOT NULL DEFAULT 0   -- and how often lists had changed by then
) STRICT;
CREATE UNIQUE INDEX mls_group_chat ON mls_group (chat_id);

-- When the devices in a chat have made their leaves, the latest of each that was seen. It outlasts the MLS group.
CREATE TABLE leaf_date (
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    user_id TEXT NOT NULL,
    device_key BLOB NOT NULL,          -- Ed25519
    made_at INTEGER NOT NULL,          -- s, as the leaf says
    came INTEGER NOT NULL,             -- after so many restores of the server it was seen first
    restores INTEGER NOT NULL,         -- and after so many last
    back INTEGER NOT NULL,             -- the position of the first commit since the last of them with which it was seen
    PRIMARY KEY (chat_id, user_id, device_key)
) STRICT, WITHOUT ROWID;

-- Messages that people see. `position` is the order in the chat, the same on every device: the group's ordinal and the
-- server's number in it. What has no number yet stands behind everything, what never gets one behind what was there then.
CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    position INTEGER NOT NULL,
    message_id BLOB NOT NULL,
    sender_id TEXT NOT NULL,
    sender_device TEXT NOT NULL,       -- as MLS authenticates it
    outgoing INTEGER NOT NULL,         -- written on this device
    group_id BLOB,                     -- where it was said
    seq INTEGER,                       -- the server's number for it there
    sent_at INTEGER NOT NULL,          -- ms, by the sender's clock
    received_at INTEGER NOT NULL,      -- ms, by ours
    expires_at INTEGER,                -- ms, by ours: when it is to be deleted
    kind INTEGER NOT NULL,             -- of its content; below zero: notices of this device
    content BLOB NOT NULL,             -- encoded; empty once it is deleted
    state TEXT NOT NULL,               -- queued, held, sent, failed, received
    failure TEXT,                      -- error code of a failed one, and what holds a held one, if that is no block
    deleted_at INTEGER,                -- ms, by ours: its author has deleted it for everybody
    hidden INTEGER NOT NULL DEFAULT 0, -- gone from this device; the row recognises a repetition
    UNIQUE (message_id, sender_id, sender_device, chat_id) -- nobody keeps anything out of one chat by another
) STRICT;
CREATE INDEX message_order ON message (chat_id, position, id) WHERE hidden = 0;
CREATE INDEX message_expiry ON message (expires_at) WHERE expires_at IS NOT NULL;

-- What was said about a message: the newest of each kind, person and key, and beside it what of one's own has no number
-- yet. May be there before the message is.
CREATE TABLE relation (
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    target_author TEXT NOT NULL,
    target_id BLOB NOT NULL,
    kind INTEGER NOT NULL,             -- of its content
    sender_id TEXT NOT NULL,
    key TEXT NOT NULL,                 -- what tells several of one person apart: the emoji of a reaction
    pending BLOB NOT NULL DEFAULT x'', -- while it waits for its number, its own id
    position INTEGER NOT NULL,         -- as of a message
    message_id BLOB NOT NULL,          -- its own
    sent_at INTEGER NOT NULL,
    content BLOB NOT NULL,             -- encoded
    said_here INTEGER NOT NULL DEFAULT 0, -- on this device, and the server has taken it
    orphan INTEGER NOT NULL,           -- what it is about has never been here: nobody sees it
    PRIMARY KEY (chat_id, target_author, target_id, kind, sender_id, key, pending)
) STRICT, WITHOUT ROWID;
CREATE INDEX relation_id ON relation (message_id);
CREATE INDEX relation_orphan ON relation (chat_id, sender_id, position) WHERE orphan = 1;
CREATE TRIGGER relation_adopted AFTER INSERT ON message BEGIN
    UPDATE relation SET orphan = 0
    WHERE chat_id = new.chat_id AND target_author = new.sender_id AND target_id = new.message_id;
END;

-- By which words messages are found: of each that is shown, its words as the client has folded them (core/client/src/search), each
-- once. All of it follows from the messages; those of which it may not be true stand in `search_due`. It parts words at spaces only,
-- and keeps neither where in a message they stand nor how many there are.
CREATE VIRTUAL TABLE message_words USING fts5 (words, tokenize = 'ascii', detail = none, columnsize = 0);
-- What is taken out of it is overwritten, and not only marked: a word of a deleted message stays nowhere.
INSERT INTO message_words (message_words, rank) VALUES ('secure-delete', 1);

-- Messages of which something has changed that they may be found by. Notices are not found; -10 is what an unlisted device has said,
-- -19 what somebody has under another key.
CREATE TABLE search_due (message INTEGER PRIMARY KEY) STRICT;
CREATE TRIGGER search_new AFTER INSERT ON message WHEN new.kind >= 0 OR new.kind IN (-10, -19) BEGIN
    INSERT INTO search_due (message) VALUES (new.id) ON CONFLICT (message) DO NOTHING;
END;
CREATE TRIGGER search_changed AFTER UPDATE OF content ON message
WHEN new.hidden = 0 AND new.deleted_at IS NULL AND (new.kind >= 0 OR new.kind IN (-10, -19)) BEGIN
    INSERT INTO search_due (message) VALUES (new.id) ON CONFLICT (message) DO NOTHING;
END;
-- Taking words out costs tens of microseconds for each. Who deletes many long messages at once is not to hold up everybody who writes:
-- the words of those are taken out with what is due, a few messages at a time, and are not found meanwhile.
CREATE TRIGGER search_out_of_sight AFTER UPDATE OF hidden, deleted_at ON message
WHEN new.hidden <> 0 OR new.deleted_at IS NOT NULL BEGIN
    DELETE FROM search_due WHERE message = new.id;
    INSERT INTO search_due (message)
        SELECT rowid FROM message_words WHERE rowid = new.id AND octet_length(words) > 2000;
    DELETE FROM message_words WHERE rowid = new.id AND octet_length(words) <= 2000;
END;
CREATE TRIGGER search_gone AFTER DELETE ON message BEGIN
    DELETE FROM search_due WHERE message = old.id;
    DELETE FROM message_words WHERE rowid = old.id;
END;
CREATE TRIGGER search_said AFTER INSERT ON relation BEGIN
    INSERT INTO search_due (message) SELECT id FROM message
    WHERE message_id = new.target_id AND sender_id = new.target_author AND +chat_id = new.chat_id AND +hidden = 0
        AND deleted_at IS NULL
    ON CONFLICT (message) DO NOTHING;
END;
CREATE TRIGGER search_said_anew AFTER UPDATE OF content ON relation BEGIN
    INSERT INTO search_due (message) SELECT id FROM message
    WHERE message_id = new.target_id AND sender_id = new.target_author AND +chat_id = new.chat_id AND +hidden = 0
        AND deleted_at IS NULL
    ON CONFLICT (message) DO NOTHING;
END;
CREATE TRIGGER search_unsaid AFTER DELETE ON relation BEGIN
    INSERT INTO search_due (message) SELECT id FROM message
    WHERE message_id = old.target_id AND sender_id = old.target_author AND +chat_id = old.chat_id AND +hidden = 0
        AND deleted_at IS NULL
    ON CONFLICT (message) DO NOTHING;
END;

-- Edits, deletions and reactions of messages that were there already, until they are shown.
CREATE TABLE amended (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,                -- edited, deleted, reacted, unreacted
    emoji TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    sent_at INTEGER NOT NULL
) STRICT;
CREATE INDEX amended_message ON amended (message);

-- Contents of kinds that this version does not know and does not show. A newer one applies them.
CREATE TABLE unknown_content (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    message_id BLOB NOT NULL,
    sender_id TEXT NOT NULL,
    sender_device TEXT NOT NULL,
    sender_key BLOB,                   -- Ed25519, of that device
    position INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    revision INTEGER NOT NULL,         -- of the contents known to the version that could not do anything with it
    content BLOB NOT NULL,
    UNIQUE (message_id, sender_id, sender_device, chat_id) -- nobody keeps anything out of one chat by another
) STRICT;

-- What a device has said that stands in no list known here, as long as a newer one is asked for in which it may stand.
CREATE TABLE held_content (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    user_id TEXT NOT NULL,
    identity BLOB NOT NULL,
    device_id TEXT NOT NULL,
    device_key BLOB NOT NULL,          -- Ed25519
    message_id BLOB NOT NULL,
    position INTEGER NOT NULL,
    content BLOB NOT NULL,
    UNIQUE (message_id, user_id, device_id, chat_id)
) STRICT;

CREATE INDEX unknown_content_kind ON unknown_content (kind, revision);
CREATE INDEX unknown_content_chat ON unknown_content (chat_id, id);

-- How much of each chat that is, as with what is parked.
CREATE TABLE unknown_content_sum (
    chat_id INTEGER PRIMARY KEY,
    contents INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
CREATE TRIGGER unknown_content_more AFTER INSERT ON unknown_content BEGIN
    INSERT INTO unknown_content_sum (chat_id, contents, bytes) VALUES (new.chat_id, 1, octet_length(new.content))
    ON CONFLICT (chat_id) DO UPDATE SET contents = contents + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER unknown_content_less AFTER DELETE ON unknown_content BEGIN
    UPDATE unknown_content_sum SET contents = contents - 1, bytes = bytes - octet_length(old.content)
    WHERE chat_id = old.chat_id;
END;

-- What became of a message of one's own, for each person.
CREATE TABLE receipt (
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    delivered_at INTEGER NOT NULL,     -- ms, by this device's clock
    read_at INTEGER,
    PRIMARY KEY (message, user_id)
) STRICT, WITHOUT ROWID;

-- For whom something that waits was written, as far as the user had been told by then.
CREATE TABLE audience (
    id INTEGER PRIMARY KEY,
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    roster BLOB NOT NULL,              -- of a group; empty: whom the chat is with
    coming TEXT NOT NULL               -- whom the user was bringing in: user ids and keys
) STRICT;
CREATE INDEX audience_chat ON audience (chat_id);

-- What waits to be sent, in order. Bound to the chat: it is encrypted for the group when it is sent.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    message_id BLOB NOT NULL UNIQUE,
    content BLOB NOT NULL,
    message_row INTEGER REFERENCES message (id) ON DELETE CASCADE, -- none for what people do not see as a message
    group_id BLOB,
    epoch INTEGER,
    ciphertext BLOB,
    behind INTEGER,                    -- how far the chat had come when it was encrypted first: as of a message
    has_left INTEGER NOT NULL DEFAULT 0, -- it may have left this device, and the server has not refused it since
    audience INTEGER REFERENCES audience (id), -- for whom it was written; none: whoever is there may have it
    keys INTEGER NOT NULL DEFAULT 0,   -- how many keys of contacts had been pinned by then
    held INTEGER NOT NULL DEFAULT 0,   -- it waits for the user's word. 1: who would have it is blocked; 2: it was written for others
    newcomers TEXT NOT NULL DEFAULT '', -- then, who would have it besides: user ids
    named INTEGER NOT NULL DEFAULT 0,  -- and whether these were named to the user
    again INTEGER NOT NULL DEFAULT 0   -- it was sent before, to a server that may have lost it
) STRICT;
CREATE INDEX outbox_chat ON outbox (chat_id, id);
CREATE INDEX outbox_message ON outbox (message_row);

-- What the server refused for good, for whoever waits for it. The newest hundred.
CREATE TABLE refusal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id BLOB NOT NULL UNIQUE,
    code TEXT NOT NULL
) STRICT;

-- How far conversations had come that were not here yet, as the device said that let this one in.
CREATE TABLE reached (
    conversation BLOB PRIMARY KEY,
    incarnation INTEGER NOT NULL,
    roster INTEGER NOT NULL,           -- the number of a group's roster; 0: it has none
    told_by TEXT NOT NULL              -- the device
) STRICT, WITHOUT ROWID;

-- What groups are called that this device is not in yet, as the device has said that let it in.
CREATE TABLE told_title (
    conversation BLOB PRIMARY KEY,
    title TEXT NOT NULL,
    told_by TEXT NOT NULL              -- the device
) STRICT, WITHOUT ROWID;

-- Files of ciphertext in the profile's folder. A row is there before its file is, and goes after it; what neither of the
-- two tables below names is to be removed.
CREATE TABLE sealed_file (
    name TEXT PRIMARY KEY,
    making_until INTEGER NOT NULL      -- ms: until then it may be one that is being made; 0: named; -1: not needed any more
) STRICT, WITHOUT ROWID;
CREATE INDEX sealed_file_unneeded ON sealed_file (making_until) WHERE making_until <> 0;

-- Files that must be uploaded before an outbox row can be sent: encrypted once, then brought to the server.
CREATE TABLE upload (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    outbox_id INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    name TEXT NOT NULL,                -- as the recipient sees it
    mime TEXT NOT NULL,
    size INTEGER NOT NULL,             -- when it was queued; of what was encrypted, once it is
    sealed TEXT REFERENCES sealed_file (name), -- its ciphertext, once that is begun
    sealed_size INTEGER,               -- of the ciphertext, once it is whole
    key BLOB,                          -- that opens it
    digest BLOB,                       -- SHA-256 of what was encrypted
    upload_id TEXT,                    -- the resumable upload on the server, once begun
    confirmed INTEGER NOT NULL DEFAULT 0, -- the most bytes of the ciphertext that the server has ever confirmed
    file_id TEXT,                      -- the ciphertext on the server, once uploaded
    UNIQUE (outbox_id, position)
) STRICT;

CREATE TRIGGER upload_done AFTER UPDATE OF file_id ON upload WHEN new.file_id IS NOT NULL BEGIN
    UPDATE sealed_file SET making_until = -1 WHERE name = new.sealed;
END;
CREATE TRIGGER upload_gone AFTER DELETE ON upload BEGIN
    UPDATE sealed_file SET making_until = -1 WHERE name = old.sealed;
END;

-- Uploads on the server that nobody wants any more, and that count against what this user may keep there.
CREATE TABLE ended_upload (
    upload_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Files of messages that were asked for: on their way, or here, or in part.
CREATE TABLE download (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_row INTEGER NOT NULL REFERENCES message (id),
    position INTEGER NOT NULL,         -- among the files of the message
    sealed TEXT NOT NULL REFERENCES sealed_file (name),
    sealed_size INTEGER NOT NULL,      -- of the whole ciphertext, by what the message says
    state TEXT NOT NULL,               -- wanted, here (whole and checked), stopped
    have INTEGER NOT NULL DEFAULT 0,   -- bytes of one that is not whole, as they were when nobody wrote to it any more
    falsified INTEGER NOT NULL DEFAULT 0, -- how often what came proved to be another file, since it was asked for
    failure TEXT,                      -- why it was stopped, unless the user did it
    used_at INTEGER NOT NULL,          -- ms: those not used for longest go first
    UNIQUE (message_row, position)
) STRICT;
CREATE INDEX download_wanted ON download (id) WHERE state = 'wanted';
CREATE INDEX download_kept ON download (used_at, state, sealed_size, have) WHERE state <> 'wanted' AND failure IS NULL;
CREATE TRIGGER download_gone AFTER DELETE ON download BEGIN
    UPDATE sealed_file SET making_until = -1 WHERE name = old.sealed;
END;

-- Messages whose sender is to be told that they have arrived, or were read.
CREATE TABLE owed_receipt (
    chat_id INTEGER NOT NULL REFERENCES chat (id),
    message_id BLOB NOT NULL,
    read INTEGER NOT NULL,
    owed_since INTEGER NOT NULL,       -- ms
    PRIMARY KEY (chat_id, read, message_id)
) STRICT, WITHOUT ROWID;

-- The last epochs of a group that are over, and the numbers of the commits that ended them. What was said in an epoch has a number
-- between two of these.
CREATE TABLE epoch_end (
    group_id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    awaited_since INTEGER,             -- ms; or when this device was connected again. NULL once all has come that had crossed it
    renewed INTEGER NOT NULL DEFAULT 0, -- how often it was
    PRIMARY KEY (group_id, epoch)
) STRICT, WITHOUT ROWID;

-- Groups in which the server is ahead of this device, or that it should be in and is not.
CREATE TABLE lag (
    group_id BLOB PRIMARY KEY,
    epoch INTEGER,                     -- the server's, if it has named it
    seq INTEGER,                       -- what has not been seen up to this number is missing; the epoch is not the reason
    since INTEGER,                     -- what comes after this number is for this device, though it was in no group yet
    chat_id INTEGER,                   -- what it would carry, where it waits for the user's answer
    join_at INTEGER NOT NULL,          -- when to stop waiting for what leads there, ms
    noted INTEGER NOT NULL DEFAULT 1   -- how often it was
) STRICT, WITHOUT ROWID;

-- When this device has joined a group anew, in the last day: that it has to is often the server's word.
CREATE TABLE rejoin (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id BLOB NOT NULL,
    joined_at INTEGER NOT NULL,        -- ms
    believed INTEGER NOT NULL          -- for nothing but the server's word
) STRICT;
CREATE INDEX rejoin_group ON rejoin (group_id, joined_at);

-- Commits that could not be followed, by the epochs that they build on: the server is told of each once.
CREATE TABLE unusable_commit (
    group_id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    reported INTEGER NOT NULL,
    PRIMARY KEY (group_id, epoch)
) STRICT, WITHOUT ROWID;

-- Invitations into groups, not answered yet.
CREATE TABLE welcome (
    group_id BLOB PRIMARY KEY,
    epoch INTEGER NOT NULL,
    seq INTEGER,
    message_id BLOB NOT NULL,          -- acknowledged once it is used: the server keeps what it needs until then
    welcome BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- What waits for what, why, and until when.
CREATE TABLE hold (
    task TEXT NOT NULL,                -- whose work waits
    scope TEXT NOT NULL,               -- profile, device, chat, group, file
    id BLOB NOT NULL,
    reason TEXT NOT NULL,              -- error code of the server, or a word of our own
    until INTEGER NOT NULL,            -- ms
    pause INTEGER NOT NULL,            -- ms: it lasts no longer than this, whatever the clock does meanwhile
    attempts INTEGER NOT NULL,
    refusals INTEGER NOT NULL,         -- attempts of these that were refused for what they are
    PRIMARY KEY (task, scope, id)
) STRICT, WITHOUT ROWID;

-- Received, not decryptable yet: the commit before it has not arrived.
CREATE TABLE parked (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id BLOB NOT NULL,
    message_id BLOB NOT NULL,
    epoch INTEGER NOT NULL,            -- in which it can be read, by the server's word
    seq INTEGER NOT NULL,              -- its number; 0 without one. Two devices may say the same again, under one id
    frame TEXT NOT NULL,
    UNIQUE (group_id, message_id, seq)
) STRICT;
CREATE INDEX parked_epoch ON parked (group_id, epoch, id);

-- How much of each group that is: counting it for each message would make a full mailbox a matter of minutes.
CREATE TABLE parked_sum (
    group_id BLOB PRIMARY KEY,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER parked_more AFTER INSERT ON parked BEGIN
    INSERT INTO parked_sum (group_id, messages, bytes) VALUES (new.group_id, 1, octet_length(new.frame))
    ON CONFLICT (group_id) DO UPDATE SET messages = messages + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER parked_less AFTER DELETE ON parked BEGIN
    UPDATE parked_sum SET messages = messages - 1, bytes = bytes - octet_length(old.frame)
    WHERE group_id = old.group_id;
    DELETE FROM parked_sum WHERE group_id = old.group_id AND messages = 0;
END;

-- Numbers of a group's history that have not been seen, below the highest one that has.
CREATE TABLE gap (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id BLOB NOT NULL,
    chat_id INTEGER NOT NULL REFERENCES chat (id), -- it stays when the group goes
    ordinal INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    -- 1: the mailbox was empty and they had not come; 2: kept back by the server, as the user wants it; 3: said to be
    confirmed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX gap_group ON gap (group_id, first_seq);
CREATE INDEX gap_chat ON gap (chat_id, ordinal, first_seq);

-- The state of MLS, as OpenMLS names its parts (core/store/src/mls). Values are CBOR behind a version byte.
CREATE TABLE mls_group_data (
    group_id BLOB NOT NULL,
    part TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (group_id, part)
) STRICT;
CREATE TABLE mls_stamp (               -- another one after each write to a group's state: who has it in memory sees that it moved
    group_id BLOB PRIMARY KEY,
    stamp BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mls_group_list (          -- parts that there are several of: proposals by their reference, own leaf nodes
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id BLOB NOT NULL,
    part TEXT NOT NULL,
    reference BLOB NOT NULL,
    value BLOB NOT NULL
) STRICT;
CREATE INDEX mls_group_list_key ON mls_group_list (group_id, part, reference);
CREATE TABLE mls_epoch_keys (
    group_id BLOB NOT NULL,
    epoch BLOB NOT NULL,
    leaf INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (group_id, epoch, leaf)
) STRICT;
CREATE TABLE mls_past_leaves (         -- of the message secrets of past epochs: the part that never changes
    group_id BLOB NOT NULL,
    epoch BLOB NOT NULL,               -- 8 bytes, big-endian
    leaves BLOB NOT NULL,
    PRIMARY KEY (group_id, epoch)
) STRICT;
CREATE TABLE key_package (             -- made here: the private parts go from `mls_key` when no welcome can come any more
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    reference BLOB NOT NULL,
    last_resort INTEGER NOT NULL,
    forget_at INTEGER NOT NULL,        -- s, by the server's clock
    forget_at_here INTEGER NOT NULL    -- the same by this device's
) STRICT;
CREATE TABLE mls_former (              -- of groups that this device has asked to join anew: what they were before
    group_id BLOB PRIMARY KEY,
    name BLOB NOT NULL,                -- of its rows in the tables above
    epoch INTEGER NOT NULL,
    put_at INTEGER NOT NULL,           -- when it was put aside, ms
    begun_by INTEGER,                  -- number of the commit that began that epoch, where it is known
    ended_by INTEGER,                  -- and of the one that ended it; NULL as long as the server has not answered
    read_up_to INTEGER                 -- the highest number that was read by it since
) STRICT, WITHOUT ROWID;
CREATE TABLE mls_key (                 -- what belongs to no group: key packages, key pairs, PSKs
    kind TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT;
