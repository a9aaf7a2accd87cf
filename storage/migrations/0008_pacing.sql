-- How many messages a session sent on a day: limits hold over a restart. day: days since 1970 in the zone
-- of the limits.
CREATE TABLE pacing_day (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	day INTEGER NOT NULL,
	sent INTEGER NOT NULL,
	marketing INTEGER NOT NULL,
	PRIMARY KEY (session, day)
) STRICT, WITHOUT ROWID;
