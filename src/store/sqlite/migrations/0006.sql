-- What an operation waits for before it begins: others, until they have ended well. Rows go when `awaited` ends.
CREATE TABLE awaiting (
    awaited   TEXT    NOT NULL,
    operation TEXT    NOT NULL,
    shard     INTEGER NOT NULL,
    PRIMARY KEY (awaited, operation)
) STRICT, WITHOUT ROWID;

-- How many it still waits for; and the one that has ended badly, after which it does not begin at all.
ALTER TABLE operation ADD COLUMN awaits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE operation ADD COLUMN broken_by TEXT;

-- What waits is not looked at by the queue: the indexes it asks do not have it.
DROP INDEX operation_due;
CREATE INDEX operation_due ON operation (due, id)
    WHERE parent IS NOT NULL AND state IN ('queued', 'running', 'waiting') AND held IS NULL AND awaits = 0;
DROP INDEX operation_ahead;
CREATE INDEX operation_ahead ON operation (update_time, id)
    WHERE parent IS NOT NULL AND state IN ('queued', 'running', 'waiting') AND held IS NULL AND awaits = 0;
