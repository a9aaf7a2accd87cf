/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time zones from the system's compiled files (TZif, RFC 8536). The 64-bit
 * block holds the changes up to some year; the footer, a POSIX TZ rule,
 * what comes after them.
 */
#include "when.h"

#include <stdlib.h>
#include "map.h"
#include "when_priv.h"
#include "zone_rule.h"

#define ZONE_DIR	"/usr/share/zoneinfo"
#define ZONE_FILE_MAX	65536
#define ZONES_MAX	4096	/* more than names and offsets there are */
#define TZIF_HEADER	44
#define CHANGES_MAX	8192
#define OFFSET_MAX	(26 * 3600)	/* RFC 8536 3.2: what offsets may be */

struct wb_zone {
	char name[WB_ZONE_NAME_MAX];
	struct wb_zone_rule rule;	/* after the last change */
	int32_t first;			/* before the first */
	size_t n;
	struct change {
		int64_t at;
		int32_t offset;
	} changes[];
};

struct wb_zones {
	struct wa_map by_name;
	char *dir;
};

static int64_t be(const uint8_t *p, size_t n)
{
	uint64_t v = n == 4 && p[0] & 0x80 ? ~0ull : 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

struct block {
	const uint8_t *times, *kinds, *types;
	size_t n_times, n_types, size;
};

/* time_size is 4 in the first block of a file and 8 in the second. */
static bool read_block(struct wa_span f, size_t time_size, struct block *b)
{
	size_t count[6]; /* isut, isstd, leap, time, type, char */

	if (f.len < TZIF_HEADER || memcmp(f.ptr, "TZif", 4) != 0)
		return false;
	for (size_t i = 0; i < 6; i++) {
		count[i] = (size_t)be(f.ptr + 20 + 4 * i, 4);
		if (count[i] > ZONE_FILE_MAX)
			return false;
	}
	b->n_times = count[3];
	b->n_types = count[4];
	b->times = f.ptr + TZIF_HEADER;
	b->size = TZIF_HEADER + b->n_times * (time_size + 1) + b->n_types * 6 + count[5] +
		  count[2] * (time_size + 4) + count[1] + count[0];
	if (b->size > f.len || b->n_types == 0 || b->n_times > CHANGES_MAX)
		return false;
	b->kinds = b->times + b->n_times * time_size;
	b->types = b->kinds + b->n_times;
	return true;
}

static bool offset_of(const struct block *b, size_t type, int32_t *ret)
{
	int64_t v;

	if (type >= b->n_types)
		return false;
	v = be(b->types + 6 * type, 4);
	*ret = (int32_t)v;
	return v > -OFFSET_MAX && v < OFFSET_MAX;
}

static bool fill(struct wb_zone *z, const struct block *b)
{
	if (!offset_of(b, 0, &z->first))
		return false;
	z->n = b->n_times;
	for (size_t i = 0; i < z->n; i++) {
		z->changes[i].at = be(b->times + 8 * i, 8);
		if (!offset_of(b, b->kinds[i], &z->changes[i].offset) ||
		    (i > 0 && z->changes[i].at <= z->changes[i - 1].at))
			return false;
	}
	return true;
}

/* The text between the two newlines behind the block; empty: the last offset stays. */
static bool footer(struct wb_zone *z, struct wa_span rest)
{
	char text[WB_ZONE_RULE_MAX + 1];
	const uint8_t *end;
	size_t n;

	wb_zone_rule_fixed(&z->rule, z->n ? z->changes[z->n - 1].offset : z->first);
	if (rest.len < 2 || rest.ptr[0] != '\n' || !(end = memchr(rest.ptr + 1, '\n', rest.len - 1)))
		return false;
	n = (size_t)(end - rest.ptr) - 1;
	if (n > WB_ZONE_RULE_MAX)
		return false;
	memcpy(text, rest.ptr + 1, n);
	text[n] = 0;
	return n == 0 || wb_zone_rule_parse(text, &z->rule);
}

int wb_zone_parse(struct wa_span f, const char *name, struct wb_zone **ret, struct wa_err *err)
{
	struct block first, b;
	struct wa_span rest;
	struct wb_zone *z;

	if (!read_block(f, 4, &first) || f.ptr[4] < '2')
		return wa_err_set(err, WA_EPROTO, "%s: no zone file of version 2", name);
	rest = wa_span(f.ptr + first.size, f.len - first.size);
	if (!read_block(rest, 8, &b))
		return wa_err_set(err, WA_EPROTO, "%s: damaged zone file", name);
	z = calloc(1, sizeof(*z) + b.n_times * sizeof(z->changes[0]));
	if (!z)
		return wa_err_set(err, WA_ENOMEM, "zone");
	snprintf(z->name, sizeof(z->name), "%s", name);
	if (!fill(z, &b) || !footer(z, wa_span(rest.ptr + b.size, rest.len - b.size))) {
		free(z);
		return wa_err_set(err, WA_EPROTO, "%s: damaged zone file", name);
	}
	*ret = z;
	return WA_OK;
}

void wb_zone_free(struct wb_zone *z)
{
	free(z);
}

const char *wb_zone_name(const struct wb_zone *z)
{
	return z->name;
}

int32_t wb_zone_seconds(const struct wb_zone *z, int64_t unix_s)
{
	size_t low = 0, high = z->n;

	if (z->n == 0 || unix_s >= z->changes[z->n - 1].at)
		return wb_zone_rule_seconds(&z->rule, unix_s);
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (z->changes[mid].at <= unix_s)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 ? z->changes[low - 1].offset : z->first;
}

/* ---- by name ---- */

struct wb_zones *wb_zones_new(const char *dir)
{
	struct wb_zones *zs = calloc(1, sizeof(*zs));

	if (zs && !(zs->dir = strdup(dir ? dir : ZONE_DIR))) {
		free(zs);
		return NULL;
	}
	return zs;
}

void wb_zones_free(struct wb_zones *zs)
{
	struct wa_span key;
	void *z;
	size_t it = 0;

	if (!zs)
		return;
	while (wa_map_next(&zs->by_name, &it, &key, &z))
		wb_zone_free(z);
	wa_map_clear(&zs->by_name);
	free(zs->dir);
	free(zs);
}

/* A relative path of plain parts: nothing that leaves the folder. */
static bool name_is_safe(const char *name)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t n = strlen(name);

	return n > 0 && n < WB_ZONE_NAME_MAX && name[0] != '/' && name[n - 1] != '/' &&
	       strspn(name, allowed) == n;
}

