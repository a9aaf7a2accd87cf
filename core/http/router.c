/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "router.h"

#include "http_priv.h"
#include "text.h"

#define SEGMENTS_MAX 32

/* A tree of segments. Rebuilt whenever routes change: that is rare, and a
 * table of routes is what has to be right. */
struct node {
	char *text;			/* literal of this segment */
	struct node *next;		/* sibling literal */
	struct node *literals;
	struct node *param;		/* "{x}" */
	struct route_entry **ends;	/* routes whose pattern ends here */
	size_t n_ends;
	struct route_entry **tails;	/* routes that go on with "*" */
	size_t n_tails;
};

struct wb_router {
	struct route_entry **entries;
	size_t n;
	struct node *root;
};

struct segments {
	const char *text[SEGMENTS_MAX];	/* decoded */
	size_t n;
};

struct wb_router *wb_router_new(void)
{
	struct wb_router *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->root = calloc(1, sizeof(*r->root));
	if (!r->root) {
		free(r);
		return NULL;
	}
	return r;
}

static void node_free(struct node *n)
{
	if (!n)
		return;
	/* Depth is bounded by SEGMENTS_MAX, breadth by the siblings' list. */
	for (struct node *k = n->literals, *next; k; k = next) {
		next = k->next;
		node_free(k);
	}
	node_free(n->param);
	free(n->text);
	free(n->ends);
	free(n->tails);
	free(n);
}

void route_unref(struct route_entry *e)
{
	if (!e || --e->refs)
		return;
	free((void *)(uintptr_t)e->route.method);
	free((void *)(uintptr_t)e->route.pattern);
	free((void *)(uintptr_t)e->route.scope);
	free((void *)(uintptr_t)e->route.summary);
	for (size_t i = 0; i < e->n_params; i++)
		free(e->params[i]);
	free(e);
}

void wb_router_free(struct wb_router *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		route_unref(r->entries[i]);
	free(r->entries);
	node_free(r->root);
	free(r);
}

static char *copy(const char *s, bool *bad)
{
	char *c = s ? strdup(s) : NULL;

	if (s && !c)
		*bad = true;
	return c;
}

static int add_param(struct route_entry *e, const char *name, size_t len, struct wa_err *err)
{
	if (e->n_params == WB_ROUTE_PARAMS_MAX || len == 0)
		return wa_err_set(err, WA_EINVALID, "too many or unnamed parameters in %s",
				  e->route.pattern);
	e->params[e->n_params] = strndup(name, len);
	if (!e->params[e->n_params])
		return wa_err_set(err, WA_ENOMEM, "no memory for a route");
	e->n_params++;
	return WA_OK;
}

/* Reads the names of the parameters and checks the shape. */
static int check_pattern(struct route_entry *e, struct wa_err *err)
{
	const char *p = e->route.pattern;
	size_t segments = 0;

	if (*p != '/')
		return wa_err_set(err, WA_EINVALID, "pattern %s does not begin with /", p);
	while (*p) {
		const char *seg = p + 1;
		size_t len = strcspn(seg, "/");
		int r = WA_OK;

		if (++segments > SEGMENTS_MAX)
			return wa_err_set(err, WA_EINVALID, "pattern is too long");
		if (len == 1 && *seg == '*') {
			if (seg[1])
				return wa_err_set(err, WA_EINVALID, "* is not last in %s",
						  e->route.pattern);
			r = add_param(e, "*", 1, err);
		} else if (len && seg[0] == '{') {
			if (seg[len - 1] != '}')
				return wa_err_set(err, WA_EINVALID, "malformed pattern %s",
						  e->route.pattern);
			r = add_param(e, seg + 1, len - 2, err);
		}
		if (r != WA_OK)
			return r;
		p = seg + len;
	}
	return WA_OK;
}

static int entry_new(const struct wb_route *route, const void *owner, struct route_entry **ret,
		     struct wa_err *err)
{
	struct route_entry *e = calloc(1, sizeof(*e));
	bool bad = false;
	int r;

	if (!e)
		return wa_err_set(err, WA_ENOMEM, "no memory for a route");
	e->refs = 1;
	e->owner = owner;
	e->route = *route;
	e->route.method = copy(route->method, &bad);
	e->route.pattern = copy(route->pattern, &bad);
	e->route.scope = copy(route->scope, &bad);
	e->route.summary = copy(route->summary, &bad);
	r = bad ? wa_err_set(err, WA_ENOMEM, "no memory for a route") : check_pattern(e, err);
	if (r != WA_OK) {
		route_unref(e);
		return r;
	}
	*ret = e;
	return WA_OK;
}

static struct node *child(struct node *n, const char *seg, size_t len)
{
	struct node *k;

