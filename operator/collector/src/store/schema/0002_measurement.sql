-- What the analysis remembers, and what it needs to know of exposures under a holdout.

-- What an experiment was first asked with in each of its phases. `weights` is a JSON object from arms to weights.
CREATE TABLE registration (
    namespace TEXT NOT NULL,
    experiment TEXT NOT NULL,
    phase INTEGER NOT NULL,
    registration TEXT NOT NULL,
    weights TEXT NOT NULL,
    PRIMARY KEY (namespace, experiment, phase)
) STRICT, WITHOUT ROWID;

-- The periods of holdouts. Salt and share of a period never change.
CREATE TABLE holdout_period (
    namespace TEXT NOT NULL,
    holdout TEXT NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    salt TEXT NOT NULL,
    share INTEGER NOT NULL,
    PRIMARY KEY (namespace, holdout, begins)
) STRICT, WITHOUT ROWID;

-- The unit's holdout bucket, and the name of the salt that it was computed with: later the plain unit is not known any
-- more.
ALTER TABLE exposure ADD COLUMN bucket INTEGER;
ALTER TABLE exposure ADD COLUMN salt INTEGER;

-- All that a holdout's analysis reads of its exposures, unit by unit.
CREATE INDEX exposure_by_holdout
    ON exposure (holdout, unit, time, held, binding, experiment, arm, bucket, salt) WHERE holdout IS NOT NULL;
