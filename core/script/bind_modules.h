/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_BIND_MODULES_H
#define WB_BIND_MODULES_H

/* The modules by name; their order is in bind.c. */
#include "bind.h"

extern const struct wb_bind_module wb_bind_mod_core, wb_bind_mod_message, wb_bind_mod_media;
extern const struct wb_bind_module wb_bind_mod_messages, wb_bind_mod_contacts, wb_bind_mod_chats, wb_bind_mod_labels;
extern const struct wb_bind_module wb_bind_mod_groups, wb_bind_mod_orders, wb_bind_mod_stores, wb_bind_mod_templates;
extern const struct wb_bind_module wb_bind_mod_http, wb_bind_mod_json, wb_bind_mod_base64, wb_bind_mod_crypto;
extern const struct wb_bind_module wb_bind_mod_text, wb_bind_mod_regex, wb_bind_mod_regex_class, wb_bind_mod_time;
extern const struct wb_bind_module wb_bind_mod_hours, wb_bind_mod_kv, wb_bind_mod_log, wb_bind_mod_metrics;

#endif
