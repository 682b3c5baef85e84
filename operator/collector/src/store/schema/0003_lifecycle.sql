-- What erasure, aliases, recall and retention need.

-- Ids of events by the order of arrival: the number that a row of the event carries finds its id, and the oldest stand
-- first. Ids from before this step get numbers below zero, since nothing tells which rows were theirs; they are
-- dropped with age alone.
ALTER TABLE seen RENAME TO seen_before;
CREATE TABLE seen (
    seq INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL,
    source INTEGER NOT NULL,
    id TEXT NOT NULL,
    received INTEGER NOT NULL,
    UNIQUE (namespace, source, id)
) STRICT;
INSERT INTO seen (seq, namespace, source, id, received)
SELECT -row_number() OVER (ORDER BY received DESC), namespace, source, id, received FROM seen_before;
DROP TABLE seen_before;

-- Further hashes that stand for a unit.
CREATE TABLE alias (hash BLOB PRIMARY KEY, unit INTEGER NOT NULL, plain TEXT) STRICT, WITHOUT ROWID;
CREATE INDEX alias_by_unit ON alias (unit);

-- The alias events about a unit, so that their ids go when it goes.
CREATE TABLE naming (
    unit INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (unit, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX exposure_by_unit ON exposure (unit);

-- Who saw a variant: the first and the last time, and how often it was reported.
CREATE TABLE sighting (
    namespace INTEGER NOT NULL,
    variant INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    shows INTEGER NOT NULL,
    PRIMARY KEY (namespace, variant, unit)
) STRICT, WITHOUT ROWID;
INSERT INTO sighting (namespace, variant, unit, first, last, shows)
SELECT namespace, variant, unit, min(time), max(time), count(*) FROM exposure
WHERE variant IS NOT NULL GROUP BY namespace, variant, unit;

-- When a split was last exposed: one that is exposed no more ages as a whole.
ALTER TABLE split ADD COLUMN last INTEGER NOT NULL DEFAULT 0;
UPDATE split SET last = max(
    coalesce((SELECT max(first) FROM assignment WHERE assignment.split = split.id), 0),
    coalesce((SELECT max(first) FROM crossing WHERE crossing.split = split.id), 0)
);
