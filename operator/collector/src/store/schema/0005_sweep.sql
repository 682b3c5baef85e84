-- What sweeps remember of each other.

-- Where the one before left off behind the front of what stands in the order of arrival; see store/sweep/walk.rs.
CREATE TABLE walk (name TEXT PRIMARY KEY, after INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Numbers of units that lost something: those of which nothing is left go at the end of the sweep, or of the next one.
CREATE TABLE touched (id INTEGER PRIMARY KEY) STRICT;
