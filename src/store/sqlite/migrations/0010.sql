-- What orders were: their latest generations, with what was planned for each. Rows go with their order.
CREATE TABLE order_generation (
    order_id    TEXT    NOT NULL,
    generation  INTEGER NOT NULL,
    shard       INTEGER NOT NULL,
    operation   TEXT    NOT NULL,
    verb        TEXT    NOT NULL,
    principal   TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    plan_digest TEXT    NOT NULL,
    counts      TEXT    NOT NULL CHECK (json_valid(counts)),
    plan        BLOB    NOT NULL,
    -- Of the latest generation it stands in the order itself.
    manifest    BLOB,
    time        INTEGER NOT NULL,
    PRIMARY KEY (order_id, generation)
) STRICT;
