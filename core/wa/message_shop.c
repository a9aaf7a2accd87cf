/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables of events, products and orders. */
#include "message_schema.h"
#include "pb.h"

#include <base.h>

/* ---- events, shops ---- */

static void write_has_reminder(struct wa_codec *c, const void *base, uint32_t number,
			       struct wa_buf *out)
{
	const struct wa_calendar *e = base;

	(void)c;
	if (e->reminder_s)
		wa_pb_put_varint(out, number, 1);
}

const struct wa_mfield wa_fields_calendar[] = {
	WA_CONTEXT(1),
	WA_FIELD(2, wa_calendar, cancelled),
	WA_TEXT(3, wa_calendar, name),
	WA_TEXT(4, wa_calendar, description),
	WA_SUB_IF(5, wa_fields_location, wa_calendar, location, has_location),
	WA_TEXT(6, wa_calendar, join_link),
	WA_FIELD(7, wa_calendar, start_s),
	WA_FIELD(8, wa_calendar, end_s),
	WA_FIELD(9, wa_calendar, guests_allowed),
	WA_FIELD(10, wa_calendar, call),
	WA_HOOK(11, NULL, write_has_reminder),
	WA_FIELD(12, wa_calendar, reminder_s),
	WA_END,
};

static const struct wa_mfield product_snapshot[] = {
	WA_SUB_IF(1, wa_fields_image, wa_product, image, has_image),
	WA_TEXT(2, wa_product, id),
	WA_TEXT(3, wa_product, title),
	WA_TEXT(4, wa_product, description),
	WA_TEXT(5, wa_product, currency),
	WA_FIELD(6, wa_product, price_1000),
	WA_TEXT(7, wa_product, retailer_id),
	WA_TEXT(8, wa_product, url),
	WA_FIELD(9, wa_product, images),
	WA_FIELD(12, wa_product, sale_price_1000),
	WA_END,
};

/* A catalogue as a whole: no product, so it has no id. */
static const struct wa_mfield catalog_snapshot[] = {
	WA_TEXT(2, wa_product, title),
	WA_TEXT(3, wa_product, description),
	WA_END,
};

static int read_catalog(struct wa_codec *c, void *base, const struct wa_pb_field *f)
{
	return wa_fields_read(c, catalog_snapshot, base, f->bytes);
}

int wa_product_finish(struct wa_codec *c, const struct wa_kind *k, void *part)
{
	struct wa_product *p = part;

	(void)c;
	(void)k;
	p->image.type = p->has_image ? WA_MEDIA_IMAGE : WA_MEDIA_NONE;
	return 0;
}

const struct wa_mfield wa_fields_product[] = {
	WA_SUB(1, product_snapshot),
	WA_FIELD(2, wa_product, owner),
	WA_HOOK(4, read_catalog, NULL),
	WA_TEXT(5, wa_product, body),
	WA_TEXT(6, wa_product, footer),
	WA_CONTEXT(17),
	WA_END,
};

const struct wa_mfield wa_fields_order[] = {
	WA_TEXT(1, wa_order, id),
	WA_FIELD(2, wa_order, thumbnail),
	WA_FIELD(3, wa_order, items),
	WA_FIELD(4, wa_order, status),
	WA_TEXT(6, wa_order, message),
	WA_TEXT(7, wa_order, title),
	WA_FIELD(8, wa_order, seller),
	WA_TEXT(9, wa_order, token),
	WA_FIELD(10, wa_order, total_1000),
	WA_TEXT(11, wa_order, currency),
	WA_CONTEXT(17),
	WA_END,
};
