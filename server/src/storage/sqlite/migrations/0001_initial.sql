-- Times are seconds since 1970. 0 and '' stand for "not set", so that every column is NOT NULL.
-- Row ids of users, devices and groups are never used again (AUTOINCREMENT): other tables and open connections name
-- them.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE user (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id         TEXT    NOT NULL,
    access_key_hash BLOB    NOT NULL,
    created_at      INTEGER NOT NULL,
    revoked_at      INTEGER NOT NULL DEFAULT 0,
    -- A deleted user stays as an empty row for as long as one of their devices is a leaf of somebody's group.
    deleted_at      INTEGER NOT NULL DEFAULT 0,
    last_seen_at    INTEGER NOT NULL DEFAULT 0,
    display_name    TEXT    NOT NULL DEFAULT '',
    avatar_file_id  TEXT    NOT NULL DEFAULT '',
    public_key      TEXT    NOT NULL DEFAULT '',
    backup          TEXT    NOT NULL DEFAULT '',
    -- The newest device list and the certificate of who has signed it; x'' where the account has none.
    certificate     BLOB    NOT NULL DEFAULT x'',
    device_list     BLOB    NOT NULL DEFAULT x'',
    -- Who signs with it has the words that `backup` is sealed with.
    recovery_key    BLOB    NOT NULL DEFAULT x''
) STRICT;
CREATE UNIQUE INDEX user_by_name ON user (user_id) WHERE deleted_at = 0;

