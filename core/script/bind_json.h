/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_BIND_JSON_H
#define WB_BIND_JSON_H

/*
 * Lua values <-> JSON.
 *
 * A table becomes an array when it was marked (wb.json.array, or it was decoded from one) or holds exactly 1..n;
 * an empty table that is not marked becomes {}. Keys of objects are text. null is wb.json.null; in decoded
 * objects a null member is absent, so that `if doc.x then` means what it says, unless `keep_null` is asked for;
 * in arrays it always stays. Integers stay integers.
 */
#include <jansson.h>
#include <lua.h>
#include <base.h>

#define WB_BIND_JSON_DEPTH 64		/* nested tables */
#define WB_BIND_JSON_BYTES (4u << 20)	/* texts and names together, either way */
#define WB_BIND_JSON_NODES 200000	/* values */

/* NULL with a sentence in err (cycle, depth, a function, NaN, bad UTF-8 …). Never raises. */
json_t *wb_bind_json_take(lua_State *L, int idx, struct wa_err *err) WA_MUST_USE;

/* Pushes the value; may raise (memory), so doc must be owned by a box or by somebody else. */
void wb_bind_json_push(lua_State *L, json_t *doc, bool keep_null);

/* Pushes a full userdata that owns a json_t and drops it when collected. *box is NULL until it is set. */
json_t **wb_bind_json_box(lua_State *L);
/* Pushes the value of text. On error pushes nothing and fills err; may raise (memory only). */
int wb_bind_json_parse(lua_State *L, struct wa_span text, bool keep_null, struct wa_err *err) WA_MUST_USE;

/* Pushes wb.json.null; marks the table at idx as an array. */
void wb_bind_json_null(lua_State *L);
bool wb_bind_json_is_null(lua_State *L, int idx);
bool wb_bind_json_is_array(lua_State *L, int idx);	/* marked */
void wb_bind_json_mark_array(lua_State *L, int idx);
/* Once for each state, before the others: the marks live in the registry. */
void wb_bind_json_open(lua_State *L);

#endif
