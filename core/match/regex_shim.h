/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WB_REGEX_SHIM_H
#define WB_REGEX_SHIM_H

/*
 * Between regex.c and libwarbler_regex.so: one exported table of C functions.
 * No exception and no C++ type crosses it.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WB_REGEX_SHIM_ABI 1u
#define WB_REGEX_SHIM_SYMBOL "wb_regex_shim"

enum { WB_REGEX_SHIM_OK, WB_REGEX_SHIM_WRONG, WB_REGEX_SHIM_LARGE, WB_REGEX_SHIM_FAILED };

struct wb_regex_shim_group {
	size_t start, len;	/* start SIZE_MAX: none */
};

struct wb_regex_shim {
	uint32_t abi;
	uint32_t reserved;
	/* flags: WB_REGEX_… of match.h. On failure msg says why and *ret_offset where. */
	int32_t (*compile)(const char *pattern, size_t len, uint32_t flags, int64_t max_memory,
			   void **ret, size_t *ret_offset, char *msg, size_t msg_size);
	void (*release)(void *re);
	/* 1 found, 0 not; n counts group 0 */
	int32_t (*match)(const void *re, const char *text, size_t len, size_t from, int32_t whole,
			 struct wb_regex_shim_group *groups, size_t n);
	int32_t (*groups)(const void *re);
	/* the name of a group, "" none */
	void (*group_name)(const void *re, int32_t group, char *out, size_t size);
};

#ifdef __cplusplus
}
#endif
#endif