static int read_file(const struct wb_zones *zs, const char *name, struct wb_zone **ret,
		     struct wa_err *err)
{
	char path[512];
	uint8_t *data;
	size_t n;
	FILE *f;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", zs->dir, name) >= (int)sizeof(path) ||
	    !(f = fopen(path, "rbe"))) {
		wa_err_set(err, WA_ENOTFOUND, "there is no time zone '%s'", name);
		return 0;
	}
	data = malloc(ZONE_FILE_MAX);
	if (!data) {
		fclose(f);
		return wa_err_set(err, WA_ENOMEM, "zone");
	}
	n = fread(data, 1, ZONE_FILE_MAX, f);	/* a folder reads as nothing */
	fclose(f);
	r = wb_zone_parse(wa_span(data, n), name, ret, err);
	free(data);
	if (r == WA_EPROTO) {
		wa_err_set(err, WA_ENOTFOUND, "there is no time zone '%s'", name);
		return 0;
	}
	return r < 0 ? r : 1;
}

static int fixed(const char *name, int32_t offset_s, struct wb_zone **ret, struct wa_err *err)
{
	struct wb_zone *z = calloc(1, sizeof(*z));

	if (!z)
		return wa_err_set(err, WA_ENOMEM, "zone");
	snprintf(z->name, sizeof(z->name), "%s", offset_s ? name : "UTC");
	wb_zone_rule_fixed(&z->rule, offset_s);
	*ret = z;
	return 1;
}

int wb_zones_get(struct wb_zones *zs, const char *name, const struct wb_zone **ret,
		 struct wa_err *err)
{
	struct wb_zone *z = wa_map_get(&zs->by_name, wa_span_str(name));
	int32_t offset;
	int r;

	if (z) {
		*ret = z;
		return 1;
	}
	if (zs->by_name.len >= ZONES_MAX)
		return wa_err_set(err, WA_ELIMIT, "too many time zones");
	if (wb_offset_read(name, &offset) || strcmp(name, "UTC") == 0) {
		r = fixed(name, strcmp(name, "UTC") == 0 ? 0 : offset, &z, err);
	} else if (!name_is_safe(name)) {
		wa_err_set(err, WA_ENOTFOUND, "there is no time zone '%.60s'", name);
		r = 0;
	} else {
		r = read_file(zs, name, &z, err);
	}
	if (r != 1)
		return r;
	if (wa_map_put(&zs->by_name, wa_span_str(name), z, NULL) < 0) {
		wb_zone_free(z);
		return wa_err_set(err, WA_ENOMEM, "zone");
	}
	*ret = z;
	return 1;
}
