/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_CONTENT_H
#define WA_CONTENT_H

/*
 * Parts of a message beyond its text: media, places, cards, polls, events,
 * menus. struct wa_message (message.h) points to the one its kind names; the
 * part lives as long as what it was decoded from, or as its maker keeps it.
 *
 * Spans that are not set are empty; numbers that are not known are 0.
 * Field names and numbers are those of the Message protobuf (the schema that
 * ships with Baileys).
 */
#include "jid.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WA_POLL_OPTIONS_MAX 64
#define WA_CARDS_MAX 64
#define WA_BUTTONS_MAX 16
#define WA_ROWS_MAX 64
#define WA_HASH_LEN 32

/* What a file is, for its keys and its place on the media hosts; see media.h. */
enum wa_media_type {
	WA_MEDIA_NONE,
	WA_MEDIA_IMAGE,
	WA_MEDIA_VIDEO,
	WA_MEDIA_AUDIO,
	WA_MEDIA_DOCUMENT,
	WA_MEDIA_STICKER,
	WA_MEDIA_HISTORY,
	WA_MEDIA_APP_STATE,
	WA_MEDIA_LINK_THUMB,
	WA_MEDIA_IMAGE_THUMB,
	WA_MEDIA_VIDEO_THUMB,
	WA_MEDIA_DOCUMENT_THUMB,
	WA_MEDIA_STICKER_PACK,
	WA_MEDIA_TYPES
};

/* IMAGE VIDEO AUDIO DOCUMENT STICKER: where the file is and how to read it. */
struct wa_media {
	int type;			/* enum wa_media_type */
	struct wa_span url, direct_path;	/* direct_path is what counts */
	struct wa_span media_key;	/* 32 bytes; empty: not encrypted (channels) */
	struct wa_span file_sha256, file_enc_sha256;
	struct wa_span mimetype;
	uint64_t length;		/* bytes of the plain file */
	int64_t key_time_s;		/* Unix seconds at which the key was made */
	uint32_t width, height, seconds, pages;
	bool gif, ptv, ptt, animated;	/* looping video, video note, voice note, animated sticker */
	struct wa_span file_name, title;	/* documents */
	struct wa_span thumbnail;	/* inline JPEG (stickers: PNG), at most a few KiB */
	struct wa_span thumb_direct_path, thumb_sha256, thumb_enc_sha256;
	struct wa_span waveform;	/* voice notes: 64 bytes, 0..100 */
	struct wa_span sidecar;		/* streamingSidecar of audio and video */
	struct wa_span alt;		/* accessibility label */
	bool plain;			/* the hosts keep it unencrypted: media_key is of our copy, if any */
};

struct wa_location {
	double latitude, longitude;	/* degrees */
	struct wa_span name, address, url, comment, thumbnail;
	uint32_t accuracy_m, bearing_deg;
	double speed_mps;
	int64_t sequence;		/* live: number of the update */
	uint32_t time_offset_s;
};

struct wa_card {
	struct wa_span name, vcard;
};

struct wa_cards {
	struct wa_span name;		/* of several together */
	struct wa_card cards[WA_CARDS_MAX];
	size_t n;
};

struct wa_poll {
	struct wa_span name;
	struct wa_span options[WA_POLL_OPTIONS_MAX];
	size_t n;
	uint32_t selectable;		/* 0: any number */
	bool quiz;
	uint32_t correct;		/* quiz: index of the right option + 1; 0 not told */
	bool announcement;		/* the form announcement groups use (V2) */
	/* POLL_RESULT: votes for each option; n of them */
	uint32_t counts[WA_POLL_OPTIONS_MAX];
};

/* Encrypted under the secret of the message it belongs to: poll votes, event answers,
 * reactions, comments, edits. Opened with wa_addon_open (addon.h). */
struct wa_enc {
	int use;			/* enum wa_addon_use */
	struct wa_span payload, iv;
};

/* A vote after opening, or before sealing. */
struct wa_vote {
	uint8_t options[WA_POLL_OPTIONS_MAX][WA_HASH_LEN];	/* SHA-256 of the option's text */
	size_t n;
};

struct wa_calendar {			/* eventMessage */
	struct wa_span name, description, join_link;
	struct wa_location location;
	bool has_location, cancelled, guests_allowed, call;
	int64_t start_s, end_s;
	uint32_t reminder_s;		/* before the start; 0 none */
};

enum wa_going { WA_GOING_UNKNOWN, WA_GOING_YES, WA_GOING_NO, WA_GOING_MAYBE };
struct wa_going_answer {		/* eventResponseMessage, opened */
	int going;			/* enum wa_going */
	uint32_t guests;
	int64_t timestamp_ms;
};

/* Buttons, lists, templates, native flows. */
enum wa_button_kind { WA_BUTTON_REPLY, WA_BUTTON_URL, WA_BUTTON_CALL, WA_BUTTON_COPY, WA_BUTTON_FLOW };
struct wa_button {
	int kind;			/* enum wa_button_kind */
	struct wa_span id, text;
	struct wa_span value;		/* URL, number, code; FLOW: parameters as JSON */
	struct wa_span flow;		/* FLOW: name */
};
struct wa_row {
	struct wa_span id, title, description;
	uint32_t section;		/* index into sections */
};
enum wa_menu_form { WA_MENU_BUTTONS, WA_MENU_LIST, WA_MENU_TEMPLATE, WA_MENU_NATIVE };
struct wa_menu {
	int form;			/* enum wa_menu_form: the protobuf it was or shall be */
	struct wa_span title, body, footer;
	struct wa_span button_text;	/* LIST: what opens it */
	struct wa_button buttons[WA_BUTTONS_MAX];
	size_t n_buttons;
	struct wa_span sections[WA_BUTTONS_MAX];	/* titles; what has none comes under "" */
	size_t n_sections;
	struct wa_row rows[WA_ROWS_MAX];
	size_t n_rows;
};

/* What somebody chose in a menu: *Response and *Reply messages. */
struct wa_choice {
	struct wa_span id, text, description;
	struct wa_span params;		/* native flow: JSON */
	int form;			/* enum wa_menu_form */
	uint32_t index;			/* TEMPLATE: of the button */
	struct wa_span flow;		/* NATIVE: its name */
};

struct wa_group_invite {
	struct wa_jid group;
	struct wa_span code, name, caption, thumbnail;
	int64_t expires_s;
};

struct wa_product {
	struct wa_span id, title, description, currency, retailer_id, url, body, footer;
	int64_t price_1000, sale_price_1000;	/* thousandths of the currency */
	uint32_t images;
	struct wa_jid owner;
	struct wa_media image;		/* type NONE: without */
	bool has_image;
};

struct wa_order {
	struct wa_span id, title, token, message, currency;
	uint32_t items;
	int status;			/* 1 inquiry, 2 accepted, 3 declined */
	struct wa_jid seller;
	int64_t total_1000;
	struct wa_span thumbnail;
};

/* A preview of a link in a text. */
struct wa_link {
	struct wa_span url, title, description;
	struct wa_span thumbnail;	/* inline JPEG */
	struct wa_media image;		/* larger thumbnail on the media hosts (LINK_THUMB) */
	bool has_image;
	uint32_t width, height;
};

#ifdef __cplusplus
}
#endif
#endif
