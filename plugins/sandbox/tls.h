/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SANDBOX_TLS_H
#define SANDBOX_TLS_H

/*
 * A certificate authority for wss:// on this machine: made at first use, it
 * signs one server certificate and its private key is thrown away. Files in
 * `dir`: ca.pem (give it to clients), server.pem, server.key (mode 0600).
 * Made anew when a month of life is left or the address has changed.
 */
#include <wa/error.h>

#define SB_PATH_MAX 512

struct sb_tls_files {
	char ca[SB_PATH_MAX], cert[SB_PATH_MAX], key[SB_PATH_MAX];
};

/* `address`: what the server listens on, named in the certificate beside localhost. */
int sb_tls_files(const char *dir, const char *address, struct sb_tls_files *ret,
		 struct wa_err *err) WA_MUST_USE;

#endif
