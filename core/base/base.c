/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base.h"

#include <sodium.h>

/* libsodium picks its fastest code here; before main(), so that no caller has to remember. */
__attribute__((constructor)) static void init_sodium(void)
{
	if (sodium_init() < 0)
		abort();
}

void wa_freep(void *pointer_to_pointer)
{
	void *p;

	memcpy(&p, pointer_to_pointer, sizeof(p));
	free(p);
}

void wa_wipe(void *ptr, size_t len)
{
	if (len > 0)
		sodium_memzero(ptr, len);
}

void wa_random(void *out, size_t len)
{
	randombytes_buf(out, len);
}
