-- What entries of several orders share a resource under.
ALTER TABLE resource ADD COLUMN shared TEXT;
CREATE UNIQUE INDEX resource_shared ON resource (project, environment, type, coalesce(class, ''), shared) WHERE shared IS NOT NULL;

-- What the objects of a resource were made with, until its generation is carried out.
ALTER TABLE resource ADD COLUMN ties TEXT NOT NULL DEFAULT '[]';
UPDATE resource SET ties = edges WHERE observed_generation < generation;

-- How an operation is related to the one whose end or work concerns it.
ALTER TABLE awaiting ADD COLUMN relation TEXT NOT NULL DEFAULT 'moves';
UPDATE awaiting SET relation = 'follows'
    WHERE operation IN (SELECT id FROM operation WHERE verb = 'delete' OR stage = 'delete-former');

-- Entries of orders that are the resource of another entry. None outlives its resource.
CREATE TABLE alias (
    project     TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    order_name  TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    shard       INTEGER NOT NULL,
    resource    TEXT    NOT NULL,
    PRIMARY KEY (project, environment, order_name, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_resource ON alias (resource);

CREATE INDEX observation_drifted ON observation (resource) WHERE drift IS NOT NULL;
