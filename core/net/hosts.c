/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "hosts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base.h"

struct wb_hosts {
	size_t n;
	size_t cap;
	struct wb_host *row;
};

struct wb_hosts *wb_hosts_new(void)
{
	return calloc(1, sizeof(struct wb_hosts));
}

void wb_hosts_free(struct wb_hosts *h)
{
	if (!h)
		return;
	free(h->row);
	free(h);
}

size_t wb_hosts_count(const struct wb_hosts *h)
{
	return h->n;
}

const struct wb_host *wb_hosts_at(const struct wb_hosts *h, size_t i)
{
	return i < h->n ? &h->row[i] : NULL;
}

/* Room for one more row; the one contacted longest ago makes way at the bound. */
static struct wb_host *add_row(struct wb_hosts *h)
{
	if (h->n == WB_HOSTS_MAX) {
		size_t old = 0;

		for (size_t i = 1; i < h->n; i++)
			if (h->row[i].last_ms < h->row[old].last_ms)
				old = i;
		memmove(&h->row[old], &h->row[old + 1], (h->n - old - 1) * sizeof(h->row[0]));
		h->n--;
	}
	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 8;
		struct wb_host *row = realloc(h->row, cap * sizeof(*row));

		if (!row)
			return NULL;
		h->row = row;
		h->cap = cap;
	}
	return &h->row[h->n++];
}

void wb_hosts_note(struct wb_hosts *h, const char *name, uint16_t port, const char *kind,
		   int64_t now_ms)
{
	struct wb_host *r;

	for (size_t i = 0; i < h->n; i++) {
		r = &h->row[i];
		if (r->port == port && strcmp(r->kind, kind) == 0 && strcmp(r->name, name) == 0) {
			r->count++;
			r->last_ms = now_ms;
			return;
		}
	}
	r = add_row(h);
	if (!r)
		return;
	memset(r, 0, sizeof(*r));
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->port = port;
	r->kind = kind;
	r->count = 1;
	r->first_ms = r->last_ms = now_ms;
}

struct range {
	uint32_t net;
	unsigned bits;
};

static bool private_v4(uint32_t a)
{
	static const struct range ranges[] = {
		{ 0x00000000, 8 },	/* "this" network */
		{ 0x0a000000, 8 },	/* private */
		{ 0x64400000, 10 },	/* carrier NAT */
		{ 0x7f000000, 8 },	/* loopback */
		{ 0xa9fe0000, 16 },	/* link-local, cloud metadata */
		{ 0xac100000, 12 },	/* private */
		{ 0xc0000000, 24 },	/* protocol assignments */
		{ 0xc0000200, 24 },	/* documentation */
		{ 0xc0a80000, 16 },	/* private */
		{ 0xc6120000, 15 },	/* benchmarks */
		{ 0xc6336400, 24 },	/* documentation */
		{ 0xcb007100, 24 },	/* documentation */
		{ 0xe0000000, 3 },	/* multicast, reserved, broadcast */
	};

	for (size_t i = 0; i < WA_ARRAY_LEN(ranges); i++)
		if ((a ^ ranges[i].net) >> (32 - ranges[i].bits) == 0)
			return true;
	return false;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool private_v6(const uint8_t a[16])
{
	static const uint8_t zero[15];
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (memcmp(a, zero, 10) == 0 && a[10] == 0xff && a[11] == 0xff)
		return private_v4(be32(a + 12));	/* mapped */
	if (memcmp(a, nat64, sizeof(nat64)) == 0)
		return private_v4(be32(a + 12));
	if (memcmp(a, zero, 12) == 0)
		return true;				/* ::, ::1, v4-compatible */
	if (a[0] == 0x20 && a[1] == 0x02)
		return private_v4(be32(a + 2));		/* 6to4 */
	if (a[0] == 0x20 && a[1] == 0x01)		/* Teredo, documentation */
		return (a[2] == 0 && a[3] == 0) || (a[2] == 0x0d && a[3] == 0xb8);
	if ((a[0] & 0xfe) == 0xfc)			/* unique local */
		return true;
	if (a[0] == 0xfe && (a[1] & 0x80))		/* link-local, site-local */
		return true;
	return a[0] == 0xff;				/* multicast */
}

bool wb_addr_is_private(const struct sockaddr *sa)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&v4, sa, sizeof(v4));
		return private_v4(ntohl(v4.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&v6, sa, sizeof(v6));
		return private_v6(v6.sin6_addr.s6_addr);
	default:
		return true;
	}
}
