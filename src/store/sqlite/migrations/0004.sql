-- The resources that a backup brought: `open` until it is known what became of them since.
CREATE TABLE suspect (
    resource TEXT    NOT NULL PRIMARY KEY,
    shard    INTEGER NOT NULL,
    open     INTEGER NOT NULL,
    finding  TEXT,
    detail   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
