-- The first shape of the store.
--
-- What is addressed by a permanent id is keyed by that id, what is addressed by a name by project and name. Every row
-- says its shard, a function of its project. Times are milliseconds since the Unix epoch; JSON is TEXT; sealed values
-- are BLOBs. Large, growing rows live in rowid tables, small ones within their key.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Lease, fence and revision counter in one.
CREATE TABLE shard (
    id          INTEGER PRIMARY KEY,
    owner       TEXT    NOT NULL,
    epoch       INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    -- The revision of the latest event.
    rev         INTEGER NOT NULL,
    -- The revision of the oldest event that is kept.
    oldest      INTEGER NOT NULL
) STRICT;

CREATE TABLE document (
    kind        TEXT    NOT NULL,
    project     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    shard       INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    manifest    TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    principal   TEXT    NOT NULL,
    update_time INTEGER NOT NULL,
    PRIMARY KEY (kind, project, name)
) STRICT;

-- The document as it was at each of its versions.
CREATE TABLE document_revision (
    kind        TEXT    NOT NULL,
    project     TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    shard       INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    manifest    TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    principal   TEXT    NOT NULL,
    update_time INTEGER NOT NULL,
    PRIMARY KEY (kind, project, name, version)
) STRICT;

CREATE TABLE order_ (
    project     TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    shard       INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    labels      TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    manifest    BLOB    NOT NULL,
    operation   TEXT    NOT NULL,
    deleting    INTEGER NOT NULL,
    principal   TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    update_time INTEGER NOT NULL,
    PRIMARY KEY (project, environment, name)
) STRICT;

CREATE TABLE resource (
    id                   TEXT    NOT NULL PRIMARY KEY,
    shard                INTEGER NOT NULL,
    project              TEXT    NOT NULL,
    environment          TEXT    NOT NULL,
    order_name           TEXT    NOT NULL,
    key                  TEXT    NOT NULL,
    order_id             TEXT    NOT NULL,
    create_time          INTEGER NOT NULL,
    labels               TEXT    NOT NULL,
    type                 TEXT    NOT NULL,
    class                TEXT,
    generation           INTEGER NOT NULL,
    observed_generation  INTEGER NOT NULL,
    desired              BLOB    NOT NULL,
    pin                  TEXT    NOT NULL,
    edges                TEXT    NOT NULL,
    incarnation          INTEGER NOT NULL,
    state                TEXT    NOT NULL,
    reason               TEXT,
    message              TEXT    NOT NULL,
    principal            TEXT    NOT NULL,
    version              INTEGER NOT NULL,
    update_time          INTEGER NOT NULL,
    -- The current external object; all NULL while there is none.
    object_incarnation   INTEGER,
    object_claimed       INTEGER,
    object_external_id   TEXT,
    object_state         BLOB,
    object_state_version INTEGER,
    object_applied       BLOB,
    object_outputs       BLOB,
    object_complete      INTEGER,
    -- The one it replaces.
    former_incarnation   INTEGER,
    former_claimed       INTEGER,
    former_external_id   TEXT,
    former_state         BLOB,
    former_state_version INTEGER,
    former_applied       BLOB,
    former_outputs       BLOB,
    former_complete      INTEGER,
    UNIQUE (project, environment, order_name, key)
) STRICT;

CREATE TABLE operation (
    id               TEXT    NOT NULL PRIMARY KEY,
    shard            INTEGER NOT NULL,
    parent           TEXT,
    project          TEXT    NOT NULL,
    environment      TEXT    NOT NULL,
    order_name       TEXT    NOT NULL,
    resource         TEXT,
    resource_key     TEXT    NOT NULL,
    request_id       TEXT    NOT NULL,
    trace            TEXT    NOT NULL,
    create_time      INTEGER NOT NULL,
    -- Of an order's operation; NULL is all zero. Kept by the store once the operation exists.
    tally            TEXT,
    verb             TEXT    NOT NULL,
    generation       INTEGER NOT NULL,
    state            TEXT    NOT NULL,
    reason           TEXT,
    message          TEXT    NOT NULL,
    effect           TEXT    NOT NULL,
    status           TEXT    NOT NULL,
    principal        TEXT    NOT NULL,
    stage            TEXT    NOT NULL,
    step             INTEGER NOT NULL,
    continuation     BLOB,
    attempts         INTEGER NOT NULL,
    budget           TEXT    NOT NULL,
    due              INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    superseded_by    TEXT,
    plan_digest      TEXT    NOT NULL,
    driver_digest    TEXT    NOT NULL,
    version          INTEGER NOT NULL,
    update_time      INTEGER NOT NULL,
    end_time         INTEGER
) STRICT;

