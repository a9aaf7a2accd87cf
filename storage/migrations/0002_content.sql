-- What happened to a message after it was said, and questions that wait for an answer.

-- What a message said before an edit; number counts from 1. body: text, content; row = message.
CREATE TABLE message_version (
	message TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
	number INTEGER NOT NULL,
	ts_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

-- What people did with it: one row for each person and kind, the latest. body: jid, lid, value.
CREATE TABLE message_mark (
	message TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
	kind TEXT NOT NULL,
	who BLOB NOT NULL,
	from_me INTEGER NOT NULL CHECK (from_me IN (0, 1)),
	ts_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (message, kind, who)
) STRICT, WITHOUT ROWID;

-- Menus that left as words, the newest of a chat is meant by an answer in words.
CREATE TABLE menu (
	message TEXT NOT NULL PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
	session TEXT NOT NULL,
	chat BLOB NOT NULL,
	ts_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX menu_by_chat ON menu (session, chat, ts_ms);

-- The disappearing timer of a chat.
CREATE TABLE chat_timer (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	chat BLOB NOT NULL,
	expires_s INTEGER NOT NULL,
	ts_ms INTEGER NOT NULL,
	PRIMARY KEY (session, chat)
) STRICT, WITHOUT ROWID;
