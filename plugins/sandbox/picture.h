/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_PICTURE_H
#define SANDBOX_PICTURE_H

/* Pictures of people and groups: kept as they came, given out by the media host, told when they change. */
#include "inside.h"

#define SB_PICTURE_MAX (1u << 20)

struct sb_picture {
	uint8_t *bytes;		/* JPEG; NULL: none */
	size_t len;
	uint64_t id;		/* 0: none */
};

struct sb_group;

void sb_picture_clear(struct sb_picture *p);
/* As it was kept: id and bytes. */
void sb_picture_restore(struct sb_picture *p, uint64_t id, struct wa_span jpeg);
/* Empty removes. 0 or the code of a refusal; everybody who may know is told, but not `by`. */
int sb_picture_set(struct sb_account *a, const struct sb_device *by, struct wa_span jpeg);
/* who: NULL is the server itself. */
int sb_group_picture_set(struct sb_group *g, struct sb_account *who, const struct sb_device *by, struct wa_span jpeg);
/* group_keep.c. whose: number or group id. */
void sb_keep_picture(struct sandbox *s, const char *whose, const struct sb_picture *p);
void sb_picture_unkeep(struct sb_picture *p, struct wa_span kept);
/* 0, 406: not a JPEG, too large, 500. */
int sb_picture_take(struct sandbox *s, struct sb_picture *p, struct wa_span jpeg);
/* Where it is; false: no memory. */
bool sb_picture_path(struct sandbox *s, const struct sb_picture *p, char path[256]);
void sb_iq_picture(struct sb_conn *c, const struct wa_node *iq);

#endif
