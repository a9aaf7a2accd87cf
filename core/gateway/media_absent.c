/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Until the media store is linked in: there are no files. Weak, so that it takes over by being there. */
#include <base.h>
#include "media.h"

#define WEAK __attribute__((weak))

WEAK int wb_media_get(struct wb_gateway *gw, const char *id, struct wa_arena *a, struct wb_media_info *ret_i,
		      struct wa_err *err)
{
	(void)gw; (void)id; (void)a; (void)ret_i; (void)err;
	return 0;
}

WEAK int wb_media_of_message(struct wb_gateway *gw, const char *message, struct wa_arena *a,
			     struct wb_media_info *ret_i, struct wa_err *err)
{
	(void)gw; (void)message; (void)a; (void)ret_i; (void)err;
	return 0;
}

WEAK void wb_media_add(struct wb_tx *tx, const char *session, const char *message, const struct wa_media *m,
		       char ret_id[DB_ID_LEN + 1])
{
	(void)tx; (void)session; (void)message; (void)m;
	ret_id[0] = '\0';
}

WEAK json_t *wb_media_json(const char *id, const struct wa_media *m)
{
	(void)id; (void)m;
	return json_object();
}

WEAK int wb_media_fill(struct wb_gateway *gw, const char *session, const char *id, int type, wb_media_fill_fn *fn,
		       void *ctx, struct wb_media_job **ret_job, struct wa_err *err)
{
	(void)gw; (void)session; (void)id; (void)type; (void)fn; (void)ctx; (void)ret_job;
	return wa_err_set(err, WA_EUNSUPPORTED, "there is no media store");
}

WEAK int wa_message_dump(struct wa_span raw, struct wa_buf *out_json, struct wa_err *err)
{
	(void)raw; (void)out_json;
	return wa_err_set(err, WA_EUNSUPPORTED, "not yet");
}
