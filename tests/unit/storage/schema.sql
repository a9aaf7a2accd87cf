CREATE TABLE account_fact (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	kind TEXT NOT NULL,
	hash BLOB NOT NULL,
	updated_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (session, kind, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE apikey (
	id TEXT NOT NULL PRIMARY KEY,
	name TEXT NOT NULL,
	hash BLOB NOT NULL UNIQUE,
	scopes TEXT NOT NULL,
	created_ms INTEGER NOT NULL,
	last_used_ms INTEGER NOT NULL,
	revoked_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE chat (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	chat BLOB NOT NULL,
	last_ms INTEGER NOT NULL,
	unread INTEGER NOT NULL,
	archived INTEGER NOT NULL CHECK (archived IN (0, 1)),
	body BLOB NOT NULL, pinned_ms INTEGER NOT NULL DEFAULT 0, muted_ms INTEGER NOT NULL DEFAULT 0, marked_unread INTEGER NOT NULL DEFAULT 0 CHECK (marked_unread IN (0, 1)),
	PRIMARY KEY (session, chat)
) STRICT, WITHOUT ROWID;

CREATE INDEX chat_by_time ON chat (session, last_ms, chat);

CREATE TABLE chat_group (
	id TEXT NOT NULL PRIMARY KEY,
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	hash BLOB NOT NULL,
	updated_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	UNIQUE (session, hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX chat_group_by_session ON chat_group (session, id);

CREATE TABLE chat_timer (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	chat BLOB NOT NULL,
	expires_s INTEGER NOT NULL,
	ts_ms INTEGER NOT NULL,
	PRIMARY KEY (session, chat)
) STRICT, WITHOUT ROWID;

CREATE TABLE consent (
	scope TEXT NOT NULL,
	who BLOB NOT NULL,
	opted_out INTEGER NOT NULL CHECK (opted_out IN (0, 1)),
	source TEXT NOT NULL,
	ts_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (scope, who)
) STRICT, WITHOUT ROWID;

CREATE INDEX consent_by_time ON consent (ts_ms);

CREATE TABLE contact (
	id TEXT NOT NULL PRIMARY KEY,
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	jid_hash BLOB,
	lid_hash BLOB,
	opted_out INTEGER NOT NULL CHECK (opted_out IN (0, 1)),
	updated_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	UNIQUE (session, jid_hash),
	UNIQUE (session, lid_hash)
) STRICT;

CREATE INDEX contact_by_id ON contact (session, id);

CREATE TABLE cursor (
	name TEXT NOT NULL PRIMARY KEY,
	seq INTEGER NOT NULL,
	updated_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE data_key (
	scope TEXT NOT NULL PRIMARY KEY,
	sealed BLOB NOT NULL,
	created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE event (
	seq INTEGER NOT NULL PRIMARY KEY,
	id TEXT NOT NULL,
	ts_ms INTEGER NOT NULL,
	kind TEXT NOT NULL,
	session TEXT,
	subject TEXT,
	scope TEXT NOT NULL,
	body BLOB
) STRICT;

CREATE INDEX event_by_session ON event (session, seq) WHERE session IS NOT NULL;

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

CREATE TABLE hold (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	chat BLOB NOT NULL,
	since_ms INTEGER NOT NULL,
	until_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (session, chat)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
	key BLOB NOT NULL PRIMARY KEY,
	request BLOB NOT NULL,
	status INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	body BLOB NOT NULL
) STRICT;

CREATE INDEX idempotency_by_time ON idempotency (created_ms);

CREATE TABLE label_use (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	chat BLOB NOT NULL,
	wa_id TEXT NOT NULL,
	label BLOB NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (session, chat, wa_id, label)
) STRICT, WITHOUT ROWID;

CREATE INDEX label_use_by_label ON label_use (session, label);

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

CREATE INDEX media_by_file ON media (file) WHERE file IS NOT NULL;

CREATE INDEX media_by_message ON media (message) WHERE message IS NOT NULL;

CREATE INDEX media_by_session ON media (session, id);

CREATE TABLE media_file (
	name TEXT NOT NULL PRIMARY KEY,
	size INTEGER NOT NULL,
	used_ms INTEGER NOT NULL,
	on_disk INTEGER NOT NULL CHECK (on_disk IN (0, 1)),
	remote INTEGER NOT NULL CHECK (remote IN (0, 1))
) STRICT;

CREATE INDEX media_file_by_use ON media_file (used_ms) WHERE on_disk = 1;

CREATE TABLE menu (
	message TEXT NOT NULL PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
	session TEXT NOT NULL,
	chat BLOB NOT NULL,
	ts_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX menu_by_chat ON menu (session, chat, ts_ms);

CREATE TABLE message (
	id TEXT NOT NULL PRIMARY KEY,
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	chat BLOB NOT NULL,
	wa_id TEXT NOT NULL,
	from_me INTEGER NOT NULL CHECK (from_me IN (0, 1)),
	kind TEXT NOT NULL,
	ts_ms INTEGER NOT NULL,
	status TEXT NOT NULL CHECK (status = 'queued' OR status = 'sending' OR status = 'sent'
		OR status = 'delivered' OR status = 'read' OR status = 'played'
		OR status = 'failed' OR status = 'cancelled'),
	reason TEXT NOT NULL,
	backfilled INTEGER NOT NULL CHECK (backfilled IN (0, 1)),
	body BLOB NOT NULL,
	UNIQUE (session, wa_id, chat, from_me)
) STRICT;

CREATE INDEX message_by_chat ON message (session, chat, ts_ms, id);

CREATE INDEX message_by_time ON message (session, ts_ms, id);

CREATE TABLE message_mark (
	message TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
	kind TEXT NOT NULL,
	who BLOB NOT NULL,
	from_me INTEGER NOT NULL CHECK (from_me IN (0, 1)),
	ts_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (message, kind, who)
) STRICT, WITHOUT ROWID;

CREATE TABLE message_receipt (
	message TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
	device BLOB NOT NULL,
	status TEXT NOT NULL CHECK (status = 'delivered' OR status = 'read' OR status = 'played'),
	ts_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (message, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE message_trace (
	message TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
	ts_ms INTEGER NOT NULL,
	number INTEGER NOT NULL,
	step TEXT NOT NULL,
	detail TEXT NOT NULL,
	PRIMARY KEY (message, ts_ms, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE message_version (
	message TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
	number INTEGER NOT NULL,
	ts_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
	key TEXT NOT NULL PRIMARY KEY,
	value BLOB NOT NULL
) STRICT;

CREATE TABLE outbox (
	id TEXT NOT NULL PRIMARY KEY,
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	chat BLOB NOT NULL,
	class TEXT NOT NULL,
	due_ms INTEGER NOT NULL,
	state TEXT NOT NULL CHECK (state = 'queued' OR state = 'sending' OR state = 'sent'
		OR state = 'failed' OR state = 'cancelled'),
	done INTEGER NOT NULL CHECK (done = (state <> 'queued' AND state <> 'sending')),
	attempts INTEGER NOT NULL,
	next_ms INTEGER NOT NULL,
	wa_id TEXT NOT NULL,
	reason TEXT NOT NULL,
	lease_owner TEXT NOT NULL,
	lease_until_ms INTEGER NOT NULL,
	fence INTEGER NOT NULL,
	idem BLOB,
	idem_request BLOB,
	created_ms INTEGER NOT NULL,
	body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX outbox_by_idem ON outbox (idem) WHERE idem IS NOT NULL;

CREATE INDEX outbox_final ON outbox (created_ms) WHERE done = 1;

CREATE INDEX outbox_open ON outbox (session, id) WHERE done = 0;

CREATE TABLE pacing_day (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	day INTEGER NOT NULL,
	sent INTEGER NOT NULL,
	marketing INTEGER NOT NULL,
	PRIMARY KEY (session, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE plugin_kv (
	plugin TEXT NOT NULL,
	key BLOB NOT NULL,
	expires_ms INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (plugin, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX plugin_kv_by_expiry ON plugin_kv (expires_ms) WHERE expires_ms > 0;

CREATE TABLE plugin_migration (
	plugin TEXT NOT NULL,
	number INTEGER NOT NULL,
	name TEXT NOT NULL,
	applied_ms INTEGER NOT NULL,
	PRIMARY KEY (plugin, number)
) STRICT;

CREATE TABLE record (
	session TEXT NOT NULL,
	kind INTEGER NOT NULL,
	key BLOB NOT NULL,
	value BLOB NOT NULL,
	updated_ms INTEGER NOT NULL,
	PRIMARY KEY (session, kind, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
	id TEXT NOT NULL PRIMARY KEY,
	name TEXT NOT NULL,
	run INTEGER NOT NULL CHECK (run IN (0, 1)),
	status TEXT NOT NULL,
	reason TEXT NOT NULL,
	since_ms INTEGER NOT NULL,
	created_ms INTEGER NOT NULL,
	account BLOB NOT NULL,
	config BLOB NOT NULL
) STRICT;

CREATE TABLE sync_item (
	session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	kind TEXT NOT NULL,
	key BLOB NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (session, kind, key)
) STRICT, WITHOUT ROWID;