CREATE INDEX operation_parent ON operation (parent, id) WHERE parent IS NOT NULL;
CREATE INDEX operation_resource ON operation (resource, id) WHERE resource IS NOT NULL;
-- An order's own operations are found among its project's: an index by order would cost every accept a page.
CREATE INDEX operation_project ON operation (project, id) WHERE parent IS NULL;
-- What the queue may start.
CREATE INDEX operation_due ON operation (due, id)
    WHERE parent IS NOT NULL AND state IN ('queued', 'running', 'waiting');
-- What stands in the way of later generations.
CREATE INDEX operation_open ON operation (resource, generation)
    WHERE parent IS NOT NULL AND state IN ('queued', 'running', 'waiting', 'needs-attention');

-- Apart from its operation, which is written often while a plan is large and never changes.
CREATE TABLE plan (
    id   TEXT NOT NULL PRIMARY KEY REFERENCES operation (id),
    body BLOB NOT NULL
) STRICT;

CREATE TABLE journal (
    operation TEXT    NOT NULL REFERENCES operation (id),
    step      INTEGER NOT NULL,
    attempt   INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    shard     INTEGER NOT NULL,
    project   TEXT    NOT NULL,
    time      INTEGER NOT NULL,
    payload   BLOB    NOT NULL,
    PRIMARY KEY (operation, step, attempt, position)
) STRICT;

CREATE TABLE secret (
    key         TEXT    NOT NULL PRIMARY KEY,
    shard       INTEGER NOT NULL,
    project     TEXT    NOT NULL,
    resource    TEXT,
    create_time INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    value       BLOB    NOT NULL,
    principal   TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    update_time INTEGER NOT NULL
) STRICT;

CREATE INDEX secret_resource ON secret (resource, name) WHERE resource IS NOT NULL;
CREATE INDEX secret_named ON secret (key) WHERE resource IS NULL;

CREATE TABLE natural_key (
    backend  TEXT    NOT NULL,
    family   TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    shard    INTEGER NOT NULL,
    project  TEXT    NOT NULL,
    resource TEXT    NOT NULL,
    holder   TEXT    NOT NULL,
    PRIMARY KEY (backend, family, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX natural_key_resource ON natural_key (resource);

CREATE TABLE driver (
    digest         TEXT    NOT NULL PRIMARY KEY,
    shard          INTEGER NOT NULL,
    create_time    INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    driver_version TEXT    NOT NULL,
    description    TEXT    NOT NULL,
    imports        TEXT    NOT NULL,
    size_bytes     INTEGER NOT NULL,
    principal      TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    update_time    INTEGER NOT NULL
) STRICT;

CREATE TABLE component (
    digest TEXT    NOT NULL PRIMARY KEY,
    shard  INTEGER NOT NULL,
    bytes  BLOB    NOT NULL
) STRICT;

CREATE TABLE request (
    project      TEXT    NOT NULL,
    request_id   TEXT    NOT NULL,
    shard        INTEGER NOT NULL,
    content_hash TEXT    NOT NULL,
    operation    TEXT    NOT NULL,
    time         INTEGER NOT NULL,
    PRIMARY KEY (project, request_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE token (
    id          TEXT    NOT NULL PRIMARY KEY,
    shard       INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    hash        TEXT    NOT NULL UNIQUE,
    roles       TEXT    NOT NULL,
    principal   TEXT    NOT NULL,
    create_time INTEGER NOT NULL,
    expire_time INTEGER,
    revoked     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `place` is shard × 2^48 + revision: events are appended within their shard and read in order.
CREATE TABLE event (
    place      INTEGER PRIMARY KEY,
    project    TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    change     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    order_name TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    time       INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    id        TEXT    NOT NULL PRIMARY KEY,
    shard     INTEGER NOT NULL,
    project   TEXT    NOT NULL,
    principal TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    decision  TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    time      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_project ON audit (project, id);
