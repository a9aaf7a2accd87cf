/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_PHONE_SHIM_H
#define WB_PHONE_SHIM_H

/*
 * Between phone.c and libwarbler_phone.so: one exported table of C functions.
 * No exception and no C++ type crosses it.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WB_PHONE_SHIM_ABI 1u
#define WB_PHONE_SHIM_SYMBOL "wb_phone_shim"

enum { WB_SHIM_OK, WB_SHIM_NO_REGION, WB_SHIM_NOT_A_NUMBER, WB_SHIM_FAILED };

struct wb_phone_shim {
	uint32_t abi;
	uint32_t reserved;
	/* region: two capital letters, or "ZZ" for none. On WB_SHIM_OK out is "+E.164" (also of an
	 * invalid number) and *valid says whether the number exists in its country's plan. */
	int32_t (*parse)(const char *text, const char *region, char *out, size_t size, int32_t *valid);
	/* the region of a valid number, or "" */
	void (*region)(const char *e164, char out[3]);
	int32_t (*region_known)(const char *region);
};

#ifdef __cplusplus
}
#endif
#endif
