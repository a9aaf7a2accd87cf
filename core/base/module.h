/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef WA_MODULE_H
#define WA_MODULE_H

/*
 * Our own shared objects that are loaded when they are needed first, because
 * the libraries behind them are large. Searched: the file that the environment
 * variable names (then nowhere else); lib/ and ../lib/ seen from the
 * executable, then from the object that holds `near`; libdir.
 *
 * A module has one data symbol whose first 32 bits say its version.
 */
#include <wa/types.h>

struct wa_module {
	const char *file;	/* "libwarbler_phone.so" */
	const char *env;	/* variable */
	const char *libdir;	/* of the installation */
	const char *symbol;
	uint32_t abi;
};

/* The symbol, or NULL with the reason in error. Never unloaded. Any thread. */
const void *wa_module_load(const struct wa_module *m, const void *near, char error[512]) WA_MUST_USE;

#endif
