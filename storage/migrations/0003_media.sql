-- Files that came with messages or were given to us to send. What is in one is in
-- media_file, named by the hash of what is stored; several rows may share it.

CREATE TABLE media_file (
	name TEXT NOT NULL PRIMARY KEY,
	size INTEGER NOT NULL,
	used_ms INTEGER NOT NULL,
	on_disk INTEGER NOT NULL CHECK (on_disk IN (0, 1)),
	remote INTEGER NOT NULL CHECK (remote IN (0, 1))
) STRICT;
CREATE INDEX media_file_by_use ON media_file (used_ms) WHERE on_disk = 1;

-- session NULL: given to us, any session may send it. lasting: it cannot be got from elsewhere.
CREATE TABLE media (
	id TEXT NOT NULL PRIMARY KEY,
	session TEXT REFERENCES session (id) ON DELETE CASCADE,
	message TEXT REFERENCES message (id) ON DELETE CASCADE,
	type TEXT NOT NULL,
	file TEXT,
	lasting INTEGER NOT NULL CHECK (lasting IN (0, 1)),
	created_ms INTEGER NOT NULL,
	uploaded_ms INTEGER NOT NULL,
	body BLOB NOT NULL
) STRICT;
CREATE INDEX media_by_message ON media (message) WHERE message IS NOT NULL;
CREATE INDEX media_by_file ON media (file) WHERE file IS NOT NULL;
CREATE INDEX media_by_session ON media (session, id);
