-- Groups and communities as WhatsApp told them last. hash: the group's JID; body: jid, document (JSON).
CREATE TABLE chat_group (
	id TEXT NOT NULL PRIMARY KEY,
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	hash BLOB NOT NULL,
	updated_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	UNIQUE (session, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_group_by_session ON chat_group (session, id);
