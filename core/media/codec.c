/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/codec.h"

#include <pthread.h>

#include "base.h"
#include "module.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const struct wb_codec *table;
static char why[512];

static void load(void)
{
	static const struct wa_module module = {
		.file = "libwarbler_codec.so",
		.env = "WARBLER_CODEC_MODULE",
		.libdir = WB_CODEC_LIBDIR,
		.symbol = WB_CODEC_SYMBOL,
		.abi = WB_CODEC_ABI,
	};

	table = wa_module_load(&module, &once, why);
}

const struct wb_codec *wb_codec(struct wa_err *err)
{
	pthread_once(&once, load);
	if (!table)
		(void)wa_err_set(err, WA_EUNSUPPORTED, "pictures cannot be read: %s", why);
	return table;
}
