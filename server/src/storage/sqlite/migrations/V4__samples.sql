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
