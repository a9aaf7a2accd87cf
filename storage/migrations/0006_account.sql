-- What WhatsApp told of people and of the account, one sealed JSON document for each.
-- kind: "profile" (hash: the person's LID, or JID without one), "restriction" (hash: of the empty text).
CREATE TABLE account_fact (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	kind TEXT NOT NULL,
	hash BLOB NOT NULL,
	updated_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (session, kind, hash)
) STRICT, WITHOUT ROWID;