	if (len && seg[0] == '{') {
		if (!n->param)
			n->param = calloc(1, sizeof(*n->param));
		return n->param;
	}
	for (k = n->literals; k; k = k->next)
		if (strlen(k->text) == len && memcmp(k->text, seg, len) == 0)
			return k;
	k = calloc(1, sizeof(*k));
	if (!k || !(k->text = strndup(seg, len))) {
		free(k);
		return NULL;
	}
	k->next = n->literals;
	n->literals = k;
	return k;
}

static int append(struct route_entry ***list, size_t *n, struct route_entry *e, struct wa_err *err)
{
	struct route_entry **more;

	for (size_t i = 0; i < *n; i++)
		if (strcmp((*list)[i]->route.method, e->route.method) == 0)
			return wa_err_set(err, WA_ECONFLICT, "%s %s exists already",
					  e->route.method, e->route.pattern);
	more = realloc(*list, (*n + 1) * sizeof(struct route_entry *));
	if (!more)
		return wa_err_set(err, WA_ENOMEM, "no memory for a route");
	more[(*n)++] = e;
	*list = more;
	return WA_OK;
}

static int insert(struct node *n, struct route_entry *e, struct wa_err *err)
{
	const char *p = e->route.pattern;

	while (*p) {
		const char *seg = p + 1;
		size_t len = strcspn(seg, "/");

		if (len == 1 && *seg == '*')
			return append(&n->tails, &n->n_tails, e, err);
		n = child(n, seg, len);
		if (!n)
			return wa_err_set(err, WA_ENOMEM, "no memory for a route");
		p = seg + len;
	}
	return append(&n->ends, &n->n_ends, e, err);
}

/* The tree of the given entries; the old one is replaced on success only. */
static int rebuild(struct wb_router *r, struct route_entry **entries, size_t n, struct wa_err *err)
{
	struct node *root = calloc(1, sizeof(*root));
	int e = root ? WA_OK : wa_err_set(err, WA_ENOMEM, "no memory for routes");

	for (size_t i = 0; e == WA_OK && i < n; i++)
		e = insert(root, entries[i], err);
	if (e != WA_OK) {
		node_free(root);
		return e;
	}
	node_free(r->root);
	r->root = root;
	return WA_OK;
}

int wb_router_add(struct wb_router *r, const void *owner, const struct wb_route *routes, size_t n,
		  struct wa_err *err)
{
	struct route_entry **all = malloc((r->n + n + 1) * sizeof(struct route_entry *));
	size_t made = r->n;
	int e = all ? WA_OK : wa_err_set(err, WA_ENOMEM, "no memory for routes");

	if (all && r->n)
		memcpy(all, r->entries, r->n * sizeof(struct route_entry *));
	for (size_t i = 0; e == WA_OK && i < n; i++) {
		e = entry_new(&routes[i], owner, &all[made], err);
		if (e == WA_OK)
			made++;
	}
	if (e == WA_OK)
		e = rebuild(r, all, made, err);
	if (e != WA_OK) {
		while (all && made > r->n)
			route_unref(all[--made]);
		free(all);
		return e;
	}
	free(r->entries);
	r->entries = all;
	r->n = made;
	return WA_OK;
}

int wb_router_set_max_body(struct wb_router *r, const char *method, const char *pattern,
			   size_t max_body)
{
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->entries[i]->route.method, method) != 0 ||
		    strcmp(r->entries[i]->route.pattern, pattern) != 0)
			continue;
		r->entries[i]->max_body = max_body;
		return WA_OK;
	}
	return WA_ENOTFOUND;
}

int wb_router_set_streamed(struct wb_router *r, const char *method, const char *pattern)
{
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->entries[i]->route.method, method) != 0 ||
		    strcmp(r->entries[i]->route.pattern, pattern) != 0)
			continue;
		r->entries[i]->streamed = true;
		return WA_OK;
	}
	return WA_ENOTFOUND;
}

/* Forget an entry in the tree; needs no memory, so that revoking cannot fail. */
static void prune(struct node *n, const void *owner)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n_ends; i++)
		if (n->ends[i]->owner != owner)
			n->ends[kept++] = n->ends[i];
	n->n_ends = kept;
	kept = 0;
	for (size_t i = 0; i < n->n_tails; i++)
		if (n->tails[i]->owner != owner)
			n->tails[kept++] = n->tails[i];
	n->n_tails = kept;
	for (struct node *k = n->literals; k; k = k->next)
		prune(k, owner);
	if (n->param)
		prune(n->param, owner);
}

void wb_router_revoke(struct wb_router *r, const void *owner)
{
	size_t kept = 0;

	prune(r->root, owner);
	for (size_t i = 0; i < r->n; i++) {
		if (r->entries[i]->owner == owner)
			route_unref(r->entries[i]);
		else
			r->entries[kept++] = r->entries[i];
	}
	r->n = kept;
}

size_t wb_router_count(const struct wb_router *r)
{
	return r->n;
}

const struct wb_route *wb_router_at(const struct wb_router *r, size_t i, const void **ret_owner)
{
	if (i >= r->n)
		return NULL;
	if (ret_owner)
		*ret_owner = r->entries[i]->owner;
	return &r->entries[i]->route;
}

