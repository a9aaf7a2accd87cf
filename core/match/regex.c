/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "match.h"

#include <pthread.h>

#include "module.h"
#include "regex_shim.h"
#include "text.h"

#define NAME_SIZE 48	/* a longer name of a group is cut */

struct wb_regex {
	void *re;		/* the module's */
	bool whole;
	size_t groups;
	char names[][NAME_SIZE];	/* of group 1 … */
};

/* Loaded once for the process and never unloaded. */
static pthread_once_t shim_once = PTHREAD_ONCE_INIT;
static const struct wb_regex_shim *shim;
static char shim_error[512];

static void load_shim(void)
{
	static const struct wa_module module = {
		.file = "libwarbler_regex.so",
		.env = "WARBLER_REGEX_SHIM",
		.libdir = WB_MATCH_LIBDIR,
		.symbol = WB_REGEX_SHIM_SYMBOL,
		.abi = WB_REGEX_SHIM_ABI,
	};

	shim = wa_module_load(&module, &shim_once, shim_error);
}

static const struct wb_regex_shim *get_shim(void)
{
	pthread_once(&shim_once, load_shim);
	return shim;
}

static int refuse(struct wb_regex_err *err, int code, struct wa_span pattern, size_t offset,
		  const char *msg)
{
	if (!err)
		return code;
	err->offset = offset <= pattern.len ? offset : 0;
	err->column = 1;
	for (size_t i = 0; i < err->offset; i++)
		err->column += (pattern.ptr[i] & 0xc0) != 0x80;
	snprintf(err->msg, sizeof(err->msg), "%.*s", (int)sizeof(err->msg) - 1, msg);
	return code;
}

static int check_pattern(struct wa_span pattern, struct wb_regex_err *err)
{
	size_t good = wa_utf8_clip(pattern, pattern.len);

	if (pattern.len > WB_REGEX_PATTERN_MAX)
		return refuse(err, WA_ELIMIT, pattern, 0, "pattern is too long");
	if (good < pattern.len || !wa_utf8_valid(pattern))
		return refuse(err, WA_EINVALID, pattern, good, "pattern is not UTF-8");
	if (!get_shim())
		return refuse(err, WA_EUNSUPPORTED, pattern, 0, shim_error);
	return WA_OK;
}

static struct wb_regex *wrap(void *re, size_t groups, unsigned flags)
{
	struct wb_regex *r = calloc(1, sizeof(*r) + groups * NAME_SIZE);

	if (!r)
		return NULL;
	r->re = re;
	r->groups = groups;
	r->whole = (flags & WB_REGEX_WHOLE) != 0;
	for (size_t i = 0; i < groups; i++)
		shim->group_name(re, (int32_t)i + 1, r->names[i], NAME_SIZE);
	return r;
}

int wb_regex_compile(struct wa_span pattern, unsigned flags, struct wb_regex **ret_regex,
		     struct wb_regex_err *ret_err)
{
	char msg[160] = "";
	size_t offset = 0;
	void *re = NULL;
	int32_t groups;
	int code = check_pattern(pattern, ret_err);

	if (code < 0)
		return code;
	switch (shim->compile((const char *)pattern.ptr, pattern.len, flags, WB_REGEX_MEMORY, &re,
			      &offset, msg, sizeof(msg))) {
	case WB_REGEX_SHIM_OK:
		break;
	case WB_REGEX_SHIM_WRONG:
		return refuse(ret_err, WA_EINVALID, pattern, offset, msg);
	case WB_REGEX_SHIM_LARGE:
		return refuse(ret_err, WA_ELIMIT, pattern, offset, msg);
	default:
		return refuse(ret_err, WA_ENOMEM, pattern, 0, msg);
	}
	groups = shim->groups(re);
	if (groups < 0 || groups > WB_REGEX_GROUPS_MAX) {
		shim->release(re);
		return refuse(ret_err, WA_ELIMIT, pattern, 0, "too many groups");
	}
	*ret_regex = wrap(re, (size_t)groups, flags);
	if (*ret_regex)
		return WA_OK;
	shim->release(re);
	return refuse(ret_err, WA_ENOMEM, pattern, 0, "out of memory");
}

void wb_regex_free(struct wb_regex *re)
{
	if (!re)
		return;
	shim->release(re->re);
	free(re);
}

int wb_regex_match(const struct wb_regex *re, struct wa_span text, size_t from,
		   struct wb_regex_group *groups, size_t n)
{
	struct wb_regex_shim_group found[WB_REGEX_GROUPS_MAX + 1];
	size_t wanted = n < WA_ARRAY_LEN(found) ? n : WA_ARRAY_LEN(found);
	const char *ptr = text.ptr ? (const char *)text.ptr : "";

	if (from > text.len || !shim->match(re->re, ptr, text.len, from, re->whole, found, wanted))
		return 0;
	for (size_t i = 0; i < n; i++) {
		groups[i].start = i < wanted ? found[i].start : SIZE_MAX;
		groups[i].len = i < wanted ? found[i].len : 0;
	}
	return 1;
}

size_t wb_regex_groups(const struct wb_regex *re)
{
	return re->groups;
}

const char *wb_regex_group_name(const struct wb_regex *re, size_t group)
{
	if (group < 1 || group > re->groups || !re->names[group - 1][0])
		return NULL;
	return re->names[group - 1];
}
