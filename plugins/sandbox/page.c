/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "page.h"

#include "web_app.h"
#include "web_index.h"
#include "web_style.h"

#include <string.h>

static const struct sb_file files[] = {
	{ "index.html", "text/html; charset=utf-8", web_index, sizeof(web_index) },
	{ "app.js", "text/javascript; charset=utf-8", web_app, sizeof(web_app) },
	{ "style.css", "text/css; charset=utf-8", web_style, sizeof(web_style) },
};

const struct sb_file *sb_page_file(const char *name)
{
	if (!*name)
		name = "index.html";
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}
