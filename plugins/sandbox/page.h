/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_PAGE_H
#define SANDBOX_PAGE_H

/* The phone page: files of web/, embedded when the plugin is built. */
#include <stddef.h>

struct sb_file {
	const char *name;
	const char *type;
	const unsigned char *bytes;
	size_t len;
};

const struct sb_file *sb_page_file(const char *name); /* "": index.html; NULL: no such file */

#endif
