-- Who has a conversation (a person, a flow, a plugin); automatic answers keep out of it.
-- chat: keyed hash; body: chat, owner, note. until_ms 0: until it is released.
CREATE TABLE hold (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	chat BLOB NOT NULL,
	since_ms INTEGER NOT NULL,
	until_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (session, chat)
) STRICT, WITHOUT ROWID;

-- Flows of scripts: the one of a chat that is under way, or the last one that ended (kept for a while,
-- so that a message delivered again is known to be done with). body: chat, document.
CREATE TABLE flow (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	chat BLOB NOT NULL,
	id TEXT NOT NULL,
	script TEXT NOT NULL,
	name TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('active', 'ended')),
	started_ms INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (session, chat)
) STRICT, WITHOUT ROWID;
CREATE INDEX flow_ended ON flow (updated_ms) WHERE state = 'ended';
