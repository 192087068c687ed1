-- What keeps work from starting: pauses, and the open breakers of connections.
CREATE TABLE hold (
    key       TEXT    NOT NULL PRIMARY KEY,
    shard     INTEGER NOT NULL,
    reason    TEXT    NOT NULL,
    message   TEXT    NOT NULL,
    principal TEXT    NOT NULL,
    since     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The key of the hold that an operation waits for, and since when; NULL: for none.
ALTER TABLE operation ADD COLUMN held TEXT;
ALTER TABLE operation ADD COLUMN held_since INTEGER;

-- What is held is not looked at by the queue: the indexes it asks do not have it.
DROP INDEX operation_due;
CREATE INDEX operation_due ON operation (due, id)
    WHERE parent IS NOT NULL AND state IN ('queued', 'running', 'waiting') AND held IS NULL;
DROP INDEX operation_ahead;
CREATE INDEX operation_ahead ON operation (update_time, id)
    WHERE parent IS NOT NULL AND state IN ('queued', 'running', 'waiting') AND held IS NULL;
CREATE INDEX operation_held ON operation (held, held_since, id)
    WHERE held IS NOT NULL AND state IN ('queued', 'running', 'waiting');

-- In the order in which they have ended: what was kept for long enough is found at its beginning.
CREATE INDEX operation_ended ON operation (end_time, id) WHERE end_time IS NOT NULL;
