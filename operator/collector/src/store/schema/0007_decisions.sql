-- Decisions that are kept so that they can be made again, as long as their Channel says, and the bundles that made them.

CREATE TABLE decision (
    seq INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL,
    id TEXT NOT NULL,
    unit INTEGER NOT NULL,
    time INTEGER NOT NULL,
    until INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    touchpoint INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    variant INTEGER,
    binding INTEGER,
    audience INTEGER,
    inputs TEXT NOT NULL
) STRICT;
CREATE INDEX decision_by_id ON decision (namespace, id);
CREATE INDEX decision_by_unit ON decision (unit, time);
CREATE INDEX decision_by_age ON decision (until);
CREATE INDEX decision_by_revision ON decision (namespace, revision);

-- `json` is compressed by gzip. A bundle stays as long as something that it decided, and the newest of a Channel for ever:
-- it may decide yet.
CREATE TABLE bundle (
    namespace INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    channel INTEGER NOT NULL,
    until INTEGER NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (namespace, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX bundle_by_age ON bundle (namespace, channel, until);
