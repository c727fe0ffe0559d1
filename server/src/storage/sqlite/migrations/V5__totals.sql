-- Bodies that wait for somebody. Counting them would mean reading them all, and figures are asked for all the time.
CREATE TABLE total (
    bodies INTEGER NOT NULL
) STRICT;
INSERT INTO total (bodies) SELECT count(*) FROM body;
