-- What has come to mailboxes last, in the order in which it came. Filed by device it would change one page for every
-- recipient; here it changes one or two for all of them. Most of it is acknowledged soon. What is not is moved to `mailbox`
-- all at once, when there is enough of it to be worth the pages: so in each mailbox what is in `mailbox` comes first.
CREATE TABLE arrival (
    pos        INTEGER NOT NULL,
    device     INTEGER NOT NULL,
    flags      INTEGER NOT NULL,
    message_id BLOB    NOT NULL,
    PRIMARY KEY (pos, device)
) STRICT, WITHOUT ROWID;