/* ---- matching ---- */

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *url_decode(struct wa_arena *a, struct wa_span s, bool plus_is_space)
{
	char *out = wa_arena_alloc(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < s.len; i++) {
		uint8_t c = s.ptr[i];

		if (c == '%') {
			if (i + 2 >= s.len || hex(s.ptr[i + 1]) < 0 || hex(s.ptr[i + 2]) < 0)
				return NULL;
			c = (uint8_t)(hex(s.ptr[i + 1]) * 16 + hex(s.ptr[i + 2]));
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if (c == 0)
			return NULL;
		out[n++] = (char)c;
	}
	if (out)
		out[n] = 0;
	return out;
}

static int split(struct wa_span path, struct wa_arena *a, struct segments *s)
{
	size_t at = 1;

	s->n = 0;
	if (path.len == 0 || path.ptr[0] != '/')
		return 404;
	for (;;) {
		const uint8_t *slash = memchr(path.ptr + at, '/', path.len - at);
		size_t end = slash ? (size_t)(slash - path.ptr) : path.len;

		if (s->n == SEGMENTS_MAX)
			return 404;
		s->text[s->n] = url_decode(a, wa_span(path.ptr + at, end - at), false);
		if (!s->text[s->n++])
			return 400;
		if (!slash)
			return 0;
		at = end + 1;
	}
}

static struct route_entry *pick(struct route_entry **list, size_t n, const char *method)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i]->route.method, method) == 0)
			return list[i];
	if (strcmp(method, "HEAD") == 0)
		return pick(list, n, "GET");
	return NULL;
}

struct search {
	const struct segments *s;
	const char *method;
	struct wa_arena *arena;
	struct wa_buf allow;
	const char *values[WB_ROUTE_PARAMS_MAX];
	struct route_entry *found;
};

static void note_allowed(struct search *q, struct route_entry **list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (q->allow.len)
			wa_buf_str(&q->allow, ", ");
		wa_buf_str(&q->allow, list[i]->route.method);
		if (strcmp(list[i]->route.method, "GET") == 0)
			wa_buf_str(&q->allow, ", HEAD");
	}
}

/* The rest of the path, joined again; NULL when it climbs. */
static const char *tail(struct search *q, size_t from)
{
	struct wa_buf b;
	char *out;

	wa_buf_init(&b, 16384);
	for (size_t i = from; i < q->s->n; i++) {
		if (strcmp(q->s->text[i], "..") == 0 || strcmp(q->s->text[i], ".") == 0) {
			wa_buf_clear(&b);
			return NULL;
		}
		if (i > from)
			wa_buf_u8(&b, '/');
		wa_buf_str(&b, q->s->text[i]);
	}
	out = b.failed ? NULL : wa_arena_str(q->arena, wa_buf_view(&b));
	wa_buf_clear(&b);
	return out;
}

/* Depth first: literal, then parameter, then tail. Depth <= SEGMENTS_MAX; parameters at most
 * WB_ROUTE_PARAMS_MAX deep, so backtracking is bounded. */
static bool walk(struct search *q, struct node *n, size_t i, size_t params)
{
	if (i == q->s->n) {
		q->found = pick(n->ends, n->n_ends, q->method);
		if (!q->found)
			note_allowed(q, n->ends, n->n_ends);
		return q->found != NULL;
	}
	for (struct node *k = n->literals; k; k = k->next)
		if (strcmp(k->text, q->s->text[i]) == 0 && walk(q, k, i + 1, params))
			return true;
	if (n->param && q->s->text[i][0] && params < WB_ROUTE_PARAMS_MAX) {
		q->values[params] = q->s->text[i];
		if (walk(q, n->param, i + 1, params + 1))
			return true;
	}
	if (n->n_tails && params < WB_ROUTE_PARAMS_MAX) {
		const char *rest = tail(q, i);
		struct route_entry *e = rest ? pick(n->tails, n->n_tails, q->method) : NULL;

		if (e) {
			q->values[params] = rest;
			q->found = e;
			return true;
		}
		if (rest)
			note_allowed(q, n->tails, n->n_tails);
	}
	return false;
}

int router_match(struct wb_router *r, const char *method, struct wa_span path, struct wa_arena *a,
		 struct route_match *m)
{
	struct segments s;
	struct search q = { .s = &s, .method = method, .arena = a };
	int status = split(path, a, &s);

	memset(m, 0, sizeof(*m));
	if (status)
		return status;
	wa_buf_init(&q.allow, 1024);
	if (walk(&q, r->root, 0, 0)) {
		m->entry = q.found;
		m->entry->refs++;
		memcpy(m->values, q.values, sizeof(m->values));
	} else if (q.allow.len) {
		m->allow = wa_arena_str(a, wa_buf_view(&q.allow));
		status = 405;
	} else {
		status = 404;
	}
	wa_buf_clear(&q.allow);
	return status;
}
