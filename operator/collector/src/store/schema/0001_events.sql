-- Times are microseconds since 1970-01-01T00:00:00Z. Names are interned in `name`.

CREATE TABLE schema_version (version INTEGER PRIMARY KEY) STRICT;

CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

-- stored, duplicates.
CREATE TABLE tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

-- A unit of one namespace: the namespace is part of the hash. `plain` only where a Channel asks for it.
CREATE TABLE unit (id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, plain TEXT) STRICT;

-- What makes events idempotent.
CREATE TABLE seen (
    namespace INTEGER NOT NULL,
    source INTEGER NOT NULL,
    id TEXT NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (namespace, source, id)
) STRICT, WITHOUT ROWID;

-- Whatever sorts units into arms: an experiment's phase (kind 1), or a holdout (kind 2, arms `held` and `open`).
CREATE TABLE split (
    id INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    name INTEGER NOT NULL,
    phase INTEGER NOT NULL,
    UNIQUE (namespace, kind, name, phase)
) STRICT;

-- The arm and the time of a unit's earliest exposure.
CREATE TABLE assignment (
    split INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    arm INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (split, unit)
) STRICT, WITHOUT ROWID;

-- The earliest exposure in every other arm that the unit was seen in.
CREATE TABLE crossing (
    split INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    arm INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (split, unit, arm)
) STRICT, WITHOUT ROWID;

-- The log of exposures, in the order of arrival.
CREATE TABLE exposure (
    seq INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    time INTEGER NOT NULL,
    channel INTEGER,
    touchpoint INTEGER,
    binding INTEGER,
    variant INTEGER,
    revision INTEGER,
    decision TEXT,
    experiment INTEGER,
    arm INTEGER,
    holdout INTEGER,
    held INTEGER
) STRICT;

-- Outcomes by what the analysis joins them on; units are of one namespace, so the event's name needs none.
CREATE TABLE outcome (
    event INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    time INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    value REAL,
    properties TEXT,
    PRIMARY KEY (event, unit, time, seq)
) STRICT, WITHOUT ROWID;

-- How many events of a kind happened in an hour, and the last of them; event 0 is an exposure.
CREATE TABLE activity (
    namespace INTEGER NOT NULL,
    event INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    events INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (namespace, event, hour)
) STRICT, WITHOUT ROWID;
