-- What backends have said of resources last, and when they are asked again.
CREATE TABLE observation (
    resource             TEXT    NOT NULL PRIMARY KEY,
    shard                INTEGER NOT NULL,
    -- NULL: nobody has looked since it was last made or changed.
    presence             TEXT,
    presence_since       INTEGER,
    -- NULL: nothing differs from what was applied.
    drift                BLOB,
    drift_since          INTEGER,
    -- Why the last look could not tell; all NULL if it could.
    inconclusive_reason  TEXT,
    inconclusive_message TEXT,
    inconclusive_since   INTEGER,
    -- When it was last told, and of which generation.
    time                 INTEGER,
    generation           INTEGER NOT NULL,
    -- Corrections in a row that did not hold, and when the last one was begun.
    corrections          INTEGER NOT NULL,
    correct_time         INTEGER,
    -- NULL: nobody asks by themselves.
    due                  INTEGER,
    version              INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX observation_due ON observation (due, resource) WHERE due IS NOT NULL;

-- What is there already is looked at within an hour, and not all of it at once.
INSERT INTO observation (resource, shard, generation, corrections, due, version)
    SELECT id, shard, observed_generation, 0,
           CAST(strftime('%s', 'now') AS INTEGER) * 1000 + abs(random() % 3600000), 1
    FROM resource WHERE object_complete = 1 AND json_extract(pin, '$."driver-digest"') <> '';