CREATE TABLE device (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id        TEXT    NOT NULL UNIQUE,
    user             INTEGER NOT NULL REFERENCES user (id),
    name             TEXT    NOT NULL DEFAULT '',
    type             TEXT    NOT NULL DEFAULT '',
    public_key       TEXT    NOT NULL DEFAULT '',
    token_hash       BLOB    NOT NULL DEFAULT x'',
    token_expires_at INTEGER NOT NULL DEFAULT 0,
    created_at       INTEGER NOT NULL,
    last_seen_at     INTEGER NOT NULL DEFAULT 0,
    -- A removed device stays for as long as it is a leaf of a group.
    removed_at       INTEGER NOT NULL DEFAULT 0,
    -- 0 unless the account has a device list in which the device does not stand: 1 if it never has, 2 if a later generation
    -- has left it out (`Admission`).
    waiting          INTEGER NOT NULL DEFAULT 0,
    -- Has signed in by the recovery words.
    recovered        INTEGER NOT NULL DEFAULT 0,
    -- The last challenges that were answered with its key, the newest last: challenge[32] and signature[64] of each.
    answered         BLOB    NOT NULL DEFAULT x'',
    -- What the device that has let it in has answered to it.
    link_reply       TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX device_by_user ON device (user);
CREATE UNIQUE INDEX device_by_token ON device (token_hash) WHERE token_hash <> x'';

-- Whom there is, and of those who can sign in.
CREATE VIEW account AS SELECT * FROM user WHERE deleted_at = 0;
CREATE VIEW active_account AS SELECT * FROM account WHERE revoked_at = 0;

-- Devices that are signed in and stand in their account's list, if it has one.
CREATE VIEW listed_device AS SELECT * FROM device WHERE removed_at = 0 AND waiting = 0;

-- When device lists came, for a day.
CREATE TABLE published_list (
    user       INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    at         INTEGER NOT NULL
) STRICT;
CREATE INDEX published_list_by_user ON published_list (user);

-- Hashes of the keys of devices that stood in a list and were signed out: they are not let in as new ones. That they do
-- not sign in as the old ones does not hang on this table.
CREATE TABLE removed_key (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    user     INTEGER NOT NULL,
    key_hash BLOB    NOT NULL,
    -- For who still has the key and asks why it is not let in.
    device_id  TEXT  NOT NULL,
    public_key TEXT  NOT NULL,
    -- The device that has signed it out, if another one has.
    removed_by TEXT  NOT NULL DEFAULT '',
    -- Why, if it was none: administrator, identity_replaced, account_deleted.
    reason     TEXT  NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX removed_key_by_user ON removed_key (user, key_hash);
-- Of deleted users, whose devices are told that the account is gone. They are nobody's (user 0).
CREATE INDEX removed_key_of_deleted ON removed_key (device_id) WHERE user = 0;

-- Sealed identities before the present one.
CREATE TABLE earlier_backup (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    user   INTEGER NOT NULL,
    backup TEXT    NOT NULL
) STRICT;
CREATE INDEX earlier_backup_by_user ON earlier_backup (user);

-- Identities that are to take the place of the present ones, unless somebody who has that ends it before.
CREATE TABLE replacement (
    user            INTEGER PRIMARY KEY,
    -- Who has begun it. May be signed out meanwhile.
    device          INTEGER NOT NULL,
    device_id       TEXT    NOT NULL,
    takes_effect_at INTEGER NOT NULL,
    public_key      TEXT    NOT NULL,
    certificate     BLOB    NOT NULL,
    device_list     BLOB    NOT NULL,
    backup          TEXT    NOT NULL,
    recovery_key    BLOB    NOT NULL
) STRICT;
CREATE INDEX replacement_by_time ON replacement (takes_effect_at);

-- A person of `user` has written to `peer`, who may therefore see when `user` is there.
CREATE TABLE contact (
    user INTEGER NOT NULL,
    peer INTEGER NOT NULL,
    PRIMARY KEY (user, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX contact_by_peer ON contact (peer);

-- `user` has written to `peer`, who has not answered yet.
CREATE TABLE unanswered (
    user         INTEGER NOT NULL,
    peer         INTEGER NOT NULL,
    begun_at     INTEGER NOT NULL,
    -- What was written in the day from then on.
    counted_from INTEGER NOT NULL,
    messages     INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    PRIMARY KEY (user, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX unanswered_by_peer ON unanswered (peer);

-- `user` has written in a conversation in which many have not answered: in the day from `counted_from` on, in whichever group it
-- was.
CREATE TABLE unanswered_chat (
    user         INTEGER NOT NULL,
    chat_id      BLOB    NOT NULL,
    counted_from INTEGER NOT NULL,
    messages     INTEGER NOT NULL,
    bytes        INTEGER NOT NULL,
    PRIMARY KEY (user, chat_id)
) STRICT, WITHOUT ROWID;

-- `user` has brought people into a group who have not answered them: as many requests as that is, for a day.
CREATE TABLE brought (
    id       INTEGER PRIMARY KEY,
    user     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    requests INTEGER NOT NULL
) STRICT;
CREATE INDEX brought_by_user ON brought (user, at);
CREATE INDEX brought_by_time ON brought (at);

-- `user` hears nothing of `peer`.
CREATE TABLE block (
    user       INTEGER NOT NULL,
    peer       INTEGER NOT NULL,
    blocked_at INTEGER NOT NULL,
    -- When `user` was last there, as far as `peer` could see then: that is what `peer` goes on seeing.
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (user, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX block_by_peer ON block (peer);

-- The last messages in a row of a group that were kept from `user`, and where the notice about them is in the mailboxes.
CREATE TABLE withheld (
    grp       INTEGER NOT NULL,
    user      INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    pos       INTEGER NOT NULL,
    PRIMARY KEY (grp, user)
) STRICT, WITHOUT ROWID;

-- The outgoing frame of a message, ready to be sent, once for all of its recipients.
CREATE TABLE body (
    id          INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    -- The user who has sent it; 0 for the server.
    sender      INTEGER NOT NULL,
    -- Bytes of the frame.
    len         INTEGER NOT NULL,
    frame       BLOB    NOT NULL
) STRICT;

-- Bytes of bodies by who has sent them, of those that have been filed (see `arrival`).
CREATE TABLE filed_bytes (
    sender INTEGER PRIMARY KEY,
    bytes  INTEGER NOT NULL
) STRICT;

CREATE TABLE total (
    -- Bodies that wait for somebody. Counting them would mean reading them all, and figures are asked for all the time.
    bodies        INTEGER NOT NULL,
    -- The id of the next body. None is given twice, also when all are gone: what is noted of one is true of no other.
    next_position INTEGER NOT NULL
) STRICT;
INSERT INTO total (bodies, next_position) VALUES (0, 1);

-- How many mailboxes still hold a body, where it is more than one to begin with. Apart from the body, because
-- counting down must not rewrite a large frame.
CREATE TABLE fanout (
    body    INTEGER PRIMARY KEY,
    pending INTEGER NOT NULL
) STRICT;

-- `pos` is the id of the body: it grows with every commit, so a mailbox is in order by it.
CREATE TABLE mailbox (
    device     INTEGER NOT NULL,
    pos        INTEGER NOT NULL,
    flags      INTEGER NOT NULL,
    -- What it belongs to (`Source`): a group, or, negative, the user who has sent it by itself; 0 for the server's notices.
    chat       INTEGER NOT NULL,
    -- Bytes of the frame.
    len        INTEGER NOT NULL,
    message_id BLOB    NOT NULL,
    PRIMARY KEY (device, pos)
) STRICT, WITHOUT ROWID;

-- What has come to mailboxes last, in the order in which it came. Filed by device it would change one page for every
-- recipient; here it changes one or two for all of them. Most of it is acknowledged soon. What is not is moved to `mailbox`
-- all at once, when there is enough of it to be worth the pages: so in each mailbox what is in `mailbox` comes first.
CREATE TABLE arrival (
    pos        INTEGER NOT NULL,
    device     INTEGER NOT NULL,
    flags      INTEGER NOT NULL,
    chat       INTEGER NOT NULL,
    len        INTEGER NOT NULL,
    message_id BLOB    NOT NULL,
    PRIMARY KEY (pos, device)
) STRICT, WITHOUT ROWID;

-- What devices have sent, in the order in which it came, to recognise repeats. Outlives the message. Nothing is looked up
-- by its id here: ids are random, and each would change a page of its own of an index.
CREATE TABLE sent (
    id          INTEGER PRIMARY KEY,
    device      INTEGER NOT NULL,
    message_id  BLOB    NOT NULL,
    destination INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;

-- Runs of rows of `sent` to which nothing comes any more, by which an id is found among them.
CREATE TABLE sent_run (
    first  INTEGER PRIMARY KEY,
    -- Runs that are looked up together.
    shelf  INTEGER NOT NULL,
    -- How many numbers of rows it covers. Not all of the rows need to be there.
    ids    INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    -- Eight bytes for each of these numbers; 0 where there is no row. None at all if the run is too old.
    hashes BLOB    NOT NULL
) STRICT;

-- Shelves that are too many to be in memory, in pages.
CREATE TABLE sent_shelf (
    -- Number of the shelf, times 65536, and of the page.
    id    INTEGER PRIMARY KEY,
    slots BLOB    NOT NULL
) STRICT;

-- What the hashes are made with.
INSERT INTO meta (key, value) VALUES ('sent_key', randomblob(16));

CREATE TABLE key_package (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    device      INTEGER NOT NULL,
    last_resort INTEGER NOT NULL,
    -- When it is handed out: its lifetime says so, and nobody adds a device by one that is good for too short.
    good_from   INTEGER NOT NULL,
    good_until  INTEGER NOT NULL,
    body        TEXT    NOT NULL
) STRICT;
CREATE INDEX key_package_by_device ON key_package (device, last_resort, id);

CREATE TABLE grp (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id    BLOB    NOT NULL UNIQUE,
    kind        INTEGER NOT NULL,
    chat_id     BLOB    NOT NULL,
    incarnation INTEGER NOT NULL,
    -- The device that has made it, and its user.
    creator     INTEGER NOT NULL,
    founder     INTEGER NOT NULL,
    -- Hash of the request that made it.
    made_of     BLOB    NOT NULL,
    epoch       INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    -- Number of the roster that the GroupContext names; 0 unless it is a group of people.
    roster      INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    -- Number of the last change of what is told about it, but for `seq`.
    changed     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX grp_by_chat ON grp (chat_id);
CREATE INDEX grp_by_founder ON grp (founder);

-- Numbers the changes of groups, by time: those who are told a number learn when something happened in groups of theirs, and not
-- how much happens in others'. A restored database gives the same numbers to other changes, so it has another lineage.
CREATE TABLE last_change (
    number  INTEGER NOT NULL,
    lineage BLOB    NOT NULL
) STRICT;
INSERT INTO last_change (number, lineage) VALUES (0, randomblob(8));

-- Rosters of groups of people: the one that a conversation began with, the one that its GroupContext names, those between, by
-- which one has led to the other, and those after it, which wait for a commit that carries them.
CREATE TABLE roster (
    id      INTEGER PRIMARY KEY,
    chat_id BLOB    NOT NULL,
    number  INTEGER NOT NULL,
    hash    BLOB    NOT NULL,
    body    BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX roster_by_number ON roster (chat_id, number);

-- How far each conversation has come, whether or not there is a group of it. Stays when its people go: a name that is given
-- out again must not bring an incarnation back.
CREATE TABLE conversation (
    chat_id     BLOB    PRIMARY KEY,
    incarnation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When who had a conversation go on in another group, for a day.
CREATE TABLE conversation_went_on (
    chat_id BLOB    NOT NULL,
    user    INTEGER NOT NULL,
    at      INTEGER NOT NULL
) STRICT;
CREATE INDEX conversation_went_on_by_chat ON conversation_went_on (chat_id);
CREATE INDEX conversation_went_on_by_time ON conversation_went_on (at);

CREATE TABLE grp_participant (
    grp   INTEGER NOT NULL,
    user  INTEGER NOT NULL,
    -- A person of the user has written there, or accepted it: the others may see when the user is there.
    acted INTEGER NOT NULL DEFAULT 0,
    -- How far the group's `seq` was when the user came, and when a person of the user last did that. Numbers up to 0 are of groups
    -- that the conversation was in before. Whoever comes is told nothing by what others did before.
    came_at  INTEGER NOT NULL DEFAULT 0,
    acted_at INTEGER NOT NULL DEFAULT 0,
    -- The user is spared what the other one writes.
    declined INTEGER NOT NULL DEFAULT 0,
    -- When the user was last there, as the other one could see it before that; 0 if they could not.
    seen_before INTEGER NOT NULL DEFAULT 0,
    -- The user had answered the other one before that, and so has answered all the same.
    had_answered INTEGER NOT NULL DEFAULT 0,
    -- The user has asked for the conversation.
    began INTEGER NOT NULL DEFAULT 0,
    -- The user has been put in and hears nothing of it.
    kept_out INTEGER NOT NULL DEFAULT 0,
    -- Who has put them in, whom they have blocked or declined; 0 where it is that they have left it more than once.
    kept_out_by INTEGER NOT NULL DEFAULT 0,
    -- Who has brought the user into a group of people, whom they have not answered, before they say something there themselves;
    -- 0 for nobody.
    brought_by INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (grp, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX grp_participant_by_user ON grp_participant (user);
CREATE INDEX grp_participant_brought ON grp_participant (user, brought_by) WHERE brought_by <> 0;

-- How often users have left a group of people, until they accept it.
CREATE TABLE leaving (
    chat_id BLOB    NOT NULL,
    user    INTEGER NOT NULL,
    times   INTEGER NOT NULL,
    PRIMARY KEY (chat_id, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX leaving_by_user ON leaving (user);

-- `user` has left a group of two without having answered there, which `peer` had asked them into, or was left in.
CREATE TABLE turned_down (
    user INTEGER NOT NULL,
    peer INTEGER NOT NULL,
    PRIMARY KEY (user, peer)
) STRICT, WITHOUT ROWID;
CREATE INDEX turned_down_by_peer ON turned_down (peer);

CREATE TABLE grp_leaf (
    grp    INTEGER NOT NULL,
    device INTEGER NOT NULL,
    -- Of before a restore: what is said is kept for it, which it may be able to read, and it says nothing before it has joined anew.
    former INTEGER NOT NULL DEFAULT 0,
    -- The epoch from which on it has been one. Whoever joins anew has been one before.
    since INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (grp, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX grp_leaf_by_device ON grp_leaf (device);

-- Devices that are leaves in the tree only: what they had to read has gone out of a full mailbox, and they are to join anew.
CREATE TABLE lost_leaf (
    grp    INTEGER NOT NULL,
    device INTEGER NOT NULL,
    PRIMARY KEY (grp, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX lost_leaf_by_device ON lost_leaf (device);

-- The latest time at which devices have made leaves of a group, as those say, whether or not they are leaves now.
CREATE TABLE leaf_date (
    grp        INTEGER NOT NULL,
    device_key BLOB    NOT NULL,
    user       INTEGER NOT NULL,
    made_at    INTEGER NOT NULL,
    PRIMARY KEY (grp, device_key, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX leaf_date_by_user ON leaf_date (user, grp);

-- Public state of a group at its current epoch, and at those to which a welcome is still undelivered.
CREATE TABLE grp_state (
    id           INTEGER PRIMARY KEY,
    grp          INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    group_info   TEXT    NOT NULL,
    -- Tree, GroupContext and what else commits are checked against; see `core/mls-public`.
    state        BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX grp_state_by_epoch ON grp_state (grp, epoch);

-- What is told about a group changes with these.
CREATE TRIGGER group_begins AFTER INSERT ON grp BEGIN
    UPDATE last_change SET number = max(number + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
    UPDATE grp SET changed = (SELECT number FROM last_change) WHERE id = new.id;
END;

CREATE TRIGGER group_moves AFTER UPDATE OF epoch, roster ON grp BEGIN
    UPDATE last_change SET number = max(number + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
    UPDATE grp SET changed = (SELECT number FROM last_change) WHERE id = new.id;
END;

CREATE TRIGGER group_loses_leaf AFTER DELETE ON grp_leaf BEGIN
    UPDATE last_change SET number = max(number + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
    UPDATE grp SET changed = (SELECT number FROM last_change) WHERE id = old.grp;
END;

CREATE TRIGGER group_loses_user AFTER DELETE ON grp_participant BEGIN
    UPDATE last_change SET number = max(number + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
    UPDATE grp SET changed = (SELECT number FROM last_change) WHERE id = old.grp;
END;

CREATE TRIGGER user_is_let_in AFTER UPDATE OF kept_out ON grp_participant WHEN old.kept_out <> new.kept_out BEGIN
    UPDATE last_change SET number = max(number + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
    UPDATE grp SET changed = (SELECT number FROM last_change) WHERE id = new.grp;
END;

CREATE TRIGGER device_comes AFTER INSERT ON device WHEN new.waiting = 0 BEGIN
    UPDATE last_change SET number = max(number + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
    UPDATE grp SET changed = (SELECT number FROM last_change)
    WHERE id IN (SELECT grp FROM grp_participant WHERE user = new.user);
END;

CREATE TRIGGER device_changes AFTER UPDATE OF removed_at, waiting ON device
WHEN (old.removed_at = 0 AND old.waiting = 0) <> (new.removed_at = 0 AND new.waiting = 0) BEGIN
    UPDATE last_change SET number = max(number + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
    UPDATE grp SET changed = (SELECT number FROM last_change)
    WHERE id IN (SELECT grp FROM grp_participant WHERE user = new.user
                 UNION ALL SELECT grp FROM grp_leaf WHERE device = new.id);
END;

-- The last commits to each group, by the epoch that they build on, with the GroupInfo of that.
CREATE TABLE grp_commit (
    grp        INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    device     INTEGER NOT NULL,
    user       INTEGER NOT NULL,
    external   INTEGER NOT NULL,
    group_info TEXT    NOT NULL,
    PRIMARY KEY (grp, epoch)
) STRICT, WITHOUT ROWID;
CREATE INDEX grp_commit_by_user ON grp_commit (user);

-- Who could not use one. `before`: because of the GroupInfo.
CREATE TABLE unusable (
    grp    INTEGER NOT NULL,
    epoch  INTEGER NOT NULL,
    before INTEGER NOT NULL,
    user   INTEGER NOT NULL,
    PRIMARY KEY (grp, epoch, before, user)
) STRICT, WITHOUT ROWID;

-- Whose commits on epochs before this one have been judged: they are not held against the device again.
CREATE TABLE judged (
    grp    INTEGER NOT NULL,
    device INTEGER NOT NULL,
    before INTEGER NOT NULL,
    PRIMARY KEY (grp, device)
) STRICT, WITHOUT ROWID;

-- Whose commits others could not use, and until when there are no more of them.
CREATE TABLE suspended (
    chat_id BLOB    NOT NULL,
    device  INTEGER NOT NULL,
    user    INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (chat_id, device)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER device_is_suspended AFTER INSERT ON suspended BEGIN
    UPDATE last_change SET number = max(number + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
    UPDATE grp SET changed = (SELECT number FROM last_change) WHERE chat_id = new.chat_id;
END;

CREATE TABLE welcome (
    device INTEGER NOT NULL,
    pos    INTEGER NOT NULL,
    grp    INTEGER NOT NULL,
    epoch  INTEGER NOT NULL,
    PRIMARY KEY (device, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX welcome_by_group ON welcome (grp, epoch);

-- The one notice about a group's devices, or about the own account (group 0), that waits for a device; a newer one takes
-- its place.
CREATE TABLE notice (
    device INTEGER NOT NULL,
    grp    INTEGER NOT NULL,
    pos    INTEGER NOT NULL,
    PRIMARY KEY (device, grp)
) STRICT, WITHOUT ROWID;

-- Groups that are still to be told that a device of the user has gone or come.
CREATE TABLE untold (
    id   INTEGER PRIMARY KEY,
    grp  INTEGER NOT NULL,
    user INTEGER NOT NULL,
    UNIQUE (grp, user)
) STRICT;

CREATE TABLE file (
    id         INTEGER PRIMARY KEY,
    file_id    TEXT    NOT NULL UNIQUE,
    owner      INTEGER NOT NULL,
    size       INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX file_by_owner ON file (owner);
CREATE INDEX file_by_expiry ON file (expires_at);

-- Resumable uploads. `file_id` is the file's name from the beginning; how many of its bytes have come is told by the
-- disk. A finished one stays until it expires, for a client that did not hear the last answer.
CREATE TABLE upload (
    id            INTEGER PRIMARY KEY,
    file_id       TEXT    NOT NULL UNIQUE,
    owner         INTEGER NOT NULL,
    -- As declared, and reserved from the beginning.
    size          INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    finished      INTEGER NOT NULL DEFAULT 0,
    -- From here on the bytes on the disk have not been compared with their checksum; -1 if there are none such.
    unproven_from INTEGER NOT NULL DEFAULT -1
) STRICT;
CREATE INDEX upload_by_owner ON upload (owner);
CREATE INDEX upload_by_expiry ON upload (expires_at);

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

-- Figures over time, for the administrator's charts: every five minutes, hourly once they are some days old.
CREATE TABLE sample (
    at               INTEGER PRIMARY KEY,
    online_users     INTEGER NOT NULL,
    pending_messages INTEGER NOT NULL,
    stored_files     INTEGER NOT NULL,
    stored_bytes     INTEGER NOT NULL,
    -- New since the sample before.
    messages         INTEGER NOT NULL
) STRICT;

-- What goes with a group. Messages of it stay in mailboxes, and so do notices, which are tidied away with them.
CREATE TRIGGER group_goes AFTER DELETE ON grp BEGIN
    DELETE FROM grp_participant WHERE grp = old.id;
    DELETE FROM grp_leaf WHERE grp = old.id;
    DELETE FROM lost_leaf WHERE grp = old.id;
    DELETE FROM leaf_date WHERE grp = old.id;
    DELETE FROM grp_state WHERE grp = old.id;
    DELETE FROM grp_commit WHERE grp = old.id;
    DELETE FROM unusable WHERE grp = old.id;
    DELETE FROM judged WHERE grp = old.id;
    DELETE FROM welcome WHERE grp = old.id;
    DELETE FROM withheld WHERE grp = old.id;
    DELETE FROM untold WHERE grp = old.id;
END;

-- What goes with the last group of a conversation.
CREATE TRIGGER conversation_goes AFTER DELETE ON grp
WHEN NOT EXISTS (SELECT 1 FROM grp WHERE chat_id = old.chat_id) BEGIN
    DELETE FROM roster WHERE chat_id = old.chat_id;
    DELETE FROM leaving WHERE chat_id = old.chat_id;
    DELETE FROM unanswered_chat WHERE chat_id = old.chat_id;
    DELETE FROM suspended WHERE chat_id = old.chat_id;
END;

CREATE TRIGGER participant_goes AFTER DELETE ON grp_participant BEGIN
    DELETE FROM withheld WHERE grp = old.grp AND user = old.user;
END;

-- What goes with a user at once, while their row may have to stay.
CREATE TRIGGER user_goes AFTER UPDATE OF deleted_at ON user WHEN old.deleted_at = 0 AND new.deleted_at <> 0 BEGIN
    DELETE FROM invitation WHERE user = new.id;
    DELETE FROM contact WHERE user = new.id;
    DELETE FROM contact WHERE peer = new.id;
    DELETE FROM block WHERE user = new.id;
    DELETE FROM block WHERE peer = new.id;
    DELETE FROM turned_down WHERE user = new.id;
    DELETE FROM turned_down WHERE peer = new.id;
    DELETE FROM unanswered WHERE user = new.id;
    DELETE FROM unanswered WHERE peer = new.id;
    DELETE FROM unanswered_chat WHERE user = new.id;
    DELETE FROM brought WHERE user = new.id;
    DELETE FROM withheld WHERE user = new.id;
    DELETE FROM grp_participant WHERE user = new.id;
    DELETE FROM leaving WHERE user = new.id;
    DELETE FROM leaf_date WHERE user = new.id;
    DELETE FROM published_list WHERE user = new.id;
    -- What a device had that was signed in until now is told why it is not let in; no name is kept for that.
    UPDATE OR REPLACE removed_key SET user = 0, removed_by = '', reason = 'account_deleted'
    WHERE user = new.id AND reason IN ('', 'account_deleted') AND removed_by = '';
    DELETE FROM removed_key WHERE user = new.id;
    DELETE FROM removed_key WHERE user = 0
        AND id <= (SELECT id FROM removed_key WHERE user = 0 ORDER BY id DESC LIMIT 1 OFFSET 1000);
    DELETE FROM earlier_backup WHERE user = new.id;
    DELETE FROM replacement WHERE user = new.id;
END;

-- And what is of use as long as a device of theirs is a leaf.
CREATE TRIGGER user_is_gone AFTER DELETE ON user BEGIN
    DELETE FROM grp_commit WHERE user = old.id;
    DELETE FROM unusable WHERE user = old.id;
    DELETE FROM suspended WHERE user = old.id;
    DELETE FROM conversation_went_on WHERE user = old.id;
    DELETE FROM untold WHERE user = old.id;
    DELETE FROM filed_bytes WHERE sender = old.id;
END;

-- What must not come back with an older database, or be lost with a newer one: which devices were signed out, whose access
-- key is another, who is deactivated or deleted, what identities have signed last, who is blocked, what is declined, and who has been put out
-- of groups or has left them. Written by whatever
-- changes those tables, and moved by the writer to a file beside the database, which restoring a backup applies
-- (journal.rs). Its numbers are never used again: they say how far a database knows of it.
CREATE TABLE revocation (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- A device, its key and why it was signed out with blanks in between, that is a reason or @ and another device; the hash of a key, a user; of what an identity has signed two texts with a blank in between: certificate and
    -- device list, or recovery key and sealed identity, in hexadecimal but for the last; a roster.
    subject BLOB NOT NULL DEFAULT x''
) STRICT;

-- Not of a device that nobody has let in: it has nothing, and whoever has but the access key makes any number of them.
CREATE TRIGGER revoke_device AFTER UPDATE OF removed_at ON device
WHEN old.removed_at = 0 AND new.removed_at <> 0 AND old.waiting <> 1 BEGIN
    INSERT INTO revocation (kind, user_id, subject)
    SELECT 'signed_out', user_id, CAST(new.device_id || ' ' || new.public_key || ' ' || coalesce(
            (SELECT reason FROM removed_key WHERE user = new.user AND device_id = new.device_id ORDER BY id DESC LIMIT 1),
            '') AS BLOB)
    FROM user WHERE id = new.user;
END;

-- By which other one is noted behind that.
CREATE TRIGGER revoke_device_by AFTER UPDATE OF removed_by ON removed_key WHEN old.removed_by = '' AND new.removed_by <> '' BEGIN
    INSERT INTO revocation (kind, user_id, subject)
    SELECT 'signed_out', user_id, CAST(new.device_id || ' ' || new.public_key || ' @' || new.removed_by AS BLOB)
    FROM user WHERE id = new.user;
END;

CREATE TRIGGER revoke_key AFTER UPDATE OF access_key_hash ON user
WHEN old.access_key_hash <> new.access_key_hash AND new.access_key_hash <> x'' BEGIN
    INSERT INTO revocation (kind, user_id, subject) VALUES ('access_key', new.user_id, new.access_key_hash);
END;

CREATE TRIGGER revoke_user AFTER UPDATE OF revoked_at ON user WHEN (old.revoked_at = 0) <> (new.revoked_at = 0) BEGIN
    INSERT INTO revocation (kind, user_id)
    VALUES (iif(new.revoked_at = 0, 'reactivated', 'deactivated'), new.user_id);
END;

CREATE TRIGGER delete_user AFTER UPDATE OF deleted_at ON user WHEN old.deleted_at = 0 AND new.deleted_at <> 0 BEGIN
    INSERT INTO revocation (kind, user_id) VALUES ('deleted', new.user_id);
END;

CREATE TRIGGER decline AFTER UPDATE OF declined ON grp_participant WHEN old.declined <> new.declined BEGIN
    INSERT INTO revocation (kind, user_id, subject)
    SELECT iif(new.declined = 0, 'let_in', 'declined'), u.user_id, g.chat_id FROM user u JOIN grp g ON g.id = new.grp
    WHERE u.id = new.user;
END;

-- Of the user who has created the group, or of one of its people if that one is gone.
CREATE TRIGGER step AFTER INSERT ON roster WHEN new.number > 1 BEGIN
    INSERT INTO revocation (kind, user_id, subject)
    SELECT 'step', u.user_id, new.body FROM grp g JOIN user u
        ON u.id IN (g.founder, (SELECT min(p.user) FROM grp_participant p WHERE p.grp = g.id))
    WHERE g.chat_id = new.chat_id ORDER BY u.id <> g.founder LIMIT 1;
END;

CREATE TRIGGER relist AFTER UPDATE OF device_list ON user
WHEN old.device_list <> new.device_list AND new.device_list <> x'' BEGIN
    INSERT INTO revocation (kind, user_id, subject)
    VALUES ('listed', new.user_id, CAST(hex(new.certificate) || ' ' || hex(new.device_list) AS BLOB));
END;

CREATE TRIGGER reseal AFTER UPDATE OF backup, recovery_key ON user
WHEN (old.backup <> new.backup OR old.recovery_key <> new.recovery_key) AND new.backup <> '' AND new.recovery_key <> x'' BEGIN
    INSERT INTO revocation (kind, user_id, subject)
    VALUES ('sealed', new.user_id, CAST(hex(new.recovery_key) || ' ' || new.backup AS BLOB));
END;

CREATE TRIGGER leave AFTER INSERT ON leaving BEGIN
    INSERT INTO revocation (kind, user_id, subject) SELECT 'left', user_id, new.chat_id FROM user WHERE id = new.user;
END;

CREATE TRIGGER leave_again AFTER UPDATE OF times ON leaving BEGIN
    INSERT INTO revocation (kind, user_id, subject) SELECT 'left', user_id, new.chat_id FROM user WHERE id = new.user;
END;

CREATE TRIGGER turn_down AFTER INSERT ON turned_down BEGIN
    INSERT INTO revocation (kind, user_id, subject)
    SELECT 'turned_down', u.user_id, CAST(p.user_id AS BLOB) FROM user u JOIN user p ON p.id = new.peer WHERE u.id = new.user;
END;

CREATE TRIGGER turn_to AFTER DELETE ON turned_down BEGIN
    INSERT INTO revocation (kind, user_id, subject)
    SELECT 'turned_to', u.user_id, CAST(p.user_id AS BLOB) FROM user u JOIN user p ON p.id = old.peer WHERE u.id = old.user;
END;

CREATE TRIGGER block_user AFTER INSERT ON block BEGIN
    INSERT INTO revocation (kind, user_id, subject)
    SELECT 'blocked', u.user_id, CAST(p.user_id AS BLOB) FROM user u JOIN user p ON p.id = new.peer WHERE u.id = new.user;
END;

CREATE TRIGGER unblock_user AFTER DELETE ON block BEGIN
    INSERT INTO revocation (kind, user_id, subject)
    SELECT 'unblocked', u.user_id, CAST(p.user_id AS BLOB) FROM user u JOIN user p ON p.id = old.peer WHERE u.id = old.user;
END;
