/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_DB_CONTACT_H
#define WB_DB_CONTACT_H

/*
 * Contacts: one row per person; the phone-number JID and the LID are two names
 * of it. When a put gives both forms and two rows exist, they become one.
 */
#include "db.h"

struct db_contact {
	const char *id;			/* ULID of the row; ignored by put */
	const char *jid;		/* "" unknown; at least one of jid, lid */
	const char *lid;
	const char *phone;		/* digits, "" unknown */
	const char *push_name;
	const char *business_name;
	const char *name;		/* the owner's name for it */
	bool opted_out;			/* as of this session; consent itself: db_consent.h */
	int64_t updated_ms;
};

/* NULL or "" fields keep what is known; opted_out is not changed. rows is 1 when it changed. */
size_t db_batch_contact_put(struct db_batch *b, const char *session, const struct db_contact *c);
/* The owner's name of somebody known, "" takes it away. rows is 1 when it changed. */
size_t db_batch_contact_rename(struct db_batch *b, const char *session, const char *jid_or_lid,
			       const char *name);
size_t db_batch_contact_opt(struct db_batch *b, const char *session, const char *jid_or_lid,
			    bool opted_out);
size_t db_batch_contact_del(struct db_batch *b, const char *session, const char *jid_or_lid);

/* By either JID form. 1, 0, <0. */
int db_contact_get(struct db *db, const char *session, const char *jid_or_lid, struct wa_arena *a,
		   struct db_contact *ret_c, struct wa_err *err) WA_MUST_USE;
typedef int db_contact_fn(void *ctx, const struct db_contact *c);	/* c dies with the call */
/* By row id, those after `after_id` (NULL: from the start). */
int db_contact_each(struct db *db, const char *session, const char *after_id, size_t limit,
		    db_contact_fn *fn, void *ctx, struct wa_err *err) WA_MUST_USE;

#endif
