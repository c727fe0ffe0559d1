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
