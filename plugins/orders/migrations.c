/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orders.h"

/* A released migration is never edited; add the next number. */
const struct wb_migration orders_migrations[] = {
	{ 1, 0, "orders",
	  "CREATE TABLE orders_store ("
	  " id TEXT NOT NULL PRIMARY KEY,"
	  " kind TEXT NOT NULL,"
	  " name TEXT NOT NULL,"
	  " session TEXT NOT NULL,"
	  " country TEXT NOT NULL,"
	  " language TEXT NOT NULL,"
	  " enabled INTEGER NOT NULL,"
	  " token_hash BLOB UNIQUE,"		/* NULL: removed */
	  " secret BLOB,"			/* sealed; NULL: not known yet */
	  " previous BLOB,"			/* sealed; the secret before */
	  " previous_until_ms INTEGER,"
	  " options TEXT NOT NULL,"		/* JSON */
	  " created_ms INTEGER NOT NULL,"
	  " updated_ms INTEGER NOT NULL,"
	  " removed_ms INTEGER"
	  ") STRICT;"
	  "CREATE TABLE orders_delivery ("
	  " id TEXT NOT NULL PRIMARY KEY,"
	  " store_id TEXT NOT NULL REFERENCES orders_store (id),"
	  " delivery_key TEXT,"			/* the shop's id of this delivery; NULL: it has none */
	  " content_key BLOB NOT NULL,"		/* hash of topic, order and body */
	  " topic TEXT NOT NULL,"
	  " external_id TEXT NOT NULL,"
	  " state TEXT NOT NULL CHECK (state IN ('stored', 'processed', 'ignored', 'failed')),"
	  " reason TEXT NOT NULL,"
	  " order_id TEXT,"
	  " headers BLOB,"			/* sealed JSON; NULL: removed after raw_keep_days */
	  " body BLOB,"				/* sealed bytes as they came */
	  " received_ms INTEGER NOT NULL,"
	  " processed_ms INTEGER,"
	  " replays INTEGER NOT NULL,"
	  " UNIQUE (store_id, delivery_key),"
	  " UNIQUE (store_id, content_key)"
	  ") STRICT;"
	  "CREATE INDEX orders_delivery_state ON orders_delivery (id) WHERE state = 'stored';"
	  "CREATE INDEX orders_delivery_raw ON orders_delivery (received_ms) WHERE body IS NOT NULL;"
	  "CREATE TABLE orders_order ("
	  " id TEXT NOT NULL PRIMARY KEY,"
	  " store_id TEXT NOT NULL REFERENCES orders_store (id),"
	  " external_id TEXT NOT NULL,"
	  " number TEXT NOT NULL,"
	  " state TEXT NOT NULL CHECK (state IN ('received', 'held', 'queued', 'sent', 'delivered',"
	  "  'read', 'confirmed', 'cancelled', 'no_reply', 'failed')),"
	  " reason TEXT NOT NULL,"
	  " session TEXT NOT NULL,"
	  " language TEXT NOT NULL,"
	  " message_id TEXT NOT NULL,"		/* the confirmation that counts; '' none yet */
	  " due_ms INTEGER,"			/* when something is to be done; NULL nothing */
	  " due_action TEXT NOT NULL CHECK (due_action IN ('', 'check', 'remind', 'no_reply')),"
	  " attempts INTEGER NOT NULL,"		/* of the number check */
	  " sends INTEGER NOT NULL,"		/* confirmations, counting resends */
	  " version INTEGER NOT NULL,"
	  " order_doc BLOB NOT NULL,"		/* sealed normalised order */
	  " contact BLOB NOT NULL,"		/* sealed {numbers, phone, jid, lid} */
	  " phone_hash BLOB, jid_hash BLOB, lid_hash BLOB,"
	  " source_updated TEXT NOT NULL,"
	  " created_ms INTEGER NOT NULL,"
	  " updated_ms INTEGER NOT NULL,"
	  " UNIQUE (store_id, external_id)"
	  ") STRICT;"
	  "CREATE INDEX orders_order_due ON orders_order (due_ms) WHERE due_ms IS NOT NULL;"
	  "CREATE INDEX orders_order_state ON orders_order (state, id);"
	  "CREATE INDEX orders_order_phone ON orders_order (phone_hash, id);"
	  "CREATE INDEX orders_order_jid ON orders_order (jid_hash, id);"
	  "CREATE INDEX orders_order_lid ON orders_order (lid_hash, id);"
	  "CREATE TABLE orders_history ("
	  " id INTEGER PRIMARY KEY,"
	  " order_id TEXT NOT NULL REFERENCES orders_order (id),"
	  " at_ms INTEGER NOT NULL,"
	  " from_state TEXT NOT NULL,"
	  " to_state TEXT NOT NULL,"
	  " actor TEXT NOT NULL,"
	  " reason TEXT NOT NULL,"
	  " message_id TEXT NOT NULL"
	  ") STRICT;"
	  "CREATE INDEX orders_history_order ON orders_history (order_id, id);"
	  "CREATE TABLE orders_message ("
	  " id TEXT NOT NULL PRIMARY KEY,"
	  " wa_id TEXT,"			/* known when sent */
	  " order_id TEXT NOT NULL REFERENCES orders_order (id),"
	  " kind TEXT NOT NULL CHECK (kind IN ('confirmation', 'reminder', 'reply')),"
	  " queued_ms INTEGER NOT NULL"
	  ") STRICT;"
	  "CREATE INDEX orders_message_wa ON orders_message (wa_id);"
	  "CREATE INDEX orders_message_order ON orders_message (order_id, kind, id);"
	  "CREATE TABLE orders_template ("
	  " name TEXT NOT NULL,"
	  " language TEXT NOT NULL,"
	  " body TEXT NOT NULL,"
	  " updated_ms INTEGER NOT NULL,"
	  " PRIMARY KEY (name, language)"
	  ") STRICT;"
	  "CREATE TABLE orders_idem ("
	  " key_hash BLOB NOT NULL PRIMARY KEY,"
	  " request_hash BLOB NOT NULL,"
	  " subject TEXT NOT NULL,"		/* id of what the request made or changed */
	  " created_ms INTEGER NOT NULL"
	  ") STRICT;"
	  "CREATE INDEX orders_idem_age ON orders_idem (created_ms);" },
	{ 2, 0, "retention",
	  "CREATE INDEX orders_order_session ON orders_order (session, id);"
	  "CREATE INDEX orders_delivery_order ON orders_delivery (order_id) WHERE order_id IS NOT NULL;" },
	{ 0, 0, NULL, NULL },
};
