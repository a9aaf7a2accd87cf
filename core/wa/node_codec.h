/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_NODE_CODEC_H
#define WA_NODE_CODEC_H

/* The binary XML of WhatsApp Web: tag bytes and the limits of both directions. */
#include "token.h"
#include "wire.h"

enum node_tag {
	TAG_LIST_EMPTY = 0,
	TAG_DICTIONARY_0 = 236,		/* .. 239 */
	TAG_INTEROP_JID = 245,
	TAG_FB_JID = 246,
	TAG_AD_JID = 247,
	TAG_LIST_8 = 248,
	TAG_LIST_16 = 249,
	TAG_JID_PAIR = 250,
	TAG_HEX_8 = 251,
	TAG_BINARY_8 = 252,
	TAG_BINARY_20 = 253,
	TAG_BINARY_32 = 254,
	TAG_NIBBLE_8 = 255,
};

enum node_domain {	/* of AD_JID */
	DOMAIN_PN = 0,
	DOMAIN_LID = 1,
	DOMAIN_HOSTED = 128,
	DOMAIN_HOSTED_LID = 129,
};

#define FLAG_COMPRESSED 2

/* Real stanzas nest under 10 deep and have a handful of attributes; the
 * largest (group lists, device lists) have some ten thousand nodes. */
#define NODE_DEPTH_MAX 32
#define NODE_TOTAL_MAX 131072		/* nodes of one stanza */
#define NODE_ATTRS_MAX 128		/* attributes of one node */
#define NODE_NAME_MAX 255		/* bytes of a tag or an attribute's name */
#define NODE_VALUE_MAX 65535		/* bytes of an attribute's value */
#define NODE_LIST_MAX 65535		/* children of one node: what LIST_16 can say */
#define NODE_PACKED_MAX 127		/* characters of a packed text */
#define NODE_INFLATE_MAX 0x1000000	/* bytes a compressed stanza may grow to ... */
#define NODE_INFLATE_RATIO 256		/* ... and times its size; small ones ... */
#define NODE_INFLATE_FREE 65536		/* ... may always reach this */

#endif
