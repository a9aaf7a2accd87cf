-- What WhatsApp keeps in step between the phone and its companions.

-- muted_ms: until then; -1 for ever. pinned_ms: since when. marked_unread: by hand.
ALTER TABLE chat ADD COLUMN pinned_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chat ADD COLUMN muted_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chat ADD COLUMN marked_unread INTEGER NOT NULL DEFAULT 0 CHECK (marked_unread IN (0, 1));

-- Labels, quick replies, settings: one sealed document each. body: key, document (JSON).
CREATE TABLE sync_item (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	kind TEXT NOT NULL,
	key BLOB NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (session, kind, key)
) STRICT, WITHOUT ROWID;

-- Which chat (wa_id '') or message carries which label. body: label, chat.
CREATE TABLE label_use (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	chat BLOB NOT NULL,
	wa_id TEXT NOT NULL,
	label BLOB NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (session, chat, wa_id, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX label_use_by_label ON label_use (session, label);
